import { z } from 'zod';
import { run, whichCommand } from './child.js';
import type { Undo } from './undo.js';

/** One kind of load. */
export interface Load {
  readonly name: string;
  readonly pattern: 'read' | 'randread' | 'write' | 'randwrite';
  /** Bytes of a request. */
  readonly block: number;
  readonly depth: number;
  /** fsync, or fdatasync, after so many writes. */
  readonly fsync?: number;
  readonly fdatasync?: number;
  /** Requests a second at the most. */
  readonly rate?: number;
  /** What is asked of the volume, and of an image, as a ratio to qemu's export of a raw file. */
  readonly volume?: number;
  readonly image?: number;
}

export interface Limits {
  /** Of the file, bytes. */
  readonly size: number;
  /** s */
  readonly seconds: number;
  /** Bytes that are transferred at the most. */
  readonly bytes?: number;
  /** Whether the client passes the kernel's page cache by. */
  readonly direct: boolean;
}

export interface Measured {
  /** Requests and bytes a second. */
  readonly rate: number;
  readonly bandwidth: number;
  /** Of the requests, us. */
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
}

const sideSchema = z.object({
  iops: z.number(),
  bw_bytes: z.number(),
  total_ios: z.number(),
  clat_ns: z.object({ percentile: z.record(z.string(), z.number()).optional() }),
});
const outputSchema = z.object({
  jobs: z.array(z.object({ error: z.number(), read: sideSchema, write: sideSchema })).min(1),
});

/** Runs a load on a file that is there. @throws when fio cannot, or a request failed */
export async function fio(undo: Undo, path: string, load: Load, limits: Limits): Promise<Measured> {
  const { size, seconds, bytes, direct } = limits;
  const text = await run(undo, whichCommand('fio') ?? 'fio', [
    '--name=bench',
    `--filename=${path}`,
    `--rw=${load.pattern}`,
    `--bs=${load.block}`,
    `--size=${size}`,
    `--runtime=${Math.round(seconds * 1000)}ms`,
    ...(bytes === undefined ? ['--time_based'] : [`--io_size=${bytes}`]),
    load.depth === 1 ? '--ioengine=psync' : '--ioengine=libaio',
    `--iodepth=${load.depth}`,
    `--direct=${direct ? 1 : 0}`,
    ...(load.fsync === undefined ? [] : [`--fsync=${load.fsync}`]),
    ...(load.fdatasync === undefined ? [] : [`--fdatasync=${load.fdatasync}`]),
    ...(load.rate === undefined ? [] : [`--rate_iops=${load.rate}`]),
    // It would drop the page cache of the raw file, and of no other.
    '--invalidate=0',
    '--fallocate=none',
    '--allow_file_create=0',
    // Without a map of blocks that were touched: random is random, and starting costs nothing.
    '--norandommap=1',
    '--randrepeat=0',
    '--thread',
    '--output-format=json',
  ]);
  const [job] = outputSchema.parse(JSON.parse(text.slice(text.indexOf('{')))).jobs;
  if (job === undefined || job.error !== 0) throw new Error(`fio on ${path}: error ${job?.error}`);
  const side = load.pattern.endsWith('read') ? job.read : job.write;
  const percentile = (name: string) => (side.clat_ns.percentile?.[name] ?? 0) / 1000;
  return {
    rate: side.iops,
    bandwidth: side.bw_bytes,
    p50: percentile('50.000000'),
    p99: percentile('99.000000'),
    requests: side.total_ios,
  };
}
