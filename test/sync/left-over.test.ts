import { expect, test } from 'vitest';
import { FaultyExecutor } from '../../src/file/faulty-executor.js';
import { firstDifference, Model, newStore, open, TestTime, write } from '../support/model.js';

const SIZE = 16_384;

test('a file that cannot be removed after the second commit is left behind, and nothing else', async () => {
  const time = new TestTime();
  const disk = await newStore(SIZE, 256 * 1024, 64 * 1024, time.wall());
  // The first removal makes room for the record, the second one is that after the event.
  const faulty = new FaultyExecutor(disk, [{ op: 'unlink', file: /\.move$/, nth: 2, error: 'EIO' }]);
  const volume = await open(faulty, { time });
  const model = new Model(SIZE, time.wall());
  const change = async (value: number) => {
    time.advance(60_000_000_000n);
    const data = Buffer.alloc(4096, value);
    await write(volume, 4096 * (value % 4), data);
    model.change(volume.engine.clock.last, (bytes) => void data.copy(bytes, 4096 * (value % 4)));
  };
  for (let round = 0; round < 3; round++) {
    for (let value = 1; value <= 5; value++) await change(10 * round + value);
    await volume.sync('test');
    expect(await firstDifference(volume, model)).toBeUndefined();
  }
  expect(faulty.fired).toBe(1);
  expect(volume.failure).toBeUndefined();
  await volume.close();
  expect(await firstDifference(await open(disk, { time }), model)).toBeUndefined();
});
