import { assert } from '../base/errors.js';

/** Places of a slab: 32 KB. */
const SLAB = 1024;
const SLABS = 2 ** 22;

/** Where stored data lies, and what verifies it. */
export interface Place {
  readonly segment: number;
  /** Of the origin's first byte in the data file of that segment. */
  readonly offset: number;
  readonly originStart: number;
  readonly originLength: number;
  readonly sum: number;
}

class Slab {
  readonly offset = new Float64Array(SLAB);
  readonly originStart = new Float64Array(SLAB);
  readonly segment = new Uint32Array(SLAB);
  readonly originLength = new Uint32Array(SLAB);
  readonly sum = new Uint32Array(SLAB);
}

/**
 * Places in the backward journal that the maps of views name by number: what a view found out when a region of it was
 * read first. A number is given again only after four billion others.
 */
export class Places {
  readonly #slabs = new Map<number, Slab>();
  #next = 0;

  /** A place by its number; undefined when nobody holds it any more. */
  get(number: number): Place | undefined {
    const slab = this.#slabs.get(Math.floor(number / SLAB));
    if (slab === undefined) return undefined;
    const at = number % SLAB;
    return {
      segment: slab.segment[at] as number,
      offset: slab.offset[at] as number,
      originStart: slab.originStart[at] as number,
      originLength: slab.originLength[at] as number,
      sum: slab.sum[at] as number,
    };
  }

  /** Whether a place is that of data at (segment, offset). */
  isAt(number: number, segment: number, offset: number): boolean {
    const slab = this.#slabs.get(Math.floor(number / SLAB));
    return slab?.segment[number % SLAB] === segment && slab.offset[number % SLAB] === offset;
  }

  /** Room for more: the number of its first place. */
  open(): number {
    assert(this.#slabs.size < SLABS, 'there is room for places');
    while (this.#slabs.has(this.#next)) this.#next = (this.#next + 1) % SLABS;
    const slab = this.#next;
    this.#next = (slab + 1) % SLABS;
    this.#slabs.set(slab, new Slab());
    return slab * SLAB;
  }

  set(
    number: number,
    segment: number,
    offset: number,
    originStart: number,
    originLength: number,
    sum: number,
  ): void {
    const slab = this.#slabs.get(Math.floor(number / SLAB));
    assert(slab !== undefined, 'the place is in use');
    const at = number % SLAB;
    slab.segment[at] = segment;
    slab.offset[at] = offset;
    slab.originStart[at] = originStart;
    slab.originLength[at] = originLength;
    slab.sum[at] = sum;
  }

  /** Gives room back. @param first as `open` returned it */
  close(first: number): void {
    this.#slabs.delete(first / SLAB);
  }
}

/** The places of one view. */
export class PlaceList {
  readonly #opened: number[] = [];
  #next = 0;
  #end = 0;

  constructor(readonly places: Places) {}

  /** The number that the next place gets. */
  get next(): number {
    if (this.#next === this.#end) {
      this.#next = this.places.open();
      this.#end = this.#next + SLAB;
      this.#opened.push(this.#next);
    }
    return this.#next;
  }

  /** The place at `next` is used. */
  take(): void {
    this.#next += 1;
  }

  /** Forgets all of them: no map may name one any more. */
  clear(): void {
    for (const first of this.#opened.splice(0)) this.places.close(first);
    this.#next = 0;
    this.#end = 0;
  }
}
