import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCK } from '../src/base/range.js';
import { createStore, openStore } from '../src/volume/store-folder.js';
import type { Bench } from './bench.js';
import { lap, noise, randomNumbers, scatter } from './engine-store.js';
import { fio, type Limits, type Load, type Measured } from './fio.js';
import { RawFile } from './raw-file.js';
import { type Details, makeRow } from './report.js';
import {
  fioMissing,
  MountedVolume,
  mountMissing,
  PlainFile,
  QemuExport,
  qemuMissing,
  type Target,
} from './targets.js';

const SECTION = 'mount, by fio';
const MIB = 1024 * 1024;
/** Of the budget for all timed parts. */
const SHARE = 0.9;
/** What it costs to start fio, s. */
const START = 0.35;

const READS: readonly Load[] = [
  { name: 'sequential read, 1 MiB', pattern: 'read', block: MIB, depth: 4 },
  { name: 'random read, 4 KiB, depth 1', pattern: 'randread', block: BLOCK, depth: 1 },
  { name: 'random read, 4 KiB, depth 16', pattern: 'randread', block: BLOCK, depth: 16 },
];
const WRITES: readonly Load[] = [
  { name: 'sequential write, 1 MiB', pattern: 'write', block: MIB, depth: 4 },
  { name: 'random write, 4 KiB, depth 1', pattern: 'randwrite', block: BLOCK, depth: 1 },
  { name: 'random write, 4 KiB, depth 16', pattern: 'randwrite', block: BLOCK, depth: 16 },
  { name: 'random write, 4 KiB, fsync each', pattern: 'randwrite', block: BLOCK, depth: 1, fsync: 1 },
  {
    name: 'random write, 4 KiB, fdatasync every 32',
    pattern: 'randwrite',
    block: BLOCK,
    depth: 1,
    fdatasync: 32,
  },
];
/** More than the forward journal holds: sync events run on the way, and their speed is the speed. */
const SUSTAINED: Load = {
  name: 'sequential write, 2.5 journals long',
  pattern: 'write',
  block: MIB,
  depth: 4,
};
const OLD = 'bench-old';
const NEAR = 'bench-near';

/**
 * fio on the live volume and on images, beside qemu-storage-daemon's export of a raw file and beside a raw file.
 *
 * Every side is warm: its bytes are in the page cache of the filesystem below. The clients of a mount open it with
 * O_DIRECT, so that each request reaches the daemon; the raw file is opened without, since with it the disk would be
 * measured on this side alone. Nothing is dropped from the cache: that would measure the disk, and disturb everybody.
 */
export async function mountSection(bench: Bench): Promise<void> {
  const { results } = bench;
  const missing = mountMissing() ?? fioMissing();
  if (missing !== undefined) {
    results.skip('mount', missing);
    return;
  }
  const { store, raw, forQemu } = await prepare(bench);
  const mounted = await MountedVolume.start(bench, store);
  const beside = new Map<string, Target>();
  const noQemu = qemuMissing();
  if (noQemu === undefined) beside.set('qemu', await QemuExport.start(bench, forQemu));
  else results.skip('qemu-storage-daemon', noQemu);
  beside.set('raw', new PlainFile(raw));
  const sides = new Sides(bench, mounted, beside);
  await sides.warmUp();
  for (const load of bench.options.quick ? READS.slice(1) : READS) await sides.read(load);
  for (const load of bench.options.quick ? WRITES.slice(1) : WRITES) await sides.write(load);
  if (!bench.options.quick) await sides.sustained();
  for (const target of [...beside.values(), mounted]) await target.stop();
}

/** A store with a past, and two raw files with what it began with. */
async function prepare(bench: Bench): Promise<{ store: string; raw: string; forQemu: string }> {
  const { size, journal } = bench.options;
  bench.results.progress('mount: making a volume with a past');
  const raw = join(bench.folder, 'mount.raw');
  const forQemu = join(bench.folder, 'mount-qemu.raw');
  const file = new RawFile(bench.undo, raw, size);
  file.fill(size, noise(MIB, 4));
  await file.close();
  copyFileSync(raw, forQemu);
  const store = join(bench.folder, 'mount');
  await createStore(store, { image: raw }, { forwardBytes: journal });
  await makeHistory(store, Math.floor(Math.min(size / 20, journal / 8) / BLOCK));
  return { store, raw, forQemu };
}

