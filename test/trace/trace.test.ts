import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OsExecutor } from '../../src/file/os-executor.js';
import { seededRandom } from '../../src/file/seeded-random.js';
import { createOn, emptyOrigin } from '../../src/volume/create.js';
import type { Point, View } from '../../src/volume/model.js';
import { Volume } from '../../src/volume/volume.js';
import { TestTime, write } from '../support/model.js';
import { describeSector, SECTOR, sectorsOf } from '../support/sectors.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';
import { readTrace } from './read-trace.js';
import { SectorModel, type TracedWrite } from './sector-model.js';

/*
 * A trace of a real disk, replayed with its own times on a store in files, with sync events whenever the small
 * journal is full enough; then the volume is read at random instants, every sector that the trace ever wrote.
 * `ANYWHEN_TRACE=FILE npx vitest run test/trace` replays a whole trace; TRACE_SEED, TRACE_INSTANTS as they say.
 */
const WHOLE = process.env.ANYWHEN_TRACE;
const SEED = Number(process.env.TRACE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const INSTANTS = Number(process.env.TRACE_INSTANTS ?? 200);
const PATH = WHOLE ?? join(import.meta.dirname, 'vm-disk-cut.csv');
const MIB = 1024 * 1024;
const JOURNAL = WHOLE === undefined ? 2 * MIB : 64 * MIB;
/** Writes that are under way together. */
const TOGETHER = 64;
const GRID = 10_000_000_000n;
/** Views that are opened on the way and held to the end. */
const HELD = 8;

class Replay {
  readonly time = new TestTime();
  readonly begin = this.time.wall();
  readonly trace = readTrace(PATH, this.begin + GRID);
  readonly model = new SectorModel(this.trace.writes);
  readonly random = seededRandom(SEED);
  readonly held: View[] = [];
  readonly warnings: string[] = [];
  volume!: Volume;
  syncs = 0;
  compared = 0;
  nearInstants = 0;
  oldInstants = 0;

  constructor(
    readonly folder: string,
    readonly granularity: 'all' | bigint,
  ) {}

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  async create(): Promise<void> {
    const executor = new OsExecutor(this.folder);
    const sizes = { forwardBytes: JOURNAL, descriptorBytes: JOURNAL / 8 };
    await createOn(executor, emptyOrigin(this.trace.size), { ...sizes, now: this.begin });
    await executor.close();
    await this.open();
    await this.volume.setPolicy({ granularity: this.granularity });
  }

  async open(): Promise<void> {
    this.volume = await Volume.openOn(new OsExecutor(this.folder), {
      time: this.time,
      events: {
        synced: (report) => {
          if (report.moved) this.syncs += 1;
        },
        warning: (message) => void this.warnings.push(message),
      },
    });
  }

  /** Writes of the same second go in together, and nothing else moves the clock until they are in. */
  async run(): Promise<void> {
    const { writes } = this.trace;
    const each = Math.floor(writes.length / (HELD + 1));
    for (let at = 0; at < writes.length; ) {
      const second = secondOf(writes[at]);
      this.time.advance(second - this.time.wall());
      let end = at;
      while (end < writes.length && end - at < TOGETHER && secondOf(writes[end]) === second) end += 1;
      await Promise.all(writes.slice(at, end).map((one, index) => this.#write(one, at + index + 1)));
      await new Promise((resolve) => setImmediate(resolve));
      const due = Math.min(HELD, Math.floor(end / each));
      if (this.held.length < due && !this.volume.syncs.running) await this.#hold();
      at = end;
    }
    expect(this.volume.engine.clock.last, 'the stamp of the last write').toBe(
      writes[writes.length - 1]?.stamp,
    );
    // Time goes on after the last write, so that it is history too.
    this.time.advance(GRID);
  }

  #write(one: TracedWrite, number: number): Promise<void> {
    return write(this.volume, one.first * SECTOR, sectorsOf(number, one.first, one.count));
  }

  async #hold(): Promise<void> {
    const { nearFrom } = this.volume.timeline;
    this.held.push(await this.volume.openView(this.#between(nearFrom, this.volume.now())));
  }

  #between(from: bigint, to: bigint): bigint {
    return from + BigInt(Math.floor(this.random() * Number(to - from)));
  }

  /** An instant of near history, each third one the very moment of a write or the last ns before it. */
  #nearInstant(): bigint {
    const { nearFrom } = this.volume.timeline;
    if (this.below(3) > 0) return this.#between(nearFrom, this.volume.now());
    const first = this.model.numberAt(nearFrom);
    const number = Math.min(
      first + 1 + this.below(this.trace.writes.length - first),
      this.trace.writes.length,
    );
    const at = this.model.stamp(Math.max(1, number)) - BigInt(this.below(2));
    return at < nearFrom ? nearFrom : at;
  }

  async compareOne(): Promise<void> {
    const { volume, model } = this;
    const { nearFrom, oldest } = volume.timeline;
    if (this.below(4) === 0) {
      const at = this.#nearInstant();
      expect(volume.exact(at), `${at} is near`).toBe(true);
      this.nearInstants += 1;
      return this.#compareAt(at);
    }
    const wanted = this.#between(oldest, nearFrom);
    const { at, exact } = volume.resolve(wanted);
    expect(at, `${wanted} shows an older instant`).toBeLessThanOrEqual(wanted);
    // Exact says: nothing was written in between. It must say so where that is true, and nowhere else.
    expect(exact || model.numberAt(at) !== model.numberAt(wanted), `${wanted}`).toBe(true);
    if (exact) expect(at).toBe(wanted);
    this.oldInstants += 1;
    return this.#compareAt(at);
  }

  async #compareAt(at: bigint): Promise<void> {
    const view = await this.volume.openView(at);
    try {
      await this.compareView(view);
    } finally {
      view.close();
    }
  }

  /** Every sector that was ever written, at the instant of the view. */
  async compareView(view: View): Promise<void> {
    const number = this.model.numberAt(view.at);
    const found = Buffer.allocUnsafe(MIB);
    const expected = Buffer.allocUnsafe(MIB);
    for (const { start, end } of this.model.touched) {
      for (let at = start; at < end; at += MIB / SECTOR) {
        const length = Math.min(MIB, (end - at) * SECTOR);
        await view.read(at * SECTOR, found.subarray(0, length));
        this.model.fill(at, number, expected.subarray(0, length));
        if (found.compare(expected, 0, length, 0, length) === 0) continue;
        throw new Error(`at ${view.at}, after write ${number}: ${difference(found, expected, at)}`);
      }
    }
    this.compared += this.model.sectors;
  }

  /** Each instant of the grid that lies in old history is a point of its own, exactly that one. */
  checkGrid(grid: bigint): number {
    const { oldest, nearFrom } = this.volume.timeline;
    let instants = 0;
    for (let at = (oldest / grid + 1n) * grid; at < nearFrom; at += grid) {
      expect(this.volume.exact(at), `the grid instant ${at}`).toBe(true);
      instants += 1;
    }
    return instants;
  }
}

