import { AnywhenError, assert } from '../base/errors.js';
import { earlier, type Instant, later } from '../base/instant.js';
import { Pacer } from '../base/pacer.js';
import type { SnapshotEdit } from '../journal/catalog-format.js';
import { Flag, Kind } from '../journal/forward-descriptor.js';
import { SegmentKind } from '../journal/segment-format.js';
import { readSegmentRows } from '../journal/segment-rows.js';
import { forEachChange, visitExtents } from '../sync/build-view.js';
import { QualityCode } from '../sync/window.js';
import { ZERO } from '../vrmo/vrmo.js';
import { type ActivityBucket, ActivityCounter, chooseBuckets } from './activity-buckets.js';
import type { Volume } from './volume.js';

/** Extents of lists that are looked at for distinct blocks at the most: about a second's work. */
const LIST_EXTENTS = 250_000;

/** What happened to a volume from one instant to another. */
export interface Activity {
  /** What is looked at: not before the oldest point, not after now. */
  readonly from: Instant;
  readonly to: Instant;
  /** The length of a bucket, ns. */
  readonly step: bigint;
  /** Oldest first. The first may begin before `from`, the last may end after `to`: only what lies between is in them. */
  readonly buckets: readonly ActivityBucket[];
  /** Distinct blocks of 4 KiB in all of them; undefined: not known. */
  readonly blocks: number | undefined;
}

export interface ActivityOptions {
  readonly from?: Instant | undefined;
  readonly to?: Instant | undefined;
  /** Buckets at the most. */
  readonly most: number;
  /** For tests: see `LIST_EXTENTS`. */
  readonly listExtents?: number;
}

/**
 * The writes, bytes and distinct blocks of each part of time. Near history is told by its descriptors, one by one;
 * before it, the undo list of a snapshot tells what was changed up to the next one, not how often. The cost is in
 * proportion to the descriptors of that time.
 */
export async function activityOf(volume: Volume, options: ActivityOptions): Promise<Activity> {
  // Everything stamped up to here must be in.
  if (volume.failure === undefined) await volume.journal?.settled();
  // Which changes are near history, and where the lists lie, must not change under us.
  return volume.engine.switching.run(async () => {
    const { timeline } = volume;
    const now = volume.now();
    const from = later(options.from ?? timeline.oldest, timeline.oldest);
    const to = earlier(options.to ?? now, now);
    if (from > to) return { from: to, to, step: 1n, buckets: [], blocks: 0 };
    const parts = chooseBuckets(from, to, options.most);
    const counter = new ActivityCounter(from, to, parts);
    const reader = new ActivityReader(volume, counter);
    await reader.lists(options.listExtents ?? LIST_EXTENTS);
    await reader.journal();
    for (const { at, quality } of timeline.snapshots()) {
      counter.count('snapshots', at);
      if (quality > QualityCode.write) counter.count('flushes', at);
    }
    for (const { at } of volume.marks()) counter.count('marks', at);
    const { blocks, buckets } = counter;
    return { from, to, step: parts.step, buckets, blocks };
  });
}

class ActivityReader {
  readonly #pacer = new Pacer();

  constructor(
    readonly volume: Volume,
    readonly counter: ActivityCounter,
  ) {}

  /** The undo lists of the snapshots: what was changed between each and the next one. */
  async lists(most: number): Promise<void> {
    const { counter, volume } = this;
    const { nearFrom } = volume.timeline;
    // Those that a thinning is about to drop are still what their lists say.
    const snapshots = volume.engine.meta.catalog.snapshots.filter(({ from }) => from < nearFrom);
    const chosen: { snapshot: SnapshotEdit; to: Instant }[] = [];
    let extents = 0;
    for (const [number, snapshot] of snapshots.entries()) {
      const to = snapshots[number + 1]?.from ?? nearFrom;
      if (to < counter.from || snapshot.to > counter.to) continue;
      chosen.push({ snapshot, to });
      extents += snapshot.extents;
    }
    for (const { snapshot, to } of chosen) {
      counter.beginList({ from: snapshot.to, to, bytes: snapshot.bytes });
      counter.endList(extents <= most && (await this.#extents(snapshot)));
      if (this.#pacer.due()) await this.#pacer.rest();
    }
  }

  /** False: the descriptors are damaged. */
  async #extents({ segment, record, extents }: SnapshotEdit): Promise<boolean> {
    const { executor, meta } = this.volume.engine;
    try {
      for await (const row of readSegmentRows(executor, segment, extents, meta.seed, record)) {
        const { descriptor, error } = row;
        if (error !== undefined) return false;
        if (descriptor.kind === SegmentKind.marker) continue;
        this.counter.extent(descriptor.start, descriptor.start + descriptor.length);
        if (this.#pacer.due()) await this.#pacer.rest();
      }
      return true;
    } catch (error) {
      if (error instanceof AnywhenError && error.code === 'damaged') return false;
      throw error;
    }
  }

  /** The descriptors of the forward journal. */
  async journal(): Promise<void> {
    const { counter, volume } = this;
    const { index, meta, segments } = volume.engine;
    const first = meta.superblock.journal.firstSequence;
    const end = Math.min(index.next - 1, index.lastAt(counter.to));
    for (let at = Math.max(first, index.lastAt(counter.from - 1n) + 1); at <= end; at++) {
      const stamp = index.stamp(at);
      if (index.kind(at) === Kind.indicator && (index.flags(at) & Flag.client) !== 0)
        counter.count('flushes', stamp);
      if (!index.changes(at)) continue;
      counter.change(stamp);
      if (index.kind(at) === Kind.bulk) await this.#bulk(at);
      else
        forEachChange(index, at, segments, (start, stop, file) => counter.range(start, stop, file === ZERO));
      if (this.#pacer.due()) await this.#pacer.rest();
    }
  }

  /** A restore: its entry stands for the extents of a segment, which may be many. */
  async #bulk(sequence: number): Promise<void> {
    const { counter } = this;
    const { index, segments } = this.volume.engine;
    const start = index.start(sequence);
    counter.range(start, start + index.length(sequence), true);
    const table = segments.get(index.segment(sequence));
    assert(table !== undefined, 'the segment of a bulk entry is loaded');
    await visitExtents(table, 0, table.count, this.#pacer, (from, to, file) =>
      counter.range(from, to, file === ZERO),
    );
  }
}
