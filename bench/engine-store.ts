import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { AnywhenError } from '../src/base/errors.js';
import { BLOCK } from '../src/base/range.js';
import type { SyncReport } from '../src/volume/model.js';
import { createStore, type OpenStore, openStore } from '../src/volume/store-folder.js';
import type { Volume } from '../src/volume/volume.js';
import type { Bench } from './bench.js';

export interface StoreSize {
  readonly size: number;
  /** Bytes of the data queue of the forward journal. */
  readonly journal: number;
  /** Bytes of its descriptor queue, where the default (for writes of 4 KiB) does not do. */
  readonly descriptors?: number;
}

/** A new store, open in this process, for as long as `work` runs. */
export async function withStore(
  bench: Bench,
  name: string,
  wanted: StoreSize,
  work: (store: OpenStore, folder: string) => Promise<void>,
  synced?: (report: SyncReport) => void,
): Promise<void> {
  const folder = join(bench.folder, name);
  await createStore(
    folder,
    { size: wanted.size },
    {
      forwardBytes: wanted.journal,
      ...(wanted.descriptors === undefined ? {} : { descriptorBytes: wanted.descriptors }),
    },
  );
  const store = await openStore(folder, synced === undefined ? {} : { events: { synced } });
  try {
    await work(store, folder);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Requests that the daemon takes from the kernel before others get their turn; the loop is entered as often here. */
const TURN = 32;

/**
 * Writes one after another, as the next request of a client at depth 1 does, with a turn of the event loop now and
 * then, in which sync events run. A write that is done at once costs no promise, as in the daemon.
 *
 * @param next gives the n-th write, or undefined at the end
 * @param took is told how long each one took, ns
 * @returns how many there were
 */
export async function writeAll(
  volume: Volume,
  next: (n: number) => { readonly offset: number; readonly data: Uint8Array } | undefined,
  took?: (nanoseconds: number) => void,
): Promise<number> {
  for (let n = 0; ; n++) {
    if (n % TURN === TURN - 1) await turn();
    const write = next(n);
    if (write === undefined) return n;
    const started = took === undefined ? 0 : performance.now();
    const pending = startWrite(volume, write.offset, write.data);
    if (pending !== undefined) await pending;
    took?.((performance.now() - started) * 1e6);
  }
}

/** Undefined when it was done at once. */
function startWrite(volume: Volume, offset: number, data: Uint8Array): Promise<void> | undefined {
  let outcome: { readonly error: AnywhenError | undefined } | undefined;
  let settle: (() => void) | undefined;
  volume.write(offset, data, (error) => {
    outcome = { error };
    settle?.();
  });
  const check = () => {
    if (outcome?.error !== undefined) throw outcome.error;
  };
  if (outcome === undefined) {
    return new Promise<void>((resolve) => {
      settle = resolve;
    }).then(check);
  }
  check();
  return undefined;
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Reproducible numbers in [0, below): xorshift32. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Bytes that do not compress. */
export function noise(length: number, seed: number): Uint8Array {
  const random = randomNumbers(seed);
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let at = 0; at < words.length; at++) words[at] = random(2 ** 32);
  return new Uint8Array(words.buffer, 0, length);
}

/**
 * Writes the whole ring of the forward journal once, with sync events on the way. A new one is only reserved: its first
 * lap costs the filesystem far more than all that follow.
 */
export async function lap(volume: Volume, data: Uint8Array): Promise<void> {
  const { length } = volume.engine.scan.data;
  const places = Math.floor(volume.size / data.length);
  const count = Math.ceil(length / data.length) + 1;
  await writeAll(volume, (n) => (n >= count ? undefined : { offset: (n % places) * data.length, data }));
  await volume.sync('bench');
}

/** Writes `count` blocks at random places, each with other bytes than before. */
export async function scatter(volume: Volume, count: number, random: (below: number) => number) {
  const blocks = Math.floor(volume.size / BLOCK);
  const data = noise(BLOCK, random(2 ** 31));
  const view = new DataView(data.buffer);
  await writeAll(volume, (n) => {
    if (n >= count) return undefined;
    view.setUint32(0, random(2 ** 32));
    return { offset: random(blocks) * BLOCK, data };
  });
}
