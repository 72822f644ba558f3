import { assert } from '../base/errors.js';
import type { RangeVisitor } from './vrmo.js';

/** Ranges that a new list has room for. */
const ROOM = 64;
/** So many are sorted at a time, within half a millisecond. */
const RUN = 4096;

type Column = Float64Array<ArrayBuffer>;

/**
 * A list of moves: ranges in address order, those that touch or overlap joined ([0071], FIG. 12). Ranges are
 * added in any order; `seal` sorts and joins them. 16 bytes a range, no object for any.
 */
export class MoveList {
  #starts = new Float64Array(ROOM);
  #ends = new Float64Array(ROOM);
  #length = 0;
  /** What was added is in order and joined already. */
  #ordered = true;
  #sealed = false;

  /** The number of ranges. */
  get length(): number {
    return this.#length;
  }

  /** The length of all ranges together, bytes. Only when sealed. */
  get bytes(): number {
    assert(this.#sealed, 'a move list is sealed before it is read');
    let bytes = 0;
    for (let i = 0; i < this.#length; i++) bytes += this.#ends[i] - this.#starts[i];
    return bytes;
  }

  /** Adds `[start, end)`; an empty range adds nothing. */
  add(start: number, end: number): void {
    assert(!this.#sealed, 'nothing is added to a sealed move list');
    if (start >= end) return;
    const last = this.#length - 1;
    if (last >= 0 && start <= this.#ends[last]) {
      if (start >= this.#starts[last]) {
        this.#ends[last] = Math.max(end, this.#ends[last]);
        return;
      }
      this.#ordered = false;
    }
    if (this.#length === this.#starts.length) this.#grow();
    this.#starts[this.#length] = start;
    this.#ends[this.#length] = end;
    this.#length++;
  }

  /** Sorts and joins. Nothing can be added any more. */
  seal(): this {
    for (const _step of this.sealing());
    return this;
  }

  /** The same in steps of a millisecond or so: between two of them others may have their turn, but not add. */
  *sealing(): Generator<void> {
    if (!this.#ordered) yield* this.#sortAndJoin();
    this.#ordered = true;
    this.#sealed = true;
  }

  /** The start of a range, by its index. Only when sealed. */
  start(index: number): number {
    assert(this.#sealed && index < this.#length, 'the range is in a sealed list');
    return this.#starts[index];
  }

  /** The end of a range, by its index. Only when sealed. */
  end(index: number): number {
    assert(this.#sealed && index < this.#length, 'the range is in a sealed list');
    return this.#ends[index];
  }

  /** Calls `visit` for each range in address order. Only when sealed. */
  forEach(visit: RangeVisitor): void {
    assert(this.#sealed, 'a move list is sealed before it is read');
    for (let i = 0; i < this.#length; i++) visit(this.#starts[i], this.#ends[i]);
  }

  /**
   * Starts and ends may be sorted each for itself, without a comparison function: a gap lies before the i-th
   * start exactly when i ranges have ended before it, that is, when the i-th end lies before it.
   */
  *#sortAndJoin(): Generator<void> {
    const starts = yield* sorting(this.#starts.subarray(0, this.#length));
    const ends = yield* sorting(this.#ends.subarray(0, this.#length));
    let joined = 0;
    for (let i = 1; i < starts.length; i++) {
      if (i % RUN === 0) yield;
      if (ends[i - 1] < starts[i]) {
        ends[joined] = ends[i - 1];
        joined++;
        starts[joined] = starts[i];
      }
    }
    ends[joined] = ends[starts.length - 1];
    this.#starts = starts;
    this.#ends = ends;
    this.#length = joined + 1;
  }

  #grow(): void {
    const starts = new Float64Array(this.#starts.length * 2);
    const ends = new Float64Array(this.#ends.length * 2);
    starts.set(this.#starts);
    ends.set(this.#ends);
    this.#starts = starts;
    this.#ends = ends;
  }
}

/** Sorts in steps: runs first, then these are merged, two and two. Returns where the sorted values are. */
function* sorting(values: Column): Generator<void, Column> {
  for (let at = 0; at < values.length; at += RUN) {
    values.subarray(at, at + RUN).sort();
    yield;
  }
  let from = values;
  let into = new Float64Array(values.length > RUN ? values.length : 0);
  for (let run = RUN; run < values.length; run *= 2) {
    for (let at = 0; at < values.length; at += 2 * run) yield* merging(from, into, at, run);
    [from, into] = [into, from];
  }
  return from;
}

/** Merges the run at `first` with the one behind it, of which there may be less, or none. */
function* merging(from: Column, into: Column, first: number, run: number): Generator<void> {
  const middle = Math.min(first + run, from.length);
  const end = Math.min(middle + run, from.length);
  let left = first;
  let right = middle;
  for (let at = first; at < end; at++) {
    if (at % RUN === 0) yield;
    const takeLeft = right === end || (left < middle && from[left] <= from[right]);
    into[at] = takeLeft ? from[left++] : from[right++];
  }
}
