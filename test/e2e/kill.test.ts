import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemCode } from '../../src/base/errors.js';
import { formatInstant } from '../../src/base/instant.js';
import { openTarget, type Target } from '../../src/control/locate.js';
import { OsExecutor } from '../../src/file/os-executor.js';
import { seededRandom } from '../../src/file/seeded-random.js';
import { StoreMeta } from '../../src/journal/store-meta.js';
import { anywhen, describeMounted, MountedStore } from '../support/mounted-store.js';
import { type Progress, RecordWriters } from '../support/record-writers.js';
import { sleep } from '../support/run.js';
import { describeSector, SECTOR } from '../support/sectors.js';

/*
 * The daemon is killed again and again under writers and sync events. Whatever was acknowledged is there after the
 * next mount, and every point reads as it did. `KILLS=1000 KILL_SEED=1 npx vitest run test/e2e/kill` for more.
 */
const KILLS = Number(process.env.KILLS ?? 50);
const SEED = Number(process.env.KILL_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SIZE = 4 * 2 ** 20;
const WRITERS = 4;
/** Points that were read before are read again in each round: so many marks, and so many names that were listed. */
const MARKS_AGAIN = 2;
const NAMES_AGAIN = 3;

/** Where a kill found the store. */
type Phase = 'no sync event' | 'planning a sync event' | 'moving the MIM';

interface KnownMark {
  /** The canonical name that it was a link to, and its bytes. */
  readonly name: string;
  readonly sha: string;
}

function sha(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

class Killing {
  readonly random = seededRandom(SEED);
  readonly writers = new RecordWriters(SIZE, WRITERS, this.random);
  readonly marks = new Map<string, KnownMark>();
  /** sha256 of what listed names showed; undefined once they were gone. */
  readonly names = new Map<string, string | undefined>();
  /** Names of snapshots: the policy keeps them, they cannot go. */
  readonly kept = new Set<string>();
  readonly phases = new Map<Phase, number>();
  midWrite = 0;
  midRecovery = 0;
  images = 0;

  constructor(readonly mounted: MountedStore) {}

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  some<T>(from: readonly T[], count: number): T[] {
    return from.length === 0 ? [] : Array.from({ length: count }, () => from[this.below(from.length)] as T);
  }

  async round(number: number): Promise<void> {
    await this.mounted.mount();
    await this.#checkVolume();
    await this.#checkPoints();
    const target = await openTarget(this.mounted.mnt, 'write');
    await this.#mark(target, `quiet-${number}`);
    await this.#lookAround(target);
    this.writers.start(this.mounted.volume);
    const syncing = this.below(2) === 0 ? this.#syncUntilDead() : Promise.resolve();
    await sleep(20 + this.below(120));
    if (this.below(3) === 0) await this.#mark(target, `busy-${number}`);
    await sleep(this.below(40));
    this.writers.expectDeath();
    await this.mounted.end('SIGKILL');
    if ((await this.writers.stop()) > 0) this.midWrite += 1;
    await target.close();
    await syncing;
    const phase = await this.#phase();
    this.phases.set(phase, (this.phases.get(phase) ?? 0) + 1);
    if (this.below(4) === 0) await this.#killRecovery();
  }

  /** Every acknowledged record, and of those that were not: all or nothing. */
  async #checkVolume(): Promise<void> {
    const found = await readFile(this.mounted.volume);
    const { acknowledged, begun } = this.writers;
    const progress = this.writers.progressOf(found);
    for (const [writer, last] of progress.entries()) {
      expect([acknowledged[writer], begun[writer]], `the last record of writer ${writer}`).toContain(last);
    }
    this.#compare(found, progress, 'the volume');
    this.writers.settle(progress);
  }

  #compare(found: Buffer, progress: Progress, what: string): void {
    const expected = this.writers.image(progress);
    if (found.equals(expected)) return;
    const wrong: number[] = [];
    for (let at = 0; at < SIZE; at += SECTOR)
      if (found.compare(expected, at, at + SECTOR, at, at + SECTOR) !== 0) wrong.push(at);
    const [at = 0] = wrong;
    const differs = `sector ${at / SECTOR} is ${describeSector(found, at)}, not ${describeSector(expected, at)}`;
    throw new Error(`${what}: ${differs}; ${wrong.length} sectors differ`);
  }

  /** A mark shows of each writer a whole beginning, which holds all that was acknowledged before it. */
  async #mark(target: Target, name: string): Promise<void> {
    const before = this.writers.acknowledged;
    await target.call('mark', { name, hold: false });
    const after = this.writers.begun;
    const found = await readFile(this.mounted.image(name));
    const progress = this.writers.progressOf(found);
    for (const [writer, last] of progress.entries()) {
      expect(last, `${name}, writer ${writer}`).toBeGreaterThanOrEqual(before[writer] ?? 0);
      expect(last, `${name}, writer ${writer}`).toBeLessThanOrEqual(after[writer] ?? 0);
    }
    this.#compare(found, progress, name);
    const { at } = await target.call('resolve', { at: name });
    this.marks.set(name, { name: `@${formatInstant(at)}`, sha: sha(found) });
  }

  async #checkPoints(): Promise<void> {
    for (const [mark, known] of this.some([...this.marks], MARKS_AGAIN)) await this.checkMark(mark, known);
    for (const [name, before] of this.some([...this.names], NAMES_AGAIN)) await this.checkName(name, before);
  }

  async checkMark(mark: string, known: KnownMark): Promise<void> {
    expect(sha(await readFile(this.mounted.image(mark))), mark).toBe(known.sha);
    expect(sha(await this.#image(known.name)), `${mark} by its instant`).toBe(known.sha);
  }

  /** A canonical name is those bytes, or nothing: for ever. */
  async checkName(name: string, before: string | undefined): Promise<void> {
    const found = await this.#unlessGone(name);
    if (found === undefined) this.names.set(name, undefined);
    else expect(sha(found), name).toBe(before);
  }

  async #lookAround(target: Target): Promise<void> {
    await target.call(
      'points',
      { from: undefined, to: undefined, all: false },
      {
        items: (points) => {
          for (const { place, at } of points)
            if (place === 'snapshot') this.kept.add(`@${formatInstant(at)}`);
        },
      },
    );
    const names = await readdir(join(this.mounted.mnt, 'images'));
    for (const name of this.some(names, NAMES_AGAIN)) {
      if (this.names.has(name)) continue;
      const found = await this.#unlessGone(name);
      if (found === undefined) continue;
      this.#compare(found, this.writers.progressOf(found), name);
      this.names.set(name, sha(found));
    }
  }

  /** What a name shows. A sync event may give up what the policy does not keep; never a snapshot. */
  async #unlessGone(name: string): Promise<Buffer | undefined> {
    try {
      return await this.#image(name);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      expect(this.kept.has(name), `${name} was a snapshot, and is gone`).toBe(false);
      return undefined;
    }
  }

  #image(name: string): Promise<Buffer> {
    this.images += 1;
    return readFile(join(this.mounted.mnt, 'images', name));
  }

  async #syncUntilDead(): Promise<void> {
    let target: Target | undefined;
    try {
      target = await openTarget(this.mounted.mnt, 'write');
      // Where the daemon is dead already the store is opened here, and lives on.
      while (target.daemon) await target.call('sync', {});
    } catch {
      // The daemon is dead.
    } finally {
      await target?.close();
    }
  }

  async #phase(): Promise<Phase> {
    const executor = new OsExecutor(this.mounted.store, true);
    try {
      const { superblock, catalog } = await StoreMeta.load(executor);
      if (superblock.copied !== undefined) return 'moving the MIM';
      const files = await executor.list('backward');
      const unknown = files.filter((file) => !catalog.segments.has(Number.parseInt(file, 10)));
      return unknown.length > 0 ? 'planning a sync event' : 'no sync event';
    } finally {
      await executor.close();
    }
  }

  /** A mount that is killed before it is there: somewhere in the start of the program or the recovery. */
  async #killRecovery(): Promise<void> {
    const killed = await this.mounted.mountAndKill(200 + this.below(250));
    if (killed) this.midRecovery += 1;
  }
}

