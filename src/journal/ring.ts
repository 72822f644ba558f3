import { alignUp, BLOCK } from '../base/range.js';

/**
 * A circular queue in a region of a file ([0058]): pure arithmetic. Positions count the bytes since the queue
 * began and never wrap; a position's place in the file is `offset + position % length`. Used space is
 * `[tail, head)`.
 */
export class Ring {
  constructor(
    /** Place of the region in the file and its length, bytes, both multiples of 4 KiB. */
    readonly offset: number,
    readonly length: number,
    public tail: number,
    public head: number,
  ) {}

  get used(): number {
    return this.head - this.tail;
  }

  /** The place of a position in the file. */
  place(position: number): number {
    return this.offset + (position % this.length);
  }

  /** Whether `[tail, end)` fits the region. */
  fits(end: number): boolean {
    return end - this.tail <= this.length;
  }

  /** After a flush: go on at the next 4 KiB border, so that no sector with flushed bytes is written again. */
  alignHead(): void {
    this.head = alignUp(this.head, BLOCK);
  }
}

/**
 * Where data of `length` bytes goes in a data queue whose head is `head`: the position of its first byte, with
 * `before` bytes of sums right before it. An extent never crosses the end of the region; extents of 4 KiB and
 * more lie at a position congruent to `start` modulo 4 KiB, so that whole blocks can be shared by reflink.
 */
export function placeData(ring: Ring, head: number, start: number, length: number, before: number): number {
  const position = congruent(head + before, start, length);
  const lap = Math.floor((position - before) / ring.length);
  if (position + length <= (lap + 1) * ring.length) return position;
  return congruent((lap + 1) * ring.length + before, start, length);
}

function congruent(position: number, start: number, length: number): number {
  if (length < BLOCK) return position;
  const shift = (start % BLOCK) - (position % BLOCK);
  return position + (shift < 0 ? shift + BLOCK : shift);
}
