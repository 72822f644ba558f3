import type { Executor, FileName } from './executor.js';

export interface Chunk {
  /** Place of the first byte in the file. */
  readonly offset: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The bytes `[from, to)` of a file, in order, at most `length` at a time, each chunk in memory of its own.
 *
 * @throws `damaged` if the file ends before, `not-found`, `io`
 */
export async function* readChunks(
  executor: Executor,
  file: FileName,
  from: number,
  to: number,
  length: number,
): AsyncGenerator<Chunk> {
  for (let offset = from; offset < to; offset += length) {
    const bytes = new Uint8Array(Math.min(length, to - offset));
    await executor.run([{ op: 'read', file, offset, into: bytes }]);
    yield { offset, bytes };
  }
}
