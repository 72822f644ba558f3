import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FaultyExecutor } from '../../src/file/faulty-executor.js';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import type { Volume } from '../../src/volume/volume.js';
import { discard, Model, newStore, open, TestTime, write } from '../support/model.js';
import { PageStore } from './page-store.js';

/*
 * A reader that was written from anywhen-store(5) reads stores that the program wrote, and finds the bytes of a
 * naive model that keeps a full copy for every instant: the page is complete, and right.
 */
const RUNS = Number(process.env.PAGE_RUNS ?? 40);
const SIZE = 40_000;

const span = fc.record({ start: fc.nat(SIZE - 1), length: fc.integer({ min: 1, max: 9000 }) });
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ op: fc.constant('write'), span, byte: fc.integer({ min: 1, max: 255 }) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('discard'), span }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constantFrom('flush', 'mark', 'unmark', 'sync', 'reopen', 'crash') }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('restore'), which: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('thin'), chosen: fc.nat(2 ** 31 - 1) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('resize'), size: fc.integer({ min: 1, max: SIZE }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('policy'), ns: fc.constantFrom(3_000_000_000n, 'all') }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Run {
  readonly time = new TestTime();
  readonly model = new Model(SIZE, this.time.wall());
  readonly marks = new Map<string, bigint>();
  disk!: MemoryExecutor;
  volume!: Volume;
  #named = 0;

  async begin(): Promise<void> {
    this.disk = await newStore(SIZE, 512 * 1024, 24 * 4096, this.time.wall());
    await this.#open();
  }

  async #open(): Promise<void> {
    this.volume = await open(this.disk, { time: this.time });
  }

  async step(step: Step): Promise<void> {
    this.time.advance(1_000_000_000n);
    const { volume, model } = this;
    switch (step.op) {
      case 'write':
      case 'discard': {
        if (!('span' in step)) return;
        const start = Math.min(step.span.start, volume.size - 1);
        const data = Buffer.alloc(
          Math.min(step.span.length, volume.size - start),
          'byte' in step ? step.byte : 0,
        );
        await ('byte' in step ? write(volume, start, data) : discard(volume, start, data.length));
        return model.change(volume.engine.clock.last, (bytes) => void data.copy(bytes, start));
      }
      case 'flush':
        return volume.flush();
      case 'sync':
        return void (await volume.sync('test'));
      case 'mark': {
        const { name, at } = await volume.mark(`mark ${this.#named++}`);
        return void this.marks.set(name, at);
      }
      case 'thin': {
        if (!('chosen' in step)) return;
        const { chosen } = step;
        const points = volume
          .points()
          .filter(({ place, marks }) => place === 'snapshot' && marks.length === 0);
        const some = points.filter((_, at) => ((chosen >>> (at % 31)) & 1) === 1);
        return void (await volume.thin({ sequences: new Set(some.map(({ sequence }) => sequence)) }));
      }
      case 'unmark': {
        const [name] = this.marks.keys();
        if (name === undefined) return;
        await volume.deleteMark(name);
        return void this.marks.delete(name);
      }
      case 'reopen':
        await volume.close();
        return this.#open();
      case 'crash':
        this.disk = this.disk.copy();
        return this.#open();
      default:
        return this.#change(step);
    }
  }

  async #change(step: Step): Promise<void> {
    const { volume, model } = this;
    if ('which' in step) {
      const points = volume.points({ all: true });
      const { at } = points[step.which % points.length] as (typeof points)[number];
      const { before, done } = await volume.restore(at);
      if (done !== before) model.change(done, () => Buffer.from(model.at(at)));
    } else if ('size' in step) {
      await volume.resize(step.size);
      model.change(volume.engine.clock.last, (bytes) =>
        Buffer.concat([bytes.subarray(0, step.size), Buffer.alloc(Math.max(0, step.size - bytes.length))]),
      );
    } else if ('ns' in step) {
      await volume.setPolicy({ granularity: step.ns as bigint | 'all' });
    }
  }
}

function filesOf(disk: MemoryExecutor): Map<string, Uint8Array> {
  return new Map(
    [...disk.files].map(([name, file]) => {
      const bytes = new Uint8Array(file.size);
      file.read(0, bytes);
      return [name, bytes] as const;
    }),
  );
}

/** Compares all that the reader finds with the model. Returns how many states that were. */
function compare(disk: MemoryExecutor, { model, marks }: Run): number {
  const store = new PageStore(filesOf(disk));
  const from = store.superblock.mim_stamp as bigint;
  let compared = 0;
  for (const { stamp, bytes } of model.states.filter((state) => state.stamp >= from)) {
    const found = store.near(store.sequenceAt(stamp));
    expect(Buffer.compare(found, bytes), `near history at ${stamp}`).toBe(0);
    compared += 1;
  }
  for (const snapshot of store.snapshots) {
    for (const at of [snapshot.from, snapshot.at, snapshot.to - 1n]) {
      expect(Buffer.compare(store.snapshot(snapshot), model.at(at)), `the snapshot at ${at}`).toBe(0);
    }
    compared += 1;
  }
  const names = [...store.marks.values()].map(({ name, at }) => [name, at]);
  expect(names.sort()).toEqual([...marks].sort());
  return compared;
}

test(`a reader made from the page finds what was written, in ${RUNS} random stores`, {
  timeout: 600_000,
}, async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const run = new Run();
      await run.begin();
      for (const one of steps) await run.step(one);
      compared += compare(run.disk, run);
      await run.volume.close();
    }),
    { numRuns: RUNS },
  );
  expect(compared).toBeGreaterThan(RUNS * 5);
});

/** Which write fails. An opening, the first and the second commit each write both copies of the superblock. */
const CUTS = [
  ['mim', 1],
  ['mim', 2],
  ['mim.sums', 1],
  ['superblock', 3],
  ['superblock', 4],
  ['superblock', 5],
  ['superblock', 6],
] as const;

test(`and in ${RUNS} stores whose sync event was interrupted`, { timeout: 600_000 }, async () => {
  let interrupted = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 30 }),
      fc.constantFrom(...CUTS),
      fc.integer({ min: 0, max: 5000 }),
      async (steps, [file, nth], written) => {
        const run = new Run();
        await run.begin();
        for (const one of steps) await run.step(one);
        await run.volume.close();
        const faulty = new FaultyExecutor(run.disk, [{ op: 'write', file, nth, error: 'EIO', written }]);
        const volume = await open(faulty, { time: run.time }).catch(() => undefined);
        await volume?.sync('test').catch(() => undefined);
        const disk = run.disk.copy();
        interrupted += new PageStore(filesOf(disk)).superblock.sync_state as number;
        compare(disk, run);
      },
    ),
    { numRuns: RUNS },
  );
  expect(interrupted).toBeGreaterThan(RUNS / 5);
});
