import type { Executor } from '../file/executor.js';
import { loadSegment, type SegmentTable } from './segment-table.js';

/** The segments whose descriptors are in memory. A table stays until it is forgotten. */
export class SegmentStore {
  readonly #tables = new Map<number, SegmentTable>();
  /** Descriptors in memory. */
  records = 0;

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
    const meanwhile = this.#tables.get(segment);
    if (meanwhile !== undefined) return meanwhile;
    this.#tables.set(segment, table);
    this.records += table.count;
    return table;
  }

  forget(segment: number): void {
    this.records -= this.#tables.get(segment)?.count ?? 0;
    this.#tables.delete(segment);
  }

  /** Forgets all but some. */
  keepOnly(needed: ReadonlySet<number>): void {
    for (const segment of [...this.#tables.keys()]) if (!needed.has(segment)) this.forget(segment);
  }
}
