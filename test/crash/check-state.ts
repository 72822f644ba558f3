import { expect } from 'vitest';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import type { Point } from '../../src/volume/model.js';
import type { Volume } from '../../src/volume/volume.js';
import {
  firstDifference,
  Model,
  open,
  readAll,
  sealedBlock,
  type TestTime,
  write,
} from '../support/model.js';

/** Bytes of the volume whose power is cut. */
export const SIZE = 24_000;

export interface Note {
  /** The newest model state that was acknowledged, and the newest that a flush made durable. */
  readonly acknowledged: number;
  readonly flushed: number;
}

export function source(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export function someData(random: (below: number) => number): { start: number; data: Buffer } {
  const start = random(SIZE - 1);
  const length = Math.min(1 + random(random(3) === 0 ? 9000 : 700), SIZE - start);
  return { start, data: Buffer.alloc(length, 1 + random(255)) };
}

/** What ext4 writes: an old one that lies where a new one should be must not pass for it. */
export function someSealed(random: (below: number) => number): { start: number; data: Buffer } {
  return { start: 4096 * random(5), data: sealedBlock(1 + random(255)) };
}

/** Every second one; those with a mark stay. */
export function everySecond(points: readonly Point[]): Set<number> {
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

export async function checkState(
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
