import { FaultyExecutor } from '../../src/file/faulty-executor.js';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import type { Volume } from '../../src/volume/volume.js';
import { discard, newStore, open, TestTime, write } from '../support/model.js';

export const SIZE = 60_000;

/** A store in memory with a bit of everything in it, and the volume while it is still open. */
export interface GrownStore {
  readonly disk: MemoryExecutor;
  readonly time: TestTime;
  readonly volume: Volume;
}

/** Blocks of descriptors in the ring. */
export const DESCRIPTOR_BLOCKS = 12;

/**
 * Writes of all lengths, zeros, marks, a deleted mark, a policy, sync events, a restore, a resize, a second
 * epoch; the ring has turned at least once. The last write is not flushed. No sync event begins by itself.
 */
export async function grownStore(): Promise<GrownStore> {
  const time = new TestTime();
  const disk = await newStore(SIZE, 256 * 1024, DESCRIPTOR_BLOCKS * 4096, time.wall());
  const first = await open(disk, { time });
  await fill(first, time, 1);
  await first.mark('first');
  await first.setPolicy({ highWater: 95 });
  await first.sync('test');
  for (const byte of [20, 40, 60]) {
    await fill(first, time, byte);
    await first.sync('test');
  }
  await fill(first, time, 80);
  await first.mark('gone');
  await first.deleteMark('gone');
  await first.setPolicy({ granularity: 'all' });
  await first.close();
  const volume = await open(disk, { time });
  await volume.sync('test');
  await fill(volume, time, 100);
  await volume.restore(volume.marks()[0]?.at ?? 0n);
  await fill(volume, time, 120);
  await volume.resize(SIZE - 5000);
  await volume.mark('second', { hold: true });
  time.advance(1_000_000_000n);
  await write(volume, 777, Buffer.alloc(3000, 99));
  return { disk, time, volume };
}

async function fill(volume: Volume, time: TestTime, byte: number): Promise<void> {
  for (const [at, [offset, length]] of SPANS.entries()) {
    time.advance(1_000_000_000n);
    await write(volume, offset, Buffer.alloc(length, byte + at));
  }
  await volume.flush();
  await discard(volume, 12_288, 5000);
}

const SPANS = [
  [0, 10],
  [4096, 8192],
  [10_000, 20_001],
  [4000, 300],
] as const;

/** The store of `grownStore` after a sync event that was cut off while it moved the MIM. */
export async function interruptedStore(): Promise<MemoryExecutor> {
  const { disk, time, volume } = await grownStore();
  await volume.close();
  const faulty = new FaultyExecutor(disk, [{ op: 'write', file: 'mim', error: 'EIO' }]);
  const again = await open(faulty, { time });
  await again.sync('test').catch(() => undefined);
  if (faulty.fired !== 1) throw new Error('the sync event was not interrupted');
  return disk.copy();
}
