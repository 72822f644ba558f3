import { assert } from '../base/errors.js';
import { ADDRESS_LIMIT } from '../base/range.js';
import type { ExtentVisitor, SourceFile } from './vrmo.js';

/** Extents of a leaf at the most; a full leaf is cut in halves. */
const CAPACITY = 128;

class Leaf {
  readonly start = new Float64Array(CAPACITY);
  readonly file = new Uint32Array(CAPACITY);
  readonly record = new Uint32Array(CAPACITY);
  count = 0;

  /** The last extent that starts at or below `address`, or -1. */
  find(address: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.start[middle] as number) <= address) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Moves extents `[from, count)` so that they begin at `to`. */
  shift(from: number, to: number): void {
    this.start.copyWithin(to, from, this.count);
    this.file.copyWithin(to, from, this.count);
    this.record.copyWithin(to, from, this.count);
    this.count += to - from;
  }

  copy(): Leaf {
    const leaf = new Leaf();
    leaf.start.set(this.start);
    leaf.file.set(this.file);
    leaf.record.set(this.record);
    leaf.count = this.count;
    return leaf;
  }
}

/**
 * The extents of a whole address space `[0, 2^53)` in address order, without a gap: an extent ends where the
 * next begins. A tree of two levels: leaves of typed arrays, and the first address of each. 16 bytes an extent.
 * Neighbours of the same descriptor are one extent.
 */
export class ExtentList {
  readonly #leaves: Leaf[];
  readonly #firsts: number[];
  #count = 1;

  private constructor(leaves: Leaf[], firsts: number[], count: number) {
    this.#leaves = leaves;
    this.#firsts = firsts;
    this.#count = count;
  }

  /** All addresses in one extent. */
  static of(file: SourceFile, record: number): ExtentList {
    const leaf = new Leaf();
    leaf.file[0] = file;
    leaf.record[0] = record;
    leaf.count = 1;
    return new ExtentList([leaf], [0], 1);
  }

  /** The number of extents. */
  get count(): number {
    return this.#count;
  }

  clone(): ExtentList {
    return new ExtentList(
      this.#leaves.map((leaf) => leaf.copy()),
      [...this.#firsts],
      this.#count,
    );
  }

  /** Calls `visit` for each extent of `[start, end)`, cut at the edges. The list must not change meanwhile. */
  forEach(start: number, end: number, visit: ExtentVisitor): void {
    if (start >= end) return;
    let at = this.#leafOf(start);
    let leaf = this.#leaves[at] as Leaf;
    let slot = leaf.find(start);
    let from = start;
    while (from < end) {
      const to = Math.min(end, this.#endOf(at, slot));
      visit(from, to, leaf.file[slot] as number, leaf.record[slot] as number);
      from = to;
      slot += 1;
      if (slot === leaf.count && from < end) {
        at += 1;
        leaf = this.#leaves[at] as Leaf;
        slot = 0;
      }
    }
  }

  /** `[start, end)` now lies at (file, record). */
  set(start: number, end: number, file: SourceFile, record: number): void {
    assert(
      start >= 0 && start < end && end <= ADDRESS_LIMIT,
      `a range of the address space, not [${start}, ${end})`,
    );
    const lastLeaf = this.#leafOf(end - 1);
    const last = this.#leaves[lastLeaf] as Leaf;
    const slot = last.find(end - 1);
    const rest = this.#endOf(lastLeaf, slot) > end;
    const restFile = last.file[slot] as number;
    const restRecord = last.record[slot] as number;
    let joined = start > 0 && this.#same(start - 1, file, record);
    const joinsRight = !rest && end < ADDRESS_LIMIT && this.#same(end, file, record);
    if (rest && joined && restFile === file && restRecord === record && this.#leafOf(start) === lastLeaf) {
      joined = (last.start[slot] as number) >= start;
      if (!joined) return;
    }
    this.#erase(start, joinsRight ? end + 1 : end);
    if (rest && !(restFile === file && restRecord === record)) this.#insert(end, restFile, restRecord);
    if (!joined) this.#insert(start, file, record);
  }

  #same(address: number, file: SourceFile, record: number): boolean {
    const leaf = this.#leaves[this.#leafOf(address)] as Leaf;
    const slot = leaf.find(address);
    return leaf.file[slot] === file && leaf.record[slot] === record;
  }

  #endOf(at: number, slot: number): number {
    const leaf = this.#leaves[at] as Leaf;
    if (slot + 1 < leaf.count) return leaf.start[slot + 1] as number;
    return at + 1 < this.#firsts.length ? (this.#firsts[at + 1] as number) : ADDRESS_LIMIT;
  }

