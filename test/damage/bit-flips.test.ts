import { expect, test } from 'vitest';
import { AnywhenError } from '../../src/base/errors.js';
import type { Instant } from '../../src/base/instant.js';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import { seededRandom } from '../../src/file/seeded-random.js';
import { FILES } from '../../src/format/layout.js';
import { checkStore, type Finding } from '../../src/inspect/check.js';
import type { View } from '../../src/volume/model.js';
import type { Volume } from '../../src/volume/volume.js';
import { type RichStore, richStore } from '../support/damaged-store.js';
import { open } from '../support/model.js';

/*
 * One bit of a store is turned over, anywhere. `check --data` finds it where it matters and names the place; whoever
 * opens the store is told, or gets what the model says, or an error for what is damaged: never other bytes.
 * `DAMAGE_FLIPS=100000 DAMAGE_SEED=1 npx vitest run test/damage` for more.
 */
const FLIPS = Number(process.env.DAMAGE_FLIPS ?? 150);
const SEED = Number(process.env.DAMAGE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SIZE = 40_000;
const BLOCK = 4096;

interface Flip {
  readonly file: string;
  readonly offset: number;
  readonly bit: number;
}

interface Outcome {
  /** Refused to open, or opened with a warning, or with an error for some block of some point. */
  readonly told: boolean;
  /** What was read and is not what the model says. */
  readonly wrong: string | undefined;
}

function flipped(disk: MemoryExecutor, { file, offset, bit }: Flip): MemoryExecutor {
  const copy = disk.copy();
  const byte = Buffer.alloc(1);
  copy.runNow([{ op: 'read', file, offset, into: byte }]);
  byte.writeUInt8(byte.readUInt8() ^ (1 << bit));
  copy.runNow([{ op: 'write', file, offset, from: [byte] }]);
  return copy;
}

function bytesOf(disk: MemoryExecutor): Map<string, Buffer> {
  const bytes = new Map<string, Buffer>();
  for (const [name, file] of disk.files) {
    const all = Buffer.alloc(file.size);
    file.read(0, all);
    bytes.set(name, all);
  }
  return bytes;
}

async function findingsOf(disk: MemoryExecutor): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const finding of checkStore(disk.copy(true), { data: true })) findings.push(finding);
  return findings;
}

/** Reads a view block by block: equal to what it must be, or an error. */
async function readView(view: View, expected: Buffer, what: string): Promise<Outcome> {
  if (view.size !== expected.length) return { told: false, wrong: `${what}: has ${view.size} bytes` };
  let told = false;
  for (let at = 0; at < expected.length; at += BLOCK) {
    const found = Buffer.alloc(Math.min(BLOCK, expected.length - at));
    try {
      await view.read(at, found);
      if (!found.equals(expected.subarray(at, at + found.length)))
        return { told, wrong: `${what}: at ${at}` };
    } catch (error) {
      if (!isDamage(error)) throw error;
      told = true;
    }
  }
  return { told, wrong: undefined };
}

function isDamage(error: unknown): boolean {
  return error instanceof AnywhenError && error.code === 'damaged' && error.message !== '';
}

/** Every instant at which the volume changed, and the last ns before. */
async function readPast(volume: Volume, { model }: RichStore): Promise<Outcome> {
  let told = volume.engine.warnings.length > 0;
  const last = model.states[model.states.length - 1]?.stamp ?? 0n;
  const instants: Instant[] = [
    ...model.states.flatMap(({ stamp }) => [stamp - 1n, stamp]).slice(1),
    last + 1n,
  ];
  for (const at of instants) {
    if (!volume.exact(at)) {
      told = true;
      continue;
    }
    const view = await openOrTold(volume, at);
    if (view === undefined) {
      told = true;
      continue;
    }
    const outcome = await readView(view, model.at(at), `the view at ${at}`);
    view.close();
    if (outcome.wrong !== undefined) return outcome;
    told ||= outcome.told;
  }
  return { told, wrong: undefined };
}

