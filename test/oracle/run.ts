import fc from 'fast-check';
import { expect } from 'vitest';
import type { MappedView } from '../../src/sync/open-views.js';
import type { View } from '../../src/volume/model.js';
import type { Volume, VolumeOptions } from '../../src/volume/volume.js';
import type { FormOptions } from '../../src/vrmo/convert.js';
import {
  discard,
  firstDifference,
  Model,
  newStore,
  open,
  readAll,
  sealedBlock,
  TestTime,
  write,
} from '../support/model.js';
import { checkDifference, Touched } from '../support/touched.js';

const SIZE = 40_000;

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
export const step = fc.oneof(
  {
    weight: 8,
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
  { weight: 1, arbitrary: fc.record({ op: fc.constant('hold' as const), which: fc.nat(1000) }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('diff' as const), a: fc.nat(1000), b: fc.nat(1000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('policy' as const),
      granularity: fc.constantFrom('all' as const, 3_000_000_000n, 60_000_000_000n),
    }),
  },
);
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The engine and the model side by side, step by step. */
export class Run {
  readonly time = new TestTime();
  /** The form that each open view had when it was looked at last. */
  readonly #forms = new Map<MappedView, string>();
  /** How often an open view changed its form. */
  conversions = 0;
  readonly held: { view: View; bytes: Buffer }[] = [];
  readonly touched = new Touched();
  model!: Model;
  volume!: Volume;
  executor!: Awaited<ReturnType<typeof newStore>>;
  #marks = 0;
  readonly warnings: string[] = [];
  readonly #options: VolumeOptions;

  constructor(forms: FormOptions) {
    this.#options = {
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
    this.volume = await open(this.executor, this.#options);
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
        return void (await volume.mark(`mark-${this.#marks}`));
      case 'sync':
        return void (await volume.sync('test'));
      case 'policy':
        return volume.setPolicy({ granularity: step.granularity });
      case 'thin':
        return this.#thin(step.chosen);
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
        const view = await volume.openView(point.at);
        this.held.push({ view, bytes: await readAll(view) });
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

  /** Random snapshots go; each point that was listed is as it was, or gone for good. */
  async #thin(chosen: number): Promise<void> {
    const { volume } = this;
    // A sync event that began by itself drops points too.
    while (volume.syncs.running) await new Promise((resolve) => setImmediate(resolve));
    const before = volume.points();
    const snapshots = before.filter(({ place }) => place === 'snapshot');
    const sequences = new Set(
      snapshots.filter((_, at) => ((chosen >>> (at % 31)) & 1) === 1).map(({ sequence }) => sequence),
    );
    const report = await volume.thin({ sequences });
    expect(report.dropped.length + report.pinned).toBe(sequences.size);
    if (this.held.length === 0) expect(report.pinned).toBe(0);
    const gone = new Set(report.dropped);
    for (const at of gone) expect(volume.exact(at)).toBe(false);
    const left = before.filter(({ at, place }) => place === 'near' || !gone.has(at));
    expect(volume.points()).toEqual(left);
  }

  async #reopen(clean: boolean): Promise<void> {
    if (clean) await this.volume.close();
    // Not clean: the process is gone at this very moment, and with it whatever it would still have written.
    else this.executor = this.executor.copy();
    for (const { view } of this.held.splice(0)) view.close();
    this.volume = await open(this.executor, this.#options);
  }

  async check(): Promise<void> {
    expect(this.warnings).toEqual([]);
    expect(await firstDifference(this.volume, this.model)).toBeUndefined();
    for (const { view, bytes } of this.held) expect((await readAll(view)).equals(bytes)).toBe(true);
    for (const view of this.volume.engine.views.views) {
      view.map.verify();
      const before = this.#forms.get(view);
      if (before !== undefined && before !== view.map.form) this.conversions += 1;
      this.#forms.set(view, view.map.form);
    }
  }
}
