import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../src/base/log.js';
import { operations } from '../../src/control/operations.js';
import { startTimers, syncOnSignal, TICK, type Timers } from '../../src/control/timers.js';
import { type Past, pastVolume } from '../namespace/past.js';
import { write } from '../support/model.js';

const HOUR = 3_600_000;

describe('what the daemon does by itself', () => {
  let past: Past;
  let timers: Timers;
  let now: number;

  beforeEach(async () => {
    past = await pastVolume();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    now = Date.parse('2026-11-20T12:00Z');
    const clocks = { monotonic: () => now, wall: () => now, zone: 'UTC' };
    timers = startTimers(past.volume, silentLogger, clocks);
  });
  afterEach(async () => {
    timers.stop();
    vi.useRealTimers();
    await past.volume.close();
  });

  /** Lets the daemon look, so much later, and ends what it began. */
  async function later(milliseconds: number): Promise<string | undefined> {
    now += milliseconds;
    const before = past.volume.syncs.count;
    vi.advanceTimersByTime(TICK);
    for (let at = 0; at < 20; at++) await new Promise((done) => setImmediate(done));
    const { count, last } = past.volume.syncs;
    return count === before ? undefined : last?.trigger;
  }

  it('is a sync event after the interval and at a time of day, if something was written', async () => {
    await past.volume.setPolicy({ syncTimes: '30 14 * * *' });
    expect([await later(HOUR - 1), await later(1)]).toEqual([undefined, 'interval']);
    await write(past.volume, 0, Buffer.alloc(4096, 9));
    expect([await later(HOUR - 1), await later(1)]).toEqual([undefined, 'interval']);
    // Nothing was written since.
    expect(await later(30 * 60_000)).toBeUndefined();
    await write(past.volume, 0, Buffer.alloc(4096, 10));
    expect(await later(24 * HOUR)).toBe('time');
  });

  it('is nothing by time when the policy has both switched off', async () => {
    await past.volume.setPolicy({ syncInterval: 0n });
    expect(await later(1000 * HOUR)).toBeUndefined();
  });

  it('is told by the policy, with what will start the next sync event', async () => {
    const { volume } = past;
    const host = { volume, folder: '/s', mountPoint: '/m', stop: async () => undefined };
    const set = ['sync-times=0 3 * * *'];
    const { next } = await operations.policy({ ...host, schedule: timers.schedule }, { set }, {});
    expect(next.time).toBe(BigInt(Date.parse('2026-11-21T03:00Z')) * 1_000_000n);
    expect(next.zone).toBe('UTC');
    const left = (next.interval ?? 0n) - volume.now();
    expect(left > 3_590_000_000_000n && left <= 3_600_000_000_000n).toBe(true);
    expect(next.journalUsed).toBeGreaterThan(0);
    const alone = await operations.policy(host, { set: [] }, {});
    expect(alone.next).toMatchObject({ interval: undefined, time: undefined, zone: undefined });
  });

  it('is a sync event at SIGUSR1, unless the policy says no', async () => {
    const { volume } = past;
    await volume.setPolicy({ syncOnSignal: false });
    syncOnSignal(volume, silentLogger);
    expect(await later(0)).toBeUndefined();
    await volume.setPolicy({ syncOnSignal: true });
    syncOnSignal(volume, silentLogger);
    expect(await later(0)).toBe('signal');
  });
});
