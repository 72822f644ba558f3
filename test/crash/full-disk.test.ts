import { expect, test } from 'vitest';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { RecordingExecutor } from '../../src/file/recording-executor.js';
import { createOn, emptyOrigin } from '../../src/volume/create.js';
import type { Volume } from '../../src/volume/volume.js';
import { crashStates } from '../support/crash-states.js';
import { Model, open, TestTime, write } from '../support/model.js';
import { checkState, type Note, SIZE, someData, source } from './check-state.js';

/*
 * The power is cut at every step of a run on a disk that is full: history is given up, windows keep less than the
 * policy says, the reserve is spent and taken again. What is held is there in each state. `CRASH_SEEDS=50` for more.
 */
const SEEDS = Number(process.env.CRASH_SEEDS ?? 2);

/** Leaves so many bytes free. */
async function leave(disk: MemoryExecutor, bytes: number): Promise<void> {
  disk.capacity -= (await disk.space()).free - bytes;
}

async function workload(
  executor: RecordingExecutor,
  disk: MemoryExecutor,
  time: TestTime,
  model: Model,
  random: (below: number) => number,
): Promise<Volume['space']['givenUp']> {
  const volume = await open(executor, { time });
  let flushed = 0;
  const note = () => executor.note({ acknowledged: model.states.length - 1, flushed } satisfies Note);
  const durable = () => {
    flushed = model.states.length - 1;
    note();
  };
  const change = async (count: number) => {
    for (let at = 0; at < count; at++) {
      time.advance(1_000_000_000n);
      const { start, data } = someData(random);
      await write(volume, start, data);
      model.change(volume.engine.clock.last, (bytes) => void data.copy(bytes, start));
      note();
    }
  };
  await volume.setPolicy({ granularity: 'all', highWater: 100 });
  await change(5);
  await volume.mark('held', { hold: true });
  durable();
  await change(3);
  await volume.mark('plain');
  const view = await volume.openView(volume.now());
  durable();
  await volume.sync('test');
  durable();
  for (const bytes of [0, 60, 30, 0]) {
    await change(4);
    await leave(disk, bytes * 1024);
    // The last ones may be refused: then nothing of them was done.
    await volume.sync('test').catch((error: unknown) => expect(error).toMatchObject({ code: 'no-space' }));
    durable();
  }
  await leave(disk, 2 ** 20);
  await volume.sync('test');
  durable();
  view.close();
  await volume.close();
  durable();
  return volume.space.givenUp;
}

test.each(Array.from({ length: SEEDS }, (_, at) => at + 1))(
  'power cut at every step on a full disk, seed %i',
  { timeout: 3_600_000 },
  async (seed) => {
    const random = source(seed);
    const time = new TestTime();
    const disk = new MemoryExecutor(new Map(), false, 2 ** 45);
    const now = time.wall();
    await createOn(disk, emptyOrigin(SIZE), { forwardBytes: 64 * 1024, descriptorBytes: 24 * 1024, now });
    const base = disk.copy();
    // What is on the disk after a cut is another question than what fitted.
    base.capacity = Number.POSITIVE_INFINITY;
    const model = new Model(SIZE, now);
    const executor = new RecordingExecutor(disk);
    const given = await workload(executor, disk, time, model, random);
    expect(given.snapshots).toBeGreaterThan(0);
    expect(given.marks).toBe(1);
    const ops = executor.recorded.flatMap((step) => ('file' in step ? [`${step.op} ${step.file}`] : []));
    expect(ops).toContain('allocate mim.sums');
    expect(ops).toContain('truncate reserve');
    let states = 0;
    for (const state of crashStates(base, executor.recorded, random)) {
      const last = state.notes[state.notes.length - 1] as Note | undefined;
      const note = last ?? { acknowledged: 0, flushed: 0 };
      await checkState(state.disk, time, model, note, state.what);
      if (note.flushed > 5) {
        const looked = await open(state.disk.copy(true), { time, readOnly: true });
        expect(
          looked.marks().map(({ name }) => name),
          state.what,
        ).toContain('held');
      }
      states += 1;
    }
    console.info(
      `seed ${seed}: ${executor.recorded.length} steps, ${states} states, ${JSON.stringify(given)}`,
    );
    expect(states).toBeGreaterThan(200);
  },
);
