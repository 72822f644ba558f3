import { BLOCK_WORDS, RUN_BLOCK } from './run-format.js';

/** Blocks of runs that are kept in memory: 16 MiB. */
const BLOCKS = 4096;
/** Blocks that get their memory together. */
const TOGETHER = 64;

/** Memory for a block. */
interface Slot {
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
}

/**
 * The blocks that were read last, of all runs. Two generations: what is asked for again in time stays. The memory of
 * those that go is used again, so nobody may keep one.
 */
export class BlockCache {
  #young = new Map<number, Slot>();
  #old = new Map<number, Slot>();
  readonly #free: Slot[] = [];

  constructor(readonly limit = BLOCKS) {}

  get(key: number): Slot | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#old.delete(key);
    this.add(key, old);
    return old;
  }

  /** Memory to read a block into: give it to `add` or `giveBack`. */
  take(): Slot {
    if (this.#free.length === 0) {
      const buffer = new ArrayBuffer(TOGETHER * RUN_BLOCK);
      for (let at = 0; at < TOGETHER; at++) {
        const words = new Uint32Array(buffer, at * RUN_BLOCK, BLOCK_WORDS);
        this.#free.push({ words, bytes: new Uint8Array(buffer, at * RUN_BLOCK, RUN_BLOCK) });
      }
    }
    return this.#free.pop() as Slot;
  }

  giveBack(slot: Slot): void {
    this.#free.push(slot);
  }

  add(key: number, slot: Slot): void {
    if (this.#young.size >= this.limit / 2) {
      for (const one of this.#old.values()) this.#free.push(one);
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, slot);
  }
}
