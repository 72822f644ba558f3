import { expect, test } from 'vitest';
import type { View } from '../../src/volume/model.js';
import { Model, newStore, open, readAll, TestTime, write } from '../support/model.js';

const SIZE = 256 * 1024;
const BLOCK = 4096;
const EVENTS = 1000;

/*
 * Views of the past stay open while the MIM moves a thousand times under them, and while the history around them is
 * thinned. One is of the newest state at first, one of an instant of the forward journal, one of a snapshot.
 */
test.each([
  ['a VBMM', Number.POSITIVE_INFINITY],
  ['a VBMJ', 0],
])('a view opened before a thousand sync events reads the same bytes after them, as %s', async (_, nodes) => {
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const time = new TestTime();
  const warnings: string[] = [];
  const events = { warning: (message: string) => void warnings.push(message) };
  const disk = await newStore(SIZE, 512 * 1024, 64 * BLOCK, time.wall());
  const volume = await open(disk, { time, events, forms: { nodes } });
  const model = new Model(SIZE, time.wall());
  const change = async () => {
    time.advance(1_000_000_000n);
    const start = random(SIZE - 2 * BLOCK);
    const data = Buffer.alloc(1 + random(2 * BLOCK), random(4) === 0 ? 0 : 1 + random(255));
    await write(volume, start, data);
    model.change(volume.engine.clock.last, (bytes) => void data.copy(bytes, start));
  };
  const held: { view: View; bytes: Buffer }[] = [];
  const hold = async (at: bigint) => {
    held.push({ view: await volume.openView(at), bytes: model.at(at) });
  };
  const check = async () => {
    for (const { view, bytes } of held) expect((await readAll(view)).equals(bytes), `${view.at}`).toBe(true);
    expect((await readAll(volume.live)).equals(model.now)).toBe(true);
  };

  for (let at = 0; at < 10; at++) await change();
  await volume.sync('test');
  for (let at = 0; at < 10; at++) await change();
  const [snapshot, ...near] = volume.points({ all: true }).map(({ at }) => at);
  for (const at of [snapshot, near[near.length - 5], near[near.length - 1]]) await hold(at ?? 0n);
  await check();

  for (let event = 1; event <= EVENTS; event++) {
    for (let at = random(3); at >= 0; at--) await change();
    expect((await volume.sync('test')).moved).toBe(true);
    if (event % 10 === 0) await volume.thin({ before: volume.now() - 20_000_000_000n });
    if (event % 50 === 0) await check();
  }
  await check();
  expect(volume.syncs.count).toBe(EVENTS + 1);
  // Only those that are open were kept of what is old.
  const kept = volume.points().filter(({ place }) => place === 'snapshot').length;
  expect(kept).toBeLessThan(40);

  for (const { view } of held.splice(0)) view.close();
  await volume.thin({ before: volume.now() });
  expect(volume.points().filter(({ place }) => place === 'snapshot')).toEqual([]);
  expect(warnings).toEqual([]);
  await volume.close();
});
