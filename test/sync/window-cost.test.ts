import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pacer } from '../../src/base/pacer.js';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { planWindow } from '../../src/sync/window.js';
import { windowCost } from '../../src/sync/window-cost.js';
import { createOn, emptyOrigin } from '../../src/volume/create.js';
import type { Volume } from '../../src/volume/volume.js';
import { discard, open, TestTime, write } from '../support/model.js';

const SIZE = 400_000;
const change = fc.record({
  kind: fc.constantFrom('write' as const, 'write' as const, 'discard' as const),
  start: fc.nat(SIZE - 1),
  length: fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 60_000 })),
});
const windows = fc.array(fc.array(change, { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 4 });

async function costOf(volume: Volume, granularity: 'all' | bigint): Promise<number> {
  const { engine, journal } = volume;
  const end = (await journal?.flush()) ?? 0;
  const { mimSequence, mimStamp, mimSize, mimQuality } = engine.meta.superblock;
  const mirror = { mimSequence, mimStamp, mimSize, mimQuality };
  const window = { index: engine.index, end, granularity, pinned: new Set<number>(), ...mirror };
  return windowCost(engine, await planWindow(window, new Pacer()), end);
}

test('a sync event takes no more than what it is said to cost, and not much less', async () => {
  let said = 0;
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(
      windows,
      fc.constantFrom('all' as const, 3_000_000_000n),
      async (rounds, granularity) => {
        const time = new TestTime();
        const disk = new MemoryExecutor(new Map(), false, 2 ** 45);
        await createOn(disk, emptyOrigin(SIZE), { forwardBytes: 4 * 2 ** 20, now: time.wall() });
        const volume = await open(disk, { time });
        await volume.setPolicy({ granularity });
        for (const changes of rounds) {
          for (const { kind, start, length } of changes) {
            time.advance(1_000_000_000n);
            const end = Math.min(start + length, SIZE);
            if (kind === 'discard') await discard(volume, start, end - start);
            else await write(volume, start, Buffer.alloc(end - start, 1 + (start % 255)));
          }
          const cost = await costOf(volume, granularity);
          const before = (await disk.space()).free;
          await volume.sync('test');
          const used = before - (await disk.space()).free;
          expect(used).toBeLessThanOrEqual(cost);
          said += cost;
          taken += used;
        }
      },
    ),
    { numRuns: 150 },
  );
  expect(said).toBeLessThan(2 * taken);
});
