import { beforeEach, expect, it } from 'vitest';
import { FaultyExecutor } from '../../src/file/faulty-executor.js';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { checkStore } from '../../src/inspect/check.js';
import { Direction } from '../../src/journal/segment-format.js';
import { createOn, emptyOrigin } from '../../src/volume/create.js';
import type { Policy } from '../../src/volume/model.js';
import type { Volume } from '../../src/volume/volume.js';
import { open, readAll, TestTime, write } from '../support/model.js';

const KIB = 1024;
const SIZE = 512 * KIB;
let time: TestTime;
let disk: MemoryExecutor;
let volume: Volume;
let warnings: string[];

const events = { warning: (message: string) => void warnings.push(message) };

beforeEach(async () => {
  time = new TestTime();
  warnings = [];
  disk = new MemoryExecutor(new Map(), false, 2 ** 45);
  await createOn(disk, emptyOrigin(SIZE), { forwardBytes: 1024 * KIB, now: time.wall() });
  volume = await open(disk, { time, events });
  await volume.setPolicy({ granularity: 'all', highWater: 100 } satisfies Partial<Policy>);
});

/** Overwrites the whole volume with one byte, so that the state before costs all of it. */
async function fill(byte: number): Promise<void> {
  for (let at = 0; at < SIZE; at += 64 * KIB) {
    time.advance(1_000_000_000n);
    await write(volume, at, Buffer.alloc(64 * KIB, byte));
  }
}

/** Leaves so many bytes free. */
async function leave(bytes: number): Promise<void> {
  disk.capacity -= (await disk.space()).free - bytes;
}

const snapshots = () => volume.points().filter(({ place }) => place === 'snapshot');
const refused = (byte: number) => fill(byte).catch((error: unknown) => error);

/** What `check --data` finds that is more than an orphan. */
async function expectSound(): Promise<void> {
  for await (const finding of checkStore(disk.copy(true), { data: true })) expect(finding).toBeUndefined();
}

it('gives up overlays first, then the oldest history, and tells', async () => {
  await fill(1);
  await volume.sync('test');
  await fill(2);
  const scratch = await volume.openScratch(volume.now());
  await scratch.write(0, Buffer.alloc(SIZE, 9));
  await volume.sync('test');
  const before = snapshots();
  // As much as the overlay has is enough for the first one.
  await fill(3);
  await leave(200 * KIB);
  await volume.sync('test');
  expect(volume.space.givenUp).toEqual({ scratches: 1, snapshots: 0, marks: 0, views: 0 });
  await expect(scratch.read(0, Buffer.alloc(10))).rejects.toMatchObject({ code: 'io' });
  await expect(scratch.write(0, Buffer.alloc(10))).rejects.toMatchObject({ code: 'io' });
  await fill(4);
  await volume.sync('test');
  const { scratches, snapshots: gone, views } = volume.space.givenUp;
  expect({ scratches, views }).toEqual({ scratches: 1, views: 0 });
  expect(gone).toBeGreaterThan(0);
  const left = snapshots().map(({ at }) => at);
  expect(before.slice(0, gone).filter(({ at }) => left.includes(at))).toEqual([]);
  expect(warnings[0]).toMatch(/scratch overlay .* is given up/);
  expect(warnings.join()).toMatch(/snapshots up to .* went/);
  expect(volume.space.warnings().join()).toMatch(/1 scratch overlays, \d+ snapshots/);
  await expectSound();
});

it('gives up marks before open images, and never what is held', async () => {
  await fill(1);
  const held = await volume.mark('held', { hold: true });
  await fill(2);
  await volume.mark('plain');
  const view = await volume.openView(volume.now());
  const bytes = await readAll(view);
  await fill(3);
  await leave(1100 * KIB);
  await volume.sync('test');
  await fill(4);
  await volume.sync('test');
  expect(volume.marks().map(({ name }) => name)).toEqual(['held']);
  if (volume.space.givenUp.views === 0) expect((await readAll(view)).equals(bytes)).toBe(true);
  await leave(0);
  await fill(5);
  await expect(volume.sync('test')).rejects.toMatchObject({ code: 'no-space' });
  expect(volume.space.givenUp).toMatchObject({ marks: 1, views: 1 });
  await expect(readAll(view)).rejects.toMatchObject({ code: 'io' });
  expect(volume.exact(held.at)).toBe(true);
  const again = await volume.openView(held.at);
  expect((await readAll(again)).equals(Buffer.alloc(SIZE, 1))).toBe(true);
  again.close();
  view.close();
  await expectSound();
});

