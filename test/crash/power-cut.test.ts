import { expect, test } from 'vitest';
import { RecordingExecutor } from '../../src/file/recording-executor.js';
import { crashStates } from '../support/crash-states.js';
import { discard, Model, newStore, open, TestTime, write } from '../support/model.js';
import { checkState, everySecond, type Note, SIZE, someData, someSealed, source } from './check-state.js';

/*
 * The power is cut at every step of a run with sync events, a wrap of both rings, flushes, a mark, a restore and
 * a thinning.
 * Whatever the disk made of it: the store opens, the live volume is a state not older than the last flush, every
 * listed point is right, and it can be written on. `CRASH_SEEDS=50` for more runs.
 */
const SEEDS = Number(process.env.CRASH_SEEDS ?? 3);
/** Small enough that both rings go round. */
const DATA_RING = 32 * 1024;
const DESCRIPTOR_RING = 24 * 1024;

/** What a run did: a cut at every step of it is worth as much as there is in it. */
interface Done {
  /** Sync events that moved the MIM, and the snapshots that they made. */
  readonly moves: number;
  readonly snapshots: number;
  readonly flushes: number;
  readonly marks: readonly string[];
  readonly restoredRanges: number;
  /** What the thinning dropped. */
  readonly thinned: number;
  /** How often each ring has been gone round. */
  readonly dataLaps: number;
  readonly descriptorLaps: number;
}

async function workload(
  executor: RecordingExecutor,
  time: TestTime,
  model: Model,
  random: (below: number) => number,
): Promise<Done> {
  const volume = await open(executor, { time });
  let flushed = 0;
  let moves = 0;
  const sync = async () => {
    const { moved } = await volume.sync('test');
    if (moved) moves += 1;
    durable();
  };
  const note = () => executor.note({ acknowledged: model.states.length - 1, flushed } satisfies Note);
  const durable = () => {
    flushed = model.states.length - 1;
    note();
  };
  const change = async (count: number) => {
    for (let at = 0; at < count; at++) {
      time.advance(1_000_000_000n);
      const { start, data } = random(3) === 0 ? someSealed(random) : someData(random);
      if (random(6) === 0) await discard(volume, start, data.length);
      else await write(volume, start, data);
      const stamp = volume.engine.clock.last;
      const kept =
        volume.engine.index.kind(volume.engine.index.next - 1) === 2 ? Buffer.alloc(data.length) : data;
      model.change(stamp, (bytes) => void kept.copy(bytes, start));
      note();
    }
  };
  const first = model.states[0]?.stamp ?? 0n;
  await change(4);
  await volume.flush();
  durable();
  await change(3);
  await volume.mark('one');
  durable();
  await sync();
  await change(8);
  await sync();
  await change(2);
  const report = await volume.restore(first);
  model.change(report.done, () => Buffer.from(model.at(first)));
  durable();
  await change(3);
  await sync();
  const snapshots = volume.points().filter(({ place }) => place === 'snapshot');
  await change(4);
  const thinned = await volume.thin({ sequences: everySecond(snapshots) });
  await volume.flush();
  durable();
  await change(2);
  const { descriptors, data } = volume.engine.scan;
  const done = {
    moves,
    snapshots: snapshots.length,
    thinned: thinned.dropped.length,
    flushes: volume.written.flushes,
    marks: volume.marks().map(({ name }) => name),
    restoredRanges: report.ranges,
    dataLaps: Math.floor(data.head / data.length),
    descriptorLaps: Math.floor(descriptors.head / descriptors.length),
  };
  await volume.close();
  durable();
  return done;
}

test.each(Array.from({ length: SEEDS }, (_, at) => at + 1))(
  'power cut at every step, seed %i',
  { timeout: 3_600_000 },
  async (seed) => {
    const random = source(seed);
    const time = new TestTime();
    const base = await newStore(SIZE, DATA_RING, DESCRIPTOR_RING, time.wall());
    const model = new Model(SIZE, time.wall());
    const executor = new RecordingExecutor(base.copy());
    const done = await workload(executor, time, model, random);
    expect(done.moves).toBeGreaterThanOrEqual(2);
    expect(done.snapshots).toBeGreaterThanOrEqual(done.moves);
    expect(done.flushes).toBeGreaterThanOrEqual(2);
    expect(done.marks).toEqual(['one']);
    expect(done.restoredRanges).toBeGreaterThan(0);
    expect(done.thinned).toBeGreaterThan(0);
    expect(Math.min(done.dataLaps, done.descriptorLaps), 'laps of both rings').toBeGreaterThanOrEqual(1);
    let states = 0;
    for (const state of crashStates(base, executor.recorded, random)) {
      const note = (state.notes[state.notes.length - 1] as Note | undefined) ?? {
        acknowledged: 0,
        flushed: 0,
      };
      await checkState(state.disk, time, model, note, state.what);
      states += 1;
    }
    console.info(`seed ${seed}: ${executor.recorded.length} steps, ${states} states`);
    expect(states).toBeGreaterThan(200);
  },
);