/** The old image reads over the MIM and the lists of three sync events, the near one over the MIM and the journal. */
async function makeHistory(folder: string, blocks: number): Promise<void> {
  const { volume, close } = await openStore(folder);
  const random = randomNumbers(8);
  // The same bytes as before: it changes nothing but that the journal is no longer new.
  await lap(volume, noise(MIB, 4));
  await volume.mark(OLD);
  for (let event = 0; event < 3; event++) {
    await scatter(volume, blocks, random);
    await volume.sync('bench');
  }
  await scatter(volume, blocks, random);
  await volume.mark(NEAR);
  await scatter(volume, blocks, random);
  await close();
}

/** The same load on every side, round by round, each time beginning with another side. */
class Sides {
  readonly #limits: Limits;

  constructor(
    readonly bench: Bench,
    readonly mounted: MountedVolume,
    readonly beside: ReadonlyMap<string, Target>,
  ) {
    const { seconds, rounds, size, quick } = bench.options;
    const images = 2;
    const reads = (quick ? READS.length - 1 : READS.length) * (1 + images + beside.size);
    const writes = (quick ? WRITES.length - 1 : WRITES.length + 2) * (1 + beside.size);
    const each = (seconds * SHARE) / (rounds * (reads + writes)) - START;
    this.#limits = { size, seconds: Math.max(0.1, each), direct: true };
  }

  /** Compilers and caches of every side see the load once before it counts. */
  async warmUp(): Promise<void> {
    const load = READS[1] as Load;
    await this.#rounds(load, { ...this.#limits, seconds: 0.3 }, this.#readable(), undefined, 1);
  }

  async read(load: Load): Promise<void> {
    const measured = await this.#rounds(load, this.#limits, this.#readable());
    for (const own of this.#readable().keys()) this.#row(`${own}: ${load.name}`, load, own, measured);
  }

  #readable(): Map<string, string> {
    const { mounted } = this;
    return new Map([
      ['volume', mounted.path],
      ['old image', mounted.image(OLD)],
      ['near image', mounted.image(NEAR)],
    ]);
  }

  /** Begins with an empty forward journal and writes less than would start a sync event. */
  async write(load: Load): Promise<void> {
    const limits = { ...this.#limits, bytes: Math.floor((this.bench.options.journal * 0.6) / MIB) * MIB };
    const paths = new Map([['volume', this.mounted.path]]);
    const measured = await this.#rounds(load, limits, paths, () => this.mounted.command('sync'));
    this.#row(`volume: ${load.name}`, load, 'volume', measured);
  }

  async sustained(): Promise<void> {
    const bytes = Math.floor((this.bench.options.journal * 2.5) / MIB) * MIB;
    const limits = { ...this.#limits, bytes, seconds: 60 };
    const paths = new Map([['volume', this.mounted.path]]);
    const measured = await this.#rounds(SUSTAINED, limits, paths, () => this.mounted.command('sync'), 1);
    this.#row(`volume: ${SUSTAINED.name}`, SUSTAINED, 'volume', measured);
  }

  async #rounds(
    load: Load,
    limits: Limits,
    own: ReadonlyMap<string, string>,
    before?: () => Promise<unknown>,
    rounds = this.bench.options.rounds,
  ): Promise<Map<string, Measured[]>> {
    this.bench.results.progress(`mount: ${load.name}`);
    const others = [...this.beside].map(([name, target]) => [name, target.path] as const);
    const all = [...own, ...others];
    const measured = new Map<string, Measured[]>(all.map(([name]) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < all.length; turn++) {
        const [name, path] = all[(turn + round) % all.length] as readonly [string, string];
        if (own.has(name)) await before?.();
        const direct = name !== 'raw';
        measured.get(name)?.push(await fio(this.bench.undo, path, load, { ...limits, direct }));
        // What one side left to be written back must not slow the next.
        if (before !== undefined) await this.#settle(path);
      }
    }
    return measured;
  }

  async #settle(path: string): Promise<void> {
    const file = new RawFile(this.bench.undo, path);
    await file.datasyncLater();
    await file.close();
  }

  #row(name: string, load: Load, own: string, measured: ReadonlyMap<string, readonly Measured[]>): void {
    const sequential = load.block >= MIB;
    const of = (one: Measured) => (sequential ? one.bandwidth : one.rate);
    const mine = measured.get(own) ?? [];
    const beside = Object.fromEntries(
      [...this.beside.keys()].map((other) => [other, (measured.get(other) ?? []).map(of)]),
    );
    const details: Details = {
      'p50 us': Math.round(Math.min(...mine.map((one) => one.p50))),
      'p99 us': Math.round(Math.max(...mine.map((one) => one.p99))),
    };
    const unit = sequential ? 'B/s' : 'IOPS';
    this.bench.results.row(makeRow(SECTION, name, { unit, ours: mine.map(of), beside, details }));
  }
}
