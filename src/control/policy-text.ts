import { NEVER, normalTimes } from '../base/cron.js';
import { AnywhenError } from '../base/errors.js';
import { parseDuration, parseSize } from '../base/units.js';
import type { Policy } from '../volume/model.js';
import { FULL } from '../volume/policy.js';
import { formatRetention, parseRetention } from '../volume/retention.js';

/** The settings, as they are written. */
export const SETTINGS: readonly string[] = [
  'granularity',
  'high-water',
  'sync-interval',
  'sync-times',
  'flush-interval',
  'flush-bytes',
  'sync-on-unmount',
  'sync-on-mark',
  'sync-on-signal',
  'retention',
  'pins',
  'reserve',
];

type Writable = { -readonly [K in keyof Policy]?: Policy[K] };

/** `KEY=VALUE` settings as a person writes them. @throws `usage` */
export function parsePolicy(settings: readonly string[]): Partial<Policy> {
  const policy: Writable = {};
  for (const setting of settings) {
    const at = setting.indexOf('=');
    if (at < 0) throw new AnywhenError('usage', `${setting}: a setting is KEY=VALUE`);
    set(policy, setting.slice(0, at), setting.slice(at + 1));
  }
  return policy;
}

function set(policy: Writable, key: string, value: string): void {
  switch (key) {
    case 'granularity':
      policy.granularity = value === 'all' ? 'all' : parseDuration(value);
      return;
    case 'high-water':
      policy.highWater = value === NEVER ? FULL : percent(key, value);
      return;
    case 'sync-interval':
      policy.syncInterval = value === NEVER ? 0n : parseDuration(value);
      return;
    case 'sync-times':
      policy.syncTimes = normalTimes(value);
      return;
    case 'flush-interval':
      policy.flushInterval = parseDuration(value);
      return;
    case 'flush-bytes':
      policy.flushBytes = parseSize(value);
      return;
    case 'sync-on-unmount':
      policy.syncOnUnmount = flag(key, value);
      return;
    case 'sync-on-mark':
      policy.syncOnMark = flag(key, value);
      return;
    case 'sync-on-signal':
      policy.syncOnSignal = flag(key, value);
      return;
    case 'retention':
      policy.retention = formatRetention(parseRetention(value));
      return;
    case 'pins':
      policy.pins = pins(value);
      return;
    case 'reserve':
      policy.reserve = value === 'auto' ? 'auto' : parseSize(value);
      return;
    default:
      throw new AnywhenError('usage', `policy: there is no setting ${key}`, {
        hint: SETTINGS.join(', '),
      });
  }
}

function percent(key: string, value: string): number {
  if (!/^\d+%?$/.test(value)) throw new AnywhenError('usage', `policy: ${key} is a whole number of percent`);
  const number = Number.parseInt(value, 10);
  // A mark of 100 % is none: it is written `never`.
  if (number === FULL) throw new AnywhenError('usage', `policy: ${key} is from 1 to 95 percent, or never`);
  return number;
}

function pins(value: string): Policy['pins'] {
  if (value === 'soft' || value === 'hard') return value;
  throw new AnywhenError('usage', 'policy: pins is soft or hard');
}

function flag(key: string, value: string): boolean {
  if (value === 'yes' || value === 'true' || value === 'on') return true;
  if (value === 'no' || value === 'false' || value === 'off') return false;
  throw new AnywhenError('usage', `policy: ${key} is yes or no`);
}
