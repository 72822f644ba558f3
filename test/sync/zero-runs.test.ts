import { beforeEach, expect, test } from 'vitest';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import { type SegmentExtent, SegmentKind } from '../../src/journal/segment-format.js';
import { readSegmentRows } from '../../src/journal/segment-rows.js';
import { diffPoints } from '../../src/volume/diff.js';
import type { Volume } from '../../src/volume/volume.js';
import { discard, firstDifference, Model, newStore, open, TestTime, write } from '../support/model.js';

const BLOCK = 4096;
const SIZE = 512 * BLOCK;

let time: TestTime;
let disk: MemoryExecutor;
let volume: Volume;
let model: Model;

beforeEach(async () => {
  time = new TestTime();
  disk = await newStore(SIZE, 4 * SIZE, 64 * BLOCK, time.wall());
  volume = await open(disk, { time });
  model = new Model(SIZE, time.wall());
  await volume.setPolicy({ granularity: 'all' });
});

/** Data with zeros from `from` to `to`. */
function holed(length: number, from: number, to: number): Buffer {
  return Buffer.alloc(length, 7).fill(0, from, to);
}

async function change(start: number, data: Buffer): Promise<void> {
  time.advance(1_000_000_000n);
  await write(volume, start, data);
  model.change(volume.engine.clock.last, (bytes) => void data.copy(bytes, start));
}

/** The extents of a segment: their blocks, and whether they have data. */
async function extents(segment: number): Promise<(readonly [number, number, string])[]> {
  const { executor, meta } = volume.engine;
  const found: (readonly [number, number, string])[] = [];
  const count = meta.catalog.segments.get(segment)?.descriptors ?? 0;
  for await (const { descriptor } of readSegmentRows(executor, segment, count, meta.seed)) {
    if (descriptor.kind === SegmentKind.marker) continue;
    const { kind, start, length } = descriptor as SegmentExtent;
    found.push([start / BLOCK, (start + length) / BLOCK, kind === SegmentKind.zero ? 'zeros' : 'data']);
  }
  return found;
}

test('a write with zeros in it is one change, and takes no space on the MIM where it is zeros', async () => {
  await change(0, Buffer.alloc(200 * BLOCK, 1));
  await volume.sync('test');
  expect(disk.files.get('mim')?.allocated).toBe(200 * BLOCK);
  await change(0, holed(200 * BLOCK, 10 * BLOCK, 150 * BLOCK));
  expect(volume.points({ all: true }).filter(({ place }) => place === 'near')).toHaveLength(2);
  const report = await volume.sync('test');
  expect(report).toMatchObject({ writes: 1, snapshots: 1, bytesSaved: 200 * BLOCK });
  expect(disk.files.get('mim')?.allocated).toBe(60 * BLOCK);
  expect(await firstDifference(volume, model)).toBeUndefined();
});

test('what the MIM and the journal held as zeros is saved without data, in the middle of data too', async () => {
  await change(0, holed(100 * BLOCK, 20 * BLOCK, 30 * BLOCK));
  await change(50 * BLOCK, holed(4 * BLOCK, BLOCK, 2 * BLOCK));
  await volume.sync('test');
  expect(await extents(1)).toEqual([
    [0, 100, 'zeros'],
    [50, 54, 'data'],
  ]);
  await change(BLOCK / 2, Buffer.alloc(98 * BLOCK, 3));
  await change(40 * BLOCK, Buffer.alloc(20 * BLOCK, 4));
  const report = await volume.sync('test');
  expect(await extents(2)).toEqual([
    [0.5, 20, 'data'],
    [20, 30, 'zeros'],
    [30, 51, 'data'],
    [51, 52, 'zeros'],
    // Saved in steps of 256 KiB.
    [52, 64, 'data'],
    [64, 98.5, 'data'],
    [40, 60, 'data'],
  ]);
  expect(report.bytesSaved).toBe((98 - 11 + 20) * BLOCK);
  expect(await firstDifference(volume, model)).toBeUndefined();
});

test('zeros of the MIM are not read to be saved', async () => {
  await change(300 * BLOCK, Buffer.alloc(BLOCK, 1));
  await volume.sync('test');
  // Whoever reads these blocks finds that they are not what their sums say.
  disk.files.get('mim')?.write(0, Buffer.alloc(300 * BLOCK, 9));
  await change(0, Buffer.alloc(256 * BLOCK, 2));
  time.advance(1_000_000_000n);
  await discard(volume, 200 * BLOCK, 312 * BLOCK);
  model.change(volume.engine.clock.last, (bytes) => void bytes.fill(0, 200 * BLOCK));
  const before = volume.now();
  const report = await volume.sync('test');
  expect(report.bytesSaved).toBe(57 * BLOCK);
  expect(await firstDifference(volume, model)).toBeUndefined();
  const ranges = [...(await diffPoints(volume, model.states[0]?.stamp ?? 0n, before)).ranges()];
  expect(ranges.map(({ start, length }) => [start, length])).toEqual([[0, SIZE]]);
});

test('a restore brings zeros back without data', async () => {
  await change(0, holed(100 * BLOCK, 20 * BLOCK, 30 * BLOCK));
  const at = volume.now();
  await change(0, Buffer.alloc(SIZE / 2, 3));
  const { done } = await volume.restore(at);
  model.change(done, () => Buffer.from(model.at(at)));
  expect(await extents(1)).toEqual([
    [0, 20, 'data'],
    [20, 30, 'zeros'],
    [30, 100, 'data'],
    [100, 256, 'zeros'],
  ]);
  expect(await firstDifference(volume, model)).toBeUndefined();
  await volume.sync('test');
  expect(await firstDifference(volume, model)).toBeUndefined();
});
