import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { createOn, emptyOrigin } from '../../src/volume/create.js';
import type { Volume } from '../../src/volume/volume.js';
import { open, TestTime, write } from '../support/model.js';

export const SIZE = 65_536;
const SECOND = 1_000_000_000n;

export interface Past {
  readonly time: TestTime;
  readonly executor: MemoryExecutor;
  volume: Volume;
  /** The instants of the writes; the n-th fills the first block with n + 1. */
  readonly writes: readonly bigint[];
  /** The mark `first`, between the writes 0 and 1. */
  readonly first: bigint;
  /** A client's flush after write 3, the only one. */
  readonly flushed: bigint;
}

/**
 * A volume in memory, by a clock that the test moves: three writes a second apart that a sync event has moved,
 * of which only some instants are kept, then two more in near history.
 *
 * @param journal so many blocks of 4 KiB in each queue
 */
export async function pastVolume(journal = 256): Promise<Past> {
  const time = new TestTime();
  const executor = new MemoryExecutor();
  await createOn(executor, emptyOrigin(SIZE), {
    forwardBytes: journal * 4096,
    descriptorBytes: journal * 4096,
    now: time.wall(),
  });
  const volume = await open(executor, { time });
  await volume.setPolicy({ granularity: 3600n * SECOND });
  const writes: bigint[] = [];
  const change = async () => {
    time.advance(SECOND);
    await write(volume, 0, Buffer.alloc(4096, writes.length + 1));
    writes.push(volume.engine.clock.last);
    time.advance(SECOND);
  };
  await change();
  const { at: first } = await volume.mark('first');
  await change();
  await change();
  await volume.sync('test');
  await change();
  await volume.flush();
  const flushed = volume.engine.clock.last;
  await change();
  return { time, executor, volume, writes, first, flushed };
}
