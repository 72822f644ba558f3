import fc from 'fast-check';
import { expect } from 'vitest';
import { AnywhenError } from '../../src/base/errors.js';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { createOn, emptyOrigin } from '../../src/volume/create.js';
import type { Scratch, View } from '../../src/volume/model.js';
import { parseRetention } from '../../src/volume/retention.js';
import type { ThinChoice } from '../../src/volume/thin.js';
import { firstDifference, Model, open, readAll } from '../support/model.js';
import { Run, SIZE, step } from './run.js';

/** What belongs to giving up and to a disk that is full; any other warning is a defect. */
const EXPECTED = /for want of space|no space|a sync event needs|^thinning: /;

export const spaceStep = fc.oneof(
  { weight: 24, arbitrary: step },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('held mark' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('let go' as const), which: fc.nat(1000) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('others' as const),
      bytes: fc.integer({ min: -120 * 1024, max: 60 * 1024 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('pins' as const), pins: fc.constantFrom('soft', 'hard') }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('scratch' as const), which: fc.nat(1000), at: fc.nat(30_000) }),
  },
);
export type SpaceStep = typeof spaceStep extends fc.Arbitrary<infer T> ? T : never;

function isNoSpace(error: unknown): boolean {
  return error instanceof AnywhenError && error.code === 'no-space';
}

function isGone(error: unknown): boolean {
  return error instanceof AnywhenError && error.code === 'not-found';
}

/** What a view or an overlay reads; undefined: it was given up. */
async function readUnlessGivenUp(view: Pick<View, 'size' | 'read'>): Promise<Buffer | undefined> {
  const bytes = Buffer.alloc(view.size);
  try {
    await view.read(0, bytes);
    return bytes;
  } catch (error) {
    if (error instanceof AnywhenError && error.code === 'io' && /given up/.test(error.message))
      return undefined;
    throw error;
  }
}

/** The engine and the model side by side on a disk that is too small. */
export class SpaceRun extends Run {
  readonly #heldMarks = new Map<string, bigint>();
  readonly #scratches: { scratch: Scratch; bytes: Buffer }[] = [];
  /** Instants of snapshots that are gone: none comes back. */
  readonly #gone = new Set<bigint>();
  #snapshots = new Set<bigint>();
  #disk = new MemoryExecutor();
  #names = 0;
  /** What came about: a run in which nothing is given up tells nothing. */
  starved = 0;
  readonly seen = { refused: 0, scratches: 0, snapshots: 0, marks: 0, views: 0, viewsLost: 0 };

  constructor(
    forms: ConstructorParameters<typeof Run>[0],
    /** Bytes that the disk has beyond those of the empty store. */
    readonly spare: number,
  ) {
    super(forms);
  }

