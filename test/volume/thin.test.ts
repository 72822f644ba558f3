import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkStore } from '../../src/inspect/check.js';
import { createStore, openStore } from '../../src/volume/store-folder.js';
import type { Volume } from '../../src/volume/volume.js';
import { newStore, open, readAll, TestTime, write } from '../support/model.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';

const MIB = 1024 * 1024;
const BLOCK = 4096;

let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => removeFolder(folder));

/** Bytes that the backward journal has on the disk. */
function used(store: string): number {
  const backward = join(store, 'backward');
  return readdirSync(backward).reduce((sum, name) => sum + statSync(join(backward, name)).blocks * 512, 0);
}

/** Every snapshot has its own half of the blocks anew. */
async function grow(volume: Volume, rounds: number, time: TestTime): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    time.advance(1_000_000_000n);
    await write(volume, 0, Buffer.alloc(MIB, round + 1));
    time.advance(1_000_000_000n);
    for (let at = 0; at < 64; at++)
      await write(volume, 2 * MIB + at * 2 * BLOCK, Buffer.alloc(BLOCK, round + 1));
    await volume.sync('test');
  }
}

const snapshotsOf = (volume: Volume) => volume.points().filter(({ place }) => place === 'snapshot');

test('the space of what goes comes back to the filesystem, and what stays is as it was', async () => {
  const store = join(folder, 'store');
  await createStore(store, { size: 4 * MIB }, { forwardBytes: 16 * MIB });
  const time = new TestTime();
  const opened = await openStore(store, { time });
  const { volume } = opened;
  await volume.setPolicy({ granularity: 'all', highWater: 95 });
  await grow(volume, 6, time);
  const all = snapshotsOf(volume);
  const kept = all.filter((_, at) => at % 150 === 0);
  const bytes = new Map<bigint, Buffer>();
  for (const { at } of kept) {
    const view = await volume.openView(at);
    bytes.set(at, await readAll(view));
    view.close();
  }
  const before = used(store);
  const choice = { sequences: new Set(all.filter((one) => !kept.includes(one)).map((one) => one.sequence)) };
  const told = await volume.thin(choice, true);
  expect(used(store)).toBe(before);
  expect(snapshotsOf(volume)).toEqual(all);
  const report = await volume.thin(choice);
  expect({ ...report, dryRun: true, milliseconds: 0 }).toEqual({ ...told, milliseconds: 0 });
  expect(snapshotsOf(volume)).toEqual(kept);
  // Of what is overwritten twice between two of those that stay, the older bytes are needed only.
  expect(report.bytesFreed).toBeGreaterThan(0);
  expect(before - used(store)).toBeGreaterThan(report.bytesFreed / 2);
  for (const [at, expected] of bytes) {
    const view = await volume.openView(at);
    expect((await readAll(view)).equals(expected)).toBe(true);
    view.close();
  }
  await volume.thin({ before: volume.now() });
  expect(snapshotsOf(volume)).toEqual([]);
  expect(used(store)).toBe(0);
  expect(readdirSync(join(store, 'backward'))).toEqual([]);
  await opened.close();
});

test('a view that is open and a mark keep their snapshots', async () => {
  const time = new TestTime();
  const disk = await newStore(4 * MIB, 16 * MIB, 256 * BLOCK, time.wall());
  const volume = await open(disk, { time });
  await write(volume, 0, Buffer.alloc(BLOCK, 1));
  time.advance(1_000_000_000n);
  const mark = await volume.mark('kept');
  await grow(volume, 3, time);
  const [first] = snapshotsOf(volume);
  const view = await volume.openView(first?.at ?? 0n);
  const bytes = await readAll(view);
  const report = await volume.thin({ before: volume.now() });
  expect(report).toMatchObject({ marked: 1, pinned: 1, kept: 2 });
  expect(snapshotsOf(volume).map(({ at }) => at)).toEqual([first?.at, mark.at]);
  expect((await readAll(view)).equals(bytes)).toBe(true);
  view.close();
  const named = new Set(snapshotsOf(volume).map(({ sequence }) => sequence));
  expect(await volume.thin({ sequences: named })).toMatchObject({ kept: 0 });
  expect(volume.marks()).toEqual([]);
  for await (const finding of checkStore(disk.copy(true), { data: true })) expect(finding).toBeUndefined();
});

test('after a sync event the retention of the policy is applied', async () => {
  const time = new TestTime();
  const disk = await newStore(4 * MIB, 16 * MIB, 256 * BLOCK, time.wall());
  const volume = await open(disk, { time });
  await volume.setPolicy({ granularity: 'all', retention: 'all:3s,10s:1h' });
  await grow(volume, 20, time);
  await volume.thin({ sequences: new Set() });
  const now = volume.now();
  const old = snapshotsOf(volume).filter(({ to }) => to !== undefined && to <= now - 3_000_000_000n);
  const shown = (at: bigint) => snapshotsOf(volume).findLast(({ from }) => from <= at)?.sequence;
  const grid = new Set<number | undefined>();
  for (let at = 1_700_000_000_000_000_000n; at < now; at += 10_000_000_000n) grid.add(shown(at));
  expect(old.length).toBeGreaterThan(2);
  for (const { sequence } of old) expect(grid).toContain(sequence);
});
