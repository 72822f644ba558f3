import { expect, test } from 'vitest';
import { AnywhenError } from '../../src/base/errors.js';
import type { Executor, Plan } from '../../src/file/executor.js';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import { Model, newStore, open, readAll, TestTime, write } from '../support/model.js';
import { checkDifference, Touched } from '../support/touched.js';

/*
 * Writes go on while sync events and thinnings run and marks are read: every mark reads the same before, during and
 * after the sync event that makes a snapshot of it. The disk answers late and out of turn.
 */
class SlowExecutor implements Executor {
  readonly readOnly = false;
  constructor(
    readonly below: MemoryExecutor,
    readonly random: (below: number) => number,
  ) {}
  async run(plan: Plan): Promise<void> {
    for (const step of plan) {
      for (let wait = this.random(4); wait > 0; wait--) await new Promise((resolve) => setImmediate(resolve));
      await this.below.run([step]);
    }
  }
  runNow(plan: Plan): boolean {
    return this.random(2) === 0 && this.below.runNow(plan);
  }
  descriptor = () => undefined;
  size = (file: string) => this.below.size(file);
  list = (folder: string) => this.below.list(folder);
  space = () => this.below.space();
  close = () => this.below.close();
}

const SIZE = 256 * 1024;

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'marks keep their bytes under writes and sync events, seed %i',
  async (seed) => {
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const time = new TestTime();
    const disk = await newStore(SIZE, 512 * 1024, 64 * 4096, time.wall());
    const warnings: string[] = [];
    const events = { warning: (message: string) => void warnings.push(message) };
    const volume = await open(new SlowExecutor(disk, random), {
      time,
      events,
      // So that both forms and the checkpoints are reached while the MIM moves.
      forms: { nodes: seed },
      checkpoints: { every: seed, bytes: 64 * 1024 },
      runs: { inMemory: 16 * seed, sorted: 32 },
    });
    const model = new Model(SIZE, time.wall());
    const touched = new Touched();
    let over = false;
    let visited = 0;
    let thinned = 0;
    let compared = 0;
    const writer = async () => {
      for (let at = 0; at < 400; at++) {
        time.advance(1_000_000n);
        const start = 512 * random(SIZE / 512 - 8);
        const data = Buffer.alloc(512 * (1 + random(8)), at % 7 === 0 ? 0 : 1 + random(255));
        const before = volume.engine.clock.last;
        await write(volume, start, data);
        const stamp = volume.engine.index.stamp(volume.engine.index.next - 1);
        expect(stamp).toBeGreaterThan(before);
        touched.range(stamp, start, start + data.length);
        model.change(stamp, (bytes) => void data.copy(bytes, start));
      }
      over = true;
    };
    const reader = async () => {
      for (let round = 0; !over; round++) {
        const mark = await volume.mark(`mark-${round}`);
        const view = await volume.openView(mark.at);
        const first = await readAll(view);
        if (random(2) === 0) await volume.sync('test');
        expect((await readAll(view)).equals(first), 'while open').toBe(true);
        view.close();
        for (const old of volume.marks()) {
          const again = await volume.openView(old.at);
          expect((await readAll(again)).equals(model.at(old.at)), old.name).toBe(true);
          again.close();
        }
      }
    };
    /** Any instant, also one that a sync event is about to drop: it reads as it was, or it is gone. */
    const visitor = async () => {
      while (!over) {
        await new Promise((resolve) => setImmediate(resolve));
        const past = model.states[random(model.states.length)]?.stamp ?? 0n;
        if (!volume.exact(past)) continue;
        const opened = await volume.openView(past).catch((error: AnywhenError) => error);
        if (opened instanceof AnywhenError) {
          expect(opened.code).toBe('not-found');
          continue;
        }
        for (let round = random(4); round >= 0; round--) {
          expect((await readAll(opened)).equals(model.at(past)), `at ${past}`).toBe(true);
        }
        visited += 1;
        opened.close();
      }
    };
    /** Snapshots go while views of them and of their neighbours are open and read. */
    const thinner = async () => {
      while (!over) {
        await new Promise((resolve) => setImmediate(resolve));
        const snapshots = volume
          .points()
          .filter(({ place, marks }) => place === 'snapshot' && marks.length === 0);
        const some = snapshots.filter(() => random(3) === 0).map(({ sequence }) => sequence);
        if (some.length === 0) continue;
        const { dropped } = await volume.thin({ sequences: new Set(some) });
        thinned += dropped.length;
        for (const at of dropped) expect(volume.exact(at)).toBe(false);
      }
    };
    /** What changed between two marks, wherever the MIM is by then. */
    const differ = async () => {
      while (!over) {
        for (let wait = 20; wait > 0; wait--) await new Promise((resolve) => setImmediate(resolve));
        const known = model.states[model.states.length - 1]?.stamp ?? 0n;
        const marks = volume.marks().filter((mark) => mark.at <= known);
        const [a, b] = [marks[random(marks.length)], marks[random(marks.length)]];
        if (a === undefined || b === undefined) continue;
        await checkDifference(volume, model, touched, a.at, b.at);
        compared += 1;
      }
    };
    /** The ring's first lap is prepared while others write. */
    const idler = async () => {
      while (!over) {
        await volume.journal?.idle();
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await volume.setPolicy({ granularity: seed % 2 === 0 ? 'all' : 3_600_000_000_000n });
    await Promise.all([writer(), reader(), visitor(), thinner(), differ(), idler()]);
    expect(visited).toBeGreaterThan(3);
    expect(compared).toBeGreaterThan(3);
    if (seed % 2 === 0) expect(thinned).toBeGreaterThan(3);
    expect(warnings).toEqual([]);
  },
);
