import { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { alignUp, BLOCK } from '../base/range.js';
import { CATALOG_HEADER_SIZE } from '../format/layout.js';
import {
  type CatalogEdit,
  decodeEdit,
  type HoldEdit,
  type MarkEdit,
  type SegmentEdit,
  type SnapshotEdit,
} from './catalog-format.js';

/** Whether a commit ended at `at` of bytes that begin at a border: the rest up to the next 4 KiB border is zero. */
export function isPadding(bytes: Uint8Array, at: number): boolean {
  return (
    at % BLOCK !== 0 &&
    bytes.subarray(at, Math.min(alignUp(at, BLOCK), bytes.length)).every((byte) => byte === 0)
  );
}

/** What the catalog says: the sum of its edits. Pure. */
export class Catalog {
  /** What the lists of all snapshots cover, bytes; of them, those that lie in data files. */
  readonly history = { bytes: 0, stored: 0 };
  /** Segments by number. */
  readonly segments = new Map<number, SegmentEdit>();
  /** Marks by sequence: those whose snapshot is kept. Marks in the forward journal are not here. */
  readonly marks = new Map<number, MarkEdit>();
  /** Sequences of marks that were deleted while they are still in the forward journal. */
  readonly droppedMarks = new Set<number>();
  /** Who holds which marks, by their sequence; a mark that is not here is held when it says so itself. */
  readonly holds = new Map<number, HoldEdit>();
  readonly policy = new Map<string, string>();
  /** How often a snapshot was added. */
  additions = 0;

  /** @param snapshots oldest first */
  constructor(readonly snapshots: SnapshotEdit[] = []) {}

  /** Whether the edits can be applied in turn; changes nothing. @throws what `apply` would throw */
  check(edits: readonly CatalogEdit[]): void {
    // Only a snapshot may be refused, and only the snapshots say whether it is.
    if (!edits.some(({ type }) => type === 'snapshot')) return;
    const trial = new Catalog(this.snapshots.slice());
    for (const edit of edits) trial.apply(edit);
  }

  /** @throws `damaged` */
  apply(edit: CatalogEdit): void {
    switch (edit.type) {
      case 'segment':
        this.segments.set(edit.segment, edit);
        return;
      case 'segment-drop':
        this.segments.delete(edit.segment);
        return;
      case 'snapshot':
        this.#addSnapshot(edit);
        return;
      case 'snapshot-drop': {
        const at = this.#indexOf(edit.sequence);
        if (at < 0) return;
        this.#count(this.snapshots[at], undefined);
        this.snapshots.splice(at, 1);
        return;
      }
      case 'mark':
        this.marks.set(edit.sequence, edit);
        return;
      case 'hold':
        this.holds.set(edit.sequence, edit);
        return;
      case 'mark-drop':
        this.holds.delete(edit.sequence);
        if (!this.marks.delete(edit.sequence)) this.droppedMarks.add(edit.sequence);
        return;
      case 'policy':
        this.policy.set(edit.key, edit.value);
    }
  }

  /** A new one is the youngest; one that is known has another list from here on. */
  #addSnapshot(edit: SnapshotEdit): void {
    const last = this.snapshots[this.snapshots.length - 1];
    if (last === undefined || last.sequence < edit.sequence) {
      this.snapshots.push(edit);
      this.additions += 1;
      this.#count(undefined, edit);
      return;
    }
    const at = this.#indexOf(edit.sequence);
    if (at < 0) {
      throw new AnywhenError(
        'damaged',
        `catalog: snapshot ${edit.sequence} comes after snapshot ${last.sequence}`,
      );
    }
    this.#count(this.snapshots[at], edit);
    this.snapshots[at] = edit;
  }

  #count(before: SnapshotEdit | undefined, after: SnapshotEdit | undefined): void {
    this.history.bytes += (after?.bytes ?? 0) - (before?.bytes ?? 0);
    this.history.stored += (after?.stored ?? 0) - (before?.stored ?? 0);
  }

  /** The index of a snapshot, or -1. */
  #indexOf(sequence: number): number {
    let low = 0;
    let high = this.snapshots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.snapshots[middle] as SnapshotEdit).sequence < sequence) low = middle + 1;
      else high = middle;
    }
    return this.snapshots[low]?.sequence === sequence ? low : -1;
  }

  /** The snapshot that shows the instant `at`. */
  snapshotAt(at: Instant): SnapshotEdit | undefined {
    let low = 0;
    let high = this.snapshots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.snapshots[middle] as SnapshotEdit).from <= at) low = middle + 1;
      else high = middle;
    }
    const found = this.snapshots[low - 1];
    return found !== undefined && at < found.to ? found : undefined;
  }

  /** The edits that lead from nothing to here, for compaction. */
  edits(): CatalogEdit[] {
    const dropped: CatalogEdit[] = [...this.droppedMarks].map((sequence) => ({
      type: 'mark-drop',
      sequence,
    }));
    const policy: CatalogEdit[] = [...this.policy].map(([key, value]) => ({ type: 'policy', key, value }));
    return [
      ...this.segments.values(),
      ...this.snapshots,
      ...this.marks.values(),
      ...this.holds.values(),
      ...dropped,
      ...policy,
    ];
  }

  /** The number of the next segment. */
  nextSegment(): number {
    let highest = 0;
    for (const segment of this.segments.keys()) highest = Math.max(highest, segment);
    return highest + 1;
  }

  /** Applies all records of a catalog's bytes behind its header. */
  replay(bytes: Uint8Array, generation: number, seed: number): void {
    let at = 0;
    while (at < bytes.length) {
      if (isPadding(bytes, at)) {
        at = alignUp(at, BLOCK);
        continue;
      }
      const { edit, length } = decodeEdit(bytes, at, generation, CATALOG_HEADER_SIZE + at, seed);
      this.apply(edit);
      at += length;
    }
  }
}
