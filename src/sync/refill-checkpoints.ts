import { alignUp } from '../base/range.js';
import { buildNear } from './build-view.js';
import type { SyncParts } from './sync-event.js';

/**
 * After a sync event the checkpoints are gone, and what came in meanwhile has none: they are made again before anybody
 * asks for them. One at a time, so that an opening waits for one at the most, and finds those that are made.
 */
export async function refillCheckpoints(parts: SyncParts, stopped: () => boolean): Promise<void> {
  const { checkpoints, index, switching } = parts;
  for (
    let at = alignUp(index.first, checkpoints.spacing);
    at < index.next && !stopped();
    at = alignUp(at + 1, checkpoints.spacing)
  ) {
    await switching.run(async () => {
      await buildNear(parts, at);
    });
  }
}
