import { expect, test } from 'vitest';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import { checkStore } from '../../src/inspect/check.js';
import { volumeStatus } from '../../src/volume/status.js';
import type { Volume } from '../../src/volume/volume.js';
import { discard, newStore, open, TestTime, write } from '../support/model.js';

const BLOCK = 4096;
const SIZE = 256 * BLOCK;

async function store(): Promise<{ disk: MemoryExecutor; time: TestTime; volume: Volume }> {
  const time = new TestTime();
  const disk = await newStore(SIZE, 4 * SIZE, 64 * BLOCK, time.wall());
  const volume = await open(disk, { time });
  await volume.setPolicy({ granularity: 'all' });
  return { disk, time, volume };
}

async function told(volume: Volume): Promise<{ near: number; bytes: number; zeros: number }> {
  const { forward, backward } = await volumeStatus(volume);
  return { near: forward.zeros, bytes: backward.bytes, zeros: backward.zeros };
}

test('status tells what history holds, and what needs no data, also when the store is opened again', async () => {
  const { disk, time, volume } = await store();
  await write(volume, 0, Buffer.alloc(8 * BLOCK, 1));
  await discard(volume, 100, 3 * BLOCK);
  await write(volume, 64 * BLOCK, Buffer.alloc(2 * BLOCK));
  expect(await told(volume)).toEqual({ near: 5 * BLOCK, bytes: 0, zeros: 0 });
  await volume.sync('test');
  // Before the first write and the third nothing was there; the discard took data.
  const expected = { near: 0, bytes: 3 * BLOCK, zeros: 10 * BLOCK };
  expect(await told(volume)).toEqual(expected);
  await discard(volume, 200 * BLOCK, BLOCK);
  expect(await told(volume)).toEqual({ ...expected, near: BLOCK });
  await volume.close();
  const again = await open(disk, { time });
  expect(await told(again)).toEqual({ ...expected, near: BLOCK });
});

test('what thinning dropped is not counted any more', async () => {
  const { disk, time, volume } = await store();
  for (let round = 0; round < 6; round++) {
    time.advance(1_000_000_000n);
    await write(volume, 0, Buffer.alloc(4 * BLOCK, round + 1));
    await write(volume, 10 * BLOCK, Buffer.alloc(1000, round + 1));
    if (round % 2 === 1) await volume.sync('test');
  }
  const before = await told(volume);
  expect(before).toEqual({ near: 0, bytes: 5 * (4 * BLOCK + 1000), zeros: 4 * BLOCK + 1000 });
  const snapshots = volume.points().filter(({ place }) => place === 'snapshot');
  const sequences = new Set(snapshots.slice(2, 9).map(({ sequence }) => sequence));
  const { bytesFreed } = await volume.thin({ sequences });
  expect(bytesFreed).toBeGreaterThan(8 * BLOCK);
  expect(await told(volume)).toEqual({ ...before, bytes: before.bytes - bytesFreed });
  for await (const finding of checkStore(disk.copy(true), { data: true })) expect(finding).toBeUndefined();
  await volume.thin({ before: volume.now() });
  expect(await told(volume)).toEqual({ near: 0, bytes: 0, zeros: 0 });
});

test('check finds a catalog that counts wrong', async () => {
  const { disk, volume } = await store();
  await write(volume, 0, Buffer.alloc(BLOCK, 1));
  await volume.sync('test');
  const { meta } = volume.engine;
  const [snapshot] = meta.catalog.snapshots;
  if (snapshot === undefined) throw new Error('there is a snapshot');
  for (const wrong of [{ bytes: snapshot.bytes + 1 }, { stored: snapshot.stored + 512 }]) {
    await meta.commit([{ ...snapshot, ...wrong }]);
    const messages: string[] = [];
    for await (const { file, message } of checkStore(disk.copy(true), { data: false })) {
      expect(file).toBe('catalog');
      messages.push(message);
    }
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatch(/^snapshot \d+: its list should have/);
  }
});
