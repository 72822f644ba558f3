import { BLOCK } from '../src/base/range.js';
import { openStore } from '../src/volume/store-folder.js';
import type { Volume } from '../src/volume/volume.js';
import { randomNumbers } from './engine-store.js';

/* Looks at the history of a store in a process of its own, and prints what it took as JSON. */

const MIB = 1024 * 1024;
const READS = 10_000;

export interface HistoryFigures {
  /** From the start of the process to an open store, and to the first bytes of a view. ms */
  readonly storeMs: number;
  readonly viewMs: number;
  readonly openMs: number;
  /** Random reads a second: right after the view was opened, and of one that has read there before. */
  readonly reads: number;
  readonly longOpen: number;
  readonly rssMiB: number;
  readonly runs: number;
}

/** @param place which snapshot: 0 the oldest, 1 the youngest; `views` so many are open at the end */
async function look(folder: string, place: number, views: number): Promise<HistoryFigures> {
  const began = performance.now();
  const store = await openStore(folder);
  const { volume } = store;
  const storeMs = performance.now() - began;
  const opened = performance.now();
  const view = await volume.openView(instantOf(volume, place));
  await view.read(0, new Uint8Array(BLOCK));
  const openMs = performance.now() - opened;
  const viewMs = performance.now();
  // What is not the view's own is warm: the MIM and its sums, the compiled code.
  await readRandom(volume.live, 12);
  await readRandom(volume.live, 13);
  await readRandom(view, 13);
  const longOpen = await readRandom(view, 13);
  const fresh = await volume.openView(instantOf(volume, place));
  const reads = await readRandom(fresh, 12);
  fresh.close();
  const others = [];
  for (let other = 1; other < views; other++) {
    const another = await volume.openView(instantOf(volume, other / views));
    await readRandom(another, 14);
    others.push(another);
  }
  const rssMiB = process.memoryUsage().rss / MIB;
  const { runs } = volume.engine.history.size;
  for (const one of [view, ...others]) one.close();
  await store.close();
  return { storeMs, viewMs, openMs, reads, longOpen, rssMiB, runs };
}

function instantOf(volume: Volume, place: number): bigint {
  const { snapshots } = volume.engine.meta.catalog;
  return snapshots[Math.round(place * (snapshots.length - 1))]?.at ?? volume.now();
}

interface Readable {
  readonly size: number;
  readNow?(offset: number, into: Uint8Array): boolean;
  read(offset: number, into: Uint8Array): Promise<void>;
}

async function readRandom(view: Readable, seed: number): Promise<number> {
  const random = randomNumbers(seed);
  const into = new Uint8Array(BLOCK);
  const started = performance.now();
  for (let n = 0; n < READS; n++) {
    const offset = random(view.size / BLOCK) * BLOCK;
    if (view.readNow?.(offset, into) !== true) await view.read(offset, into);
  }
  return (READS * 1000) / (performance.now() - started);
}

const [folder, place, views] = process.argv.slice(2);
if (folder !== undefined)
  process.stdout.write(`${JSON.stringify(await look(folder, Number(place), Number(views)))}\n`);
