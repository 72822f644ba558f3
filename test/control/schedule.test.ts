import { describe, expect, it } from 'vitest';
import { Schedule } from '../../src/control/schedule.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Clocks that the test moves: as time passes, and the wall alone. */
function clocks(wall: string) {
  const now = { monotonic: 5000, wall: Date.parse(wall) };
  return {
    zone: 'Europe/Berlin',
    monotonic: () => now.monotonic,
    wall: () => now.wall,
    pass: (milliseconds: number) => {
      now.monotonic += milliseconds;
      now.wall += milliseconds;
    },
    set: (milliseconds: number) => {
      now.wall += milliseconds;
    },
  };
}

const hourly = { syncInterval: 3_600_000_000_000n, syncTimes: 'never' };
const nightly = { syncInterval: 0n, syncTimes: '0 3 * * *' };
const neither = { syncInterval: 0n, syncTimes: 'never' };

describe('the schedule of sync events', () => {
  it('is due when the interval has passed since the last sync event, by whatever trigger', () => {
    const time = clocks('2026-11-20T12:00Z');
    const schedule = new Schedule(hourly, time);
    time.pass(HOUR - 1);
    expect(schedule.due(hourly)).toBeUndefined();
    schedule.synced();
    time.pass(HOUR - 1);
    expect([schedule.due(hourly), schedule.untilInterval(hourly)]).toEqual([undefined, 1]);
    time.pass(1);
    expect([schedule.due(hourly), schedule.due(hourly)]).toEqual(['interval', undefined]);
    expect(schedule.untilInterval(hourly)).toBe(HOUR);
  });

  it('keeps intervals although the wall clock jumps', () => {
    const time = clocks('2026-11-20T12:00Z');
    const schedule = new Schedule(hourly, time);
    time.set(24 * HOUR);
    expect(schedule.due(hourly)).toBeUndefined();
    time.set(-48 * HOUR);
    time.pass(HOUR);
    expect(schedule.due(hourly)).toBe('interval');
  });

  it('is due at a time of day once, in the zone of the daemon', () => {
    const time = clocks('2026-11-20T12:00Z');
    const schedule = new Schedule(nightly, time);
    expect(schedule.nextTime(nightly)).toBe(Date.parse('2026-11-21T02:00Z'));
    time.pass(14 * HOUR - 1);
    expect(schedule.due(nightly)).toBeUndefined();
    time.pass(1);
    expect([schedule.due(nightly), schedule.due(nightly)]).toEqual(['time', undefined]);
    expect(schedule.nextTime(nightly)).toBe(Date.parse('2026-11-22T02:00Z'));
  });

  it('takes a time of day that a jump of the clock passed over once, and none twice after a small step back', () => {
    const time = clocks('2026-11-20T12:00Z');
    const schedule = new Schedule(nightly, time);
    time.set(3 * 24 * HOUR);
    expect([schedule.due(nightly), schedule.due(nightly)]).toEqual(['time', undefined]);
    time.pass(14 * HOUR);
    expect(schedule.due(nightly)).toBe('time');
    time.set(-2 * MINUTE);
    time.pass(3 * MINUTE);
    expect(schedule.due(nightly)).toBeUndefined();
  });

  it('plans anew when the clock was far ahead and is set right', () => {
    const time = clocks('2030-01-01T12:00Z');
    const schedule = new Schedule(nightly, time);
    time.set(Date.parse('2026-11-20T12:00Z') - time.wall());
    expect(schedule.due(nightly)).toBeUndefined();
    expect(schedule.nextTime(nightly)).toBe(Date.parse('2026-11-21T02:00Z'));
  });

  it('follows a change of the policy without making up for what passed', () => {
    const time = clocks('2026-11-20T12:00Z');
    const schedule = new Schedule(neither, time);
    time.pass(48 * HOUR);
    expect([schedule.due(neither), schedule.due(nightly)]).toEqual([undefined, undefined]);
    expect(schedule.nextTime(nightly)).toBe(Date.parse('2026-11-23T02:00Z'));
    expect([schedule.nextTime(neither), schedule.untilInterval(neither)]).toEqual([undefined, undefined]);
  });
});
