import type { Plan } from '../../src/file/executor.js';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { FILES } from '../../src/format/layout.js';
import { createOn, emptyOrigin } from '../../src/volume/create.js';
import { discard, Model, open, TestTime, write } from './model.js';

/** A store with all that a store can have, and what it holds. */
export interface RichStore {
  readonly disk: MemoryExecutor;
  readonly model: Model;
  readonly time: TestTime;
  readonly marks: readonly string[];
}

/** How the store was left: closed, closed and opened once more, or killed in a move, early or late. */
export type Ending = 'closed' | 'opened again' | 'moving' | 'moved';

/** Keeps what the disk held when a file was written for the first time after it was armed. */
class WatchedExecutor extends MemoryExecutor {
  armed: string | undefined;
  caught: MemoryExecutor | undefined;

  override runNow(plan: Plan): true {
    for (const step of plan) {
      super.runNow([step]);
      if (step.op !== 'write' || step.file !== this.armed) continue;
      this.armed = undefined;
      this.caught = this.copy();
    }
    return true;
  }
}

/**
 * Makes a store with several sync events, snapshots of every state, marks, discards, a restore that is still in the
 * journal, and near history behind it.
 *
 * @param random a seeded source in [0, 1)
 */
export async function richStore(random: () => number, size: number, ending: Ending): Promise<RichStore> {
  const below = (limit: number) => Math.floor(random() * limit);
  const time = new TestTime();
  const disk = new WatchedExecutor();
  const forward = { forwardBytes: 256 * 1024, descriptorBytes: 16 * 1024 };
  await createOn(disk, emptyOrigin(size), { ...forward, now: time.wall() });
  const model = new Model(size, time.wall());
  const marks: string[] = [];
  let volume = await open(disk, { time });
  await volume.setPolicy({ granularity: 'all', highWater: 95 });
  const change = async (count: number) => {
    for (let at = 0; at < count; at++) {
      time.advance(1_000_000_000n);
      const start = below(size - 1);
      const length = Math.min(1 + below(below(3) === 0 ? 20_000 : 600), size - start);
      const bytes = below(6) === 0 ? Buffer.alloc(length) : noise(length, random);
      if (bytes.every((byte) => byte === 0)) await discard(volume, start, length);
      else await write(volume, start, bytes);
      model.change(volume.engine.clock.last, (state) => void bytes.copy(state, start));
    }
  };
  const mark = async () => {
    time.advance(1_000_000_000n);
    marks.push(`mark-${marks.length + 1}`);
    await volume.mark(marks[marks.length - 1] as string);
  };
  for (let round = 0; round < 3; round++) {
    await change(5);
    await mark();
    await change(3);
    await volume.sync('test');
  }
  await volume.close();
  volume = await open(disk, { time });
  await change(3);
  time.advance(1_000_000_000n);
  const target = model.states[4]?.stamp ?? 0n;
  const report = await volume.restore(target);
  model.change(report.done, () => Buffer.from(model.at(target)));
  await change(4);
  await mark();
  await volume.close();
  volume = await open(disk, { time });
  await change(2);
  time.advance(1_000_000_000n);
  if (ending === 'moving' || ending === 'moved') {
    await volume.flush();
    disk.armed = ending === 'moving' ? FILES.mim : FILES.sums;
    await volume.sync('test');
    if (disk.caught === undefined) throw new Error('the MIM was not written');
    return { disk: disk.caught, model, time, marks };
  }
  await volume.close();
  if (ending === 'opened again') await (await open(disk, { time })).close();
  return { disk: disk.copy(), model, time, marks };
}

function noise(length: number, random: () => number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = 1 + Math.floor(random() * 255);
  return bytes;
}
