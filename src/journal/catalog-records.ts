import { AnywhenError } from '../base/errors.js';
import { alignDown, alignUp, BLOCK } from '../base/range.js';
import type { Executor } from '../file/executor.js';
import { CATALOG_HEADER_SIZE, FILES, MAX_CATALOG_RECORD } from '../format/layout.js';
import { isPadding } from './catalog.js';
import { type CatalogEdit, decodeEdit } from './catalog-format.js';

/** A record of the catalog as it lies in the file. */
export interface CatalogRecord {
  /** Its place in the file, bytes. */
  readonly offset: number;
  /** Bytes; of what was skipped, where there is an error. */
  readonly length: number;
  readonly edit: CatalogEdit | undefined;
  readonly error: AnywhenError | undefined;
}

const CHUNK = 64 * MAX_CATALOG_RECORD;

/**
 * The records in bytes `[begin, end)` of the catalog, never more than a chunk of them in memory.
 * Behind one that is damaged it goes on at the next 4 KiB border, where the next commit may begin.
 *
 * @throws `damaged` if the file ends before, `not-found`, `io`
 */
export async function* readCatalogRecords(
  executor: Executor,
  generation: number,
  end: number,
  seed: number,
  begin = CATALOG_HEADER_SIZE,
): AsyncGenerator<CatalogRecord> {
  let from = begin;
  while (from < end) {
    const base = alignDown(from, BLOCK);
    const bytes = new Uint8Array(Math.min(CHUNK, end - base));
    await executor.run([{ op: 'read', file: FILES.catalog, offset: base, into: bytes }]);
    // A record that begins in the last part of a chunk may go on behind it.
    const stop = base + bytes.length < end ? bytes.length - MAX_CATALOG_RECORD : bytes.length;
    let at = from - base;
    while (at < stop) {
      if (isPadding(bytes, at)) {
        at = alignUp(at, BLOCK);
        continue;
      }
      const record = recordAt(bytes, at, generation, base + at, seed);
      yield record;
      at += record.length;
    }
    from = base + at;
  }
}

function recordAt(
  bytes: Uint8Array,
  at: number,
  generation: number,
  offset: number,
  seed: number,
): CatalogRecord {
  try {
    return { offset, error: undefined, ...decodeEdit(bytes, at, generation, offset, seed) };
  } catch (error) {
    if (!(error instanceof AnywhenError)) throw error;
    const length = Math.min(alignUp(at + 1, BLOCK), bytes.length) - at;
    return { offset, length, edit: undefined, error };
  }
}
