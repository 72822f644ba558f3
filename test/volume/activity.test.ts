import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { earlier, later } from '../../src/base/instant.js';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import { type Activity, activityOf } from '../../src/volume/activity.js';
import { chooseBuckets } from '../../src/volume/activity-buckets.js';
import type { Volume } from '../../src/volume/volume.js';
import { discard, newStore, open, TestTime, write } from '../support/model.js';

const BLOCK = 4096;
const SIZE = 16 * BLOCK;
const SECOND = 1_000_000_000n;
const RUNS = Number(process.env.ANYWHEN_RUNS ?? 150);

interface Change {
  readonly at: bigint;
  readonly start: number;
  readonly end: number;
  readonly zeros: boolean;
}

const span = fc.record({ start: fc.nat(SIZE - 1), length: fc.integer({ min: 1, max: 3 * BLOCK }) });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('write' as const), span }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('discard' as const), span }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('wait' as const), seconds: fc.nat(200) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('mark' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('sync' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('thin' as const), chosen: fc.nat(2 ** 31 - 1) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('policy' as const),
      granularity: fc.constantFrom('all' as const, 10n * SECOND, 60n * SECOND),
    }),
  },
);

class Run {
  readonly time = new TestTime();
  readonly changes: Change[] = [];
  readonly flushes: bigint[] = [];
  volume!: Volume;

  async begin(): Promise<void> {
    const disk = await newStore(SIZE, 64 * SIZE, 64 * BLOCK, this.time.wall());
    this.volume = await open(disk, { time: this.time });
  }

  async step(step: Step): Promise<void> {
    const { volume, time } = this;
    time.advance(SECOND / 3n);
    if (step.op === 'wait') return time.advance(BigInt(step.seconds) * SECOND);
    if (step.op === 'policy') return volume.setPolicy({ granularity: step.granularity });
    if (step.op === 'sync') {
      await volume.sync('test');
      // Sync indicators go with the part of the journal that they are in.
      return void this.flushes.splice(0);
    }
    if (step.op === 'mark') return void (await volume.mark(`mark-${volume.marks().length}-${volume.now()}`));
    if (step.op === 'flush') {
      await volume.flush();
      return void this.flushes.push(volume.engine.clock.last);
    }
    if (step.op === 'thin') {
      const snapshots = volume.points().filter(({ place }) => place === 'snapshot');
      const gone = snapshots.filter((_, at) => ((step.chosen >>> (at % 31)) & 1) === 1);
      return void (await volume.thin({ sequences: new Set(gone.map(({ sequence }) => sequence)) }));
    }
    const { start } = step.span;
    const end = Math.min(SIZE, start + step.span.length);
    if (step.op === 'write') await write(volume, start, Buffer.alloc(end - start, 7));
    else await discard(volume, start, end - start);
    this.changes.push({ at: volume.engine.clock.last, start, end, zeros: step.op === 'discard' });
  }
}
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The distinct units of bytes that changes touch, by marking each. */
function touched(changes: readonly Change[], unit: number): number {
  const marks = new Set<number>();
  for (const { start, end } of changes)
    for (let at = Math.floor(start / unit); at * unit < end; at++) marks.add(at);
  return marks.size;
}

