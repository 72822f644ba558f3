import { Pacer } from '../base/pacer.js';
import { converted } from '../vrmo/convert.js';
import { FIRST_SEGMENT, FORWARD, ZERO } from '../vrmo/vrmo.js';
import { firstSnapshotFrom, forEachChange, loadLists, makeLazy, preserveLists } from './build-view.js';
import type { MappedView } from './open-views.js';
import type { SyncParts } from './sync-parts.js';

/*
 * The maps of open views follow the two commits of a sync event ([0085]-[0086]). At each the bytes lie in both
 * places, so a map may be changed bit by bit while it is read; what is left behind is overwritten only when every
 * read that began before has ended. The caller holds `switching`.
 */

/** After `copied`: what a view older than `end` still has on the MIM is found in the lists from snapshot `from` on. */
export async function switchToLists(parts: SyncParts, from: number, end: number): Promise<void> {
  const { meta, views, segments } = parts;
  for (const view of views.views) {
    // What is lazy notices by itself that there are more lists.
    if (view.sequence >= end || view.lists !== undefined) continue;
    const first = Math.max(from, firstSnapshotFrom(meta.catalog, view.sequence));
    await loadLists(meta.catalog, first, segments);
    await preserveLists(parts, view, first);
  }
}

/**
 * After `moved`: what the window wrote is on the MIM. Views of its last state and later have it there; those
 * before it are views of snapshots now.
 *
 * @param spent segments whose bulk entries were in the window
 */
export async function switchToMirror(
  parts: SyncParts,
  window: { readonly last: number; readonly end: number },
  spent: readonly number[],
): Promise<void> {
  for (const view of parts.views.views) {
    if (view.sequence >= window.last) await settle(parts, view, window.end, spent);
    else if (view.lists === undefined) makeLazy(parts, view);
  }
}

async function settle(
  parts: SyncParts,
  view: MappedView,
  end: number,
  spent: readonly number[],
): Promise<void> {
  const { index, segments } = parts;
  const pacer = new Pacer();
  const files = new Set(spent.map((segment) => segment + FIRST_SEGMENT));
  const caughtUp = (file: number, record: number) =>
    ((file === FORWARD || file === ZERO) && index.sequenceOf(record) <= end) || files.has(file);
  for (let at = index.first; at <= end; at++) {
    if (index.changes(at))
      forEachChange(index, at, segments, (start, stop) => view.map.settle(start, stop, caughtUp));
    view.map = converted(view.map, parts.forms);
    // Meanwhile the live view may get another map.
    if (pacer.due()) await pacer.rest();
  }
}
