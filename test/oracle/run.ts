import fc from 'fast-check';
import { expect } from 'vitest';
import type { MappedView } from '../../src/sync/open-views.js';
import type { VolumeOptions } from '../../src/volume/events.js';
import type { Mark, View } from '../../src/volume/model.js';
import { parseRetention } from '../../src/volume/retention.js';
import type { ThinChoice } from '../../src/volume/thin.js';
import type { Volume } from '../../src/volume/volume.js';
import type { FormOptions } from '../../src/vrmo/convert.js';
import {
  discard,
  firstDifference,
  Model,
  newStore,
  open,
  reads,
  sealedBlock,
  TestTime,
  write,
} from '../support/model.js';
import { checkDifference, Touched } from '../support/touched.js';

export const SIZE = 40_000;

/** Ranges that meet at their ends are few among random ones, but every row of the tables must be reached. */
const CELL = 4000;
const grid = fc.record({
  start: fc.nat(SIZE / CELL - 1).map((cell) => cell * CELL),
  length: fc.integer({ min: 1, max: 4 }).map((cells) => cells * CELL),
});
const anywhere = fc.record({
  start: fc.nat(SIZE - 1),
  length: fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 9000 })),
});
const span = fc.oneof(anywhere, grid);
/** A step takes a second, and a run up to 40. */
const retention = fc.constantFrom('all', 'all:10s', '3s:ever', 'all:5s,4s:20s', 'all:3s,2s:9s,7s:ever');
export const step = fc.oneof(
  {
    weight: 7,
    arbitrary: fc.record({ op: fc.constant('write' as const), span, byte: fc.nat(255) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('sealed' as const),
      block: fc.nat(2),
      byte: fc.integer({ min: 1, max: 255 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('sparse' as const), start: fc.nat(SIZE - 1), zeros: fc.nat(31) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('discard' as const), span }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('mark' as const) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('sync' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('reopen' as const), clean: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('restore' as const), which: fc.nat(1000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('resize' as const), size: fc.integer({ min: 1, max: SIZE }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('thin' as const), chosen: fc.nat(2 ** 31 - 1) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('before' as const), which: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('keep' as const), retention }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('unmark' as const), which: fc.nat(1000) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('hold' as const), which: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('release' as const), which: fc.nat(1000) }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('diff' as const), a: fc.nat(1000), b: fc.nat(1000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('policy' as const),
      changes: fc.oneof(
        fc.record({ granularity: fc.constantFrom('all' as const, 3_000_000_000n, 60_000_000_000n) }),
        fc.record({ retention }),
        fc.record({ highWater: fc.constantFrom(20, 70, 100) }),
      ),
    }),
  },
);
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The engine and the model side by side, step by step. */
export class Run {
  readonly time = new TestTime();
  /** The form that each open view had when it was looked at last. */
  readonly #forms = new Map<MappedView, string>();
  /** How often an open view changed its form; snapshots went by age or grid, or stayed because they were open; a point that was not listed any more was read. */
  readonly reached = { conversions: 0, dropped: 0, pinned: 0, unlisted: 0 };
  readonly held: { view: View; bytes: Buffer }[] = [];
  readonly touched = new Touched();
  model!: Model;
  volume!: Volume;
  executor!: Awaited<ReturnType<typeof newStore>>;
  #marks = 0;
  /** Oldest first. */
  marks: Mark[] = [];
  /** Every instant that was ever listed as the name of a point. */
  readonly #former = new Set<bigint>();
  /** Those that are gone. */
  readonly #gone = new Set<bigint>();
  readonly warnings: string[] = [];
  protected readonly options: VolumeOptions;

  constructor(forms: FormOptions) {
    this.options = {
      time: this.time,
      events: { warning: (message: string) => void this.warnings.push(message) },
      forms,
      // So near to each other, and so little memory, that they are made, used, thinned and dropped in each run.
      checkpoints: { every: 2, bytes: 16 * 1024 },
      // So small that runs are cut, merged and written to files.
      runs: { inMemory: 4, sorted: 8 },
    };
  }

  async begin(): Promise<void> {
    this.executor = await newStore(SIZE, 96 * 1024, 6 * 4096, this.time.wall());
    this.model = new Model(SIZE, this.time.wall());
    this.volume = await open(this.executor, this.options);
  }

  async step(step: Step): Promise<void> {
    this.time.advance(1_000_000_000n);
    const { volume, model, touched } = this;
    const stampNow = () => volume.engine.clock.last;
    switch (step.op) {
      case 'write': {
        const start = Math.min(step.span.start, volume.size - 1);
        const data = Buffer.alloc(Math.min(step.span.length, volume.size - start), step.byte);
        if (step.byte !== 0) data[0] = step.byte ^ 0x55;
        await write(volume, start, data);
        touched.range(stampNow(), start, start + data.length);
        return model.change(stampNow(), (bytes) => void data.copy(bytes, start));
      }
      case 'sealed': {
        const data = sealedBlock(step.byte);
        const start = step.block * data.length;
        if (start + data.length > volume.size) return;
        await write(volume, start, data);
        touched.range(stampNow(), start, start + data.length);
        return model.change(stampNow(), (bytes) => void data.copy(bytes, start));
      }
      case 'sparse': {
        // Blocks of data and of zeros in one write, as the bits say; it need not begin at a block.
        const start = Math.min(step.start, volume.size - 1);
        const data = Buffer.alloc(Math.min(4 * 4096, volume.size - start), 1 + step.zeros);
        for (let block = 0; block < 5; block++) {
          const border = (Math.floor(start / 4096) + block) * 4096 - start;
          const [from, to] = [Math.max(0, border), Math.min(data.length, border + 4096)];
          if ((step.zeros >> block) % 2 === 1 && from < to) data.fill(0, from, to);
        }
        await write(volume, start, data);
        touched.range(stampNow(), start, start + data.length);
        return model.change(stampNow(), (bytes) => void data.copy(bytes, start));
      }
      case 'discard': {
        const start = Math.min(step.span.start, volume.size - 1);
        const end = Math.min(start + step.span.length, volume.size);
        await discard(volume, start, end - start);
        touched.range(stampNow(), start, end);
        return model.change(stampNow(), (bytes) => void bytes.fill(0, start, end));
      }
      case 'flush':
        return volume.flush();
      case 'mark':
        this.#marks += 1;
        return void this.marks.push(await volume.mark(`mark-${this.#marks}`));
      case 'unmark':
        return this.#unmark(step.which);
      case 'sync':
        return void (await volume.sync('test'));
      case 'policy':
        return volume.setPolicy(step.changes);
      case 'thin':
        return this.#thin(step.chosen);
      case 'before': {
        const points = volume.points({ all: true });
        const point = points[step.which % points.length];
        if (point === undefined) return;
        await this.#thinBy({ before: point.at });
        const snapshots = volume.points().filter(({ place }) => place === 'snapshot');
        const over = snapshots.filter(
          ({ to, marks }) => to !== undefined && to <= point.at && marks.length === 0,
        );
        if (this.held.length === 0) expect(over).toEqual([]);
        return;
      }
      case 'keep':
        return this.#thinBy({ keep: parseRetention(step.retention) });
      case 'release': {
        if (this.held.length === 0) return;
        const [held] = this.held.splice(step.which % this.held.length, 1);
        return held?.view.close();
      }
      case 'reopen':
        return this.#reopen(step.clean);
      case 'restore': {
        const points = volume.points({ all: true });
        const point = points[step.which % points.length];
        if (point === undefined) return;
        const report = await volume.restore(point.at);
        if (report.done === report.before) return;
        touched.restore(report.done, model.now, model.at(point.at));
        return model.change(report.done, () => Buffer.from(model.at(point.at)));
      }
      case 'resize': {
        const before = volume.size;
        await volume.resize(step.size);
        touched.range(stampNow(), Math.min(before, step.size), Math.max(before, step.size));
        return model.change(stampNow(), (bytes) =>
          Buffer.concat([bytes.subarray(0, step.size), Buffer.alloc(Math.max(0, step.size - bytes.length))]),
        );
      }
      case 'hold': {
        const points = volume.points({ all: true });
        const point = points[step.which % points.length];
        if (point === undefined) return;
        this.held.push({ view: await volume.openView(point.at), bytes: model.at(point.at) });
        return;
      }
      case 'diff': {
        const points = volume.points({ all: true });
        const [a, b] = [points[step.a % points.length], points[step.b % points.length]];
        if (a !== undefined && b !== undefined) await checkDifference(volume, model, touched, a.at, b.at);
      }
    }
  }

  /** The difference between each two points that follow each other, and between the first and the last. */
  async checkDifferences(): Promise<void> {
    const instants = this.volume.points({ all: true }).map((point) => point.at);
    for (const [number, at] of instants.entries()) {
      const next = instants[number + 1] ?? instants[0] ?? at;
      await checkDifference(this.volume, this.model, this.touched, at, next);
    }
  }

  async #unmark(which: number): Promise<void> {
    const at = which % Math.max(1, this.marks.length);
    const [mark] = this.marks.splice(at, 1);
    if (mark !== undefined) await this.volume.deleteMark(mark.name);
  }

  /** What began by itself, a sync event and the thinning behind it, is over. */
  async #settled(): Promise<void> {
    const { volume } = this;
    while (volume.syncs.running) await new Promise((resolve) => setImmediate(resolve));
    await volume.thin({ sequences: new Set() }, true);
  }

  /** What has a mark or is open stays; a dry run tells just what then goes, and a second time nothing does. */
  async #thinBy(choice: ThinChoice): Promise<void> {
    const { volume } = this;
    await this.#settled();
    const before = volume.points();
    const plan = await volume.thin(choice, true);
    expect(volume.points()).toEqual(before);
    const { dropped, bytesFreed } = await volume.thin(choice);
    expect([dropped, bytesFreed]).toEqual([plan.dropped, plan.bytesFreed]);
    this.reached.dropped += dropped.length;
    this.reached.pinned += plan.pinned;
    const gone = new Set(dropped);
    expect(volume.points()).toEqual(before.filter(({ at }) => !gone.has(at)));
    for (const { at, marks } of before) if (gone.has(at)) expect(marks).toEqual([]);
    if (this.held.length === 0) expect((await volume.thin(choice)).dropped).toEqual([]);
  }

  /** Random snapshots go, with their marks; each point that was listed is as it was, or gone for good. */
  async #thin(chosen: number): Promise<void> {
    const { volume } = this;
    await this.#settled();
    const before = volume.points();
    const snapshots = before.filter(({ place }) => place === 'snapshot');
    const sequences = new Set(
      snapshots.filter((_, at) => ((chosen >>> (at % 31)) & 1) === 1).map(({ sequence }) => sequence),
    );
    const held = volume.engine.meta.catalog.history.stored;
    const report = await volume.thin({ sequences });
    expect(volume.engine.meta.catalog.history.stored).toBe(held - report.bytesFreed);
    expect(report.dropped.length + report.pinned).toBe(sequences.size);
    if (this.held.length === 0) expect(report.pinned).toBe(0);
    const gone = new Set(report.dropped);
    for (const at of gone) expect(volume.exact(at)).toBe(false);
    const left = before.filter(({ at, place }) => place === 'near' || !gone.has(at));
    expect(volume.points()).toEqual(left);
    const unmarked = new Set(before.filter(({ at }) => gone.has(at)).flatMap(({ marks }) => marks));
    this.marks = this.marks.filter(({ name }) => !unmarked.has(name));
  }

  async #reopen(clean: boolean): Promise<void> {
    if (clean) await this.volume.close();
    // Not clean: the process is gone at this very moment, and with it whatever it would still have written.
    else this.executor = this.executor.copy();
    for (const { view } of this.held.splice(0)) view.close();
    this.volume = await open(this.executor, this.options);
  }

  async check(): Promise<void> {
    await this.#settled();
    const { volume, model } = this;
    expect(this.warnings).toEqual([]);
    expect(await firstDifference(volume, model)).toBeUndefined();
    expect(volume.marks()).toEqual(this.marks);
    for (const { at } of this.marks) ensure(volume.exact(at), 'a mark keeps its point');
    for (const { view, bytes } of this.held) {
      ensure(await reads(view, bytes), 'an open view keeps its bytes');
      ensure(volume.exact(view.at), 'an open view pins its point');
    }
    await this.#checkFormer();
    for (const { map } of volume.engine.checkpoints.all) map.verify();
    for (const view of volume.engine.views.views) {
      view.map.verify();
      const before = this.#forms.get(view);
      if (before !== undefined && before !== view.map.form) this.reached.conversions += 1;
      this.#forms.set(view, view.map.form);
    }
  }

  /** A name that was listed once shows what it always showed, listed or not, or is gone. */
  async #checkFormer(): Promise<void> {
    const { volume, model } = this;
    const listed = new Set(volume.points({ all: true }).map(({ at }) => at));
    for (const at of this.#former) {
      if (listed.has(at)) continue;
      if (!volume.exact(at)) {
        this.#former.delete(at);
        this.#gone.add(at);
        continue;
      }
      this.reached.unlisted += 1;
      const view = await volume.openView(at);
      ensure(await reads(view, model.at(at)), 'a point that is not listed any more keeps its bytes');
      view.close();
    }
    for (const at of listed) this.#former.add(at);
    for (const at of this.#gone) ensure(!volume.exact(at), 'a point that is gone stays so');
  }
}

/** Cheap where it holds, which `expect` is not: for what is looked at after each step. */
function ensure(holds: boolean, what: string): void {
  if (!holds) expect.fail(`it does not hold that ${what}`);
}
