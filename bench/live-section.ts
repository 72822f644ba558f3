import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCK } from '../src/base/range.js';
import { createStore, openStore } from '../src/volume/store-folder.js';
import type { Bench } from './bench.js';
import { sleep } from './child.js';
import { lap, noise } from './engine-store.js';
import { fio, type Load, type Measured } from './fio.js';
import { change } from './large-sync.js';
import { makeRow, median } from './report.js';
import { fioMissing, MountedVolume, mountMissing } from './targets.js';

const SECTION = 'live writes during a sync event';
const MIB = 1024 * 1024;
const LOAD: Load = { name: 'random write, 4 KiB', pattern: 'randwrite', block: BLOCK, depth: 1 };

/** What a client feels of a sync event: through the mount, at half the rate that it could reach at the most. */
export async function liveSection(bench: Bench): Promise<void> {
  const missing = mountMissing() ?? fioMissing();
  if (missing !== undefined) return bench.results.skip('live', missing);
  const { options, undo, results } = bench;
  const size = options.quick ? 16 * MIB : Math.min(options.size, 1024 * MIB);
  // Less than the sync event takes, so that it runs all the while.
  const seconds = options.quick ? 0.5 : 4;
  const store = join(bench.folder, 'live');
  const runs: { calm: Measured; busy: Measured; syncSeconds: number }[] = [];
  let peak = 0;
  for (let round = 0; round < options.rounds; round++) {
    results.progress(`live: round ${round + 1} of ${options.rounds}`);
    await prepare(store, size);
    const mounted = await MountedVolume.start(bench, store);
    const limits = { size, seconds, direct: true };
    const most = await fio(undo, mounted.path, LOAD, { ...limits, seconds: seconds / 2 });
    peak = most.rate;
    const load = { ...LOAD, rate: Math.floor(most.rate / 2) };
    const calm = await fio(undo, mounted.path, load, limits);
    const started = performance.now();
    let syncSeconds = 0;
    const sync = mounted.command('sync').then(() => {
      syncSeconds = (performance.now() - started) / 1000;
    });
    // The command has to start first.
    await sleep(300);
    const busy = await fio(undo, mounted.path, load, limits);
    await sync;
    runs.push({ calm, busy, syncSeconds });
    await mounted.stop();
    rmSync(store, { recursive: true, force: true });
  }
  const row = (name: string, of: (one: Measured) => number, target?: { value: number }) =>
    results.row(
      makeRow(SECTION, `${Math.round(size / MIB)} MiB of net change: ${name} of the writes`, {
        unit: 'us',
        better: 'less',
        ours: runs.map(({ busy }) => of(busy)),
        beside: { 'without it': runs.map(({ calm }) => of(calm)) },
        ...(target === undefined ? {} : { target: { ...target, ratioTo: 'without it' } }),
        details: {
          'peak writes/s': Math.round(peak),
          'writes/s': Math.round(median(runs.map(({ busy }) => busy.rate))),
          'without it writes/s': Math.round(median(runs.map(({ calm }) => calm.rate))),
          'sync event s': Number(median(runs.map(({ syncSeconds }) => syncSeconds)).toPrecision(3)),
          'measured s': seconds,
        },
      }),
    );
  row('p50', (one) => one.p50);
  row('p99', (one) => one.p99, { value: 3 });
}

/** A volume with other bytes all over in its journal, and room for what is written meanwhile. */
async function prepare(folder: string, size: number): Promise<void> {
  await createStore(folder, { size }, { forwardBytes: 3 * size });
  const { volume, close } = await openStore(folder);
  await volume.setPolicy({ highWater: 100 });
  await lap(volume, noise(MIB, 4));
  await change(volume, size, 1);
  await volume.flush();
  await close();
}
