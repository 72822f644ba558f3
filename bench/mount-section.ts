import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCK } from '../src/base/range.js';
import { createStore, openStore } from '../src/volume/store-folder.js';
import type { Bench } from './bench.js';
import { lap, noise, randomNumbers, scatter } from './engine-store.js';
import type { Load } from './fio.js';
import { LoopDevice, Passthrough } from './other-targets.js';
import { QcowExport, QemuExport, qcowMissing } from './qemu-targets.js';
import { RawFile } from './raw-file.js';
import { type Compared, Sides } from './sides.js';
import { fioMissing, MountedVolume, mountMissing, PlainFile, qemuMissing, type Target } from './targets.js';

const MIB = 1024 * 1024;
const KIB = 1024;
/** Of the budget for all timed parts. */
const SHARE = 0.9;
/** What it costs to start fio, s. */
const START = 0.35;
/** A sustained load ends after so long, s, whatever it wrote. */
const LONG = 60;
/** Between two snapshots of the qcow2 image, ms. */
const SNAPSHOT = 10_000;

const RANDOM_READS: readonly Load[] = [
  { name: 'random read, 4 KiB, depth 1', pattern: 'randread', block: BLOCK, depth: 1, volume: 2, image: 2 },
  {
    name: 'random read, 4 KiB, depth 16',
    pattern: 'randread',
    block: BLOCK,
    depth: 16,
    volume: 2.5,
    image: 2.5,
  },
];
const READS: readonly Load[] = [
  ...RANDOM_READS,
  { name: 'sequential read, 1 MiB', pattern: 'read', block: MIB, depth: 4, volume: 2, image: 2 },
  { name: 'sequential read, 128 KiB', pattern: 'read', block: 128 * KIB, depth: 4, volume: 1.5, image: 1.5 },
];
const RANDOM_WRITES: readonly Load[] = [
  { name: 'random write, 4 KiB, depth 1', pattern: 'randwrite', block: BLOCK, depth: 1, volume: 1.8 },
  { name: 'random write, 4 KiB, depth 16', pattern: 'randwrite', block: BLOCK, depth: 16, volume: 2 },
];
const WRITES: readonly Load[] = [
  ...RANDOM_WRITES,
  { name: 'sequential write, 1 MiB', pattern: 'write', block: MIB, depth: 4, volume: 1.2 },
  { name: 'sequential write, 128 KiB', pattern: 'write', block: 128 * KIB, depth: 4, volume: 1.3 },
  {
    name: 'random write, 4 KiB, fsync each',
    pattern: 'randwrite',
    block: BLOCK,
    depth: 1,
    fsync: 1,
    volume: 1,
  },
  {
    name: 'random write, 4 KiB, fdatasync every 32',
    pattern: 'randwrite',
    block: BLOCK,
    depth: 1,
    fdatasync: 32,
  },
];
/** More than the forward journal holds: sync events run on the way, and their speed is the speed. */
const SUSTAINED: readonly Load[] = [
  { name: 'sequential write, 10 journals long', pattern: 'write', block: MIB, depth: 4 },
  { name: 'random write, 4 KiB, 10 journals long', pattern: 'randwrite', block: BLOCK, depth: 16 },
];
const OLD = 'bench-old';
const NEAR = 'bench-near';

/**
 * fio on the live volume and on images, beside qemu-storage-daemon's export of a raw file, of a qcow2 with a snapshot
 * every 10 s, and beside a raw file; then on loop devices.
 *
 * Every side is warm: its bytes are in the page cache of the filesystem below. The clients of a mount open it with
 * O_DIRECT, so that each request reaches the daemon. Nothing is dropped from the cache: that would measure the disk, and
 * disturb everybody.
 */
export async function mountSection(bench: Bench): Promise<void> {
  const { results, options } = bench;
  const missing = mountMissing() ?? fioMissing();
  if (missing !== undefined) {
    results.skip('mount', missing);
    return;
  }
  const { store, raw } = await prepare(bench);
  const mounted = await MountedVolume.start(bench, store);
  const beside = await others(bench, raw);
  const own = new Map<string, Target>([
    ['volume', mounted],
    ['old image', new Image(mounted, OLD)],
    ['near image', new Image(mounted, NEAR)],
  ]);
  const makeRoom = () => mounted.command('sync');
  const compared: Compared = { section: 'mount, by fio', own, beside, prepare: makeRoom };
  const reads = options.quick ? RANDOM_READS : READS;
  const writes = options.quick ? RANDOM_WRITES : WRITES;
  const sides = sidesOf(bench, compared, reads, writes);
  await sides.warmUp(RANDOM_READS[1] as Load);
  for (const load of reads) await sides.read(load);
  const room = Math.floor((options.journal * 0.6) / MIB) * MIB;
  for (const load of writes) await sides.write(load, room);
  if (!options.quick) {
    const alone: Compared = { ...compared, beside: new Map() };
    const long = new Sides(bench, alone, { size: options.size, seconds: LONG, direct: true });
    for (const load of SUSTAINED) await long.write(load, options.journal * 10, 1);
    await onLoops(bench, compared, makeRoom, room);
  }
  for (const target of [...beside.values(), mounted]) await target.stop();
}