async function openOrTold(volume: Volume, at: Instant): Promise<View | undefined> {
  try {
    return await volume.openView(at);
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

/** The live volume is the newest state, or - with a warning - an older one, never a mixture. */
async function readLive(volume: Volume, { model }: RichStore): Promise<Outcome> {
  const newest = await readView(volume.live, model.now, 'the live volume');
  if (newest.wrong === undefined || volume.engine.warnings.length === 0) return newest;
  for (const { bytes } of model.states) {
    const outcome = await readView(volume.live, bytes, 'the live volume');
    if (outcome.wrong === undefined) return { told: true, wrong: undefined };
  }
  return newest;
}

async function outcomeOf(disk: MemoryExecutor, store: RichStore, readOnly: boolean): Promise<Outcome> {
  let volume: Volume;
  try {
    volume = await open(disk.copy(readOnly), { time: store.time, readOnly });
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { told: true, wrong: undefined };
  }
  const past = await readPast(volume, store);
  if (past.wrong !== undefined) return past;
  const live = await readLive(volume, store);
  const marks = volume.marks().length;
  await volume.close();
  const told = past.told || live.told;
  if (marks !== store.marks.length && !told) return { told, wrong: `${marks} marks` };
  return { told, wrong: live.wrong };
}

/** A random place; mostly one where something was written, of the forward journal one that is in use. */
function placeIn(bytes: Buffer, used: readonly number[], random: () => number): number | undefined {
  if (bytes.length === 0) return undefined;
  for (let attempt = 0; attempt < 8; attempt++) {
    const offset = used[Math.floor(random() * used.length)] ?? Math.floor(random() * bytes.length);
    if (bytes[offset] !== 0) return offset;
  }
  return Math.floor(random() * bytes.length);
}

/** The offsets of the forward journal between tail and head of its queues. */
async function placesInUse({ disk, time }: RichStore): Promise<number[]> {
  const { scan } = (await open(disk.copy(true), { time, readOnly: true })).engine;
  return [scan.descriptors, scan.data].flatMap((ring) =>
    Array.from({ length: ring.used }, (_, at) => ring.place(ring.tail + at)),
  );
}

/**
 * A finding names the file that was damaged and a place in it that covers the bit. A lost descriptor may also have
 * stood at the next border, which can be at the other end of the ring.
 */
function names(finding: Finding, flip: Flip): boolean {
  if (finding.file !== flip.file || finding.offset === undefined) return false;
  if (/descriptor of sequence \d+ is lost/.test(finding.message) && flip.offset % BLOCK < 128) return true;
  return finding.offset <= flip.offset && flip.offset < finding.offset + REACH;
}

/** A finding is about so many bytes from its offset on, at the most. */
const REACH = 16 * 1024;

class Damage {
  readonly failures: string[] = [];
  readonly counts = new Map<string, { flips: number; found: number; told: number }>();

  constructor(readonly store: RichStore) {}

  async try(flip: Flip): Promise<void> {
    const { file, offset, bit } = flip;
    const what = `${file} offset ${offset} bit ${bit}`;
    const disk = flipped(this.store.disk, flip);
    const before = bytesOf(disk);
    const findings = await findingsOf(disk);
    const errors = findings.filter(({ level }) => level === 'error');
    const count = this.counts.get(kindOf(file)) ?? { flips: 0, found: 0, told: 0 };
    this.counts.set(kindOf(file), count);
    count.flips += 1;
    if (findings.length > 0) count.found += 1;
    for (const [name, bytes] of bytesOf(disk))
      expect(before.get(name)?.equals(bytes), `${what}: ${name}`).toBe(true);
    if (findings.length > 0 && !findings.some((finding) => names(finding, flip))) {
      this.failures.push(`${what}: found as ${JSON.stringify(findings[0])}`);
    }
    for (const readOnly of [true, false]) {
      const how = `${what}, opened ${readOnly ? 'read-only' : 'for writing'}`;
      const { told, wrong } = await outcomeOf(disk, this.store, readOnly);
      if (told) count.told += 1;
      if (wrong !== undefined) this.failures.push(`${how}: WRONG ${wrong} (check: ${errors.length} errors)`);
      if (told && errors.length === 0) this.failures.push(`${how}: told of, and check finds nothing`);
    }
  }
}

function kindOf(file: string): string {
  return file.replace(/\d+/, 'N');
}

test.each(['closed', 'opened again', 'moving', 'moved'] as const)(
  'a bit that turned over in a store that was left %s never shows wrong bytes',
  { timeout: 3_600_000 },
  async (ending) => {
    const random = seededRandom(SEED);
    const store = await richStore(random, SIZE, ending);
    const damage = new Damage(store);
    const names = [...store.disk.files.keys()].sort();
    const files = names.flatMap((name) => (name === FILES.forward ? Array<string>(4).fill(name) : [name]));
    const inUse = await placesInUse(store);
    expect(await findingsOf(store.disk), 'a sound store').toEqual([]);
    expect(await outcomeOf(store.disk, store, true)).toEqual({ told: false, wrong: undefined });
    const sound = bytesOf(store.disk);
    for (let round = 0; round < FLIPS; round++) {
      const file = files[round % files.length] as string;
      const offset = placeIn(sound.get(file) ?? Buffer.alloc(0), file === FILES.forward ? inUse : [], random);
      if (offset !== undefined) await damage.try({ file, offset, bit: Math.floor(random() * 8) });
    }
    console.info(
      `seed ${SEED}, ${ending}: ${[...damage.counts].map(([file, { flips, found }]) => `${file} ${found}/${flips}`).join(', ')}`,
    );
    expect(damage.failures, `seed ${SEED}`).toEqual([]);
  },
);
