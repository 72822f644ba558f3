import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextTime, normalTimes } from '../../src/base/cron.js';

const BERLIN = 'Europe/Berlin';

/** The instants of these times of day in `[from, to)`, found one after the other. */
function all(times: string, from: string, to: string): string[] {
  const found: string[] = [];
  for (let at = nextTime(times, Date.parse(from) - 1, BERLIN); at !== undefined && at < Date.parse(to); ) {
    found.push(new Date(at).toISOString().slice(5, 16));
    at = nextTime(times, at, BERLIN);
  }
  return found;
}

describe('times of day', () => {
  it('come once on the day on which the clocks skip them, when the gap ends', () => {
    expect(all('30 2 * * *', '2026-03-28T12:00Z', '2026-03-30T12:00Z')).toEqual([
      '03-29T01:00',
      '03-30T00:30',
    ]);
    expect(all('0,30 2 * * *', '2026-03-29T00:00Z', '2026-03-29T12:00Z')).toEqual(['03-29T01:00']);
  });

  it('come once on the day on which the clocks show them twice', () => {
    expect(all('30 2 * * *', '2026-10-24T12:00Z', '2026-10-26T12:00Z')).toEqual([
      '10-25T00:30',
      '10-26T01:30',
    ]);
  });

  it('that are written as a step follow the time that passes', () => {
    const hours = all('0 * * * *', '2026-10-25T00:00Z', '2026-10-25T04:00Z');
    expect(hours).toEqual(['10-25T00:00', '10-25T01:00', '10-25T02:00', '10-25T03:00']);
    expect(all('0 * * * *', '2026-03-29T00:00Z', '2026-03-29T03:00Z')).toHaveLength(3);
  });

  it('of several lines are taken in order, and equal ones as one', () => {
    const times = normalTimes('0 3 * * *; 0 1 * * *;0 3 * * 6');
    const day = all(times, '2026-11-20T23:00Z', '2026-11-21T23:00Z');
    expect(day).toEqual(['11-21T00:00', '11-21T02:00']);
  });

  it('come on every day of a year exactly once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }), (hour, minute) => {
        const days = all(`${minute} ${hour} * * *`, '2026-01-01T00:00+01:00', '2027-01-01T00:00+01:00');
        expect(days).toHaveLength(365);
      }),
      { numRuns: 10 },
    );
  });
});
