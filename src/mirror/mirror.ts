import { AnywhenError } from '../base/errors.js';
import { BLOCK } from '../base/range.js';
import type { Executor, Step } from '../file/executor.js';
import { bindToPlace } from '../format/checksum.js';
import { FILES, SUMS_PAGE_SIZE, SUMS_PER_PAGE } from '../format/layout.js';
import { pieceSumsHere } from '../format/pieces.js';
import { decodeSumsPage, emptySums } from './sums-page.js';

/** Pages of sums that are kept in memory: 4 KiB each, for 4 MiB of the volume. */
const CACHED_PAGES = 4096;

/**
 * The mirror in the middle (MIM, [0046], [0061], FIG. 8): an exact copy of the volume at one point, with a sum
 * for each 4 KiB block. A block whose sum is 0 is all zeros and is not read at all, so the file may be shorter
 * than the volume.
 *
 * While a sync event writes a range (`moving`), reads of that range wait: a block and its sum change together.
 */
export class Mirror {
  readonly #pages = new Map<number, Uint32Array>();
  /** Pages that are being read: whoever asks meanwhile gets the same array, for the mover changes it in place. */
  readonly #loading = new Map<number, Promise<Uint32Array>>();
  /** Blocks whose bytes are known better than the file tells: a store opened read-only in the middle of a move. */
  readonly overlay = new Map<number, Uint8Array>();
  #moving: { readonly first: number; readonly end: number; readonly done: Promise<void> } | undefined;
  #sumsSize = 0;
  #pinned = -1;
  /** Counts the moves that began, so that a reader sees that one came between. */
  #moves = 0;

  constructor(
    readonly executor: Executor,
    /** The name of the file or device. */
    readonly name: string,
    readonly seed: number,
    /** False: trust what the disk says. */
    readonly verify = true,
  ) {}

  /** Must be called before anything else, and when `mim.sums` grew. */
  async open(): Promise<void> {
    this.#sumsSize = (await this.executor.size(FILES.sums)) ?? 0;
  }

  /** The sums of a page, from memory, or undefined. */
  sumsNow(page: number): Uint32Array | undefined {
    const cached = this.#pages.get(page);
    if (cached !== undefined || (page + 1) * SUMS_PAGE_SIZE <= this.#sumsSize) return cached;
    return emptySums();
  }

  /** @throws `damaged`, `io` */
  async sums(page: number): Promise<Uint32Array> {
    const now = this.sumsNow(page);
    if (now !== undefined) return now;
    let loading = this.#loading.get(page);
    if (loading === undefined) {
      loading = this.#load(page).finally(() => this.#loading.delete(page));
      this.#loading.set(page, loading);
    }
    return loading;
  }

  async #load(page: number): Promise<Uint32Array> {
    const bytes = new Uint8Array(SUMS_PAGE_SIZE);
    await this.executor.run([{ op: 'read', file: FILES.sums, offset: page * SUMS_PAGE_SIZE, into: bytes }]);
    const sums = decodeSumsPage(bytes, page, this.seed);
    this.keep(page, sums);
    return sums;
  }

