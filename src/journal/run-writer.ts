import { assert } from '../base/errors.js';
import type { Executor } from '../file/executor.js';
import { crc32c } from '../format/checksum.js';
import { runFile } from '../format/layout.js';
import type { BlockCache } from './block-cache.js';
import { Run } from './run.js';
import {
  BLOCK_ENTRIES,
  BLOCK_WORDS,
  CELL_SIZES,
  CLASSES,
  ENTRY_WORDS,
  encodeRunHeader,
  encodeRunLists,
  HEAD_WORDS,
  LIST,
  RUN_BLOCK,
  type RunList,
  START,
  sealBlock,
  wide,
} from './run-format.js';

/** Blocks that are written at once. */
const AT_ONCE = 128;

export interface RunPlan {
  /** Of its file; 0 for a run in memory. */
  readonly number: number;
  readonly uuid: Uint8Array;
  readonly historyUuid: Uint8Array;
  readonly seed: number;
  /** The sequences that it covers, `[from, to)`. */
  readonly from: number;
  readonly to: number;
  readonly lists: readonly RunList[];
}

/** Writes a run from front to back, into a file or into memory. Nothing is made durable: it can be built again. */
export class RunWriter {
  readonly #lists: Uint8Array;
  readonly #seed: number;
  readonly #fences: number[] = [];
  readonly #classes: number[] = [];
  /** Blocks that are ready; those of a file are let go when they are written. */
  #blocks: Uint32Array[] = [];
  #written = 0;
  #words = new Uint32Array(BLOCK_WORDS);
  #count = 0;
  #entries = 0;

  constructor(
    readonly executor: Executor,
    readonly cache: BlockCache,
    readonly plan: RunPlan,
  ) {
    this.#lists = encodeRunLists(plan.lists);
    this.#seed = crc32c(this.#lists, plan.seed);
  }

  get #file(): string {
    return runFile(this.plan.number);
  }

  async begin(): Promise<void> {
    if (this.plan.number === 0) return;
    await this.executor.run([
      { op: 'unlink', file: this.#file },
      { op: 'create', file: this.#file, size: 0 },
    ]);
  }

  /** Adds the entry at `at` of `words`, which follows the last one, as one of list `list`. */
  add(klass: number, words: Uint32Array, at: number, list: number): void {
    while (this.#classes.length <= klass) {
      if (this.#count > 0) this.#endBlock();
      this.#classes.push(this.#fences.length);
    }
    if (this.#count === 0)
      this.#fences.push(Math.floor(wide(words, at + START) / (CELL_SIZES[klass] as number)));
    const to = HEAD_WORDS + this.#count * ENTRY_WORDS;
    for (let word = 0; word < ENTRY_WORDS; word++) this.#words[to + word] = words[at + word] as number;
    this.#words[to + LIST] = list;
    this.#count += 1;
    this.#entries += 1;
    if (this.#count === BLOCK_ENTRIES) this.#endBlock();
  }

  /** Whether `flush` has something to do: to be asked now and then. */
  get full(): boolean {
    return this.plan.number !== 0 && this.#blocks.length >= AT_ONCE;
  }

  /** Writes the blocks that are ready. @throws `no-space`, `io` */
  async flush(): Promise<void> {
    if (this.plan.number === 0 || this.#blocks.length === 0) return;
    const from = this.#blocks.map((words) => new Uint8Array(words.buffer));
    this.#blocks = [];
    const offset = (this.#written + 1) * RUN_BLOCK;
    this.#written += from.length;
    await this.executor.run([{ op: 'write', file: this.#file, offset, from }]);
  }

  /** @throws `no-space`, `io` */
  async finish(): Promise<Run> {
    if (this.#count > 0) this.#endBlock();
    while (this.#classes.length < CLASSES) this.#classes.push(this.#fences.length);
    await this.flush();
    const fences = Float64Array.from(this.#fences);
    const fenceBytes = new Uint8Array(fences.buffer);
    const { plan } = this;
    const header = {
      ...plan,
      lists: plan.lists.length,
      entries: this.#entries,
      blocks: fences.length,
      fencesCrc: crc32c(fenceBytes, this.#seed),
      listsCrc: this.#seed,
      classes: this.#classes,
    };
    const make = (blocks?: Uint32Array[]) =>
      new Run(this.executor, this.cache, header, plan.lists, fences, blocks);
    if (plan.number === 0) return make(this.#blocks);
    assert(this.#written === fences.length, 'every block is written');
    const file = this.#file;
    await this.executor.run([
      { op: 'write', file, offset: (this.#written + 1) * RUN_BLOCK, from: [fenceBytes, this.#lists] },
      { op: 'write', file, offset: 0, from: [encodeRunHeader(header)] },
    ]);
    return make();
  }

  #endBlock(): void {
    sealBlock(this.#words, this.#count, this.#seed, this.#fences.length - 1);
    this.#blocks.push(this.#words);
    this.#words = new Uint32Array(BLOCK_WORDS);
    this.#count = 0;
  }
}