  /** The leaf whose extents cover `address`. */
  #leafOf(address: number): number {
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#firsts[middle] as number) <= address) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** Removes the extents that start in `[from, to)`. What covered them must be set right by the caller. */
  #erase(from: number, to: number): void {
    let at = this.#leafOf(from);
    let firstEmpty = -1;
    let empty = 0;
    while (at < this.#leaves.length && (this.#firsts[at] as number) < to) {
      const leaf = this.#leaves[at] as Leaf;
      const low = leaf.find(from) + 1;
      const begin = low > 0 && leaf.start[low - 1] === from ? low - 1 : low;
      const stop = leaf.find(to - 1) + 1;
      if (stop > begin) {
        this.#count -= stop - begin;
        leaf.shift(stop, begin);
      }
      if (leaf.count === 0) {
        if (firstEmpty < 0) firstEmpty = at;
        empty += 1;
      } else if (begin === 0) {
        this.#firsts[at] = leaf.start[0] as number;
      }
      at += 1;
    }
    if (empty > 0) this.#dropLeaves(firstEmpty, empty);
  }

  #dropLeaves(from: number, count: number): void {
    const kept = count === this.#leaves.length ? 1 : 0;
    this.#leaves.splice(from + kept, count - kept);
    this.#firsts.splice(from + kept, count - kept);
  }

  /** Adds an extent that starts at `start`; none starts there yet. */
  #insert(start: number, file: SourceFile, record: number): void {
    let at = this.#leafOf(start);
    let leaf = this.#leaves[at] as Leaf;
    if (leaf.count === CAPACITY) {
      this.#split(at);
      at = this.#leafOf(start);
      leaf = this.#leaves[at] as Leaf;
    }
    const slot = leaf.find(start) + 1;
    leaf.shift(slot, slot + 1);
    leaf.start[slot] = start;
    leaf.file[slot] = file;
    leaf.record[slot] = record;
    if (slot === 0) this.#firsts[at] = start;
    this.#count += 1;
  }

  #split(at: number): void {
    const left = this.#leaves[at] as Leaf;
    // A leaf that fills from the left stays nearly full: sequential writes and bulk builds waste no space.
    const keep = at === this.#leaves.length - 1 ? CAPACITY - 8 : CAPACITY / 2;
    const right = new Leaf();
    right.start.set(left.start.subarray(keep));
    right.file.set(left.file.subarray(keep));
    right.record.set(left.record.subarray(keep));
    right.count = CAPACITY - keep;
    left.count = keep;
    this.#leaves.splice(at + 1, 0, right);
    this.#firsts.splice(at + 1, 0, right.start[0] as number);
  }

  verify(): void {
    let count = 0;
    let previous = -1;
    this.#leaves.forEach((leaf, at) => {
      assert(leaf.count > 0, `leaf ${at} is not empty`);
      assert(leaf.start[0] === this.#firsts[at], `leaf ${at} begins where the directory says`);
      count += leaf.count;
      for (let slot = 0; slot < leaf.count; slot++) {
        const start = leaf.start[slot] as number;
        assert(start > previous, `extents rise at ${start}`);
        assert(
          start === 0 || !this.#same(start - 1, leaf.file[slot] as number, leaf.record[slot] as number),
          `neighbours of one descriptor are joined at ${start}`,
        );
        previous = start;
      }
    });
    assert(this.#firsts[0] === 0, 'the list begins at address 0');
    assert(count === this.#count, 'the count is right');
  }
}
