import { BLOCK } from '../src/base/range.js';
import { openMapView } from '../src/volume/open-view.js';
import type { OpenStore } from '../src/volume/store-folder.js';
import type { Bench } from './bench.js';
import { noise, randomNumbers, scatter, withStore, writeAll } from './engine-store.js';
import { makeRow, quantile } from './report.js';

const SECTION = 'opening a view';
const MIB = 1024 * 1024;
/** Any near instant among a million entries opens within so many ms. */
const NEAR = 50;

/** How long it takes to open a past instant, and how that grows with what lies between it and the MIM. */
export async function viewsSection(bench: Bench): Promise<void> {
  await nearViews(bench, bench.options.quick ? [100, 1000] : [1000, 10_000, 100_000, 1_000_000]);
  await oldViews(bench, bench.options.quick ? [1, 4] : [1, 10, 100], bench.options.quick ? 20 : 200);
}

/** Writes of 512 bytes: what counts here is the number of entries. */
async function nearViews(bench: Bench, entries: readonly number[]): Promise<void> {
  const most = entries[entries.length - 1] ?? 0;
  const room = { size: 1024 * MIB, journal: 2 * most * 512 + MIB, descriptors: 2 * most * 128 + MIB };
  await withStore(bench, 'near-views', room, async (store) => {
    const { volume } = store;
    const random = randomNumbers(5);
    const data = noise(512, 5);
    const growth = new Growth(bench);
    let written = 0;
    for (const count of entries) {
      await writeAll(volume, () => {
        if (written === count) return undefined;
        written += 1;
        return { offset: random(volume.size / BLOCK) * BLOCK, data };
      });
      const at = volume.journal?.lastStamp ?? volume.now();
      const times = await timeOpening(bench, store, at);
      growth.row(`${count.toLocaleString('en-US')} journal entries after the MIM`, count, times);
      if (count === most) await anywhere(bench, store);
    }
  });
}

/** Instants all over the forward journal: in each round the slowest but one in twenty counts. */
async function anywhere(bench: Bench, store: OpenStore): Promise<void> {
  const { index, checkpoints } = store.volume.engine;
  const random = randomNumbers(7);
  const slow: number[] = [];
  const all: number[] = [];
  for (let round = 0; round < bench.options.rounds; round++) {
    const times: number[] = [];
    for (let place = 0; place < (bench.options.quick ? 5 : 40); place++) {
      const { first } = await timeOpening(bench, store, index.stamp(index.first + random(index.count)), 0);
      times.push(first);
    }
    slow.push(quantile(times, 0.95));
    all.push(...times);
  }
  const name = `anywhere among ${index.count.toLocaleString('en-US')} journal entries, the 95th of 100`;
  const details = {
    'median ms': Number(quantile(all, 0.5).toPrecision(3)),
    'worst ms': Number(Math.max(...all).toPrecision(3)),
    checkpoints: checkpoints.count,
    'checkpoints MiB': Math.round(checkpoints.bytes / MIB),
  };
  const target = { value: NEAR };
  bench.results.row(makeRow(SECTION, name, { unit: 'ms', better: 'less', ours: slow, target, details }));
}

/** Each sync event scatters as many blocks, and keeps the state before as a snapshot. */
async function oldViews(bench: Bench, back: readonly number[], blocks: number): Promise<void> {
  const most = back[back.length - 1] ?? 0;
  await withStore(bench, 'old-views', { size: 1024 * MIB, journal: 64 * MIB }, async (store) => {
    const { volume } = store;
    const random = randomNumbers(6);
    const states: bigint[] = [];
    for (let event = 0; event < most; event++) {
      if (event % 10 === 0) bench.results.progress(`opening a view: sync event ${event} of ${most}`);
      states.push(volume.journal?.lastStamp ?? volume.timeline.nearFrom);
      await scatter(volume, blocks, random);
      await volume.sync('bench');
    }
    const growth = new Growth(bench);
    for (const events of back) {
      const at = states[states.length - events];
      if (at === undefined) continue;
      const times = await timeOpening(bench, store, at);
      growth.row(`${events} sync events of ${blocks} extents back`, events * blocks, times);
    }
  });
}

/** The first opening may have lists to load; the rest find them in memory. ms */
async function timeOpening(
  bench: Bench,
  store: OpenStore,
  at: bigint,
  rounds = bench.options.rounds,
): Promise<Times> {
  const warm: number[] = [];
  let first = 0;
  let extents = 0;
  for (let round = 0; round <= rounds; round++) {
    const started = performance.now();
    const view = await openMapView(store.volume.engine, store.volume.timeline, at);
    const took = performance.now() - started;
    extents = view.map.extents;
    view.close();
    if (round === 0) first = took;
    else warm.push(took);
  }
  return { first, warm, extents };
}

interface Times {
  readonly first: number;
  readonly warm: readonly number[];
  readonly extents: number;
}

/** Rows of one kind; each says how much longer it took than the one before, and for how much more. */
class Growth {
  #before: { readonly work: number; readonly time: number } | undefined;

  constructor(readonly bench: Bench) {}

  row(name: string, work: number, { first, warm, extents }: Times): void {
    const time = quantile(warm, 0.5);
    const before = this.#before;
    const details = {
      'first ms': Number(first.toPrecision(3)),
      'us/entry': Number(((time * 1000) / work).toPrecision(3)),
      extents,
      ...(before === undefined
        ? {}
        : { growth: `${(time / before.time).toPrecision(3)}x for ${(work / before.work).toPrecision(3)}x` }),
    };
    this.bench.results.row(makeRow(SECTION, name, { unit: 'ms', better: 'less', ours: warm, details }));
    this.#before = { work, time };
  }
}
