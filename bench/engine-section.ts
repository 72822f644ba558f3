import { join } from 'node:path';
import { BLOCK } from '../src/base/range.js';
import type { Volume } from '../src/volume/volume.js';
import { Vbmm } from '../src/vrmo/vbmm.js';
import { FORWARD } from '../src/vrmo/vrmo.js';
import type { Bench } from './bench.js';
import { lap, noise, randomNumbers, withStore, writeAll } from './engine-store.js';
import { RawFile } from './raw-file.js';
import { type Details, makeRow } from './report.js';

const SECTION = 'engine, without FUSE';
/** Of the budget for all timed parts. */
const SHARE = 0.1;
/** What is timed here, and on how many sides. */
const TIMED = 20;

/** The write path, flushes, reads and the map by themselves, each beside system calls on an ordinary file. */
export async function engineSection(bench: Bench): Promise<void> {
  const { options } = bench;
  const box = (options.seconds * SHARE * 1000) / (options.rounds * TIMED);
  const size = Math.min(options.size, 256 * 1024 * 1024);
  await withStore(bench, 'engine', { size, journal: size }, async ({ volume }) => {
    const raw = new RawFile(bench.undo, join(bench.folder, 'engine.raw'), size);
    raw.fill(size, noise(1024 * 1024, 1));
    const sides = new Sides(bench, volume, raw, box);
    await sides.writes('1 MiB write, first lap of the journal', 256 * BLOCK, 0, 1);
    await lap(volume, noise(1024 * 1024, 1));
    await sides.writes('4 KiB write', BLOCK, 0);
    await sides.writes('64 KiB write', 16 * BLOCK, 0);
    await sides.writes('1 MiB write', 256 * BLOCK, 0);
    await sides.writes('4 KiB write, each flushed', BLOCK, 1);
    await sides.writes('4 KiB write, flushed every 32', BLOCK, 32);
    await sides.reads('4 KiB read of the live volume');
    await raw.close();
  });
  for (const extents of options.quick ? [1000] : [1000, 10_000, 100_000]) lookups(bench, extents, box);
}

/** The engine and the raw file doing the same, in turns. */
class Sides {
  readonly #random = randomNumbers(7);

  constructor(
    readonly bench: Bench,
    readonly volume: Volume,
    readonly raw: RawFile,
    /** For one side of one round, ms. */
    readonly box: number,
  ) {}

