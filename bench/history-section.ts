import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BLOCK } from '../src/base/range.js';
import { openStore } from '../src/volume/store-folder.js';
import type { Bench } from './bench.js';
import { run } from './child.js';
import type { HistoryFigures } from './history-child.js';
import { addWrites, type HistorySize, makeHistory } from './history-store.js';
import { type Details, makeRow } from './report.js';

const SECTION = 'history';
const GIB = 1024 ** 3;
/** Snapshots by their place: the oldest, one in the middle, the youngest. */
const PLACES = [
  ['oldest', 0],
  ['middle', 0.5],
  ['youngest', 1],
] as const;
const VIEWS = 5;

/** Views of a long history, in processes of their own: from cold, from warm, and what they cost in memory. */
export async function historySection(bench: Bench): Promise<void> {
  const { quick } = bench.options;
  const child = resolve(import.meta.dirname, 'history-child.js');
  if (!existsSync(child)) return bench.results.skip('history', 'the benchmark is not compiled');
  const growth = new Map<string, number>();
  for (const snapshots of quick ? [10, 40] : [100, 1000, 10_000]) {
    const size = { snapshots, extents: quick ? 50 : 1000, volume: quick ? GIB : 64 * GIB, writes: 0 };
    const most = snapshots === (quick ? 40 : 10_000);
    const writes = quick ? 1000 : 1_000_000;
    await oneSize(bench, child, most ? { ...size, writes } : size, growth);
  }
}

async function oneSize(
  bench: Bench,
  child: string,
  size: HistorySize,
  growth: Map<string, number>,
): Promise<void> {
  const { results, undo, folder: place } = bench;
  const folder = join(place, 'history');
  const many = `${size.snapshots.toLocaleString('en-US')} snapshots`;
  results.progress(`history: making ${many}`);
  await makeHistory(folder, size);
  const look = async (where: number, views = 1) => {
    const printed = await run(undo, process.execPath, [child, folder, String(where), String(views)]);
    return JSON.parse(printed) as HistoryFigures;
  };
  const row = (
    what: string,
    unit: string,
    ours: number[],
    better: 'more' | 'less',
    details: Details = {},
  ) => {
    const made = makeRow(SECTION, `${many}: ${what}`, { unit, better, ours, details });
    const before = growth.get(what);
    growth.set(what, made.ours.median);
    const factor = before === undefined ? {} : { growth: `${(made.ours.median / before).toPrecision(3)}x` };
    results.row({ ...made, details: { ...made.details, ...factor } });
  };
  results.progress(`history: runs of ${many}`);
  await makeRuns(folder, (ms, entries) => row('making the runs', 'ms', [ms], 'less', { entries }));
  for (const [name, where] of PLACES) {
    const [cold, warm]: [HistoryFigures[], HistoryFigures[]] = [[], []];
    for (let round = 0; round < bench.options.rounds; round++) {
      results.progress(`history: the ${name} of ${many}, round ${round + 1}`);
      if (dropCaches()) cold.push(await look(where));
      warm.push(await look(where));
    }
    const column = (rows: HistoryFigures[], key: keyof HistoryFigures) => rows.map((figures) => figures[key]);
    row(`the ${name} opened, warm`, 'ms', column(warm, 'openMs'), 'less', { target: 300 });
    if (cold.length > 0) {
      row(`the ${name} opened, cold`, 'ms', column(cold, 'openMs'), 'less');
      row(`process and store and the ${name} opened, cold`, 'ms', column(cold, 'viewMs'), 'less', {
        target: 2000,
      });
    } else results.skip('history, cold', 'the page cache cannot be dropped');
    const share = warm.map(({ reads, longOpen }) => reads / longOpen);
    row(`reads right after the ${name} was opened`, 'reads/s', column(warm, 'reads'), 'more', {
      'long open': Math.round(warm[0]?.longOpen ?? 0),
      share: Number(Math.min(...share).toPrecision(2)),
      target: 0.5,
      runs: warm[0]?.runs ?? 0,
    });
  }
  results.progress(`history: ${size.writes} writes behind ${many}`);
  await addWrites(folder, size);
  const last = await look(0, VIEWS);
  const target = size.writes > 0 ? { target: 400 } : {};
  row(`memory with ${VIEWS} views`, 'MiB', [last.rssMiB], 'less', target);
  row('opening the store', 'ms', [last.storeMs], 'less', { writes: size.writes, target: 3000 });
  rmSync(folder, { recursive: true, force: true });
}

/** The first view of a store without runs. */
async function makeRuns(folder: string, tell: (ms: number, entries: number) => void): Promise<void> {
  const store = await openStore(folder);
  try {
    const { history, meta } = store.volume.engine;
    const started = performance.now();
    const view = await store.volume.openView(meta.catalog.snapshots[0]?.at ?? store.volume.now());
    await view.read(0, new Uint8Array(BLOCK));
    tell(performance.now() - started, history.size.entries);
    await history.settled();
    view.close();
  } finally {
    await store.close();
  }
}

function dropCaches(): boolean {
  try {
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    return true;
  } catch {
    return false;
  }
}
