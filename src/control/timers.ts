import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { Volume } from '../volume/volume.js';

/** How often the daemon looks at what is due, ms. */
const TICK = 250;
/** After so many looks without a write nobody is disturbed. */
const QUIET = 4;

/**
 * What the daemon does by itself: flushes after the policy's interval or bytes, follows the wall clock, prepares
 * the ring in idle time, and starts a sync event when its interval has passed. Ages follow the monotonic clock.
 *
 * @returns stops it
 */
export function ageTimers(volume: Volume, log: Logger): () => void {
  const { journal } = volume;
  if (journal === undefined) return () => undefined;
  let flushed = performance.now();
  let synced = performance.now();
  let written = 0;
  let quiet = 0;
  let busy = false;
  const tick = async () => {
    const policy = volume.policy();
    const now = performance.now();
    await volume.followClock();
    if (
      journal.unflushed > 0 &&
      (journal.unflushed >= policy.flushBytes || now - flushed >= Number(policy.flushInterval) / 1e6)
    ) {
      flushed = now;
      await volume.checkpoint();
    }
    quiet = volume.written.writes === written ? quiet + 1 : 0;
    written = volume.written.writes;
    if (quiet >= QUIET) await journal.idle();
    const due = policy.syncInterval > 0n && now - synced >= Number(policy.syncInterval) / 1e6;
    if (!due) return;
    synced = now;
    if (volume.engine.index.count > 0) await volume.sync('interval');
  };
  const timer = setInterval(() => {
    if (busy || volume.readOnly) return;
    busy = true;
    tick()
      .catch((error: unknown) => log.error({}, messageOf(error)))
      .finally(() => {
        busy = false;
      });
  }, TICK);
  return () => clearInterval(timer);
}