describeMounted('the daemon killed in the middle of things', () => {
  let mounted: MountedStore;

  beforeAll(async () => {
    mounted = await MountedStore.create('4M', ['--journal-size', '2M']);
  });
  afterAll(() => mounted?.dispose());

  it(`loses nothing in ${KILLS} kills`, { timeout: 60_000 + KILLS * 10_000 }, async () => {
    const killing = new Killing(mounted);
    try {
      for (let round = 1; round <= KILLS; round++) await killing.round(round);
      await mounted.mount();
      for (const [mark, known] of killing.marks) await killing.checkMark(mark, known);
      for (const [name, before] of killing.names)
        if (before !== undefined) await killing.checkName(name, before);
      expect(await mounted.end()).toBe(0);
      await anywhen(['check', mounted.store, '--data']);
    } catch (cause) {
      killing.writers.expectDeath();
      const { log } = mounted;
      await mounted.end('SIGKILL').catch(() => undefined);
      await killing.writers.stop();
      throw new Error(`seed ${SEED}; the daemon said:\n${log}`, { cause });
    }
    const { writers, midWrite, midRecovery, phases, marks, names, images } = killing;
    const gone = [...names.values()].filter((one) => one === undefined).length;
    console.info(
      `seed ${SEED}: ${KILLS} kills, ${midWrite} in the middle of writes, ${[...phases].map(([phase, count]) => `${count} ${phase}`).join(', ')}, ` +
        `${midRecovery} more in recovery; ${writers.records} records acknowledged, ${marks.size} marks, ` +
        `${names.size} other names (${gone} gone), ${images} images read`,
    );
    expect(midWrite).toBeGreaterThan(KILLS / 2);
    expect((phases.get('moving the MIM') ?? 0) + (phases.get('planning a sync event') ?? 0)).toBeGreaterThan(
      KILLS / 10,
    );
  });
});
