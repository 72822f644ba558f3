import type { Executor } from '../file/executor.js';
import { loadSegment, type SegmentTable } from './segment-table.js';

/** The segments whose descriptors are in memory. A table stays until its segment is dropped. */
export class SegmentStore {
  readonly #tables = new Map<number, SegmentTable>();

  constructor(
    readonly executor: Executor,
    readonly uuid: Uint8Array,
    readonly seed: number,
  ) {}

  /** The table of a segment that was loaded before. */
  get(segment: number): SegmentTable | undefined {
    return this.#tables.get(segment);
  }

  /** @throws `damaged`, `io` */
  async load(segment: number): Promise<SegmentTable> {
    const known = this.#tables.get(segment);
    if (known !== undefined) return known;
    const table = await loadSegment(this.executor, segment, this.uuid, this.seed);
    this.#tables.set(segment, table);
    return table;
  }

  forget(segment: number): void {
    this.#tables.delete(segment);
  }
}
