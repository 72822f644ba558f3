import { AnywhenError } from '../base/errors.js';
import { alignDown, alignUp, BLOCK, pieceCount, type Range } from '../base/range.js';
import type { Executor, FileName } from '../file/executor.js';
import { crc32c } from '../format/checksum.js';
import { firstBadPiece, sumArrayLength } from '../format/pieces.js';

/** Data of a journal as its descriptor tells of it. */
export interface StoredData {
  readonly file: FileName;
  /** Place of the first byte in the file; the array of sums stands before it. */
  readonly offset: number;
  /** The range of the volume that it was stored for. */
  readonly start: number;
  readonly length: number;
  readonly sum: number;
  /** The part of the range that counts; the pieces outside it may be gone. Without it, all of it. */
  readonly part?: Range;
}

/**
 * The place in the file of the first piece of data that does not match its sum, of the array of sums where that does not
 * match, or of the data where it cannot be read; undefined where all is well.
 *
 * @throws `io`
 */
export async function damageIn(executor: Executor, stored: StoredData): Promise<number | undefined> {
  const { file, start, length, sum } = stored;
  const before = sumArrayLength(pieceCount(start, start + length));
  const offset = stored.offset - before;
  if (offset < 0) return stored.offset;
  const bytes = new Uint8Array(before + length);
  try {
    await executor.run([{ op: 'read', file, offset, into: bytes }]);
  } catch (error) {
    if (error instanceof AnywhenError && error.code === 'io') throw error;
    return offset;
  }
  const sums = before === 0 ? Uint32Array.of(sum) : new Uint32Array(bytes.slice(0, before).buffer);
  if (before > 0 && crc32c(bytes.subarray(0, before)) !== sum) return offset;
  const { start: cutFrom, end: cutTo } = stored.part ?? { start, end: start + length };
  const from = Math.max(start, alignDown(cutFrom, BLOCK));
  const to = Math.min(start + length, alignUp(cutTo, BLOCK));
  const pieces = bytes.subarray(before + from - start, before + to - start);
  const first = Math.floor(from / BLOCK) - Math.floor(start / BLOCK);
  const bad = firstBadPiece(from, pieces, sums, first);
  if (bad < 0) return undefined;
  return stored.offset + Math.max(0, alignDown(start, BLOCK) + bad * BLOCK - start);
}
