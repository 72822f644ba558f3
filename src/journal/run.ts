import { AnywhenError } from '../base/errors.js';
import type { Executor } from '../file/executor.js';
import { crc32c } from '../format/checksum.js';
import { runFile } from '../format/layout.js';
import type { BlockCache } from './block-cache.js';
import {
  BLOCK_WORDS,
  decodeRunHeader,
  decodeRunLists,
  isSound,
  RUN_BLOCK,
  type RunHeader,
  type RunList,
  runListsSize,
} from './run-format.js';

let nextId = 0;

/** A run that can be searched. What it says never changes. */
export class Run {
  readonly #id = nextId++;
  /** By list, the sequence of its snapshot. */
  readonly sequences: Float64Array;

  /**
   * @param blocks all of them, when it lies in memory
   */
  constructor(
    readonly executor: Executor,
    readonly cache: BlockCache,
    readonly header: RunHeader,
    readonly lists: readonly RunList[],
    readonly fences: Float64Array,
    readonly blocks?: readonly Uint32Array[],
  ) {
    this.sequences = Float64Array.from(lists, ({ sequence }) => sequence);
  }

  get entries(): number {
    return this.header.entries;
  }

  get inMemory(): boolean {
    return this.blocks !== undefined;
  }

  get file(): string {
    return runFile(this.header.number);
  }

  /** Whether the list of a snapshot is in it as it is now. */
  has(list: RunList): boolean {
    return this.lists.some(
      (one) => one.sequence === list.sequence && one.segment === list.segment && one.record === list.record,
    );
  }

  /** The block behind the last one of a class. */
  endOf(klass: number): number {
    return this.header.classes[klass + 1] ?? this.header.blocks;
  }

  /** The first block of a class that may hold an entry of `cell` or behind. */
  firstBlock(klass: number, cell: number): number {
    const first = this.header.classes[klass] as number;
    let low = first;
    let high = this.endOf(klass);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.fences[middle] as number) < cell) low = middle + 1;
      else high = middle;
    }
    return Math.max(first, low - 1);
  }

  /** A block, if no disk need be waited for; good until the next call. @throws `damaged`, `not-found` */
  blockNow(block: number): Uint32Array | undefined {
    if (this.blocks !== undefined) return this.blocks[block];
    const key = this.#id * 2 ** 32 + block;
    const known = this.cache.get(key);
    if (known !== undefined) return known.words;
    const slot = this.cache.take();
    const into = slot.bytes;
    if (!this.executor.runNow([{ op: 'read', file: this.file, offset: (block + 1) * RUN_BLOCK, into }])) {
      this.cache.giveBack(slot);
      return undefined;
    }
    this.#check(block, slot.words);
    this.cache.add(key, slot);
    return slot.words;
  }

  /** Blocks in a row, past the cache. @throws `damaged`, `not-found`, `io` */
  async readBlocks(block: number, count: number): Promise<Uint32Array[]> {
    if (this.blocks !== undefined) return this.blocks.slice(block, block + count);
    const bytes = new Uint8Array(count * RUN_BLOCK);
    await this.executor.run([{ op: 'read', file: this.file, offset: (block + 1) * RUN_BLOCK, into: bytes }]);
    return Array.from({ length: count }, (_, at) => {
      const words = new Uint32Array(bytes.buffer, at * RUN_BLOCK, BLOCK_WORDS);
      this.#check(block + at, words);
      return words;
    });
  }

  #check(block: number, words: Uint32Array): void {
    const { listsCrc, lists } = this.header;
    if (isSound(words, listsCrc, block, lists)) return;
    throw new AnywhenError('damaged', `${this.file}: block ${block + 1} is damaged`, {
      data: { file: this.file },
    });
  }
}

/**
 * Opens a run file. Whether it fits the catalog is another question.
 *
 * @throws `damaged`, `unsupported`, `not-found`, `io`
 */
export async function openRun(
  executor: Executor,
  cache: BlockCache,
  number: number,
  store: { readonly uuid: Uint8Array; readonly historyUuid: Uint8Array; readonly seed: number },
): Promise<Run> {
  const file = runFile(number);
  const damaged = (why: string) => new AnywhenError('damaged', `${file}: ${why}`, { data: { file } });
  const size = (await executor.size(file)) ?? 0;
  if (size < RUN_BLOCK) throw damaged('is cut short');
  const head = new Uint8Array(RUN_BLOCK);
  await executor.run([{ op: 'read', file, offset: 0, into: head }]);
  const header = decodeRunHeader(head, file);
  const ours = (a: Uint8Array, b: Uint8Array) => a.every((byte, at) => b[at] === byte);
  if (
    header.number !== number ||
    !ours(header.uuid, store.uuid) ||
    !ours(header.historyUuid, store.historyUuid)
  )
    throw damaged('belongs to another store or place');
  const fencesAt = (header.blocks + 1) * RUN_BLOCK;
  const listsAt = fencesAt + header.blocks * 8;
  const end = listsAt + runListsSize(header.lists);
  if (end !== size) throw damaged('has another length than it says');
  const fences = new Uint8Array(header.blocks * 8);
  const lists = new Uint8Array(end - listsAt);
  await executor.run([
    { op: 'read', file, offset: fencesAt, into: fences },
    { op: 'read', file, offset: listsAt, into: lists },
  ]);
  const sound =
    crc32c(lists, store.seed) === header.listsCrc && crc32c(fences, header.listsCrc) === header.fencesCrc;
  if (!sound) throw damaged('checksum');
  return new Run(executor, cache, header, decodeRunLists(lists, file), new Float64Array(fences.buffer));
}
