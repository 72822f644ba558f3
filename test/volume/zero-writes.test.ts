import { expect, test } from 'vitest';
import { newStore, open, readAll, TestTime, write } from '../support/model.js';

const SIZE = 1024 * 1024;

test('zeros that are written cost a descriptor and no data, and are a change of their own', async () => {
  const time = new TestTime();
  const disk = await newStore(SIZE, 4 * SIZE, 64 * 4096, time.wall());
  const volume = await open(disk, { time });
  await write(volume, 0, Buffer.alloc(200_000, 7));
  const before = volume.engine.clock.last;
  const { data } = volume.engine.scan;
  const used = data.used;
  time.advance(1_000_000_000n);
  await write(volume, 1000, Buffer.alloc(131_072));
  expect(data.used).toBe(used);
  const expected = Buffer.alloc(SIZE);
  expected.fill(7, 0, 200_000).fill(0, 1000, 1000 + 131_072);
  expect((await readAll(volume.live)).equals(expected)).toBe(true);
  const past = await volume.openView(before);
  expect((await readAll(past)).subarray(0, 200_000)).toEqual(Buffer.alloc(200_000, 7));
  past.close();
});

test('zeros with anything else in them, or too few, are written as they are', async () => {
  const time = new TestTime();
  const disk = await newStore(SIZE, 4 * SIZE, 64 * 4096, time.wall());
  const volume = await open(disk, { time });
  const almost = Buffer.alloc(8192);
  almost[5000] = 1;
  for (const bytes of [almost, Buffer.alloc(4095)]) {
    const used = volume.engine.scan.data.used;
    await write(volume, 0, bytes);
    expect(volume.engine.scan.data.used).toBeGreaterThan(used);
  }
});
