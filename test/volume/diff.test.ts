import { beforeEach, expect, test } from 'vitest';
import type { Executor, Plan } from '../../src/file/executor.js';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import { diffPoints } from '../../src/volume/diff.js';
import type { Volume } from '../../src/volume/volume.js';
import { discard, newStore, open, TestTime, write } from '../support/model.js';

/** Notes which files are read. */
class Watched implements Executor {
  readonly readOnly = false;
  readonly read = new Set<string>();
  constructor(readonly below: MemoryExecutor) {}
  async run(plan: Plan): Promise<void> {
    for (const step of plan) if (step.op === 'read') this.read.add(step.file);
    await this.below.run(plan);
  }
  runNow(plan: Plan): boolean {
    for (const step of plan) if (step.op === 'read') this.read.add(step.file);
    return this.below.runNow(plan);
  }
  descriptor = () => undefined;
  size = (file: string) => this.below.size(file);
  list = (folder: string) => this.below.list(folder);
  space = () => this.below.space();
  close = () => this.below.close();
}

const SIZE = 65_536;
const SECOND = 1_000_000_000n;

let time: TestTime;
let memory: MemoryExecutor;
let volume: Volume;

beforeEach(async () => {
  time = new TestTime();
  memory = await newStore(SIZE, 256 * 4096, 256 * 4096, time.wall());
  volume = await open(memory, { time });
});

function tick(): bigint {
  time.advance(SECOND);
  return volume.now();
}

async function ranges(a: bigint, b: bigint): Promise<(readonly [number, number, string])[]> {
  const found = [...(await diffPoints(volume, a, b)).ranges()];
  return found.map(({ start, length, kind }) => [start, start + length, kind]);
}

test('the last change tells the kind of a range; neighbours of one kind are joined', async () => {
  const a = tick();
  await write(volume, 0, Buffer.alloc(1000, 1));
  await write(volume, 1000, Buffer.alloc(1000, 1));
  await discard(volume, 500, 100);
  await discard(volume, 1900, 200);
  await write(volume, 2000, Buffer.alloc(10, 1));
  await volume.resize(70_000);
  expect(await ranges(a, tick())).toEqual([
    [0, 500, 'written'],
    [500, 600, 'zeros'],
    [600, 1900, 'written'],
    [1900, 2000, 'zeros'],
    [2000, 2010, 'written'],
    [2010, 2100, 'zeros'],
    [SIZE, 70_000, 'size'],
  ]);
});

test('bytes that a restore cut off, and that came back as zeros, were changed', async () => {
  await volume.resize(1000);
  const small = tick();
  await volume.resize(5000);
  await write(volume, 4000, Buffer.alloc(1000, 7));
  const a = tick();
  await volume.restore(small);
  await volume.resize(5000);
  const b = tick();
  expect(await ranges(a, b)).toEqual([[1000, 5000, 'zeros']]);
  await volume.sync('test');
  expect(await ranges(a, volume.now())).toEqual([[1000, 5000, 'written']]);
});

test('an instant between two points is refused', async () => {
  await volume.setPolicy({ granularity: 3600n * SECOND });
  const a = tick();
  const gone: bigint[] = [];
  for (let n = 0; n < 3; n++) {
    await write(volume, n * 512, Buffer.alloc(512, 1));
    gone.push(tick());
  }
  await volume.sync('test');
  for (const at of gone.slice(0, 2)) {
    await expect(diffPoints(volume, a, at)).rejects.toMatchObject({ code: 'not-found' });
    await expect(diffPoints(volume, at, volume.now())).rejects.toMatchObject({ code: 'not-found' });
  }
  expect(await ranges(a, volume.now())).toEqual([[0, 1536, 'written']]);
});

test('it reads descriptors alone, and only those between the two points', async () => {
  await volume.setPolicy({ granularity: 'all' });
  const instants: bigint[] = [tick()];
  for (let round = 0; round < 4; round++) {
    await write(volume, round * 4096, Buffer.alloc(4096, round + 1));
    instants.push(tick());
    if (round < 3) await volume.sync('test');
  }
  await volume.close();
  const watched = new Watched(memory);
  volume = await open(watched, { time, readOnly: true });
  watched.read.clear();
  const [first, second, , fourth, last] = instants as [bigint, bigint, bigint, bigint, bigint];
  expect(await ranges(fourth, last)).toEqual([[12_288, 16_384, 'written']]);
  expect([...watched.read]).toEqual([]);
  expect(await ranges(first, second)).toEqual([[0, 4096, 'written']]);
  expect(watched.read.size).toBe(1);
  expect(await ranges(first, last)).toEqual([[0, 16_384, 'written']]);
  expect(watched.read.size).toBe(3);
  for (const file of watched.read) expect(file).toMatch(/^backward\/\d+\.desc/);
});
