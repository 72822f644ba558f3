import { NEVER } from '../base/cron.js';
import { formatInstant, type Instant } from '../base/instant.js';
import { describeDuration, describeSize } from '../base/units.js';
import type { NextSync } from '../control/model-schema.js';
import type { Policy } from '../volume/model.js';
import { FULL } from '../volume/policy.js';

const yes = (value: boolean) => (value ? 'yes' : 'no');

/** The policy in words, and what will start the next sync event. Pure. */
export function policyRows(policy: Policy, next: NextSync): string[][] {
  const rows: (readonly [key: string, text: string])[] = [
    [
      'granularity',
      policy.granularity === 'all'
        ? 'all: every write becomes a snapshot'
        : `one snapshot each ${describeDuration(policy.granularity)}`,
    ],
    ['high-water', `${highWater(policy)}; now it is ${next.journalUsed} % full`],
    [
      'sync-interval',
      policy.syncInterval === 0n
        ? NEVER
        : `a sync event each ${describeDuration(policy.syncInterval)}${upcoming(next.interval)}`,
    ],
    ['sync-times', times(policy, next)],
    ['flush-interval', describeDuration(policy.flushInterval)],
    ['flush-bytes', describeSize(policy.flushBytes)],
    ['sync-on-unmount', yes(policy.syncOnUnmount)],
    ['sync-on-mark', yes(policy.syncOnMark)],
    ['sync-on-signal', yes(policy.syncOnSignal)],
    ['retention', policy.retention === 'all' ? 'all: every snapshot is kept' : policy.retention],
    [
      'pins',
      policy.pins === 'hard'
        ? 'hard: when space runs out open images are kept, and writes fail'
        : 'soft: when space runs out open images are given up last',
    ],
    [
      'reserve',
      policy.reserve === 'auto'
        ? 'auto: in proportion to the forward journal'
        : `${describeSize(policy.reserve)} kept for a full disk`,
    ],
  ];
  return rows.map((row) => [...row]);
}

function highWater({ highWater: limit }: Policy): string {
  if (limit === FULL) return 'never: a sync event when the forward journal is full';
  return `a sync event when the forward journal is ${limit} % full`;
}

function times({ syncTimes }: Policy, { time, zone }: NextSync): string {
  if (syncTimes === NEVER) return NEVER;
  const lines = syncTimes.replaceAll(';', '; ');
  return `a sync event at ${lines}${zone === undefined ? '' : ` in ${zone}`}${upcoming(time)}`;
}

/** No word without a daemon, which is what would start it. */
function upcoming(at: Instant | undefined): string {
  return at === undefined ? '' : `; next at ${formatInstant(at)}`;
}
