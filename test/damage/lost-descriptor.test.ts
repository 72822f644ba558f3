import { expect, test } from 'vitest';
import { seededRandom } from '../../src/file/seeded-random.js';
import { FILES } from '../../src/format/layout.js';
import { checkStore, type Finding } from '../../src/inspect/check.js';
import { richStore } from '../support/damaged-store.js';
import { newStore, open, readAll, TestTime, write } from '../support/model.js';

test('what came after a lost descriptor is not shown as known', async () => {
  const time = new TestTime();
  const disk = await newStore(8192, 64 * 1024, 16 * 1024, time.wall());
  const volume = await open(disk, { time });
  const stamps: bigint[] = [];
  for (const value of [1, 2, 3]) {
    time.advance(1_000_000_000n);
    await write(volume, 0, Buffer.alloc(4096, value));
    stamps.push(volume.engine.clock.last);
    await volume.flush();
  }
  const { scan, index } = volume.engine;
  const place = scan.descriptors.place(index.position(index.first + 2));
  await volume.close();
  disk.runNow([{ op: 'write', file: FILES.forward, offset: place + 40, from: [Buffer.of(0xff)] }]);

  const damaged = await open(disk.copy(), { time });
  const [one = 0n, two = 0n, three = 0n] = stamps;
  expect(damaged.readOnly).toBe(true);
  expect(damaged.engine.warnings.join()).toMatch(/is lost, though/);
  expect([one, two, three, time.wall()].map((at) => damaged.exact(at))).toEqual([true, false, false, false]);
  expect(damaged.resolve(three)).toMatchObject({ exact: false });
  await expect(damaged.openView(two)).rejects.toMatchObject({ code: 'not-found' });
  const known = await damaged.openView(damaged.resolve(three).at);
  expect((await readAll(known))[0]).toBe(1);
  const findings: Finding[] = [];
  for await (const finding of checkStore(disk.copy(true), { data: true })) findings.push(finding);
  expect(findings).toMatchObject([{ level: 'error', file: FILES.forward }]);
});

test('blocks that an interrupted move was to overwrite wholly are no damage', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { disk } = await richStore(seededRandom(seed), 40_000, seed % 2 === 0 ? 'moving' : 'moved');
    for await (const finding of checkStore(disk.copy(true), { data: true }))
      expect(finding, `seed ${seed}`).toBe('none');
  }
});
