import { beforeEach, expect, it } from 'vitest';
import { FaultyExecutor } from '../../src/file/faulty-executor.js';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { isFull, ReserveExecutor } from '../../src/file/reserve-executor.js';

const PAGE = 4096;
const SIZE = 16 * PAGE;
let disk: MemoryExecutor;
let executor: ReserveExecutor;

/** A disk of 32 pages, half of them the reserve's. */
beforeEach(async () => {
  disk = new MemoryExecutor(new Map(), false, 48 * PAGE);
  executor = new ReserveExecutor(disk);
  await executor.begin();
  expect(await executor.hold(SIZE)).toBe(true);
  disk.capacity = 32 * PAGE;
  await executor.run([{ op: 'create', file: 'small', size: 0 }]);
});

const write = (file: string, pages: number) =>
  executor.run([{ op: 'write', file, offset: 0, from: [new Uint8Array(pages * PAGE).fill(1)] }]);

it('takes real blocks', async () => {
  expect(executor.held).toBe(SIZE);
  expect((await disk.space()).free).toBe(16 * PAGE);
});

it('gives up a part for a step that finds the disk full, and does the step once more', async () => {
  await write('small', 18);
  expect(executor.held).toBe(SIZE - 4 * PAGE);
  expect(disk.files.get('small')?.size).toBe(18 * PAGE);
});

it('leaves half, except for urgent work', async () => {
  await expect(write('small', 26)).rejects.toMatchObject({ code: 'no-space' });
  expect(executor.held).toBe(SIZE / 2);
  await executor.urgently(() => write('small', 26));
  expect(executor.held).toBeLessThan(SIZE / 2);
  await expect(executor.urgently(() => write('small', 33))).rejects.toMatchObject({ code: 'no-space' });
  expect(executor.held).toBe(0);
});

it('gives nothing to overlays, to the data of segments and to what is taken ahead', async () => {
  await executor.run([
    { op: 'mkdir', file: 'backward' },
    { op: 'create', file: 'scratch.1', size: 0 },
    { op: 'create', file: 'backward/00000001.data', size: 0 },
  ]);
  await expect(write('scratch.1', 17)).rejects.toMatchObject({ code: 'no-space' });
  await executor.run([{ op: 'unlink', file: 'scratch.1' }]);
  await expect(write('backward/00000001.data', 17)).rejects.toMatchObject({ code: 'no-space' });
  await executor.run([{ op: 'truncate', file: 'backward/00000001.data', size: 0 }]);
  const ahead = executor.run([{ op: 'allocate', file: 'small', offset: 0, length: 17 * PAGE }]);
  await expect(ahead).rejects.toMatchObject({ code: 'no-space' });
  expect(executor.held).toBe(SIZE);
});

it('is taken again when as much again is free', async () => {
  await write('small', 20);
  expect(await executor.hold(SIZE)).toBe(false);
  expect(executor.held).toBe(SIZE - 4 * PAGE);
  await executor.run([{ op: 'truncate', file: 'small', size: 8 * PAGE }]);
  expect(await executor.hold(SIZE)).toBe(true);
  expect(executor.held).toBe(SIZE);
});

it('becomes smaller when less is wanted, and is known after another opening', async () => {
  expect(await executor.hold(PAGE)).toBe(true);
  const again = new ReserveExecutor(disk);
  await again.begin();
  expect(again.held).toBe(PAGE);
});

it('serves steps that fail together', async () => {
  await executor.run([{ op: 'create', file: 'other', size: 0 }]);
  await Promise.all([write('small', 10), write('other', 10)]);
  expect(executor.held).toBe(SIZE - 4 * PAGE);
});

it('passes other errors on, and holds on to the reserve', async () => {
  const faulty = new ReserveExecutor(new FaultyExecutor(disk, [{ op: 'write', error: 'EIO' }]));
  await faulty.begin();
  const failing = faulty.run([{ op: 'write', file: 'small', offset: 0, from: [Buffer.alloc(1)] }]);
  const error = await failing.catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'io' });
  expect(isFull(error)).toBe(false);
  expect(faulty.held).toBe(SIZE);
});
