import { AnywhenError, assert } from '../base/errors.js';
import { Pacer } from '../base/pacer.js';
import type { Catalog } from '../journal/catalog.js';
import type { CatalogEdit, SnapshotEdit } from '../journal/catalog-format.js';
import { Direction } from '../journal/segment-format.js';
import { SegmentStore } from '../journal/segment-store.js';
import { SegmentWriter } from '../journal/segment-writer.js';
import { firstSnapshotFrom, makeLazy } from './build-view.js';
import { FreedSpace } from './freed-space.js';
import { MergedList } from './merge-lists.js';
import type { MappedView } from './open-views.js';
import type { SyncParts } from './sync-parts.js';

export interface ThinRequest {
  /** Sequences of the snapshots to drop; called when no view can be opened meanwhile. */
  readonly choose: () => ReadonlySet<number>;
  /** Only tell what would go. */
  readonly dryRun: boolean;
}

export interface ThinResult {
  /** The snapshots that went, oldest first. */
  readonly dropped: readonly SnapshotEdit[];
  /** Those that were to go and stay, because a view of them is open. */
  readonly pinned: number;
  /** Bytes of data that no list names any more. */
  readonly bytesFreed: number;
}

/** A snapshot that is kept, and those behind it that are dropped; the first group may have none that is kept. */
interface Group {
  readonly keep: SnapshotEdit | undefined;
  readonly dropped: SnapshotEdit[];
}

/**
 * Thinning: any snapshots are dropped, many in one pass. The undo list of each that is kept takes in those of the
 * dropped ones behind it. Descriptors only are written: for each segment that loses a list a new one, with what is
 * left of its lists. Then, in order:
 *
 *   the commit: snapshots name their new lists, the dropped ones are gone. The old segments stay in the catalog.
 *   every open view is switched to the new lists, and every read that began before has ended;
 *   space is given back (`FreedSpace`); only then a second commit lets the old segments go.
 *
 * A crash before the first commit leaves orphans. After it the segments that no snapshot names tell the next thinning
 * what to give back.
 */
export class ThinEvent {
  readonly #pacer: Pacer;
  readonly #space: FreedSpace;
  /** A view could not be switched: it still reads what would be given back. */
  #unswitched = false;

  constructor(readonly parts: SyncParts) {
    this.#pacer = new Pacer(undefined, parts.traffic);
    this.#space = new FreedSpace(parts);
  }

  /** One at a time, and none while a sync event is under way. @throws `damaged`, `io`, `no-space` */
  async run(request: ThinRequest): Promise<ThinResult> {
    const { views, switching, meta } = this.parts;
    if (meta.superblock.copied !== undefined)
      throw new AnywhenError('busy', 'a sync event was interrupted while it moved the MIM');
    if (this.#unswitched) throw new AnywhenError('io', 'an earlier thinning could not switch an open view');
    if (!request.dryRun) await this.#space.giveBack();
    const { dropping, pinned } = await switching.run(async () => {
      const chosen = this.#unpinned(request.choose());
      if (!request.dryRun) views.dropping = chosen.dropping;
      return chosen;
    });
    const dropped = meta.catalog.snapshots.filter(({ sequence }) => dropping.has(sequence));
    if (dropped.length === 0) return { dropped, pinned, bytesFreed: 0 };
    try {
      const bytesFreed = await this.#merge(dropping, request.dryRun);
      if (!request.dryRun) await this.#space.giveBack();
      return { dropped, pinned, bytesFreed };
    } finally {
      if (!request.dryRun) views.dropping = new Set();
    }
  }

  /** A view that is open pins its snapshot. */
  #unpinned(wanted: ReadonlySet<number>): { dropping: ReadonlySet<number>; pinned: number } {
    const { views, meta } = this.parts;
    const dropping = new Set(wanted);
    for (const sequence of pinnedSnapshots(meta.catalog, views.views)) dropping.delete(sequence);
    return { dropping, pinned: wanted.size - dropping.size };
  }

  async #merge(dropping: ReadonlySet<number>, dryRun: boolean): Promise<number> {
    const { executor, meta } = this.parts;
    const { seed, superblock } = meta;
    const { groups, touched } = this.#groups(dropping);
    const edits: CatalogEdit[] = [];
    const tables = new SegmentStore(executor, superblock.uuid, seed);
    const output = new Output(this.parts, edits);
    let freed = 0;
    for (const [number, { keep, dropped }] of groups.entries()) {
      const lists = keep === undefined ? dropped : [keep, ...dropped];
      if (!lists.some((list) => touched.has(list.segment))) continue;
      const merged = new MergedList(tables, this.#pacer, this.parts.forms);
      for (const list of lists) await merged.add(list);
      freed += merged.before - (keep === undefined ? 0 : merged.after());
      for (const { sequence } of dropped) edits.push({ type: 'snapshot-drop', sequence });
      if (keep !== undefined && !dryRun) await output.add(keep, merged, groups[number + 1]?.keep);
      const last = lists[lists.length - 1];
      tables.keepOnly(new Set(last === undefined ? [] : [last.segment]));
    }
    if (dryRun) return freed;
    await output.finish();
    await this.#commit(edits, dropping);
    return freed;
  }

