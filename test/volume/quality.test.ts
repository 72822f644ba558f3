import { expect, test } from 'vitest';
import { newStore, open, TestTime, write } from '../support/model.js';

async function freshVolume() {
  const time = new TestTime();
  const disk = await newStore(8192, 64 * 1024, 16 * 1024, time.wall());
  const volume = await open(disk, { time });
  const change = async (value: number) => {
    time.advance(60_000_000_000n);
    await write(volume, 0, Buffer.alloc(4096, value));
  };
  return { time, disk, volume, change };
}

test('a flushed state is called flushed in near history, on the MIM, and as a snapshot', async () => {
  const { time, disk, volume, change } = await freshVolume();
  await change(1);
  await change(2);
  const { at } = await volume.mark('two');
  expect(volume.resolve(at).point).toMatchObject({ place: 'near', quality: 'flush' });
  await volume.sync('test');
  expect(volume.resolve(at).point).toMatchObject({ place: 'near', quality: 'flush' });
  // A window without a change moves the tail over its indicators.
  await volume.checkpoint();
  await volume.sync('test');
  expect(volume.resolve(at).point).toMatchObject({ place: 'near', quality: 'flush' });
  await change(3);
  await volume.close();
  const again = await open(disk, { time });
  await again.sync('test');
  expect(again.resolve(at).point).toMatchObject({ place: 'snapshot', quality: 'flush', marks: ['two'] });
});

test('a state that nobody flushed is not called flushed by a sync event', async () => {
  const { volume, change } = await freshVolume();
  await change(1);
  await volume.sync('test');
  expect(volume.resolve(volume.now()).point).toMatchObject({ place: 'near', quality: 'write' });
  await change(2);
  await volume.sync('test');
  expect(volume.points().map(({ place, quality }) => `${place} ${quality}`)).toEqual([
    'snapshot write',
    'snapshot write',
    'near write',
  ]);
});

test('the last flush is found on the MIM', async () => {
  const { volume, change } = await freshVolume();
  await change(1);
  const flushed = volume.engine.clock.last;
  await volume.flush();
  await volume.sync('test');
  await change(2);
  expect(volume.lastFlush(volume.now())).toBe(flushed);
});
