import { AnywhenError } from '../base/errors.js';
import { Pacer } from '../base/pacer.js';
import type { Executor } from '../file/executor.js';
import { FILES } from '../format/layout.js';
import type { BlockCache } from '../journal/block-cache.js';
import type { SnapshotEdit } from '../journal/catalog-format.js';
import type { Run } from '../journal/run.js';
import type { RunList } from '../journal/run-format.js';
import { type RunPlan, RunWriter } from '../journal/run-writer.js';
import type { StoreMeta } from '../journal/store-meta.js';
import { RunEntries, readLists } from './run-builder.js';
import { LEFT_OUT, mergeRuns, type RunInput } from './run-merge.js';

export interface RunOptions {
  /** Runs with more entries lie in files, smaller ones in memory. */
  readonly inMemory: number;
  /** Entries that are sorted at once. */
  readonly sorted: number;
}

/** 32k entries take 1.5 MB, and are read from their lists again within 50 ms; 64k are sorted within 10 ms. */
export const RUNS: RunOptions = { inMemory: 32_768, sorted: 65_536 };

/** Makes runs: of lists, and of other runs. */
export class RunMaker {
  #nextNumber = 1;
  #made = false;
  /** Once a file could not be written, runs stay in memory. */
  #inMemory: boolean;
  stopped = false;

  constructor(
    readonly executor: Executor,
    readonly meta: StoreMeta,
    readonly cache: BlockCache,
    readonly options: RunOptions,
    readonly readOnly: boolean,
  ) {
    this.#inMemory = readOnly;
  }

  /** Whether no file can be written. */
  get inMemory(): boolean {
    return this.#inMemory;
  }

  /** Numbers up to this one are taken. */
  taken(number: number): void {
    this.#nextNumber = Math.max(this.#nextNumber, number + 1);
  }

  /** A run of lists, oldest first, that covers `[from, to)`. @throws ListError, `io` */
  async build(lists: readonly SnapshotEdit[], from: number, to: number): Promise<Run> {
    const plan = { from, to, lists: lists.map(listOf) };
    const total = lists.reduce((sum, { extents }) => sum + extents, 0);
    try {
      return await this.#build(lists, plan, total);
    } catch (error) {
      const full = error instanceof AnywhenError && (error.code === 'no-space' || error.code === 'io');
      if (this.#inMemory || this.stopped || !full) throw error;
      this.#inMemory = true;
      return this.#build(lists, plan, total);
    }
  }

  /** One run for several that follow each other. What no snapshot from `oldest` on needs is left out. */
  async merge(runs: readonly Run[], oldest: number): Promise<Run> {
    const lists: RunList[] = [];
    const inputs = runs.map((run) => {
      const numbers = new Uint32Array(run.lists.length).fill(LEFT_OUT);
      for (const [at, list] of run.lists.entries())
        if (list.sequence >= oldest) numbers[at] = lists.push(list) - 1;
      return { run, numbers };
    });
    const [from, to] = [runs[0]?.header.from ?? 0, runs[runs.length - 1]?.header.to ?? 0];
    const total = runs.reduce((sum, { entries }) => sum + entries, 0);
    return this.#merge(inputs, { from, to, lists }, total);
  }

  /** Removes the file of a run that is not used any more. */
  async remove(run: Run): Promise<void> {
    if (!run.inMemory) await this.unlink(run.file);
  }

  async unlink(file: string): Promise<void> {
    if (!this.readOnly) await this.executor.run([{ op: 'unlink', file }]).catch(() => undefined);
  }

  async #build(
    lists: readonly SnapshotEdit[],
    plan: Pick<RunPlan, 'from' | 'to' | 'lists'>,
    total: number,
  ): Promise<Run> {
    const { executor, meta, options } = this;
    const entries = new RunEntries(options.sorted);
    const parts: Run[] = [];
    // A part does not tell all of what its lists say: it covers nothing.
    const endPart = async () => {
      parts.push(await this.#sorted(entries, { ...plan, from: 0, to: 0 }, total));
      entries.clear();
      this.#goOn();
    };
    await readLists(executor, meta.seed, lists, (extent, list) => {
      entries.add(extent, list);
      return entries.full ? endPart() : undefined;
    });
    if (parts.length === 0) return this.#sorted(entries, plan, total);
    await endPart();
    const numbers = Uint32Array.from(plan.lists.keys());
    const run = await this.#merge(
      parts.map((part) => ({ run: part, numbers })),
      plan,
      total,
    );
    for (const part of parts) await this.remove(part);
    return run;
  }

  async #sorted(
    entries: RunEntries,
    plan: Pick<RunPlan, 'from' | 'to' | 'lists'>,
    total: number,
  ): Promise<Run> {
    const writer = await this.#begin(plan, total);
    entries.sortInto(writer);
    return writer.finish();
  }

  async #merge(
    inputs: readonly RunInput[],
    plan: Pick<RunPlan, 'from' | 'to' | 'lists'>,
    total: number,
  ): Promise<Run> {
    const writer = await this.#begin(plan, total);
    await mergeRuns(inputs, writer, new Pacer(), () => this.#goOn());
    return writer.finish();
  }

  async #begin(plan: Pick<RunPlan, 'from' | 'to' | 'lists'>, total: number): Promise<RunWriter> {
    const { executor, cache, meta } = this;
    const { uuid, historyUuid } = meta.superblock;
    const inFile = total > this.options.inMemory && !this.#inMemory;
    if (inFile && !this.#made) await executor.run([{ op: 'mkdir', file: FILES.runs }]);
    if (inFile) this.#made = true;
    const number = inFile ? this.#nextNumber++ : 0;
    const writer = new RunWriter(executor, cache, { ...plan, number, uuid, historyUuid, seed: meta.seed });
    await writer.begin();
    return writer;
  }

  #goOn(): void {
    if (this.stopped) throw new AnywhenError('busy', 'the volume is closed');
  }
}

function listOf({ sequence, from, to, segment, record }: SnapshotEdit): RunList {
  return { sequence, from, to, segment, record };
}
