import { expect, test } from 'vitest';
import { newStore, open, TestTime, write } from '../support/model.js';

const SIZE = 1024 * 1024;

test('a sync event gives way to writes until they wait for it, and the next one does again', async () => {
  const time = new TestTime();
  const volume = await open(await newStore(SIZE, 256 * 1024, 64 * 4096, time.wall()), { time });
  await volume.setPolicy({ highWater: 100 });
  const { traffic } = volume.engine;
  const data = Buffer.alloc(4096, 1);
  await write(volume, 0, data);
  await write(volume, 4096, data);
  expect(traffic).toMatchObject({ requests: 2, waiting: false, pressing: false });

  const writes: Promise<void>[] = [];
  for (let at = 0; at < 100; at++) writes.push(write(volume, at * 8192, data));
  expect(traffic).toMatchObject({ requests: 102, waiting: true, pressing: true });

  await Promise.all(writes);
  while (volume.syncs.running) await new Promise((resolve) => setImmediate(resolve));
  expect(volume.syncs.count).toBeGreaterThan(0);
  expect(traffic.waiting).toBe(false);
  await volume.close();
});

test('a journal that is nearly full presses before anybody waits', async () => {
  const time = new TestTime();
  const volume = await open(await newStore(SIZE, 256 * 1024, 64 * 4096, time.wall()), { time });
  await volume.setPolicy({ highWater: 100 });
  const { traffic, scan } = volume.engine;
  const data = Buffer.alloc(4096, 1);
  while (scan.data.used <= scan.data.length * 0.85) {
    expect(traffic.pressing).toBe(false);
    await write(volume, 0, data);
  }
  expect(traffic).toMatchObject({ waiting: false, pressing: true });
  await volume.close();
});
