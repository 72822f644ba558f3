import type { Policy } from '../volume/model.js';
import type { Volume } from '../volume/volume.js';
import type { NextSync } from './model-schema.js';
import type { Schedule } from './schedule.js';

/** What will start the next sync event. Without a daemon only the high-water mark does. */
export function nextSync(volume: Volume, policy: Policy, schedule: Schedule | undefined): NextSync {
  const { data, descriptors } = volume.engine.scan;
  const used = Math.max(data.used / data.length, descriptors.used / descriptors.length);
  const journalUsed = Math.round(used * 1000) / 10;
  if (schedule === undefined || volume.readOnly)
    return { interval: undefined, time: undefined, zone: undefined, journalUsed };
  const left = schedule.untilInterval(policy);
  const time = schedule.nextTime(policy);
  return {
    interval: left === undefined ? undefined : volume.now() + BigInt(Math.round(left * 1e6)),
    time: time === undefined ? undefined : BigInt(time) * 1_000_000n,
    zone: schedule.clocks.zone,
    journalUsed,
  };
}
