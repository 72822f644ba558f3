import { expect, test } from 'vitest';
import { FILES } from '../../src/format/layout.js';
import { newStore, open, readAll, TestTime, write } from '../support/model.js';

test('a damaged name of a mark costs the name, not the store and not the instant', async () => {
  const time = new TestTime();
  const disk = await newStore(8192, 64 * 1024, 16 * 1024, time.wall());
  const volume = await open(disk, { time });
  time.advance(1_000_000_000n);
  await write(volume, 0, Buffer.alloc(4096, 1));
  const { sequence, at } = await volume.mark('precious');
  time.advance(1_000_000_000n);
  await write(volume, 0, Buffer.alloc(4096, 2));
  const { scan, index } = volume.engine;
  const place = scan.data.place(index.dataPosition(sequence));
  await volume.close();
  disk.runNow([{ op: 'write', file: FILES.forward, offset: place, from: [Buffer.from('P')] }]);

  const again = await open(disk, { time });
  expect(again.readOnly).toBe(false);
  expect(again.marks()).toMatchObject([{ name: `unreadable-${sequence}`, at }]);
  expect(again.engine.warnings).toEqual([
    `forward: the name of a mark is damaged; it is now unreadable-${sequence}`,
  ]);
  await again.sync('test');
  expect(again.marks()).toMatchObject([{ name: `unreadable-${sequence}`, at }]);
  const view = await again.openView(at);
  expect((await readAll(view))[0]).toBe(1);
  view.close();
});