  /** `touched`: the segments that lose a list, or the list of which grows. */
  #groups(dropping: ReadonlySet<number>): { groups: Group[]; touched: Set<number> } {
    const groups: Group[] = [{ keep: undefined, dropped: [] }];
    const touched = new Set<number>();
    for (const snapshot of this.parts.meta.catalog.snapshots) {
      const group = groups[groups.length - 1];
      if (!dropping.has(snapshot.sequence)) groups.push({ keep: snapshot, dropped: [] });
      else if (group !== undefined) {
        group.dropped.push(snapshot);
        touched.add(snapshot.segment);
        if (group.keep !== undefined) touched.add(group.keep.segment);
      }
    }
    return { groups, touched };
  }

  async #commit(edits: CatalogEdit[], dropping: ReadonlySet<number>): Promise<void> {
    const { meta, views, switching } = this.parts;
    const { catalog } = meta;
    let youngest = 0;
    for (const edit of edits)
      if (edit.type === 'snapshot' || edit.type === 'snapshot-drop')
        youngest = Math.max(youngest, edit.sequence);
    await switching.run(async () => {
      await meta.commit([...edits, ...this.#marksOf(dropping)]);
      // Until every view is switched nothing may be given back.
      this.#unswitched = true;
      for (const view of views.views) {
        const from = firstSnapshotFrom(catalog, view.sequence);
        if ((catalog.snapshots[from]?.sequence ?? youngest + 1) > youngest) continue;
        // What is lazy names places of data, which stay.
        if (view.lists === undefined) makeLazy(this.parts, view);
      }
      this.#unswitched = false;
    });
    await views.drain();
  }

  /** With a snapshot go its marks. */
  #marksOf(dropping: ReadonlySet<number>): CatalogEdit[] {
    const { catalog } = this.parts.meta;
    const edits: CatalogEdit[] = [];
    for (const { sequence, at } of catalog.marks.values()) {
      const snapshot = catalog.snapshotAt(at);
      if (snapshot !== undefined && dropping.has(snapshot.sequence))
        edits.push({ type: 'mark-drop', sequence });
    }
    return edits;
  }
}

/** The snapshots, by sequence, that views need. */
export function pinnedSnapshots(catalog: Catalog, views: Iterable<MappedView>): Set<number> {
  const pinned = new Set<number>();
  for (const view of views) {
    const own = catalog.snapshots[firstSnapshotFrom(catalog, view.sequence)];
    if (own !== undefined) pinned.add(own.sequence);
  }
  return pinned;
}

/** The new segments of a thinning: one for each that is rewritten, so that lists that were together stay so. */
class Output {
  #writer: SegmentWriter | undefined;
  #from: number | undefined;
  #older: SnapshotEdit | undefined;
  #younger: SnapshotEdit | undefined;
  #next: number;

  constructor(
    readonly parts: SyncParts,
    readonly edits: CatalogEdit[],
  ) {
    this.#next = parts.meta.catalog.nextSegment();
  }

  /** `next`: the snapshot that the list leads to; undefined for the MIM. */
  async add(keep: SnapshotEdit, merged: MergedList, next: SnapshotEdit | undefined): Promise<void> {
    if (this.#from !== keep.segment) await this.finish();
    this.#writer ??= await this.#begin(keep);
    const writer = this.#writer;
    this.#younger = next;
    const { sequence, at, from, to, quality, size } = keep;
    await writer.beginList({ sequence, at, from, to, quality, size });
    await merged.write(writer);
    this.edits.push({ ...keep, segment: writer.segment, ...writer.list });
  }

  async #begin(keep: SnapshotEdit): Promise<SegmentWriter> {
    const { executor, meta } = this.parts;
    const writer = new SegmentWriter(executor, this.#next, meta.seed);
    this.#next += 1;
    this.#from = keep.segment;
    this.#older = keep;
    await writer.begin();
    return writer;
  }

  /** Makes the segment durable that is being written. */
  async finish(): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#writer = undefined;
    const { uuid, historyUuid, mimSequence, mimStamp } = this.parts.meta.superblock;
    const older = this.#older;
    assert(older !== undefined, 'a segment begins with a list');
    const direction = Direction.undo;
    await writer.finish({
      uuid,
      historyUuid,
      direction,
      olderSequence: older.sequence,
      olderStamp: older.from,
      youngerSequence: this.#younger?.sequence ?? mimSequence,
      youngerStamp: this.#younger?.from ?? mimStamp,
    });
    const { segment, count: descriptors, dataLength } = writer;
    this.edits.push({ type: 'segment', segment, direction, descriptors, dataLength });
  }
}
