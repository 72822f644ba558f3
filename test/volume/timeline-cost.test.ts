import { describe, expect, it, vi } from 'vitest';
import { newStore, open, TestTime, write } from '../support/model.js';

const SECOND = 1_000_000_000n;

/** So many states with a mark each, of which a sync event moved the older half; then so many flushes of one state. */
async function markedVolume(states: number) {
  const time = new TestTime();
  const disk = await newStore(8192, 4 * 2 ** 20, 2 ** 20, time.wall());
  const volume = await open(disk, { time });
  await volume.setPolicy({ granularity: 'all' });
  for (let at = 0; at < states; at++) {
    time.advance(SECOND);
    await write(volume, 0, Buffer.alloc(4096, 1 + (at % 255)));
    await volume.mark(`mark-${at}`);
    if (at === states / 2) await volume.sync('test');
  }
  for (let at = 0; at < states; at++) {
    time.advance(SECOND);
    await volume.flush();
  }
  return volume;
}

/** How often `points` looks at a descriptor, and asks for the marks. */
async function cost(states: number): Promise<{ looks: number; marks: number }> {
  const volume = await markedVolume(states);
  const { index } = volume.engine;
  const spies = [vi.spyOn(index, 'changes'), vi.spyOn(index, 'kind')];
  const marks = vi.spyOn(volume, 'marks');
  volume.points({ all: true });
  return {
    looks: spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0),
    marks: marks.mock.calls.length,
  };
}

describe('the list of points', () => {
  it('has on each point just the marks of its interval', async () => {
    const volume = await markedVolume(40);
    const points = volume.points();
    expect(points.some(({ place }) => place === 'snapshot')).toBe(true);
    for (const { from, to, marks } of points) {
      const within = volume.marks().filter(({ at }) => at >= from && (to === undefined || at < to));
      expect(marks).toEqual(within.map(({ name }) => name));
    }
    expect(points.flatMap(({ marks }) => marks)).toHaveLength(40);
  });

  it('costs in proportion to what is there', async () => {
    const [small, large] = [await cost(40), await cost(160)];
    expect(large.looks / small.looks).toBeLessThan(5);
    expect([small.marks, large.marks]).toEqual([1, 1]);
  });
});
