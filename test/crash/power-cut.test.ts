import { expect, test } from 'vitest';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import { RecordingExecutor } from '../../src/file/recording-executor.js';
import type { Point } from '../../src/volume/model.js';
import type { Volume } from '../../src/volume/volume.js';
import { crashStates } from '../support/crash-states.js';
import {
  discard,
  firstDifference,
  Model,
  newStore,
  open,
  readAll,
  sealedBlock,
  TestTime,
  write,
} from '../support/model.js';

/*
 * The power is cut at every step of a run with sync events, a wrap of both rings, flushes, a mark, a restore and
 * a thinning.
 * Whatever the disk made of it: the store opens, the live volume is a state not older than the last flush, every
 * listed point is right, and it can be written on. `CRASH_SEEDS=50` for more runs.
 */
const SEEDS = Number(process.env.CRASH_SEEDS ?? 3);
const SIZE = 24_000;
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

interface Note {
  /** The newest model state that was acknowledged, and the newest that a flush made durable. */
  readonly acknowledged: number;
  readonly flushed: number;
}

function source(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function someData(random: (below: number) => number): { start: number; data: Buffer } {
  const start = random(SIZE - 1);
  const length = Math.min(1 + random(random(3) === 0 ? 9000 : 700), SIZE - start);
  return { start, data: Buffer.alloc(length, 1 + random(255)) };
}

/** What ext4 writes: an old one that lies where a new one should be must not pass for it. */
function someSealed(random: (below: number) => number): { start: number; data: Buffer } {
  return { start: 4096 * random(5), data: sealedBlock(1 + random(255)) };
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

/** Every second one; those with a mark stay. */
function everySecond(points: readonly Point[]): Set<number> {
  const some = points.filter(({ marks }, at) => at % 2 === 1 && marks.length === 0);
  return new Set(some.map(({ sequence }) => sequence));
}

/** Finds the state that the live volume is in, and compares every point. Returns the model up to there. */
async function checkReading(volume: Volume, model: Model, note: Note, what: string): Promise<Model> {
  const live = await readAll(volume.live);
  const last = Math.min(model.states.length - 1, note.acknowledged + 1);
  let state = -1;
  for (let at = note.flushed; at <= last; at++) if (model.states[at]?.bytes.equals(live) === true) state = at;
  if (state < 0) throw new Error(`${what}: the live volume is no state from ${note.flushed} to ${last}`);
  const after = new Model(SIZE, 0n);
  after.states.splice(0, 1, ...model.states.slice(0, state + 1));
  expect(await firstDifference(volume, after), what).toBeUndefined();
  return after;
}

async function checkState(
  disk: MemoryExecutor,
  time: TestTime,
  model: Model,
  note: Note,
  what: string,
): Promise<void> {
  // Somebody looks before anything is mended: he sees the same, and changes nothing.
  const untouched = disk.copy();
  await checkReading(await open(untouched, { time, readOnly: true }), model, note, `${what}, read-only`);
  let volume: Volume;
  try {
    volume = await open(disk, { time });
  } catch (error) {
    throw new Error(`${what}: does not open`, { cause: error });
  }
  const after = await checkReading(volume, model, note, what);
  // Write on, and look again after another opening.
  const data = Buffer.alloc(3000, 0xee);
  await write(volume, 5000, data);
  after.change(volume.engine.clock.last, (bytes) => void data.copy(bytes, 5000));
  await volume.flush();
  // What an interrupted thinning left is given back by the next one.
  const snapshots = volume.points().filter(({ place }) => place === 'snapshot');
  await volume.thin({ sequences: everySecond(snapshots.slice(1)) });
  const again = await open(disk.copy(), { time });
  expect(await firstDifference(again, after), `${what}, written on`).toBeUndefined();
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
