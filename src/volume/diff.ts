import { assert } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { Pacer } from '../base/pacer.js';
import { ADDRESS_LIMIT } from '../base/range.js';
import { Kind } from '../journal/forward-descriptor.js';
import type { SegmentTable } from '../journal/segment-table.js';
import { firstSnapshotFrom, forEachChange, visitExtents } from '../sync/build-view.js';
import { ExtentTree } from '../vrmo/extent-tree.js';
import { NONE } from '../vrmo/node-slabs.js';
import { ZERO } from '../vrmo/vrmo.js';
import type { Point } from './model.js';
import { forgetIdle } from './open-view.js';
import type { Volume } from './volume.js';

/**
 * What is known of a changed range without reading: `zeros`, it was discarded last, or zeros were written; `size`, it
 * lies behind the end of one of the two points; `written`, anything else.
 */
export type ChangeKind = 'written' | 'zeros' | 'size';

/** `[start, start + length)` was changed. */
export interface ChangedRange {
  readonly start: number;
  readonly length: number;
  readonly kind: ChangeKind;
}

/** The kinds as the tree has them: where an extent "lies". */
const KINDS: readonly ChangeKind[] = ['written', 'zeros', 'size'];
const FIRST_KIND = 1;
const WRITTEN = FIRST_KIND;
const ZEROS = FIRST_KIND + 1;
const SIZE = FIRST_KIND + 2;

/** What was changed between two points; what was overwritten with the same bytes is among it. */
export class Difference {
  constructor(
    readonly older: Point,
    readonly younger: Point,
    readonly tree: ExtentTree,
  ) {}

  /** The address space that both lie in, bytes. */
  get size(): number {
    return Math.max(this.older.size, this.younger.size);
  }

  get count(): number {
    return this.tree.size;
  }

  get bytes(): number {
    return this.tree.journalBytes;
  }

  /** In address order, none overlap; those that touch are of different kinds. */
  *ranges(): Generator<ChangedRange> {
    const { tree } = this;
    for (let at = tree.first(); at !== NONE; at = tree.next(at)) {
      const start = tree.start(at);
      const kind = KINDS[tree.file(at) - FIRST_KIND] ?? 'written';
      yield { start, length: tree.end(at) - start, kind };
    }
  }
}

/**
 * What was changed between two exact instants, whichever is the older (D1), from descriptors alone: the undo lists of
 * the snapshots before the MIM, the forward journal behind it. The cost is in proportion to the changes between.
 *
 * @throws `not-found` when an instant is not exact, and as `Timeline.resolve`
 */
export async function diffPoints(volume: Volume, a: Instant, b: Instant): Promise<Difference> {
  // Everything stamped up to here must be in.
  if (volume.failure === undefined) await volume.journal?.settled();
  // What the two points are, and which descriptors lie between, must not change under us.
  return volume.engine.switching.run(async () => {
    const points = [volume.timeline.exactPoint(a), volume.timeline.exactPoint(b)].sort(
      (one, other) => one.sequence - other.sequence,
    );
    const [older, younger] = points as [Point, Point];
    forgetIdle(volume.engine);
    const changes = new Changes(volume);
    await changes.addLists(older.sequence, younger.sequence);
    await changes.addJournal(older.sequence, younger.sequence);
    return new Difference(older, younger, changes.finish(older.size, younger.size));
  });
}

/** Collects the ranges that are changed after one state, up to another. */
class Changes {
  readonly #tree = new ExtentTree();
  readonly #pacer = new Pacer();

  constructor(readonly volume: Volume) {}

  /**
   * The undo lists of the snapshots from `older` on, up to `younger` or the MIM. Those of a sync event that is under way
   * tell of the forward journal, which still has it all.
   */
  async addLists(older: number, younger: number): Promise<void> {
    const { meta, segments } = this.volume.engine;
    const { snapshots } = meta.catalog;
    const stop = Math.min(younger, meta.superblock.mimSequence);
    for (let at = firstSnapshotFrom(meta.catalog, older); at < snapshots.length; at++) {
      const snapshot = snapshots[at];
      if (snapshot === undefined || snapshot.sequence >= stop) return;
      const table = await segments.load(snapshot.segment);
      // What a range held before says nothing of what it holds after.
      await this.#addRecords(table, snapshot.record, snapshot.extents, () => WRITTEN);
    }
  }

  /** The descriptors of the forward journal behind `older`, up to `younger`: the last one tells what a range holds. */
  async addJournal(older: number, younger: number): Promise<void> {
    const { index, meta, segments } = this.volume.engine;
    const first = Math.max(older + 1, meta.superblock.journal.firstSequence);
    for (let at = first; at <= younger; at++) {
      if (index.kind(at) === Kind.bulk) await this.#addBulk(at);
      else if (index.changes(at))
        forEachChange(index, at, segments, (start, end, file) => this.#add(start, end, file));
      if (this.#pacer.due()) await this.#pacer.rest();
    }
  }

  /** The ranges as they are seen from two points of these sizes: nothing lies behind the end of both. */
  finish(one: number, other: number): ExtentTree {
    const larger = Math.max(one, other);
    const smaller = Math.min(one, other);
    this.#tree.clear(larger, ADDRESS_LIMIT);
    if (smaller < larger) this.#tree.replace(smaller, larger, SIZE, 0);
    return this.#tree;
  }

  async #addBulk(sequence: number): Promise<void> {
    const { index, segments } = this.volume.engine;
    const length = index.length(sequence);
    const start = index.start(sequence);
    if (length > 0) this.#add(start, start + length, ZERO);
    const table = segments.get(index.segment(sequence));
    assert(table !== undefined, 'the segment of a bulk entry is loaded');
    await this.#addRecords(table, 0, table.count, (file) => (file === ZERO ? ZEROS : WRITTEN));
  }

  async #addRecords(
    table: SegmentTable,
    from: number,
    count: number,
    kindOf: (file: number) => number,
  ): Promise<void> {
    await visitExtents(table, from, count, this.#pacer, (start, stop, file) =>
      this.#tree.replace(start, stop, kindOf(file), 0),
    );
  }

  #add(start: number, end: number, file: number): void {
    this.#tree.replace(start, end, file === ZERO ? ZEROS : WRITTEN, 0);
  }
}
