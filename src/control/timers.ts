import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { localZone } from '../namespace/time-name.js';
import type { Volume } from '../volume/volume.js';
import { type Clocks, Schedule } from './schedule.js';

/** How often the daemon looks at what is due, ms. */
export const TICK = 250;
/** How often it looks whether there is space for the reserve, ms. */
const TEND = 10_000;
/** After so many looks without a write nobody is disturbed. */
const QUIET = 4;

/** What the daemon does by itself, while it runs. */
export interface Timers {
  readonly schedule: Schedule;
  stop(): void;
}

function systemClocks(): Clocks {
  return { monotonic: () => performance.now(), wall: () => Date.now(), zone: localZone() };
}

/**
 * What the daemon does by itself: flushes after the policy's interval or bytes, follows the wall clock, prepares
 * the ring in idle time, takes the reserve again, and starts a sync event after its interval and at its times of
 * day. Ages follow the monotonic clock, times of day the wall.
 */
export function startTimers(volume: Volume, log: Logger, clocks = systemClocks()): Timers {
  const { journal } = volume;
  const schedule = new Schedule(volume.policy(), clocks);
  if (journal === undefined) return { schedule, stop: () => undefined };
  let flushed = clocks.monotonic();
  let tended = flushed;
  let syncs = volume.syncs.count;
  let written = 0;
  let quiet = 0;
  let busy = false;
  let syncing = false;
  const failed = (error: unknown) => log.error({}, messageOf(error));
  const tick = async () => {
    const policy = volume.policy();
    const now = clocks.monotonic();
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
    if (now - tended >= TEND) {
      tended = now;
      await volume.space.tend();
    }
  };
  const startDue = () => {
    if (volume.syncs.count !== syncs) schedule.synced();
    syncs = volume.syncs.count;
    // What comes due meanwhile stays due.
    if (syncing) return;
    const trigger = schedule.due(volume.policy());
    if (trigger === undefined || volume.engine.index.count === 0) return;
    syncing = true;
    // Not waited for: flushes go on while it runs.
    volume
      .sync(trigger)
      .catch(failed)
      .finally(() => {
        syncing = false;
        syncs = volume.syncs.count;
        schedule.synced();
      });
  };
  const timer = setInterval(() => {
    if (volume.readOnly) return;
    startDue();
    if (busy) return;
    busy = true;
    tick()
      .catch(failed)
      .finally(() => {
        busy = false;
      });
  }, TICK);
  return { schedule, stop: () => clearInterval(timer) };
}

/** SIGUSR1: a sync event, if the policy has it so. */
export function syncOnSignal(volume: Volume, log: Logger): void {
  if (!volume.policy().syncOnSignal) {
    log.warn({}, 'SIGUSR1: no sync event, since the policy has sync-on-signal=no');
    return;
  }
  volume.sync('signal').catch((error: unknown) => log.error({}, messageOf(error)));
}
