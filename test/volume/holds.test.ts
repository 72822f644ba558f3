import { beforeEach, expect, it } from 'vitest';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import type { Volume } from '../../src/volume/volume.js';
import { newStore, open, TestTime, write } from '../support/model.js';

const SECOND = 1_000_000_000n;
let time: TestTime;
let disk: MemoryExecutor;
let volume: Volume;

beforeEach(async () => {
  time = new TestTime();
  disk = await newStore(40_000, 1024 * 1024, 64 * 4096, time.wall());
  volume = await open(disk, { time });
});

async function markAfterWrite(name: string, byte: number): Promise<void> {
  time.advance(SECOND);
  await write(volume, 0, Buffer.alloc(100, byte));
  await volume.mark(name);
}

const held = () => volume.marks().flatMap(({ name, hold }) => (hold ? [name] : []));

it('has an owner and an end, near and in the catalog, after another opening and a compaction', async () => {
  await markAfterWrite('one', 1);
  const until = volume.now() + 100n * SECOND;
  const mark = await volume.holdMark('one', { owner: 'anna', until });
  expect(mark).toMatchObject({ name: 'one', hold: true, owner: 'anna', until });
  for (const change of [
    async () => volume,
    async () => open(disk.copy(), { time }),
    async () => {
      await write(volume, 0, Buffer.alloc(10, 7));
      await volume.sync('test');
      return volume;
    },
    async () => open(disk.copy(), { time }),
    async () => {
      for (let at = 0; at < 9; at++) await volume.setPolicy({ flushBytes: 8192 + at });
      expect(await volume.engine.meta.shorten()).toBe(true);
      return open(disk.copy(), { time });
    },
  ]) {
    const now = await change();
    expect(now.marks()).toMatchObject([{ name: 'one', hold: true, owner: 'anna', until }]);
    expect(now.points().flatMap((point) => point.held)).toEqual(['one']);
  }
});

it('ends by itself: then it is a mark as others are', async () => {
  await markAfterWrite('short', 1);
  await volume.holdMark('short', { until: volume.now() + 10n * SECOND });
  expect(held()).toEqual(['short']);
  await expect(volume.deleteMark('short')).rejects.toMatchObject({ code: 'denied' });
  time.advance(11n * SECOND);
  expect(held()).toEqual([]);
  await volume.deleteMark('short');
  expect(volume.marks()).toEqual([]);
  await expect(volume.holdMark('short')).rejects.toMatchObject({ code: 'not-found' });
});

it('can be changed and released; the mark stays', async () => {
  await volume.mark('one', { hold: true });
  expect(held()).toEqual(['one']);
  await expect(volume.holdMark('one', { until: volume.now() })).rejects.toMatchObject({ code: 'usage' });
  await volume.holdMark('one', { owner: 'anna', until: volume.now() + SECOND });
  await volume.holdMark('one', { owner: 'bert' });
  expect(volume.marks()).toMatchObject([{ hold: true, owner: 'bert', until: undefined }]);
  await volume.holdMark('one', 'release');
  expect(volume.marks()).toMatchObject([{ name: 'one', hold: false }]);
  const again = await open(disk.copy(), { time });
  expect(again.marks()).toMatchObject([{ name: 'one', hold: false }]);
});

it('keeps a snapshot that is to be thinned by name, which a mark alone does not', async () => {
  await markAfterWrite('plain', 1);
  await markAfterWrite('kept', 2);
  await volume.holdMark('kept');
  await markAfterWrite('last', 3);
  await volume.sync('test');
  const sequences = new Set(volume.points().map(({ sequence }) => sequence));
  await volume.thin({ sequences });
  expect(volume.marks().map(({ name }) => name)).toEqual(['kept', 'last']);
  await volume.holdMark('kept', 'release');
  await volume.thin({ sequences });
  expect(volume.marks().map(({ name }) => name)).toEqual(['last']);
});