/** What can be known of a time: the changes one by one, or between two snapshots their union. */
function compare({ volume, changes, flushes }: Run, found: Activity): void {
  const { from, to, step: length, buckets } = found;
  const { nearFrom } = volume.timeline;
  const snapshots = volume.points().filter(({ place }) => place === 'snapshot');
  const inside = (at: bigint) => at >= from && at <= to;
  const lists = snapshots.map((snapshot, at) => {
    const first = snapshot.to ?? 0n;
    const last = snapshots[at + 1]?.from ?? nearFrom;
    const own = changes.filter((change) => change.at >= first && change.at <= last);
    return { first, last, own, bytes: touched(own, 1), blocks: touched(own, BLOCK) };
  });
  for (const bucket of buckets) {
    const end = bucket.at + length;
    const here = (at: bigint) => inside(at) && at >= bucket.at && at < end;
    const near = changes.filter(({ at }) => at > nearFrom && here(at));
    const overlapping = lists.filter(
      ({ first, last }) => first <= to && last >= from && first < end && last >= bucket.at,
    );
    const whole = overlapping.filter(({ first, last }) => here(first) && here(last));
    const single = overlapping.every(({ own }) => own.length === 1);
    expect(bucket.writes).toBe(single ? near.length + whole.length : undefined);
    const zeros = near.filter((one) => one.zeros).reduce((sum, one) => sum + one.end - one.start, 0);
    expect(bucket.zeros).toBe(overlapping.length === 0 ? zeros : undefined);
    let bytes = near.reduce((sum, one) => sum + one.end - one.start, 0);
    let blocks = touched([...near, ...whole.flatMap(({ own }) => own)], BLOCK);
    for (const { first, last, ...list } of overlapping) {
      const start = [first, from, bucket.at].reduce((a, b) => later(a, b));
      const stop = [last, to, end - 1n].reduce((a, b) => earlier(a, b)) + 1n;
      const share = Number(stop - start) / Number(last + 1n - first);
      bytes += list.bytes * share;
      if (!(here(first) && here(last))) blocks += list.blocks * share;
    }
    expect(Math.abs(bucket.bytes - bytes)).toBeLessThanOrEqual(overlapping.length - whole.length);
    expect(Math.abs((bucket.blocks ?? -1) - blocks)).toBeLessThanOrEqual(overlapping.length - whole.length);
    expect(bucket.shared).toBe(whole.length < overlapping.length);
    expect(bucket.marks).toBe(volume.marks().filter(({ at }) => here(at)).length);
    const kept = snapshots.filter(({ at }) => here(at));
    expect(bucket.snapshots).toBe(kept.length);
    const known = kept.filter(({ quality }) => quality !== 'write').length;
    expect(bucket.flushes).toBe(known + flushes.filter((at) => at > nearFrom && here(at)).length);
  }
}

