import { expect, it } from 'vitest';
import { policyRows } from '../../src/cli/policy-rows.js';
import { DEFAULT_POLICY } from '../../src/volume/policy.js';

const alone = { interval: undefined, time: undefined, zone: undefined, journalUsed: 12.5 };

it('tells in words what starts sync events, and when the next one is', () => {
  const policy = { ...DEFAULT_POLICY, syncTimes: '0 3 * * *;@weekly' };
  const next = { ...alone, interval: 3_600_000_000_000n, time: 7_200_000_000_000n, zone: 'Europe/Berlin' };
  const rows = new Map(policyRows(policy, next).map(([key, text]) => [key, text]));
  expect(rows.get('high-water')).toBe(
    'a sync event when the forward journal is 70 % full; now it is 12.5 % full',
  );
  expect(rows.get('sync-interval')).toBe('a sync event each 1.00 h; next at 1970-01-01T01:00:00Z');
  expect(rows.get('sync-times')).toBe(
    'a sync event at 0 3 * * *; @weekly in Europe/Berlin; next at 1970-01-01T02:00:00Z',
  );
});

it('tells what is switched off, and promises nothing where no daemon runs', () => {
  const off = { ...DEFAULT_POLICY, highWater: 100, syncInterval: 0n };
  const text = JSON.stringify([policyRows(off, alone), policyRows(DEFAULT_POLICY, alone)]);
  expect(text).toContain('never: a sync event when the forward journal is full');
  expect(text).not.toContain('next at');
});
