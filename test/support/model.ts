import { crc32c } from '@node-rs/crc32';
import type { TimeSource } from '../../src/base/clock.js';
import type { Executor } from '../../src/file/executor.js';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { createOn, emptyOrigin } from '../../src/volume/create.js';
import type { VolumeOptions } from '../../src/volume/events.js';
import { MapView } from '../../src/volume/map-view.js';
import type { View } from '../../src/volume/model.js';
import { Volume } from '../../src/volume/volume.js';

/** A clock that the test moves. */
export class TestTime implements TimeSource {
  #now = 1_700_000_000_000_000_000n;

  wall(): bigint {
    return this.#now;
  }

  monotonic(): bigint {
    return this.#now;
  }

  advance(ns: bigint): void {
    this.#now += ns;
  }
}

export interface State {
  readonly stamp: bigint;
  readonly bytes: Buffer;
}

/** The naive model: a full copy of the volume for every instant at which it changed. */
export class Model {
  readonly states: State[];

  constructor(size: number, stamp: bigint) {
    this.states = [{ stamp, bytes: Buffer.alloc(size) }];
  }

  get now(): Buffer {
    return (this.states[this.states.length - 1] as State).bytes;
  }

  change(stamp: bigint, edit: (bytes: Buffer) => Buffer | undefined): void {
    const copy = Buffer.from(this.now);
    this.states.push({ stamp, bytes: edit(copy) ?? copy });
  }

  /** What the volume was at `at`. */
  at(at: bigint): Buffer {
    let found = this.states[0] as State;
    for (const state of this.states) if (state.stamp <= at) found = state;
    return found.bytes;
  }
}

export async function newStore(
  size: number,
  forwardBytes: number,
  descriptorBytes: number,
  now: bigint,
): Promise<MemoryExecutor> {
  const executor = new MemoryExecutor();
  await createOn(executor, emptyOrigin(size), { forwardBytes, descriptorBytes, now });
  return executor;
}

export function open(executor: Executor, options: VolumeOptions = {}): Promise<Volume> {
  return Volume.openOn(executor, options);
}

/**
 * A block that ends in its own CRC32C, as ext4's directories and superblocks do. All such blocks have the same
 * CRC32C, whatever is in them.
 */
export function sealedBlock(byte: number): Buffer {
  const block = Buffer.alloc(4096, byte);
  block.writeUInt32LE(crc32c(block.subarray(0, 4092)), 4092);
  return block;
}

/** Writes, and resolves with nothing when the write is in. */
export function write(volume: Volume, offset: number, data: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    volume.write(offset, data, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

export function discard(volume: Volume, offset: number, length: number): Promise<void> {
  return new Promise((resolve, reject) => {
    volume.discard(offset, length, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** Verifies the map of a view before it is read through. */
export async function readAll(view: View): Promise<Buffer> {
  if (view instanceof MapView) view.map.verify();
  const bytes = Buffer.alloc(view.size);
  await view.read(0, bytes);
  return bytes;
}

/** Buffers of one size each, to be used again: most of the oracle's time would go into new ones. */
const spare = new Map<number, Buffer[]>();

/** Whether a view reads as expected, size and bytes; its map is verified. Gives what it read to `look` if not. */
export async function reads(view: View, expected: Buffer, look?: (bytes: Buffer) => void): Promise<boolean> {
  if (view instanceof MapView) view.map.verify();
  const { size } = view;
  const pool = spare.get(size) ?? [];
  spare.set(size, pool);
  const bytes = pool.pop() ?? Buffer.alloc(size);
  await view.read(0, bytes);
  const same = bytes.equals(expected);
  if (same) pool.push(bytes);
  else look?.(bytes);
  return same;
}

/** Compares every point that is listed, and the live volume, with the model. Returns what is wrong, or undefined. */
export async function firstDifference(volume: Volume, model: Model): Promise<string | undefined> {
  let wrong = '';
  const look = (expected: Buffer) => (bytes: Buffer) => {
    wrong = where(bytes, expected);
  };
  if (!(await reads(volume.live, model.now, look(model.now)))) return `the live volume differs ${wrong}`;
  for (const point of volume.points({ all: true })) {
    const view = await volume.openView(point.at);
    const expected = model.at(point.at);
    const right = await reads(view, expected, look(expected));
    view.close();
    if (!right) return `the ${point.place} point ${point.at} (sequence ${point.sequence}) differs ${wrong}`;
  }
  return undefined;
}

function where(found: Buffer, expected: Buffer): string {
  if (found.length !== expected.length) return `in size: ${found.length}, not ${expected.length}`;
  const at = found.findIndex((byte, index) => byte !== expected[index]);
  return `at ${at}: ${found[at]}, not ${expected[at]}`;
}