/** An image of the mount. */
class Image implements Target {
  readonly path: string;
  readonly daemon: MountedVolume['daemon'];

  constructor(mounted: MountedVolume, mark: string) {
    this.path = mounted.image(mark);
    this.daemon = mounted.daemon;
  }

  async stop(): Promise<void> {}
}

function sidesOf(bench: Bench, compared: Compared, reads: readonly Load[], writes: readonly Load[]): Sides {
  const { seconds, rounds, size } = bench.options;
  const turns =
    reads.length * (compared.own.size + compared.beside.size) + writes.length * (1 + compared.beside.size);
  const each = (seconds * SHARE) / (rounds * turns) - START;
  return new Sides(bench, compared, { size, seconds: Math.max(0.1, each), direct: true });
}

/** Everything that the mount is compared with, each on a file of its own with the same bytes. */
async function others(bench: Bench, raw: string): Promise<Map<string, Target>> {
  const { results, options } = bench;
  const beside = new Map<string, Target>();
  const copy = (name: string) => {
    const path = join(bench.folder, name);
    copyFileSync(raw, path);
    return path;
  };
  const noQemu = qemuMissing();
  if (noQemu === undefined) beside.set('qemu', await QemuExport.start(bench, copy('mount-qemu.raw')));
  else results.skip('qemu-storage-daemon', noQemu);
  const noQcow = noQemu ?? qcowMissing();
  if (noQcow !== undefined) results.skip('qcow2 with snapshots', noQcow);
  else if (!options.quick) beside.set('qcow2', await QcowExport.start(bench, raw, SNAPSHOT));
  if (options.passthrough !== undefined)
    beside.set('passthrough_hp', await Passthrough.start(bench, options.passthrough, raw));
  beside.set('raw', new PlainFile(raw));
  return beside;
}

/** The same through loop devices with direct I/O. */
async function onLoops(
  bench: Bench,
  compared: Compared,
  makeRoom: () => Promise<unknown>,
  room: number,
): Promise<void> {
  if (process.getuid?.() !== 0) return bench.results.skip('loop devices', 'needs root');
  const volume = compared.own.get('volume');
  const image = compared.own.get('old image');
  const qemu = compared.beside.get('qemu');
  if (volume === undefined || image === undefined || qemu === undefined) return;
  const loops = [
    await LoopDevice.start(bench, volume),
    await LoopDevice.start(bench, image, image.path, true),
    await LoopDevice.start(bench, qemu),
  ] as const;
  const looped: Compared = {
    section: 'loop device, by fio',
    own: new Map([
      ['volume', loops[0]],
      ['old image', loops[1]],
    ]),
    beside: new Map([['qemu', loops[2]]]),
    prepare: makeRoom,
  };
  const asked = (load: Load): Load => ({ ...load, volume: 1.5, image: 1.5 });
  const sides = sidesOf(bench, looped, RANDOM_READS, RANDOM_WRITES);
  for (const load of RANDOM_READS) await sides.read(asked(load));
  for (const load of RANDOM_WRITES) await sides.write(asked(load), room);
  for (const loop of loops) await loop.stop();
}

/** A store with a past, and a raw file with what it began with. */
async function prepare(bench: Bench): Promise<{ store: string; raw: string }> {
  const { size, journal } = bench.options;
  bench.results.progress('mount: making a volume with a past');
  const raw = join(bench.folder, 'mount.raw');
  const file = new RawFile(bench.undo, raw, size);
  file.fill(size, noise(MIB, 4));
  await file.close();
  const store = join(bench.folder, 'mount');
  await createStore(store, { image: raw }, { forwardBytes: journal });
  await makeHistory(store, Math.floor(Math.min(size / 20, journal / 8) / BLOCK));
  return { store, raw };
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
