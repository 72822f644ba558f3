import { checkTimes, NEVER } from '../base/cron.js';
import { AnywhenError } from '../base/errors.js';
import type { CatalogEdit } from '../journal/catalog-format.js';
import type { Policy } from './model.js';
import { parseRetention } from './retention.js';

const SECOND = 1_000_000_000n;

const MAX_RESERVE = 2 ** 40;

/** The high-water mark of a journal that may fill up, percent. */
export const FULL = 100;

export const DEFAULT_POLICY: Policy = {
  granularity: 10n * SECOND,
  highWater: 70,
  syncInterval: 3600n * SECOND,
  syncTimes: NEVER,
  flushInterval: 5n * SECOND,
  flushBytes: 64 * 1024 * 1024,
  syncOnUnmount: false,
  syncOnMark: false,
  syncOnSignal: true,
  retention: 'all',
  pins: 'soft',
  reserve: 'auto',
};

/** The policy that the catalog's entries make of the default; entries of a later version are left alone. */
export function readPolicy(entries: ReadonlyMap<string, string>): Policy {
  const text = (key: keyof Policy) => entries.get(key);
  const big = (key: keyof Policy, fallback: bigint) =>
    /^\d+$/.test(text(key) ?? '') ? BigInt(text(key) as string) : fallback;
  const number = (key: keyof Policy, fallback: number) => Number(big(key, BigInt(fallback)));
  const flag = (key: keyof Policy, fallback: boolean) =>
    text(key) === undefined ? fallback : text(key) === 'true';
  const granularity = text('granularity');
  return {
    granularity: granularity === 'all' ? 'all' : big('granularity', DEFAULT_POLICY.granularity as bigint),
    highWater: number('highWater', DEFAULT_POLICY.highWater),
    syncInterval: big('syncInterval', DEFAULT_POLICY.syncInterval),
    syncTimes: text('syncTimes') ?? DEFAULT_POLICY.syncTimes,
    flushInterval: big('flushInterval', DEFAULT_POLICY.flushInterval),
    flushBytes: number('flushBytes', DEFAULT_POLICY.flushBytes),
    syncOnUnmount: flag('syncOnUnmount', DEFAULT_POLICY.syncOnUnmount),
    syncOnMark: flag('syncOnMark', DEFAULT_POLICY.syncOnMark),
    syncOnSignal: flag('syncOnSignal', DEFAULT_POLICY.syncOnSignal),
    retention: text('retention') ?? DEFAULT_POLICY.retention,
    pins: text('pins') === 'hard' ? 'hard' : 'soft',
    reserve: /^\d+$/.test(text('reserve') ?? '') ? Number(text('reserve')) : 'auto',
  };
}

/** The catalog's entries of a change. */
export function policyEdits(changes: Partial<Policy>): CatalogEdit[] {
  return Object.entries(changes).map(([key, value]) => ({ type: 'policy', key, value: String(value) }));
}

/** @throws `usage` if a value is impossible */
export function checkPolicy(policy: Policy): void {
  const refuse = (message: string) => {
    throw new AnywhenError('usage', `policy: ${message}`);
  };
  if (policy.granularity !== 'all' && policy.granularity < 1_000_000n)
    refuse('a granularity is `all` or at least 1 ms');
  if (!(policy.highWater >= 1 && policy.highWater <= 95) && policy.highWater !== FULL)
    refuse('the high-water mark is from 1 to 95 percent');
  if (policy.syncInterval < 0n) refuse('an interval cannot be negative');
  checkTimes(policy.syncTimes);
  if (policy.flushInterval < SECOND / 10n) refuse('the flush interval is at least 100 ms');
  if (!Number.isSafeInteger(policy.flushBytes) || policy.flushBytes < 4096)
    refuse('the flush size is at least 4 KiB');
  parseRetention(policy.retention);
  if (policy.reserve !== 'auto' && !(policy.reserve <= MAX_RESERVE))
    refuse('the reserve is `auto`, or at most 1 TiB');
}
