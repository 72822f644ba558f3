import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { AnywhenError } from '../src/base/errors.js';

const SECTOR = 512;
const COLUMNS = 'version,time,op,size,lbn';
const WRITE = '2a';
const READ = '28';

/** The requests of a trace, in order; a column each. */
export interface Trace {
  readonly writes: Uint8Array;
  /** Bytes. */
  readonly offsets: Float64Array;
  readonly lengths: Uint32Array;
  /** The seconds that the requests span. */
  readonly seconds: number;
  /** Behind the last byte that is touched. */
  readonly end: number;
}

/**
 * Reads a trace of a block device: a line `version,time,op,size,lbn` each, where op is the SCSI code (2a write, 28
 * read; others are left out), size is in bytes and lbn in sectors of 512 bytes. Plain or gzip.
 *
 * @throws `usage` naming the line that cannot be understood
 */
export function readTrace(path: string, limit: number): Trace {
  const bytes = readFileSync(path);
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return parseTrace((packed ? gunzipSync(bytes) : bytes).toString('latin1'), limit);
}

export function parseTrace(text: string, limit = Number.POSITIVE_INFINITY): Trace {
  const writes: number[] = [];
  const offsets: number[] = [];
  const lengths: number[] = [];
  let first: number | undefined;
  let last = 0;
  let end = 0;
  for (const [index, line] of text.split('\n').entries()) {
    if (writes.length >= limit) break;
    if (line.trim() === '' || line.startsWith('version')) continue;
    const [, time, op, size, lbn] = line.trim().split(',');
    const offset = Number(lbn) * SECTOR;
    const length = Number(size);
    if (
      !Number.isSafeInteger(offset) ||
      !Number.isSafeInteger(length) ||
      length < 0 ||
      Number.isNaN(Number(time))
    ) {
      throw new AnywhenError('usage', `trace: line ${index + 1} is not ${COLUMNS}: ${line.slice(0, 60)}`);
    }
    if ((op !== WRITE && op !== READ) || length === 0) continue;
    writes.push(op === WRITE ? 1 : 0);
    offsets.push(offset);
    lengths.push(length);
    first ??= Number(time);
    last = Number(time);
    end = Math.max(end, offset + length);
  }
  if (first === undefined) throw new AnywhenError('usage', `trace: it has no line ${COLUMNS} with a request`);
  return {
    writes: Uint8Array.from(writes),
    offsets: Float64Array.from(offsets),
    lengths: Uint32Array.from(lengths),
    seconds: last - first,
    end,
  };
}
