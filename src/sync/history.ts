import { AnywhenError } from '../base/errors.js';
import { Mutex } from '../base/mutex.js';
import type { Executor } from '../file/executor.js';
import { FILES, runFile } from '../format/layout.js';
import { BlockCache } from '../journal/block-cache.js';
import type { SnapshotEdit } from '../journal/catalog-format.js';
import { Places } from '../journal/places.js';
import { openRun, type Run } from '../journal/run.js';
import type { StoreMeta } from '../journal/store-meta.js';
import { firstSnapshotFrom } from './build-view.js';
import { ListError } from './run-builder.js';
import { RUNS, RunMaker, type RunOptions } from './run-maker.js';

const NAME = /^(\d{8,10})\.run$/;
/** A run is merged with all younger ones when these have more than this share of its entries. */
const SHARE = 1 / 2;
/** A run with so many times the entries that its lists still have is built again. */
const WASTE = 4;

/** Lists that no run covers, and where a run of them belongs. */
interface Gap {
  readonly at: number;
  readonly from: number;
  readonly to: number;
  readonly lists: readonly SnapshotEdit[];
}

/**
 * The undo lists of all snapshots, sorted by address: runs, oldest first, each of which covers snapshots that follow
 * each other. A view of a snapshot finds what it needs of a region in each run from its own snapshot on.
 *
 * A thinning leaves runs as they are. The entries of a list that was dropped say the same as the list that took it in,
 * to every view there can be; what it did not take in is hidden by older entries. Only where a run ends is to be looked
 * at: the last list that it covers may have taken in one that the run does not have.
 *
 * Nothing of this is needed but to be fast: a file that is missing, damaged, or does not fit the catalog is built again.
 */
export class History {
  readonly places = new Places();
  readonly #cache = new BlockCache();
  readonly #maker: RunMaker;
  #runs: Run[] = [];
  #loaded = false;
  /** `catalog.additions` when everything was covered last. */
  #covered = -1;
  /** Lists that could not be read, and why. */
  readonly #broken = new Map<SnapshotEdit, unknown>();
  readonly #mutex = new Mutex();
  #work: Promise<void> | undefined;
  #again = false;

  constructor(
    readonly executor: Executor,
    readonly meta: StoreMeta,
    readOnly: boolean,
    options: RunOptions = RUNS,
  ) {
    this.#maker = new RunMaker(executor, meta, this.#cache, options, readOnly);
  }