function secondOf(one: TracedWrite | undefined): bigint {
  const stamp = one?.stamp ?? 0n;
  return stamp - (stamp % 1_000_000_000n);
}

function difference(found: Buffer, expected: Buffer, first: number): string {
  let at = 0;
  while (found[at] === expected[at]) at += 1;
  const offset = at - (at % SECTOR);
  return `sector ${first + offset / SECTOR} is ${describeSector(found, offset)}, not ${describeSector(expected, offset)}`;
}

test.each([
  ['one state each 10 s', GRID],
  ['every state', 'all'],
] as const)(
  'a real trace reads back at every instant asked for, keeping %s',
  { timeout: 7_200_000 },
  async (_name, granularity) => {
    const started = performance.now();
    const folder = await temporaryFolder();
    try {
      const replay = new Replay(folder, granularity);
      await replay.create();
      await replay.run();
      const replayed = performance.now();
      expect(replay.held.length).toBe(HELD);
      for (const view of replay.held) {
        await replay.compareView(view);
        view.close();
      }
      const grid = granularity === 'all' ? 0 : replay.checkGrid(granularity);
      for (let round = 0; round < INSTANTS; round++) {
        // Half of them after another opening: what recovery made of it.
        if (round === INSTANTS >> 1) {
          await replay.volume.close();
          await replay.open();
        }
        await replay.compareOne();
      }
      const points: Point[] = replay.volume.points({ all: true });
      await replay.volume.close();
      const { trace, model, syncs, compared, held, nearInstants, oldInstants } = replay;
      console.info(
        `seed ${SEED}: ${trace.writes.length} writes to ${model.sectors} sectors of ${trace.size} bytes, ` +
          `${syncs} sync events, ${points.length} points, ${grid} grid instants; compared ${nearInstants} near and ` +
          `${oldInstants} old instants and ${held.length} held views, ${compared} sectors; ` +
          `replay ${Math.round(replayed - started)} ms, in all ${Math.round(performance.now() - started)} ms`,
      );
      expect(replay.warnings).toEqual([]);
      expect(syncs).toBeGreaterThan(5);
      expect(Math.min(nearInstants, oldInstants)).toBeGreaterThan(0);
    } catch (cause) {
      throw new Error(`seed ${SEED}`, { cause });
    } finally {
      await removeFolder(folder);
    }
  },
);