  /** @param flush after so many writes each; 0 = never */
  async writes(
    name: string,
    length: number,
    flush: number,
    rounds = this.bench.options.rounds,
  ): Promise<void> {
    const ours: number[] = [];
    const theirs: number[] = [];
    const data = noise(length, 3);
    for (let round = 0; round < rounds; round++) {
      await this.volume.sync('bench');
      ours.push(await this.#ourWrites(data, flush));
      await this.volume.flush();
      theirs.push(this.#theirWrites(data, flush));
      this.raw.datasync();
    }
    const beside = { [flush > 0 ? 'pwrite + fdatasync' : 'pwrite']: theirs };
    this.#row(name, 'writes/s', ours, beside, {});
  }

  async reads(name: string): Promise<void> {
    const ours: number[] = [];
    const theirs: number[] = [];
    const into = new Uint8Array(BLOCK);
    for (let round = 0; round < this.bench.options.rounds; round++) {
      ours.push(await this.#ourReads(into));
      theirs.push(rate(this.box, () => this.raw.read(this.#place(BLOCK), into)));
    }
    this.#row(name, 'reads/s', ours, { pread: theirs }, { 'journal extents': this.volume.live.map.extents });
  }

  /** Ends with the time box, or when the ring is nearly so full that a sync event would begin. */
  async #ourWrites(data: Uint8Array, flush: number): Promise<number> {
    const { volume } = this;
    const { data: ring } = volume.engine.scan;
    const batch = flush > 0 ? flush : Math.min(64, Math.max(1, Math.floor(ring.length / 8 / data.length)));
    const started = performance.now();
    let count = 0;
    while (performance.now() < started + this.box && ring.used < ring.length / 2) {
      await writeAll(volume, (n) => (n === batch ? undefined : { offset: this.#place(data.length), data }));
      count += batch;
      if (flush > 0) await volume.flush();
    }
    return (count * 1000) / (performance.now() - started);
  }

  async #ourReads(into: Uint8Array): Promise<number> {
    const { live } = this.volume;
    const started = performance.now();
    let count = 0;
    for (; performance.now() < started + this.box; count++) {
      const offset = this.#place(into.length);
      // A filesystem that cannot tell what is in its cache is always waited for.
      if (!live.readNow(offset, into)) await live.read(offset, into);
    }
    return (count * 1000) / (performance.now() - started);
  }

  #theirWrites(data: Uint8Array, flush: number): number {
    let count = 0;
    return rate(this.box, () => {
      this.raw.write(this.#place(data.length), data);
      count += 1;
      if (flush > 0 && count % flush === 0) this.raw.datasync();
    });
  }

  #place(length: number): number {
    return this.#random(Math.floor(this.volume.size / length)) * length;
  }

  #row(
    name: string,
    unit: string,
    ours: readonly number[],
    beside: Record<string, readonly number[]>,
    details: Details,
  ): void {
    this.bench.results.row(makeRow(SECTION, name, { unit, ours, beside, details }));
  }
}

/** Runs `work` again and again for `box` ms; times a second. */
function rate(box: number, work: () => unknown): number {
  const started = performance.now();
  let count = 0;
  while (performance.now() < started + box) {
    work();
    count += 1;
  }
  return (count * 1000) / (performance.now() - started);
}

/** The map of a view beside the plainest thing that answers the same question: a sorted array. */
function lookups(bench: Bench, extents: number, box: number): void {
  const random = randomNumbers(11);
  const map = new Vbmm();
  const starts = new Float64Array(extents);
  // Every second block, so that extents and nodes alternate, as after random writes.
  for (let at = 0; at < extents; at++) starts[at] = at * 2 * BLOCK;
  for (const start of shuffled(starts, random)) map.replace(start, start + BLOCK, FORWARD, start / BLOCK);
  let found = 0;
  const visit = () => {
    found += 1;
  };
  const look: number[] = [];
  const search: number[] = [];
  const change: number[] = [];
  const place = () => random(extents * 2) * BLOCK;
  for (let round = 0; round < bench.options.rounds; round++) {
    look.push(rate(box, () => hundred(() => map.lookup(...block(place()), visit))) * 100);
    search.push(rate(box, () => hundred(() => binarySearch(starts, place()))) * 100);
    change.push(rate(box, () => hundred((n) => map.replace(...block(place()), FORWARD, n))) * 100);
  }
  const details = { 'bytes/extent': Math.round(map.bytes / extents), found };
  const name = `VBMM of ${extents.toLocaleString('en-US')} extents`;
  const { results } = bench;
  results.row(
    makeRow(SECTION, `${name}: lookup`, {
      unit: 'lookups/s',
      ours: look,
      beside: { 'binary search in an array': search },
      details,
    }),
  );
  results.row(makeRow(SECTION, `${name}: replace`, { unit: 'changes/s', ours: change }));
}

function block(start: number): [number, number] {
  return [start, start + BLOCK];
}

/** So that looking at the clock costs nothing. */
function hundred(work: (n: number) => void): void {
  for (let n = 0; n < 100; n++) work(n);
}

function binarySearch(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function shuffled(values: Float64Array, random: (below: number) => number): Float64Array {
  const copy = values.slice();
  for (let at = copy.length - 1; at > 0; at--) {
    const other = random(at + 1);
    [copy[at], copy[other]] = [copy[other] as number, copy[at] as number];
  }
  return copy;
}
