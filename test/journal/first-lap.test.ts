import { expect, test } from 'vitest';
import type { Plan } from '../../src/file/executor.js';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import { newStore, open, readAll, TestTime, write } from '../support/model.js';

const SIZE = 64 * 1024;
const RING = 32 * 1024 * 1024;

/** Lets every `run` of a disk wait until it is opened; what runs at once is not held. */
function gated(disk: MemoryExecutor): { readonly plans: Plan[]; open(): void } {
  let admit = () => {};
  const admitted = new Promise<void>((resolve) => {
    admit = resolve;
  });
  const run = disk.run.bind(disk);
  const plans: Plan[] = [];
  disk.run = async (plan) => {
    plans.push(plan);
    await admitted;
    return run(plan);
  };
  return { plans, open: () => admit() };
}

async function volumeOn(disk: MemoryExecutor, time: TestTime) {
  const warnings: string[] = [];
  const volume = await open(disk, { time, events: { warning: (message) => void warnings.push(message) } });
  return { volume, warnings };
}

test('a write that comes while zeros are written ahead of the head is not lost, and needs no sync event', async () => {
  const time = new TestTime();
  const disk = await newStore(SIZE, RING, 64 * 4096, time.wall());
  const { volume, warnings } = await volumeOn(disk, time);
  const gate = gated(disk);
  const idle = volume.journal?.idle();
  expect(gate.plans.map((plan) => plan.map((step) => step.op))).toEqual([['write']]);
  const data = Buffer.alloc(SIZE, 7);
  let done = false;
  const written = write(volume, 0, data).then(() => {
    done = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(done, 'before the zeros are in').toBe(false);
  gate.open();
  await idle;
  await written;
  expect((await readAll(volume.live)).equals(data)).toBe(true);
  expect(volume.syncs.count).toBe(0);
  expect(volume.syncs.running).toBe(false);
  expect(warnings).toEqual([]);
});

test('the whole first lap is written once, never behind the head, and then no more', async () => {
  const time = new TestTime();
  const disk = await newStore(SIZE, RING, 64 * 4096, time.wall());
  const { volume } = await volumeOn(disk, time);
  await write(volume, 0, Buffer.alloc(10_000, 1));
  const { data } = volume.engine.scan;
  const reached: number[] = [];
  const run = disk.run.bind(disk);
  disk.run = (plan) => {
    for (const step of plan) {
      if (step.op !== 'write' || step.file !== 'forward') continue;
      const length = step.from.reduce((sum, part) => sum + part.length, 0);
      reached.push(step.offset - data.offset, step.offset - data.offset + length);
    }
    return run(plan);
  };
  for (let at = 0; at < 20; at++) await volume.journal?.idle();
  expect(reached[0]).toBeGreaterThanOrEqual(data.head);
  expect(reached[reached.length - 1]).toBe(RING);
  for (let at = 2; at < reached.length; at += 2) expect(reached[at]).toBe(reached[at - 1]);
  expect((await readAll(volume.live)).subarray(0, 10_000)).toEqual(Buffer.alloc(10_000, 1));
});