  /** Runs in use, and their entries. */
  get size(): { readonly runs: number; readonly entries: number } {
    return { runs: this.#runs.length, entries: this.#runs.reduce((sum, run) => sum + run.entries, 0) };
  }

  /**
   * The runs with all lists of snapshots from `sequence` on, oldest first; undefined when `cover` is to be called.
   *
   * @throws `damaged`, `io` when one of these lists could not be read
   */
  runsFrom(sequence: number): readonly Run[] | undefined {
    if (this.#covered !== this.meta.catalog.additions) return undefined;
    for (const [list, cause] of this.#broken) if (list.sequence >= sequence) throw cause;
    let first = this.#runs.length;
    while (first > 0 && (this.#runs[first - 1] as Run).header.to > sequence) first--;
    return first === 0 ? this.#runs : this.#runs.slice(first);
  }

  /** Sees to it that the lists of all snapshots are in runs. `retry`: try those again that could not be read. */
  cover(retry = false): Promise<void> {
    return this.#mutex.run(async () => {
      if (!this.#loaded) await this.#load();
      if (retry && this.#broken.size > 0) {
        this.#broken.clear();
        this.#covered = -1;
      }
      const { catalog } = this.meta;
      while (this.#covered !== catalog.additions) {
        const gap = this.#gap();
        if (gap === undefined) this.#covered = catalog.additions;
        else await this.#fill(gap);
      }
    });
  }

  /** A run turned out to be damaged: it is built again when `cover` is called. */
  distrust(run: Run): void {
    if (!this.#runs.includes(run)) return;
    this.#runs = this.#runs.filter((one) => one !== run);
    this.#covered = -1;
    void this.#maker.remove(run);
  }

  /** Covers and merges in the background. */
  tend(): void {
    this.#again = true;
    this.#work ??= this.#tend();
  }

  /** Resolves when nothing is done in the background any more. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** Ends what is done in the background. */
  async stop(): Promise<void> {
    this.#maker.stopped = true;
    await this.#work;
  }

  async #tend(): Promise<void> {
    try {
      while (this.#again && !this.#maker.stopped) {
        this.#again = false;
        await this.cover();
        while (!this.#maker.stopped && (await this.#mergeSome()));
      }
    } catch {
      // Tried again by the next view, which then tells.
    }
    this.#work = undefined;
  }

  /** The first lists that are missing. */
  #gap(): Gap | undefined {
    const { catalog } = this.meta;
    const { snapshots } = catalog;
    for (let at = 0; at <= this.#runs.length; at++) {
      let from = this.#runs[at - 1]?.header.to ?? 0;
      const end = this.#runs[at]?.header.from ?? Number.POSITIVE_INFINITY;
      let next = firstSnapshotFrom(catalog, from);
      const lists: SnapshotEdit[] = [];
      const last = snapshots[next - 1];
      if (at > 0 && last !== undefined && !this.#broken.has(last) && !this.#has(last)) lists.push(last);
      for (; next < snapshots.length; next++) {
        const list = snapshots[next] as SnapshotEdit;
        if (list.sequence >= end) break;
        if (!this.#broken.has(list)) lists.push(list);
        else if (lists.length > 0) break;
        else from = list.sequence + 1;
      }
      if (lists.length > 0)
        return { at, from, to: Math.max(from, (lists[lists.length - 1]?.sequence ?? 0) + 1), lists };
    }
    return undefined;
  }

  #has(list: SnapshotEdit): boolean {
    return this.#runs.some((run) => run.has(list));
  }

  async #fill({ at, from, to, lists }: Gap): Promise<void> {
    const before = this.#runs;
    let run: Run;
    try {
      run = await this.#maker.build(lists, from, to);
    } catch (error) {
      if (!(error instanceof ListError)) throw error;
      // A thinning may have taken it away.
      if (this.#isNow(error.list)) this.#broken.set(error.list, error.cause);
      return;
    }
    if (this.#runs === before && lists.every((list) => this.#isNow(list)))
      this.#runs = before.toSpliced(at, 0, run);
    else await this.#maker.remove(run);
  }

  /** Whether the list of a snapshot is still this one: where it lay it never lies again. */
  #isNow(list: SnapshotEdit): boolean {
    const { catalog } = this.meta;
    return catalog.snapshots[firstSnapshotFrom(catalog, list.sequence)] === list;
  }

  async #load(): Promise<void> {
    const { superblock, seed } = this.meta;
    const found: Run[] = [];
    for (const name of await this.executor.list(FILES.runs)) {
      const number = Number(NAME.exec(name)?.[1]);
      if (!Number.isSafeInteger(number) || number === 0) continue;
      this.#maker.taken(number);
      try {
        const run = await openRun(this.executor, this.#cache, number, { ...superblock, seed });
        if (this.#fits(run)) found.push(run);
        else await this.#maker.remove(run);
      } catch {
        await this.#maker.unlink(runFile(number));
      }
    }
    this.#loaded = true;
    // Of those that were merged, and of the merged one, the latter counts.
    found.sort((a, b) => a.header.from - b.header.from || b.header.to - a.header.to);
    const runs: Run[] = [];
    for (const run of found) {
      if (run.header.from >= (runs[runs.length - 1]?.header.to ?? 0)) runs.push(run);
      else await this.#maker.remove(run);
    }
    this.#runs = runs;
  }

  /** Whether a run has all snapshots of its part of the catalog. */
  #fits(run: Run): boolean {
    const { catalog } = this.meta;
    const { from, to } = run.header;
    if (to === 0) return false;
    const known = new Map(run.lists.map((list) => [list.sequence, list]));
    for (let at = firstSnapshotFrom(catalog, from); at < catalog.snapshots.length; at++) {
      const snapshot = catalog.snapshots[at] as SnapshotEdit;
      if (snapshot.sequence >= to) break;
      const list = known.get(snapshot.sequence);
      if (list?.from !== snapshot.from || list.to !== snapshot.to) return false;
    }
    return true;
  }

  /** One step towards few runs. Returns whether there was something to do. */
  async #mergeSome(): Promise<boolean> {
    if (await this.#dropWaste()) return true;
    const oldest = this.meta.catalog.snapshots[0]?.sequence ?? Number.POSITIVE_INFINITY;
    let younger = 0;
    let first = -1;
    for (let at = this.#runs.length - 1; at >= 0; at--) {
      const { entries } = this.#runs[at] as Run;
      if (at < this.#runs.length - 1 && younger >= entries * SHARE) first = at;
      younger += entries;
    }
    if (first < 0 || this.#broken.size > 0 || this.#maker.inMemory) return false;
    const runs = this.#runs.slice(first);
    const merged = await this.#merged(runs, oldest);
    if (merged === undefined) return false;
    return this.#mutex.run(async () => {
      const there = this.#runs.slice(first, first + runs.length);
      const same = there.length === runs.length && there.every((run, at) => run === runs[at]);
      if (same) this.#runs = this.#runs.toSpliced(first, runs.length, merged);
      for (const run of same ? runs : [merged]) await this.#maker.remove(run);
      return same;
    });
  }

  async #merged(runs: readonly Run[], oldest: number): Promise<Run | undefined> {
    try {
      return await this.#maker.merge(runs, oldest);
    } catch (error) {
      const file = error instanceof AnywhenError ? error.data.file : undefined;
      const damaged = runs.find((run) => !run.inMemory && run.file === file);
      if (damaged !== undefined) this.distrust(damaged);
      return undefined;
    }
  }

  /** Lets runs go that no snapshot needs any more, or that are mostly of lists that are gone. */
  async #dropWaste(): Promise<boolean> {
    const { catalog } = this.meta;
    const wasted = this.#runs.find(({ lists, entries }) => {
      let live = 0;
      for (const { sequence } of lists) {
        const list = catalog.snapshots[firstSnapshotFrom(catalog, sequence)];
        if (list?.sequence === sequence) live += list.extents;
      }
      return entries > WASTE * live + this.#maker.options.inMemory;
    });
    if (wasted === undefined) return false;
    this.distrust(wasted);
    await this.cover();
    return true;
  }
}
