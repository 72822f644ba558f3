import type { Instant } from '../base/instant.js';
import { Kind } from '../journal/forward-descriptor.js';
import { buildNear, buildSnapshot, firstSnapshotFrom, loadLists, preserveLists } from '../sync/build-view.js';
import type { Engine } from './engine.js';
import { MapView } from './map-view.js';
import type { Timeline } from './timeline.js';

/** So many descriptors of segments are kept in memory while no view of the past needs them. */
const IDLE_RECORDS = 500_000;

/**
 * Opens the view at an exact instant. Everything stamped up to it must be in.
 *
 * @throws `not-found` when the instant is not exact, and as `Timeline.resolve`
 */
export function openMapView(engine: Engine, timeline: Timeline, at: Instant): Promise<MapView> {
  const { meta, segments, switching, fetcher, views } = engine;
  return switching.run(async () => {
    const point = timeline.exactPoint(at);
    forgetIdle(engine);
    const near = point.place === 'near';
    const from = firstSnapshotFrom(meta.catalog, point.sequence);
    await loadLists(meta.catalog, Math.max(0, from - 1), segments);
    const built = { map: near ? await buildNear(engine, point.sequence) : await buildSnapshot(engine, from) };
    // Between the two commits of a sync event the MIM is on its way: what the lists hold is not read from it. What
    // the journal did not change up to here was the same at the snapshot before, kept or not.
    if (near && meta.superblock.copied !== undefined) {
      const before = firstSnapshotFrom(meta.catalog, point.sequence + 1) - 1;
      await preserveLists(engine, built, Math.max(0, before));
    }
    return new MapView(fetcher, views, built.map, point.sequence, at, () => point.size);
  });
}

/** Lets the tables of segments go when nobody looks at the past. */
export function forgetIdle({ views, segments, index }: Engine): void {
  if (segments.records < IDLE_RECORDS || views.views.size > 1 || views.busy) return;
  const needed = new Set<number>();
  for (let at = index.first; at < index.next; at++)
    if (index.kind(at) === Kind.bulk) needed.add(index.segment(at));
  segments.keepOnly(needed);
}
