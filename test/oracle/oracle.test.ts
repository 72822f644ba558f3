import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { View } from '../../src/volume/model.js';
import type { Volume } from '../../src/volume/volume.js';
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

/*
 * The engine beside a naive model that keeps a full copy of the volume for every instant. After every step each
 * point that is listed is read whole. `ORACLE_RUNS=100000 npx vitest run test/oracle` for the long run.
 */
const RUNS = Number(process.env.ORACLE_RUNS ?? 2000);
const SIZE = 40_000;

const span = fc.record({
  start: fc.nat(SIZE - 1),
  length: fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 9000 })),
});
const step = fc.oneof(
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
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Run {
  readonly time = new TestTime();
  readonly held: { view: View; bytes: Buffer }[] = [];
  readonly touched = new Touched();
  model!: Model;
  volume!: Volume;
  executor!: Awaited<ReturnType<typeof newStore>>;
  #marks = 0;
  readonly warnings: string[] = [];
  readonly #options = {
    time: this.time,
    events: { warning: (message: string) => void this.warnings.push(message) },
  };

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
    this.volume.live.map.verify();
  }
}

test(`every point reads as the model says, over ${RUNS} random runs`, { timeout: 3_600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }), async (steps) => {
      const run = new Run();
      await run.begin();
      for (const one of steps) {
        await run.step(one);
        await run.check();
      }
      await run.checkDifferences();
    }),
    { numRuns: RUNS, timeout: 20_000 },
  );
});