describe('activity', () => {
  it(`is what was written, bucket by bucket, in ${RUNS} random histories`, { timeout: 300_000 }, async () => {
    let unknown = 0;
    let shared = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.tuple(fc.nat(100), fc.nat(100)),
        async (steps, most, [low, high]) => {
          const run = new Run();
          await run.begin();
          for (const one of steps) await run.step(one);
          const whole = await activityOf(run.volume, { most });
          expect(whole.buckets.length).toBeLessThanOrEqual(most);
          expect([whole.from, whole.to]).toEqual([run.volume.timeline.oldest, run.volume.now()]);
          compare(run, whole);
          const bytes = whole.buckets.reduce((sum, bucket) => sum + bucket.bytes, 0);
          const all = run.changes.filter(({ at }) => at > whole.from);
          if (run.volume.timeline.oldest === run.volume.timeline.nearFrom)
            expect(bytes).toBe(all.reduce((sum, { start, end }) => sum + end - start, 0));
          expect(whole.blocks).toBe(touched(all, BLOCK));
          for (const bucket of whole.buckets) {
            if (bucket.writes === undefined) unknown += 1;
            if (bucket.shared) shared += 1;
          }
          const span = whole.to - whole.from;
          const part = {
            from: whole.from + (span * BigInt(low)) / 100n,
            to: whole.to - (span * BigInt(high)) / 100n,
          };
          compare(run, await activityOf(run.volume, { ...part, most }));
          await run.volume.close();
        },
      ),
      { numRuns: RUNS },
    );
    expect(unknown).toBeGreaterThan(0);
    expect(shared).toBeGreaterThan(0);
  });

  it('counts a restore as one change with the bytes that it brought back', async () => {
    const run = new Run();
    await run.begin();
    const { volume, time } = run;
    const empty = volume.now();
    time.advance(SECOND);
    await write(volume, 0, Buffer.alloc(2 * BLOCK, 1));
    time.advance(SECOND);
    await volume.resize(SIZE + 10 * BLOCK);
    time.advance(60n * SECOND);
    await volume.restore(empty);
    const { buckets } = await activityOf(volume, { from: volume.now() - SECOND, most: 1 });
    expect(buckets).toMatchObject([{ writes: 1, bytes: 12 * BLOCK, blocks: 12 }]);
  });

  it('does not count blocks where that would take too long, or where a list is damaged, but all the rest', async () => {
    const run = new Run();
    await run.begin();
    await run.volume.setPolicy({ granularity: 'all' });
    for (let round = 0; round < 3; round++) {
      run.time.advance(SECOND);
      await write(run.volume, round * BLOCK, Buffer.alloc(BLOCK, 1));
    }
    await run.volume.sync('test');
    const known = await activityOf(run.volume, { most: 1 });
    expect(known).toMatchObject({ blocks: 3, buckets: [{ writes: 3, bytes: 3 * BLOCK, blocks: 3 }] });
    const rest = { ...known, blocks: undefined, buckets: [{ ...known.buckets[0], blocks: undefined }] };
    expect(await activityOf(run.volume, { most: 1, listExtents: 2 })).toEqual(rest);
    const disk = run.volume.engine.executor as MemoryExecutor;
    disk.files.get('backward/00000001.descriptors')?.write(4096 + 96 + 20, Uint8Array.of(0xff));
    expect(await activityOf(run.volume, { most: 1 })).toEqual(rest);
  });

  it('reads the descriptors of the lists of its time, and no others', async () => {
    const time = new TestTime();
    const disk = await newStore(SIZE, 64 * SIZE, 64 * BLOCK, time.wall());
    const read: string[] = [];
    const run = disk.run.bind(disk);
    disk.run = async (plan) => {
      for (const one of plan)
        if (one.op === 'read' && one.file.endsWith('.descriptors'))
          read.push(`${one.file} ${one.into.length / 96}`);
      return run(plan);
    };
    const volume = await open(disk, { time });
    await volume.setPolicy({ granularity: 'all' });
    const stamps: bigint[] = [];
    for (let round = 0; round < 12; round++) {
      time.advance(SECOND);
      await write(volume, round * BLOCK, Buffer.alloc(BLOCK, 1));
      stamps.push(volume.engine.clock.last);
      if (round % 4 === 3 && round < 11) await volume.sync('test');
    }
    read.length = 0;
    const count = async (from: number, to: number) =>
      (await activityOf(volume, { from: stamps[from], to: stamps[to], most: 1 })).buckets[0]?.writes;
    expect(await count(9, 11)).toBe(3);
    expect(read).toEqual([]);
    expect(await count(2, 5)).toBe(4);
    expect(read).toEqual([1, 1, 2, 2].map((segment) => `backward/0000000${segment}.descriptors 1`));
  });

  it('shows nothing before the oldest point', async () => {
    const run = new Run();
    await run.begin();
    const { oldest } = run.volume.timeline;
    expect(await activityOf(run.volume, { from: oldest - 9n, to: oldest - 1n, most: 5 })).toMatchObject({
      buckets: [],
    });
  });
});

describe('buckets', () => {
  const LENGTHS = [
    1n,
    2n,
    5n,
    10n,
    15n,
    30n,
    60n,
    120n,
    300n,
    600n,
    900n,
    1800n,
    3600n,
    7200n,
    10800n,
    21600n,
  ];

  it('cover the time, are at most so many, and begin at multiples of their length', () => {
    const instant = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(instant, instant, fc.integer({ min: 1, max: 500 }), (one, other, most) => {
        const [from, to] = one < other ? [one, other] : [other, one];
        const { first, step: length, count } = chooseBuckets(from, to, most);
        expect(count).toBeLessThanOrEqual(most);
        expect(first <= from && first + length > from).toBe(true);
        expect(first + BigInt(count) * length > to && first + BigInt(count - 1) * length <= to).toBe(true);
        expect(first % length).toBe(0n);
      }),
    );
  });

  it('are the finest that fit, of lengths that people count in', () => {
    for (const [at, length] of LENGTHS.entries()) {
      const to = 100n * length * SECOND - 1n;
      expect(chooseBuckets(0n, to, 100)).toEqual({ first: 0n, step: length * SECOND, count: 100 });
      const next = LENGTHS[at + 1];
      if (next !== undefined) expect(chooseBuckets(0n, to + 1n, 100).step).toBe(next * SECOND);
    }
    expect(chooseBuckets(0n, 365n * 86_400n * SECOND, 80).step).toBe(5n * 86_400n * SECOND);
    expect(chooseBuckets(7n, 7n, 80)).toEqual({ first: 7n, step: 1n, count: 1 });
  });
});