  /** Puts the sums of a page in memory: just read, or just written. */
  keep(page: number, sums: Uint32Array): void {
    if (this.#pages.size >= CACHED_PAGES && this.overlay.size === 0) {
      for (const oldest of this.#pages.keys()) {
        if (oldest === this.#pinned) continue;
        this.#pages.delete(oldest);
        break;
      }
    }
    this.#pages.set(page, sums);
  }

  /** Keeps the sums of the page that moves in memory: on the disk they are old. */
  async pin(page: number): Promise<Uint32Array> {
    const sums = await this.sums(page);
    this.#pinned = page;
    this.keep(page, sums);
    return sums;
  }

  /** How many blocks from `block` on, up to `end`, are all zeros by their sums, or are not. Does not touch the MIM. */
  async run(block: number, end: number, zeros: boolean): Promise<number> {
    let at = block;
    while (at < end) {
      const page = Math.floor(at / SUMS_PER_PAGE);
      if (page * SUMS_PAGE_SIZE >= this.#sumsSize) return (zeros ? end : at) - block;
      const sums = await this.sums(page);
      const stop = Math.min(end, (page + 1) * SUMS_PER_PAGE);
      while (at < stop && (sums[at % SUMS_PER_PAGE] === 0) === zeros) at += 1;
      if (at < stop) break;
    }
    return Math.min(at, end) - block;
  }

  /** After a page beyond the end of mim.sums was written. */
  grew(page: number): void {
    this.#sumsSize = Math.max(this.#sumsSize, (page + 1) * SUMS_PAGE_SIZE);
  }

  /** Lets reads of blocks `[first, end)` wait until `task` is done. */
  async whileMoving(first: number, end: number, task: () => Promise<void>): Promise<void> {
    const done = task();
    this.#moves += 1;
    this.#moving = { first, end, done: done.catch(() => undefined) };
    try {
      await done;
    } finally {
      this.#moving = undefined;
    }
  }

  #isMoving(first: number, end: number): boolean {
    return this.#moving !== undefined && first < this.#moving.end && end > this.#moving.first;
  }

  /** Reads whole blocks from block `first` on, if nothing need be waited for. */
  readNow(first: number, into: Uint8Array): boolean {
    const end = first + into.length / BLOCK;
    if (this.#isMoving(first, end)) return false;
    const held: Uint32Array[] = [];
    for (let page = Math.floor(first / SUMS_PER_PAGE); page * SUMS_PER_PAGE < end; page++) {
      const sums = this.sumsNow(page);
      if (sums === undefined) return false;
      held.push(sums);
    }
    if (!this.executor.runNow(this.#steps(first, into, held))) return false;
    const bad = this.#finish(first, into, held);
    if (bad >= 0) throw this.#damaged(bad);
    return true;
  }

  /** Calls `visit` with the sum of each block of `[first, end)`; false, having called or not, if they are not at hand. */
  eachSum(first: number, end: number, visit: (block: number, sum: number) => boolean): boolean {
    if (this.overlay.size > 0 || this.#isMoving(first, end)) return false;
    for (let block = first; block < end; ) {
      const page = Math.floor(block / SUMS_PER_PAGE);
      const sums = this.sumsNow(page);
      if (sums === undefined) return false;
      const stop = Math.min(end, (page + 1) * SUMS_PER_PAGE);
      for (; block < stop; block++) if (!visit(block, sums[block % SUMS_PER_PAGE] as number)) return false;
    }
    return true;
  }

  /**
   * Reads whole blocks from block `first` on and verifies each.
   *
   * @throws `damaged` naming the first block that is not what its sum says
   */
  async read(first: number, into: Uint8Array): Promise<void> {
    const end = first + into.length / BLOCK;
    for (;;) {
      while (this.#isMoving(first, end)) await this.#moving?.done;
      const moves = this.#moves;
      const held: Uint32Array[] = [];
      for (let page = Math.floor(first / SUMS_PER_PAGE); page * SUMS_PER_PAGE < end; page++) {
        held.push(await this.sums(page));
      }
      await this.executor.run(this.#steps(first, into, held));
      const bad = this.#finish(first, into, held);
      if (bad < 0) return;
      // The block may have moved while the disk was read: then block and sum are looked at once more.
      if (moves === this.#moves) throw this.#damaged(bad);
    }
  }

  /** The reads of the blocks that are not zeros; zeroes the others. `held`: the sums from the first page on. */
  #steps(first: number, into: Uint8Array, held: readonly Uint32Array[]): Step[] {
    const count = into.length / BLOCK;
    const steps: Step[] = [];
    let run = -1;
    for (let at = 0; at <= count; at++) {
      const present = at < count && sumOf(held, first, first + at) !== 0 && !this.overlay.has(first + at);
      if (at < count && !present) into.fill(0, at * BLOCK, (at + 1) * BLOCK);
      if (present && run < 0) run = at;
      if (!present && run >= 0) {
        const part = into.subarray(run * BLOCK, at * BLOCK);
        steps.push({ op: 'read', file: this.name, offset: (first + run) * BLOCK, into: part });
        run = -1;
      }
    }
    return steps;
  }

  /** Verifies what was read; returns the number of the first bad block, or -1. */
  #finish(first: number, into: Uint8Array, held: readonly Uint32Array[]): number {
    const count = into.length / BLOCK;
    const sums = pieceSumsHere(0, into);
    for (let at = 0; at < count; at++) {
      const block = first + at;
      const known = this.overlay.size > 0 ? this.overlay.get(block) : undefined;
      if (known !== undefined) {
        into.set(known, at * BLOCK);
        continue;
      }
      const expected = sumOf(held, first, block);
      if (expected === 0 || !this.verify) continue;
      if (bindToPlace(block, sums[at] as number) !== expected) return block;
    }
    return -1;
  }

  #damaged(block: number): AnywhenError {
    const message = `${this.name}: block ${block} (offset ${block * BLOCK}) does not match its checksum`;
    return new AnywhenError('damaged', message, {
      data: { file: this.name, offset: block * BLOCK },
      hint: '`anywhen check --data STORE` shows what else is damaged.',
    });
  }
}

function sumOf(held: readonly Uint32Array[], first: number, block: number): number {
  const page = Math.floor(block / SUMS_PER_PAGE) - Math.floor(first / SUMS_PER_PAGE);
  return held[page]?.[block % SUMS_PER_PAGE] ?? 0;
}
