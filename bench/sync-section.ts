import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { BLOCK } from '../src/base/range.js';
import type { Bench } from './bench.js';
import { noise, randomNumbers, scatter, turn, withStore } from './engine-store.js';
import { largeSync } from './large-sync.js';
import { RawFile } from './raw-file.js';
import { makeRow } from './report.js';

const SECTION = 'sync event';
const MIB = 1024 * 1024;

/** Moving windows of several sizes to the MIM, beside the least that any such move has to do by hand. */
export async function syncSection(bench: Bench): Promise<void> {
  const windows = bench.options.quick ? [200, 1000] : [1000, 10_000, 50_000];
  const size = Math.max(64 * MIB, Math.min(bench.options.size, 1024 * MIB));
  const most = windows[windows.length - 1] ?? 0;
  const journal = 2 * most * BLOCK + 16 * MIB;
  await withStore(bench, 'sync', { size, journal }, async ({ volume }) => {
    const byHand = new ByHand(bench, size);
    await scatter(volume, most, randomNumbers(1));
    await volume.sync('bench');
    for (const extents of windows) {
      bench.results.progress(`sync event: window of ${extents} extents`);
      const rounds: Moved[] = [];
      const theirs: number[] = [];
      let calm = 0;
      for (let round = 0; round < bench.options.rounds; round++) {
        calm = Math.max(calm, await pauseOfNothing());
        await scatter(volume, extents, randomNumbers(extents + round));
        await volume.flush();
        rounds.push(await measured(async () => (await volume.sync('bench')).bytesMoved));
        theirs.push(byHand.move(extents, randomNumbers(extents + round)));
      }
      bench.results.row(rowOf(extents, rounds, theirs, calm));
    }
    await byHand.close();
  });
  await largeSync(bench, SECTION);
}

function rowOf(extents: number, rounds: readonly Moved[], theirs: readonly number[], calm: number) {
  const longest = Math.max(...rounds.map((round) => round.pause));
  const peak = Math.max(...rounds.map((round) => round.peak));
  const grown = Math.max(...rounds.map((round) => round.grown));
  const rates = rounds.map((round) => (extents * 1000) / round.milliseconds);
  return makeRow(SECTION, `window of ${extents.toLocaleString('en-US')} scattered 4 KiB extents`, {
    unit: 'B/s',
    ours: rounds.map((round) => (round.bytes * 1000) / round.milliseconds),
    beside: { 'copied by hand': theirs },
    details: {
      'extents/s': Math.round(Math.max(...rates)),
      'longest pause ms': Number(longest.toPrecision(3)),
      'without a sync event ms': Number(calm.toPrecision(3)),
      'peak RSS MiB': Math.round(peak / MIB),
      'of it grown MiB': Math.round(grown / MIB),
    },
  });
}

interface Moved {
  readonly bytes: number;
  readonly milliseconds: number;
  /** The longest time for which nothing else could run, ms. */
  readonly pause: number;
  /** The most memory that the process had meanwhile, and how much that was above what it had before. Bytes. */
  readonly peak: number;
  readonly grown: number;
}

async function measured(work: () => Promise<number>): Promise<Moved> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const before = process.memoryUsage.rss();
  forgetPeak();
  delay.enable();
  const started = performance.now();
  const bytes = await work();
  const milliseconds = performance.now() - started;
  // The timer that measures needs one more turn to notice a pause at the very end.
  await new Promise((resolve) => setTimeout(resolve, 5));
  delay.disable();
  const peak = peakMemory();
  return { bytes, milliseconds, pause: delay.max / 1e6, peak, grown: Math.max(0, peak - before) };
}

/** The longest pause of a loop that is busy and never long so: what the rest of the machine does to us. ms */
async function pauseOfNothing(): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const end = performance.now() + 300;
  while (performance.now() < end) {
    const stretch = performance.now() + 0.5;
    while (performance.now() < stretch);
    await turn();
  }
  delay.disable();
  return delay.max / 1e6;
}

/** The kernel keeps the peak; without the right to reset it, it is that of the whole run. */
function forgetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // The peak of the whole run is still an upper bound.
  }
}

function peakMemory(): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1] ?? 0) * 1024;
}

/**
 * Copy-on-write without maps, checksums or history that could be found again: reads what is overwritten, appends it
 * to a file, makes that durable, writes in place, makes that durable.
 */
class ByHand {
  readonly #volume: RawFile;
  readonly #saved: RawFile;
  readonly #blocks: number;
  #end = 0;

  constructor(bench: Bench, size: number) {
    this.#volume = new RawFile(bench.undo, join(bench.folder, 'by-hand.raw'), size);
    this.#saved = new RawFile(bench.undo, join(bench.folder, 'by-hand.saved'), 0);
    this.#volume.fill(size, noise(MIB, 2));
    this.#blocks = size / BLOCK;
  }

  /** Bytes/s. */
  move(extents: number, random: (below: number) => number): number {
    const places = Array.from({ length: extents }, () => random(this.#blocks) * BLOCK).sort((a, b) => a - b);
    const fresh = noise(BLOCK, extents);
    const old = new Uint8Array(BLOCK);
    const started = performance.now();
    for (const place of places) {
      this.#volume.read(place, old);
      this.#saved.write(this.#end, old);
      this.#end += BLOCK;
    }
    this.#saved.datasync();
    for (const place of places) this.#volume.write(place, fresh);
    this.#volume.datasync();
    return (extents * BLOCK * 1000) / (performance.now() - started);
  }

  async close(): Promise<void> {
    await this.#volume.close();
    await this.#saved.close();
  }
}
