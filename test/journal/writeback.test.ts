import { expect, test } from 'vitest';
import type { Executor, Plan } from '../../src/file/executor.js';
import { Writeback } from '../../src/journal/writeback.js';

const MIB = 1024 * 1024;

/** An executor whose datasyncs end when the test says so. */
class Disk {
  readonly asked: { end(error?: Error): void }[] = [];
  readonly executor = {
    run: (plan: Plan) =>
      new Promise<void>((resolve, reject) => {
        expect(plan).toEqual([{ op: 'datasync', file: 'some' }]);
        this.asked.push({ end: (error) => (error === undefined ? resolve() : reject(error)) });
      }),
  } as Executor;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('the disk is asked while more is written, once at a time, and once more at the end', async () => {
  const disk = new Disk();
  const writeback = new Writeback(disk.executor, 'some');
  writeback.wrote(31 * MIB);
  expect(disk.asked.length).toBe(0);
  writeback.wrote(MIB);
  writeback.wrote(100 * MIB);
  expect(disk.asked.length).toBe(1);
  disk.asked[0]?.end();
  await turn();
  writeback.wrote(1);
  expect(disk.asked.length).toBe(2);
  let durable = false;
  const end = writeback.finish().then(() => {
    durable = true;
  });
  disk.asked[1]?.end();
  await turn();
  expect([disk.asked.length, durable]).toEqual([3, false]);
  disk.asked[2]?.end();
  await end;
});

test('what the disk could not make durable is told, and never asked for again', async () => {
  const disk = new Disk();
  const writeback = new Writeback(disk.executor, 'some');
  writeback.wrote(64 * MIB);
  disk.asked[0]?.end(new Error('EIO'));
  await turn();
  expect(() => writeback.wrote(1)).toThrow('EIO');
  await expect(writeback.finish()).rejects.toThrow('EIO');
  expect(disk.asked.length).toBe(1);
});
