import type { Instant } from '../base/instant.js';
import { type ForwardDescriptor, Kind, type KindValue } from './forward-descriptor.js';

/** Descriptors in a block, a power of two. */
const BLOCK = 8192;

/** Descriptors `[first, first + BLOCK)` of the sequence: a column each. */
class Block {
  readonly stamp = new BigInt64Array(BLOCK);
  readonly start = new Float64Array(BLOCK);
  readonly length = new Float64Array(BLOCK);
  readonly dataPosition = new Float64Array(BLOCK);
  readonly dataEnd = new Float64Array(BLOCK);
  readonly position = new Float64Array(BLOCK);
  readonly sum = new Uint32Array(BLOCK);
  readonly kind = new Uint8Array(BLOCK);
  readonly flags = new Uint8Array(BLOCK);
  /** The lengths of its zero descriptors, added up. */
  zeros = 0;
}

/** In place of a block that is not there. */
const NOTHING = new Block();

/** What few descriptors have. */
interface Rare {
  readonly size: number;
  readonly segment: number;
}

/**
 * The descriptors of the forward journal that are in, in memory: sequences `[first, next)`, about 54 bytes each, no
 * object per descriptor. In blocks, so that growing copies nothing and what the tail leaves is given back.
 */
export class ForwardIndex {
  readonly #blocks = new Map<number, Block>();
  /** The block that was asked for last: mostly it is asked for again. */
  #lastBlock = NOTHING;
  #lastNumber = -1;
  #zeros = 0;
  /** resize and bulk, by sequence, rising. */
  readonly #rare = new Map<number, Rare>();

  /** @param first the sequence of the oldest descriptor, in or yet to come */
  constructor(public first: number) {
    this.next = first;
  }

  /** One more than the last sequence that is in. */
  next: number;

  get count(): number {
    return this.next - this.first;
  }

  /** Bytes that its zero descriptors, which have no data, cover one by one. */
  get zeros(): number {
    return this.#zeros;
  }

  /** @param dataEnd the data queue's position behind everything up to this descriptor */
  append(descriptor: ForwardDescriptor, dataEnd: number): void {
    const number = Math.floor(this.next / BLOCK);
    if (!this.#blocks.has(number)) this.#blocks.set(number, new Block());
    const block = this.#block(this.next);
    const row = this.next % BLOCK;
    block.stamp[row] = descriptor.stamp;
    block.start[row] = descriptor.start;
    block.length[row] = descriptor.length;
    block.dataPosition[row] = descriptor.dataPosition;
    block.dataEnd[row] = dataEnd;
    block.position[row] = descriptor.position;
    block.sum[row] = descriptor.sum;
    block.kind[row] = descriptor.kind;
    block.flags[row] = descriptor.flags;
    if (descriptor.kind === Kind.zero) this.#addZeros(block, descriptor.length);
    if (descriptor.kind === Kind.resize || descriptor.kind === Kind.bulk)
      this.#rare.set(this.next, { size: descriptor.size, segment: descriptor.segment });
    this.next += 1;
  }

  /** The last sequence up to `sequence` that set the size of the volume, or -1. */
  lastSizeChange(sequence: number): number {
    let last = -1;
    for (const change of this.#rare.keys()) {
      if (change > sequence) break;
      last = change;
    }
    return last;
  }

  /** Forgets the sequences below `sequence`. */
  dropBelow(sequence: number): void {
    const before = this.first;
    this.first = Math.max(this.first, Math.min(sequence, this.next));
    this.#dropZeros(before, this.first);
    for (const change of this.#rare.keys()) if (change < this.first) this.#rare.delete(change);
    for (const number of this.#blocks.keys()) if ((number + 1) * BLOCK <= this.first) this.#forget(number);
  }

  /** Forgets `sequence` and all above. */
  dropFrom(sequence: number): void {
    const before = this.next;
    this.next = Math.max(this.first, Math.min(sequence, this.next));
    this.#dropZeros(this.next, before);
    for (const change of this.#rare.keys()) if (change >= this.next) this.#rare.delete(change);
    for (const number of this.#blocks.keys()) if (number * BLOCK >= this.next) this.#forget(number);
  }

  has(sequence: number): boolean {
    return sequence >= this.first && sequence < this.next;
  }

  stamp(sequence: number): Instant {
    return this.#block(sequence).stamp[sequence % BLOCK] as Instant;
  }
  start(sequence: number): number {
    return this.#block(sequence).start[sequence % BLOCK] as number;
  }
  length(sequence: number): number {
    return this.#block(sequence).length[sequence % BLOCK] as number;
  }
  dataPosition(sequence: number): number {
    return this.#block(sequence).dataPosition[sequence % BLOCK] as number;
  }
  dataEnd(sequence: number): number {
    return this.#block(sequence).dataEnd[sequence % BLOCK] as number;
  }
  position(sequence: number): number {
    return this.#block(sequence).position[sequence % BLOCK] as number;
  }
  sum(sequence: number): number {
    return this.#block(sequence).sum[sequence % BLOCK] as number;
  }
  kind(sequence: number): KindValue {
    return this.#block(sequence).kind[sequence % BLOCK] as KindValue;
  }
  flags(sequence: number): number {
    return this.#block(sequence).flags[sequence % BLOCK] as number;
  }
  /** The size of the volume from here on, for resize and bulk; else 0. */
  size(sequence: number): number {
    return this.#rare.get(sequence)?.size ?? 0;
  }
  /** The segment of a bulk entry; else 0. */
  segment(sequence: number): number {
    return this.#rare.get(sequence)?.segment ?? 0;
  }

  /** Whether the descriptor changes the volume. */
  changes(sequence: number): boolean {
    const kind = this.kind(sequence);
    return kind === Kind.write || kind === Kind.zero || kind === Kind.bulk || kind === Kind.resize;
  }

  /** Whether data in the data queue belongs to it. */
  hasData(sequence: number): boolean {
    const kind = this.kind(sequence);
    return kind === Kind.write || kind === Kind.mark;
  }

  /** The last sequence that is in with a stamp at or below `at`; `first - 1` if there is none. Logarithmic. */
  lastAt(at: Instant): number {
    let low = this.first;
    let high = this.next;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.stamp(middle) <= at) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The full sequence of a VRMO record, which keeps its low 32 bits. */
  sequenceOf(record: number): number {
    return this.first + ((record - this.first) >>> 0);
  }

  /** The block of a sequence that is in. Of others nothing is known: zeros. */
  #block(sequence: number): Block {
    const number = Math.floor(sequence / BLOCK);
    if (number === this.#lastNumber) return this.#lastBlock;
    const block = this.#blocks.get(number);
    if (block === undefined) return NOTHING;
    this.#lastNumber = number;
    this.#lastBlock = block;
    return block;
  }

  #addZeros(block: Block, length: number): void {
    block.zeros += length;
    this.#zeros += length;
  }

  /** `[from, to)` is left out: blocks as a whole where they go wholly. */
  #dropZeros(from: number, to: number): void {
    for (let at = from; at < to; ) {
      const block = this.#block(at);
      if (at % BLOCK === 0 && at + BLOCK <= to) {
        this.#addZeros(block, -block.zeros);
        at += BLOCK;
      } else {
        const row = at % BLOCK;
        if (block.kind[row] === Kind.zero) this.#addZeros(block, -(block.length[row] as number));
        at += 1;
      }
    }
  }

  #forget(number: number): void {
    this.#blocks.delete(number);
    if (this.#lastNumber === number) this.#lastNumber = -1;
  }
}
