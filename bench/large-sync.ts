import { join } from 'node:path';
import type { Volume } from '../src/volume/volume.js';
import type { Bench } from './bench.js';
import { run } from './child.js';
import { lap, noise, randomNumbers, withStore, writeAll } from './engine-store.js';
import { RawFile } from './raw-file.js';
import { makeRow, median, rounded } from './report.js';

const MIB = 1024 * 1024;
/** Of a write. */
const PIECE = 128 * 1024;

/**
 * A sync event that nobody disturbs, over windows up to a whole volume, beside what it has to do at the least as a
 * program of the system does it: `cp` of as many bytes to a new file (what is saved), and once more over an old one (what
 * is moved), each made durable.
 */
export async function largeSync(bench: Bench, section: string): Promise<void> {
  const most = bench.options.quick ? 8 * MIB : Math.min(bench.options.size, 1024 * MIB);
  const windows = [most / 100, most / 10, most].map((bytes) => Math.ceil(bytes / PIECE) * PIECE);
  const journal = Math.ceil(most * 1.25) + 16 * MIB;
  await withStore(bench, 'large-sync', { size: most, journal }, async ({ volume }) => {
    await volume.setPolicy({ highWater: 100 });
    await lap(volume, noise(MIB, 3));
    const copier = new Copier(bench, most);
    let before: { bytes: number; milliseconds: number } | undefined;
    for (const bytes of windows) {
      bench.results.progress(`sync event: ${bytes / MIB} MiB of net change`);
      const ours: number[] = [];
      const theirs: number[] = [];
      const times: number[] = [];
      for (let round = 0; round < bench.options.rounds; round++) {
        await change(volume, bytes, round);
        await volume.flush();
        const started = performance.now();
        await volume.sync('bench');
        const milliseconds = performance.now() - started;
        times.push(milliseconds);
        ours.push((bytes * 1000) / milliseconds);
        theirs.push((bytes * 1000) / (await copier.copyTwice(bytes)));
      }
      const milliseconds = median(times);
      const growth =
        before === undefined
          ? {}
          : {
              growth: `${rounded(milliseconds / before.milliseconds)}x for ${rounded(bytes / before.bytes)}x`,
            };
      before = { bytes, milliseconds };
      const name = `${rounded(bytes / MIB)} MiB of net change, idle`;
      const details = { ms: Math.round(milliseconds), ...growth };
      const other = 'cp twice, fsync each';
      bench.results.row(
        makeRow(section, name, {
          unit: 'B/s',
          ours,
          beside: { [other]: theirs },
          target: { value: 0.6, ratioTo: other },
          details,
        }),
      );
    }
    await copier.close();
  });
}

/** Overwrites so many bytes, no place twice, in no order. */
export async function change(volume: Volume, bytes: number, seed: number): Promise<void> {
  const pieces = bytes / PIECE;
  const order = Uint32Array.from({ length: pieces }, (_, at) => at);
  const random = randomNumbers(seed + 11);
  for (let at = pieces - 1; at > 0; at--) {
    const other = random(at + 1);
    [order[at], order[other]] = [order[other] as number, order[at] as number];
  }
  const data = noise(PIECE, seed + 1);
  const words = new Uint32Array(data.buffer, 0, PIECE / 4);
  await writeAll(volume, (n) => {
    if (n >= pieces) return undefined;
    words[n % words.length] = n + seed;
    return { offset: (order[n] as number) * PIECE, data };
  });
}

class Copier {
  readonly #source: RawFile;

  constructor(
    readonly bench: Bench,
    size: number,
  ) {
    this.#source = new RawFile(bench.undo, this.#path('source'), size);
    this.#source.fill(size, noise(MIB, 5));
    const old = new RawFile(bench.undo, this.#path('old'), size);
    old.fill(size, noise(MIB, 6));
    void old.close();
  }

  /** ms */
  async copyTwice(bytes: number): Promise<number> {
    const part = this.#path('part');
    const [fresh, old] = [this.#path('fresh'), this.#path('old')];
    await run(this.bench.undo, 'sh', [
      '-c',
      `rm -f "$2" && head -c "$3" "$0" > "$1" && sync "$1"`,
      ...[this.#path('source'), part, fresh, String(bytes)],
    ]);
    const started = performance.now();
    await run(this.bench.undo, 'sh', [
      '-c',
      'cp --reflink=never "$0" "$1" && sync "$1" && cp --reflink=never "$0" "$2" && sync "$2"',
      ...[part, fresh, old],
    ]);
    return performance.now() - started;
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  #path(name: string): string {
    return join(this.bench.folder, `copied-${name}.raw`);
  }
}