  override async begin(): Promise<void> {
    this.#disk = new MemoryExecutor(new Map(), false, 2 ** 40);
    const now = this.time.wall();
    await createOn(this.#disk, emptyOrigin(SIZE), {
      forwardBytes: 96 * 1024,
      descriptorBytes: 6 * 4096,
      now,
    });
    const { free } = await this.#disk.space();
    this.#disk.capacity -= free - this.spare;
    this.executor = this.#disk;
    this.model = new Model(SIZE, now);
    this.volume = await open(this.executor, this.options);
  }

  async spaceStep(one: SpaceStep): Promise<void> {
    try {
      await this.#do(one);
    } catch (error) {
      // A sync event that began by itself may have given up the point that was chosen.
      if (isGone(error)) return;
      if (!isNoSpace(error)) throw error;
      this.seen.refused += 1;
      if (one.op === 'sync') this.#expectNothingLeft();
    }
  }

  async #do(one: SpaceStep): Promise<void> {
    const { volume } = this;
    switch (one.op) {
      case 'held mark': {
        this.time.advance(1_000_000_000n);
        const name = `held-${++this.#names}`;
        const { at } = await volume.mark(name, { hold: true });
        this.#heldMarks.set(name, at);
        return;
      }
      case 'let go': {
        const name = [...this.#heldMarks.keys()][one.which % Math.max(1, this.#heldMarks.size)];
        if (name === undefined) return;
        await volume.holdMark(name, 'release');
        this.#heldMarks.delete(name);
        return;
      }
      case 'others':
        // Nobody can take what is not free.
        this.#disk.capacity += Math.max(one.bytes, -(await this.#disk.space()).free);
        return;
      case 'pins':
        return volume.setPolicy({ pins: one.pins });
      case 'scratch':
        return this.#scratch(one.which, one.at);
      case 'reopen':
        this.#count();
        this.#scratches.length = 0;
        await this.step(one);
        this.#disk = this.executor;
        return;
      case 'thin': {
        const snapshots = volume.points().filter(({ place }) => place === 'snapshot');
        const some = snapshots.filter((_, at) => ((one.chosen >>> (at % 31)) & 1) === 1);
        return this.#thin({ sequences: new Set(some.map(({ sequence }) => sequence)) });
      }
      case 'before': {
        const points = volume.points();
        return this.#thin({ before: points[one.which % points.length]?.at ?? 0n });
      }
      case 'keep':
        return this.#thin({ keep: parseRetention(one.retention) });
      case 'mark':
        return void (await volume.mark(`plain-${++this.#names}`));
      case 'unmark': {
        const marks = volume.marks().filter(({ hold }) => !hold);
        const mark = marks[one.which % Math.max(1, marks.length)];
        if (mark !== undefined) await volume.deleteMark(mark.name);
        return;
      }
      default:
        return this.step(one);
    }
  }

  async #thin(choice: ThinChoice): Promise<void> {
    const { dropped } = await this.volume.thin(choice);
    for (const at of dropped) expect(this.volume.exact(at)).toBe(false);
  }

  async #scratch(which: number, at: number): Promise<void> {
    const points = this.volume.points();
    const point = points[which % points.length];
    if (point === undefined) return;
    const scratch = await this.volume.openScratch(point.at);
    const bytes = Buffer.from(this.model.at(point.at));
    const kept = { scratch, bytes };
    this.#scratches.push(kept);
    const start = Math.min(at, scratch.size - 1);
    const data = Buffer.alloc(Math.min(9000, scratch.size - start), 0x5c);
    await scratch.write(start, data);
    data.copy(bytes, start);
  }

  /** Writes fail only when all is given up that may be. */
  #expectNothingLeft(): void {
    const { engine } = this.volume;
    // Others took what the reserve gave up: there is no space to say what is given up.
    if (engine.reserve?.held === 0) {
      this.starved += 1;
      return;
    }
    const pins = this.volume.policy().pins;
    const views = [...engine.views.views].filter((view) => view !== this.volume.live);
    const pinned = new Set(views.map((view) => this.#snapshotOf(view.sequence)));
    const held = (from: bigint, to: bigint) =>
      [...this.#heldMarks.values()].some((at) => at >= from && at < to);
    const left = engine.meta.catalog.snapshots.filter(
      ({ sequence, from, to }) => !held(from, to) && !(pins === 'hard' && pinned.has(sequence)),
    );
    expect(left, 'snapshots that might have been given up').toEqual([]);
  }

  #snapshotOf(sequence: number): number | undefined {
    return this.volume.engine.meta.catalog.snapshots.find((one) => one.sequence >= sequence)?.sequence;
  }

  #count(): void {
    const { scratches, snapshots, marks, views } = this.volume.space.givenUp;
    this.seen.scratches += scratches;
    this.seen.snapshots += snapshots;
    this.seen.marks += marks;
    this.seen.views += views;
  }

  end(): void {
    this.#count();
  }

  override async check(): Promise<void> {
    const { volume } = this;
    expect(this.warnings.filter((line) => !EXPECTED.test(line))).toEqual([]);
    await this.#checkGone();
    // A sync event that began by itself may give up a point that was listed.
    expect(await firstDifference(volume, this.model, true)).toBeUndefined();
    await this.#checkHeld();
    for (const view of volume.engine.views.views) view.map.verify();
    expect(volume.failure).toBeUndefined();
  }

  /** A view or an overlay is right or answers with an error, for good; held marks are there. */
  async #checkHeld(): Promise<void> {
    for (const [number, { view, bytes }] of [...this.held.entries()].reverse()) {
      const found = await readUnlessGivenUp(view);
      if (found !== undefined) expect(found.equals(bytes), 'an open view').toBe(true);
      else {
        this.seen.viewsLost += 1;
        this.held.splice(number, 1);
        view.close();
      }
    }
    for (const [number, { scratch, bytes }] of [...this.#scratches.entries()].reverse()) {
      const found = await readUnlessGivenUp(scratch);
      if (found !== undefined) expect(found.equals(bytes), 'a scratch').toBe(true);
      else this.#scratches.splice(number, 1);
    }
    const names = new Set(this.volume.marks().map(({ name }) => name));
    for (const [name, at] of this.#heldMarks) {
      expect(names.has(name), `${name} is held`).toBe(true);
      const view = await this.volume.openView(at);
      expect((await readAll(view)).equals(this.model.at(at)), name).toBe(true);
      view.close();
    }
  }

  async #checkGone(): Promise<void> {
    // Those that a thinning is about to drop are not listed, and are there again when it is cut off.
    const now = new Set(this.volume.engine.meta.catalog.snapshots.map(({ at }) => at));
    for (const at of this.#snapshots) if (!now.has(at)) this.#gone.add(at);
    for (const at of now) expect(this.#gone.has(at), `${at} came back`).toBe(false);
    this.#snapshots = now;
  }
}