it('keeps open images with pins=hard: then writes fail, and go on when there is space', async () => {
  await volume.setPolicy({ pins: 'hard' });
  await fill(1);
  const view = await volume.openView(volume.now());
  await fill(2);
  await volume.sync('test');
  await leave(16 * KIB);
  await fill(3);
  // The journal is full now, and what was there before the image is gone.
  expect(await refused(4)).toMatchObject({ code: 'no-space' });
  expect((await readAll(view)).equals(Buffer.alloc(SIZE, 1))).toBe(true);
  expect(volume.failure).toBeUndefined();
  expect(volume.space.shortage).toMatchObject({ code: 'no-space' });
  await volume.flush();
  const live = await readAll(volume.live);
  // What was acknowledged is there after a crash.
  const after = await open(disk.copy(), { time });
  expect((await readAll(after.live)).equals(live)).toBe(true);
  view.close();
  await volume.sync('test');
  expect(volume.space.shortage).toBeUndefined();
  await fill(5);
  expect((await readAll(volume.live)).equals(Buffer.alloc(SIZE, 5))).toBe(true);
  await expectSound();
});

it('gives up the whole window at the last, and the volume is as it was written', async () => {
  await fill(1);
  await volume.sync('test');
  await fill(2);
  await leave(140 * KIB);
  await volume.sync('test');
  expect(snapshots()).toEqual([]);
  expect((await readAll(volume.live)).equals(Buffer.alloc(SIZE, 2))).toBe(true);
  await expectSound();
  await volume.close();
  const again = await open(disk.copy(), { time });
  expect((await readAll(again.live)).equals(Buffer.alloc(SIZE, 2))).toBe(true);
});

it.each([
  [/\d\.data$/, 'moved'],
  [/\d\.descriptors$/, 'moved'],
  [/\d\.move$/, 'refused'],
] as const)(
  'a disk that is full in the middle of a sync event, at %s, harms nothing',
  async (file, outcome) => {
    await fill(1);
    await volume.sync('test');
    await fill(2);
    const faulty = new FaultyExecutor(disk.copy(), [{ op: 'write', file, error: 'ENOSPC', times: 1e9 }]);
    const other = await open(faulty, { time, events });
    const result = await other.sync('test').catch((error: unknown) => error);
    expect(faulty.fired).toBeGreaterThan(0);
    // Without history the event needs no segment; without its record it cannot be.
    expect(result).toMatchObject(outcome === 'moved' ? { moved: true, snapshots: 0 } : { code: 'no-space' });
    expect(other.failure).toBeUndefined();
    expect((await readAll(other.live)).equals(Buffer.alloc(SIZE, 2))).toBe(true);
    for await (const finding of checkStore((faulty.below as MemoryExecutor).copy(true), { data: true }))
      expect(finding).toBeUndefined();
  },
);

it('a restore for which there is no space changes nothing, and leaves nothing', async () => {
  await volume.setPolicy({ pins: 'hard' });
  await fill(1);
  const at = volume.engine.clock.last;
  await fill(2);
  const view = await volume.openView(at);
  await volume.sync('test');
  await leave(100 * KIB);
  await expect(volume.restore(at)).rejects.toMatchObject({ code: 'no-space' });
  await expectSound();
  expect((await readAll(volume.live)).equals(Buffer.alloc(SIZE, 2))).toBe(true);
  await leave(2048 * KIB);
  await volume.restore(at);
  expect((await readAll(volume.live)).equals(Buffer.alloc(SIZE, 1))).toBe(true);
  view.close();
});

it('a store without a reserve gets one at the next opening for writing', async () => {
  await volume.close();
  disk.runNow([{ op: 'unlink', file: 'reserve' }]);
  const looked = await open(disk.copy(true), { time, readOnly: true });
  expect(looked.space.reserve.held).toBe(0);
  await expectSound();
  const again = await open(disk, { time });
  expect(again.space.reserve).toEqual({ size: 64 * KIB, held: 64 * KIB });
  await again.setPolicy({ reserve: 128 * KIB });
  expect(disk.files.get('reserve')?.size).toBe(128 * KIB);
  await again.setPolicy({ reserve: 0 });
  expect(disk.files.get('reserve')?.size).toBe(0);
});

it('a flush succeeds though there is no space for its indicator', async () => {
  await volume.setPolicy({ pins: 'hard' });
  const view = await volume.openView(volume.now());
  await fill(1);
  await leave(0);
  const { descriptors } = volume.engine.scan;
  let error: unknown;
  while (error === undefined && descriptors.used < descriptors.length + 1)
    error = await new Promise((done) => volume.discard(0, 1, done));
  expect(error).toMatchObject({ code: 'no-space' });
  await volume.flush();
  expect(volume.journal?.durable).toBe(volume.engine.index.next - 1);
  view.close();
});

it('opens on a full disk though an interrupted restore left a segment to drop', async () => {
  await fill(1);
  const { meta } = volume.engine;
  const segment = meta.catalog.nextSegment();
  const left = { segment, direction: Direction.redo, descriptors: 1, dataLength: 0 };
  await meta.commit([{ type: 'segment', ...left }]);
  await volume.close();
  disk.runNow([{ op: 'truncate', file: 'reserve', size: 0 }]);
  await leave(0);
  const again = await open(disk, { time, events });
  expect((await readAll(again.live)).equals(Buffer.alloc(SIZE, 1))).toBe(true);
  await again.close();
  await leave(64 * KIB);
  const later = await open(disk, { time, events });
  expect(later.engine.meta.catalog.segments.has(segment)).toBe(false);
});
