import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { SECTOR } from '../support/sectors.js';
import type { TracedWrite } from './sector-model.js';

const WRITE = '2a';
const SECOND = 1_000_000_000n;

/** A trace's writes as the engine must stamp them, and the size of the disk that they need, bytes. */
export interface Trace {
  readonly writes: readonly TracedWrite[];
  readonly size: number;
}

/**
 * Reads a block trace, `version,time,op,size,lbn` with times in seconds, plain or gzipped. The first write comes
 * at `begin`; those of the same second follow it by one ns each, as stamps that rise strictly do.
 */
export function readTrace(path: string, begin: bigint): Trace {
  const bytes = readFileSync(path);
  const lines = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().trim().split('\n').slice(1);
  const writes: TracedWrite[] = [];
  let zero: bigint | undefined;
  let last = begin - 1n;
  let end = 0;
  for (const line of lines) {
    const [, time = '', op, size, lbn] = line.split(',');
    if (op !== WRITE) continue;
    zero ??= BigInt(time);
    const at = begin + (BigInt(time) - zero) * SECOND;
    last = at > last ? at : last + 1n;
    const write = { stamp: last, first: Number(lbn), count: Number(size) / SECTOR };
    if (!Number.isInteger(write.count)) throw new Error(`${path}: ${line}: is no whole number of sectors`);
    writes.push(write);
    end = Math.max(end, write.first + write.count);
  }
  return { writes, size: Math.ceil((end * SECTOR) / 4096) * 4096 };
}
