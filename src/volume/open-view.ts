import type { Instant } from '../base/instant.js';
import { Kind } from '../journal/forward-descriptor.js';
import {
  buildNear,
  buildSnapshot,
  firstSnapshotFrom,
  loadLists,
  makeLazy,
  preserveLists,
} from '../sync/build-view.js';
import { newMap } from '../vrmo/convert.js';
import type { Engine } from './engine.js';
import { MapView } from './map-view.js';
import type { Timeline } from './timeline.js';

/** So many descriptors of segments are kept in memory while no view of the past needs them. */
const IDLE_RECORDS = 500_000;

/**
 * Opens the view at an exact instant. Everything stamped up to it must be in.
 *
 * @param whole the map of a snapshot is built at once, from the segments; else where it is read
 * @throws `not-found` when the instant is not exact, and as `Timeline.resolve`
 */
export async function openMapView(
  engine: Engine,
  timeline: Timeline,
  at: Instant,
  whole = false,
): Promise<MapView> {
  const { meta, segments, switching, fetcher, views, history } = engine;
  const view = await switching.run(async () => {
    const point = timeline.exactPoint(at);
    forgetIdle(engine);
    const near = point.place === 'near';
    const from = firstSnapshotFrom(meta.catalog, point.sequence);
    // Between the two commits of a sync event the MIM is on its way: what the lists hold is not read from it.
    const moving = near && meta.superblock.copied !== undefined;
    if (whole || moving) await loadLists(meta.catalog, Math.max(0, from - 1), segments);
    const map = near ? await buildNear(engine, point.sequence) : await snapshotMap(engine, from, whole);
    const built = { map };
    // What the journal did not change up to here was the same at the snapshot before, kept or not.
    if (moving) {
      const before = firstSnapshotFrom(meta.catalog, point.sequence + 1) - 1;
      await preserveLists(engine, built, Math.max(0, before));
    }
    const opened = new MapView(fetcher, views, built.map, point.sequence, at, () => point.size);
    if (!near && !whole) makeLazy(engine, opened);
    return opened;
  });
  if (view.lists === undefined) return view;
  // The view is open, so that its snapshot stays; sync events need not wait for this.
  try {
    await history.cover(true);
    history.runsFrom(view.sequence);
  } catch (error) {
    view.close();
    throw error;
  }
  history.tend();
  return view;
}

function snapshotMap(engine: Engine, from: number, whole: boolean) {
  return whole ? buildSnapshot(engine, from) : newMap(engine.forms);
}

/** Lets the tables of segments go when nobody needs them to look at the past. */
export function forgetIdle({ views, segments, index }: Engine): void {
  if (segments.records < IDLE_RECORDS || views.busy) return;
  // The live view is one of those that are not lazy.
  const whole = [...views.views].filter((view) => view.lists === undefined).length;
  if (whole > 1) return;
  const needed = new Set<number>();
  for (let at = index.first; at < index.next; at++)
    if (index.kind(at) === Kind.bulk) needed.add(index.segment(at));
  segments.keepOnly(needed);
}
