import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Pacer } from '../../src/base/pacer.js';
import { Traffic } from '../../src/base/traffic.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Whether a rest lasts longer than a turn of the event loop. */
async function sleeps(pacer: Pacer): Promise<boolean> {
  let over = false;
  const rest = pacer.rest().then(() => {
    over = true;
  });
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  const asleep = !over;
  await vi.runAllTimersAsync();
  await rest;
  return asleep;
}

test('a rest is a turn of the event loop, and a sleep when requests came in since the last one', async () => {
  const traffic = new Traffic();
  const pacer = new Pacer(1, traffic);
  expect(await sleeps(pacer)).toBe(false);
  traffic.requests += 1;
  expect(await sleeps(pacer)).toBe(true);
  expect(await sleeps(pacer)).toBe(false);
});

test('work that is pressing does not sleep, nor does that which knows of no traffic', async () => {
  let full = true;
  const traffic = new Traffic(() => full);
  const pacer = new Pacer(1, traffic);
  traffic.requests += 1;
  expect(await sleeps(pacer)).toBe(false);
  full = false;
  traffic.requests += 1;
  expect(await sleeps(pacer)).toBe(true);
  traffic.waiting = true;
  traffic.requests += 1;
  expect(await sleeps(pacer)).toBe(false);
  expect(await sleeps(new Pacer())).toBe(false);
});

test('a stretch is over after a quarter of a millisecond', () => {
  const pacer = new Pacer(1);
  const started = performance.now();
  while (!pacer.due());
  expect(performance.now() - started).toBeGreaterThanOrEqual(0.2);
});
