import { assert } from '../base/errors.js';
import { Pacer } from '../base/pacer.js';
import type { Catalog } from '../journal/catalog.js';
import { Kind } from '../journal/forward-descriptor.js';
import type { ForwardIndex } from '../journal/forward-index.js';
import { SegmentKind } from '../journal/segment-format.js';
import type { SegmentStore } from '../journal/segment-store.js';
import type { SegmentTable } from '../journal/segment-table.js';
import { converted, newMap } from '../vrmo/convert.js';
import { FIRST_SEGMENT, FORWARD, type Vrmo, ZERO } from '../vrmo/vrmo.js';
import { LazyLists } from './lazy-lists.js';
import type { MappedView } from './open-views.js';
import type { SyncParts } from './sync-parts.js';

/** Extents of a list that are visited between two looks at the clock. */
const AT_A_TIME = 16;

/** Calls `visit` with each extent of records `[from, from + count)` of a segment: its range and where it lies. */
export function forEachExtent(
  table: SegmentTable,
  from: number,
  count: number,
  visit: (start: number, end: number, file: number, record: number) => void,
): void {
  const file = table.header.segment + FIRST_SEGMENT;
  for (let record = from; record < from + count; record++) {
    const kind = table.kind[record];
    if (kind === SegmentKind.marker) continue;
    const start = table.start[record] as number;
    visit(start, start + (table.length[record] as number), kind === SegmentKind.zero ? ZERO : file, record);
  }
}

/** The same, with rests: for lists of any length. */
export async function visitExtents(
  table: SegmentTable,
  from: number,
  count: number,
  pacer: Pacer,
  visit: (start: number, end: number, file: number, record: number) => void,
): Promise<void> {
  const end = from + count;
  for (let record = from; record < end; record += AT_A_TIME) {
    forEachExtent(table, record, Math.min(AT_A_TIME, end - record), visit);
    if (pacer.due()) await pacer.rest();
  }
}

/** Calls `visit` with each range that the descriptor changes, and where its bytes lie. A bulk entry's segment must be loaded. */
export function forEachChange(
  index: ForwardIndex,
  sequence: number,
  segments: SegmentStore,
  visit: (start: number, end: number, file: number, record: number) => void,
): void {
  const kind = index.kind(sequence);
  const start = index.start(sequence);
  const end = start + index.length(sequence);
  const record = sequence % 2 ** 32;
  if (kind === Kind.write) visit(start, end, FORWARD, record);
  const zeroes = kind === Kind.zero || kind === Kind.resize || kind === Kind.bulk;
  if (zeroes && end > start) visit(start, end, ZERO, record);
  if (kind !== Kind.bulk) return;
  const table = segments.get(index.segment(sequence));
  assert(table !== undefined, 'the segment of a bulk entry is loaded');
  // A range of zeros keeps the sequence, so that `settle` can tell from which window it came.
  forEachExtent(table, 0, table.count, (from, to, file, row) =>
    visit(from, to, file, file === ZERO ? record : row),
  );
}

/** Last write wins: brings a map from the state before `sequence` to the state after it. */
export function applyChange(map: Vrmo, index: ForwardIndex, sequence: number, segments: SegmentStore): void {
  forEachChange(index, sequence, segments, (start, end, file, record) =>
    map.replace(start, end, file, record),
  );
}

/** Brings the map of the live view, or of one that is built, from the state before `sequence` to the state after it. Returns what it is then. */
export function follow(parts: SyncParts, map: Vrmo, sequence: number): Vrmo {
  const { index, segments, forms, checkpoints } = parts;
  let after = map;
  if (index.changes(sequence)) {
    applyChange(map, index, sequence, segments);
    after = converted(map, forms);
  }
  checkpoints.offer(sequence, after);
  return after;
}

/**
 * The map of the state after `sequence`, from the MIM and the forward journal ([0049]): from the nearest checkpoint
 * on. Leaves the checkpoints behind that it passes.
 */
export async function buildNear(parts: SyncParts, sequence: number): Promise<Vrmo> {
  // What is older is on the MIM, also while its descriptors are still known.
  const first = parts.meta.superblock.journal.firstSequence;
  const nearest = parts.checkpoints.newestUpTo(sequence);
  let map = nearest?.map.clone() ?? newMap(parts.forms);
  const pacer = new Pacer();
  parts.checkpoints.expect(sequence - first);
  for (let at = Math.max(first, (nearest?.sequence ?? 0) + 1); at <= sequence; at++) {
    map = follow(parts, map, at);
    if (pacer.due()) await pacer.rest();
  }
  return map;
}

/** First overwrite wins: re-points what a map still has on the MIM to the undo lists of the snapshots from `from` on ([0076], [0085]). */
export async function preserveLists(parts: SyncParts, view: { map: Vrmo }, from: number): Promise<void> {
  const { segments, forms } = parts;
  const { catalog } = parts.meta;
  const pacer = new Pacer();
  for (let at = from; at < catalog.snapshots.length; at++) {
    const snapshot = catalog.snapshots[at];
    assert(snapshot !== undefined, 'the snapshot is in the catalog');
    const table = segments.get(snapshot.segment);
    assert(table !== undefined, `segment ${snapshot.segment} is loaded`);
    await visitExtents(table, snapshot.record, snapshot.extents, pacer, (start, stop, file, row) => {
      view.map.preserve(start, stop, file, row);
      view.map = converted(view.map, forms);
    });
  }
}

/** From here on a view is one of a snapshot, the lists of which are looked at where it is read. */
export function makeLazy(parts: SyncParts, view: MappedView): void {
  view.map = newMap(parts.forms);
  view.lists = new LazyLists(parts.history, view.sequence, parts.forms);
}

/** The map of a snapshot, whole: its own undo list, then the next younger's, ..., then the MIM (D3). */
export async function buildSnapshot(parts: SyncParts, from: number): Promise<Vrmo> {
  const view = { map: newMap(parts.forms) };
  await preserveLists(parts, view, from);
  return view.map;
}

/** Loads the segments of the snapshots from `from` on, and of the bulk entries of the forward journal. */
export async function loadLists(catalog: Catalog, from: number, segments: SegmentStore): Promise<void> {
  for (let at = from; at < catalog.snapshots.length; at++) {
    const snapshot = catalog.snapshots[at];
    if (snapshot !== undefined) await segments.load(snapshot.segment);
  }
}

/** The index of the first snapshot with a sequence of at least `sequence`. */
export function firstSnapshotFrom(catalog: Catalog, sequence: number): number {
  const { snapshots } = catalog;
  let low = 0;
  let high = snapshots.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((snapshots[middle]?.sequence ?? 0) < sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}
