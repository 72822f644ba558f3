import { BLOCK } from '../src/base/range.js';
import { diffPoints } from '../src/volume/diff.js';
import type { Volume } from '../src/volume/volume.js';
import type { Bench } from './bench.js';
import { randomNumbers, scatter, withStore } from './engine-store.js';
import { makeRow, median, rounded } from './report.js';

const SECTION = 'in proportion';
const MIB = 1024 * 1024;
/** An item may cost so much more among ten times as many. */
const GROWTH = 1.5;

/** What is done with history as a whole: each costs what it touches, however much that is. */
export async function touchSection(bench: Bench): Promise<void> {
  const sizes = bench.options.quick ? [20, 200] : [100, 1000, 10_000];
  const most = sizes[sizes.length - 1] ?? 0;
  const room = { size: 1024 * MIB, journal: 2 * 11 * most * BLOCK + 16 * MIB };
  await withStore(bench, 'touch', room, async ({ volume }) => {
    // Each write becomes a snapshot, so that there can be many.
    await volume.setPolicy({ granularity: 'all', highWater: 100 });
    const random = randomNumbers(21);
    // For the compilers.
    await once(volume, sizes[0] ?? 1, random);
    const rows = new Growth(bench);
    for (const count of sizes) {
      bench.results.progress(`touch: ${count} snapshots`);
      const rounds: Times[] = [];
      for (let round = 0; round < bench.options.rounds; round++)
        rounds.push(await once(volume, count, random));
      rows.add('points: list', 'snapshot', count, (one) => one.points, rounds);
      rows.add('thin: every second one of', 'snapshot', count, (one) => one.thin, rounds);
      rows.add('diff: two points apart', 'extent', 10 * count, (one) => one.diff, rounds);
    }
  });
}

/** ms */
interface Times {
  readonly points: number;
  readonly thin: number;
  readonly diff: number;
}

async function once(volume: Volume, count: number, random: (below: number) => number): Promise<Times> {
  await scatter(volume, count, random);
  await volume.sync('bench');
  const [points, listed] = await timed(async () => volume.points());
  const snapshots = listed.filter(({ place }) => place === 'snapshot');
  const half = new Set(snapshots.filter((_, at) => at % 2 === 1).map(({ sequence }) => sequence));
  const [thin] = await timed(() => volume.thin({ sequences: half }));
  await volume.thin({ before: volume.now() });
  const before = volume.now();
  await scatter(volume, 10 * count, random);
  const [diff] = await timed(() => diffPoints(volume, before, volume.now()));
  await volume.sync('bench');
  await volume.thin({ before: volume.now() });
  return { points, thin, diff };
}

async function timed<T>(work: () => Promise<T>): Promise<[milliseconds: number, result: T]> {
  const started = performance.now();
  const result = await work();
  return [performance.now() - started, result];
}

/** Rows by what they do; what an item costs stands beside what it cost where there were fewer of them. */
class Growth {
  readonly #before = new Map<string, { count: number; each: number[] }>();

  constructor(readonly bench: Bench) {}

  add(
    what: string,
    item: string,
    count: number,
    of: (times: Times) => number,
    rounds: readonly Times[],
  ): void {
    const each = rounds.map((times) => (of(times) * 1000) / count);
    const before = this.#before.get(what);
    this.#before.set(what, { count, each });
    const fewer = `of ${before?.count.toLocaleString('en-US')}`;
    this.bench.results.row(
      makeRow(SECTION, `${what} ${count.toLocaleString('en-US')} ${item}s`, {
        unit: `us/${item}`,
        better: 'less',
        ours: each,
        ...(before === undefined
          ? {}
          : { beside: { [fewer]: before.each }, target: { value: GROWTH, ratioTo: fewer } }),
        details: { ms: rounded(median(rounds.map(of))) },
      }),
    );
  }
}
