import { describe, expect, test } from 'vitest';
import { NearCheckpoints } from '../../src/sync/near-checkpoints.js';
import { converted, newMap } from '../../src/vrmo/convert.js';
import { Vbmm } from '../../src/vrmo/vbmm.js';
import { FORWARD } from '../../src/vrmo/vrmo.js';
import { Model, newStore, open, reads, TestTime, write } from '../support/model.js';

/** Offers the states of `writes` scattered writes, one a sequence. */
function fill(checkpoints: NearCheckpoints, writes: number): Vbmm {
  const map = new Vbmm();
  for (let sequence = 1; sequence <= writes; sequence++) {
    const start = ((sequence * 7919) % 100_003) * 8192;
    map.replace(start, start + 4096, FORWARD, sequence);
    checkpoints.offer(sequence, map);
  }
  return map;
}

describe('checkpoints of the near map', () => {
  test('are found by the newest state at or before, each as it was', () => {
    const checkpoints = new NearCheckpoints({ every: 100, bytes: 1e9 });
    fill(checkpoints, 1050);
    expect(checkpoints.count).toBe(10);
    expect(checkpoints.newestUpTo(99)).toBeUndefined();
    expect(checkpoints.newestUpTo(100)?.sequence).toBe(100);
    expect(checkpoints.newestUpTo(799)?.sequence).toBe(700);
    for (let at = 100; at <= 1000; at += 100) {
      expect(checkpoints.newestUpTo(at)?.map.extents).toBe(at);
      checkpoints.newestUpTo(at)?.map.verify();
    }
  });

  test('may be offered in any order, and again', () => {
    const checkpoints = new NearCheckpoints({ every: 10, bytes: 1e9 });
    for (const sequence of [30, 10, 40, 20, 30]) checkpoints.offer(sequence, new Vbmm());
    expect(checkpoints.count).toBe(4);
    expect(checkpoints.newestUpTo(35)?.sequence).toBe(30);
  });

  test('are thinned evenly when they take too much memory', () => {
    const limit = 4 * 1024 * 1024;
    const checkpoints = new NearCheckpoints({ every: 100, bytes: limit });
    fill(checkpoints, 20_000);
    expect(checkpoints.bytes).toBeLessThanOrEqual(limit);
    expect(checkpoints.count).toBeGreaterThan(2);
    expect(checkpoints.newestUpTo(20_000)?.sequence).toBeGreaterThan(13_000);
  });

  test('share what did not change between them', () => {
    const checkpoints = new NearCheckpoints({ every: 10, bytes: 1e9 });
    const map = fill(checkpoints, 20_000);
    checkpoints.drop();
    for (let sequence = 20_010; sequence <= 21_000; sequence += 10) checkpoints.offer(sequence, map);
    expect(checkpoints.count).toBe(100);
    expect(checkpoints.bytes).toBe(map.bytes);
  });
});

test('what came in during a sync event has its checkpoints again when it is over', async () => {
  const time = new TestTime();
  const size = 4 * 1024 * 1024;
  const disk = await newStore(size, 1024 * 1024, 2000 * 128, time.wall());
  const every = 16;
  const volume = await open(disk, { time, checkpoints: { every, bytes: 1e9 } });
  const model = new Model(size, time.wall());
  const scatter = async (count: number, byte: number) => {
    for (let at = 0; at < count; at++) {
      time.advance(1_000_000n);
      const [start, data] = [((at * 7919) % 1000) * 4096, Buffer.alloc(512, byte)];
      await write(volume, start, data);
      model.change(volume.engine.clock.last, (bytes) => void data.copy(bytes, start));
    }
  };
  await scatter(300, 1);
  const { checkpoints, index } = volume.engine;
  const end = index.next;
  const event = volume.sync('test');
  await scatter(500, 2);
  await event;
  while (volume.engine.checkpoints.count * every < index.count - every) {
    await new Promise((resolve) => setImmediate(resolve));
  }

  expect(index.first).toBeGreaterThanOrEqual(end);
  expect(index.count).toBeGreaterThan(100);
  for (let at = index.first + every; at < index.next; at++) {
    const nearest = checkpoints.newestUpTo(at)?.sequence ?? 0;
    expect(at - nearest).toBeLessThan(every);
  }
  for (let at = index.first; at < index.next; at += 37) {
    if (!index.changes(at)) continue;
    const view = await volume.openView(index.stamp(at));
    expect(await reads(view, model.at(index.stamp(at)))).toBe(true);
    view.close();
  }
});

describe('the form of a map', () => {
  test('is a VBMJ when more nodes than the limit are on the MIM, and a VBMM again far below it', () => {
    const forms = { nodes: 100 };
    let map = newMap(forms);
    const seen: string[] = [];
    const note = () => {
      map = converted(map, forms);
      map.verify();
      if (seen.at(-1) !== `${map.form} ${map.extents}`) seen.push(`${map.form} ${map.extents}`);
    };
    for (let at = 0; at < 150; at++) {
      map.replace(at * 10 + 5, at * 10 + 10, FORWARD, at);
      note();
    }
    expect(seen[98]).toBe('vbmm 99');
    expect(seen[99]).toBe('vbmj 100');
    for (let at = 0; at < 140; at++) {
      map.settle(at * 10, at * 10 + 10, () => true);
      note();
    }
    expect(seen).toContain('vbmj 25');
    expect(seen).toContain('vbmm 24');
  });

  test('stays a VBMM where the journal holds all in one piece, however many extents', () => {
    const forms = { nodes: 10 };
    const map = newMap(forms);
    for (let at = 0; at < 1000; at++) map.replace(at * 10, at * 10 + 10, FORWARD, at);
    expect(converted(map, forms)).toBe(map);
  });
});
