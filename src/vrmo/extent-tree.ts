import { assert } from '../base/errors.js';
import { ADDRESS_LIMIT } from '../base/range.js';
import { EntryTree } from './entry-tree.js';
import { NONE, type Position } from './node-slabs.js';
import type { TreeParts } from './tree-parts.js';
import { verifyStructure } from './verify-structure.js';
import { type Extent, MIM, type SourceFile } from './vrmo.js';

/** A tree as it was built, and what its extents add up to. */
export interface ExtentTreeParts extends TreeParts {
  readonly journalExtents: number;
  readonly journalBytes: number;
}

/**
 * Extents in address order; none overlap, gaps are allowed. Neighbours that touch and belong to one descriptor
 * (same file, same record) are one extent, others never, because an extent's physical address follows from its
 * descriptor ([0076]).
 *
 * A position is a cursor: `for (p = tree.find(a); p !== NONE; p = tree.next(p))`. It is invalid after any change
 * except the one that returned it.
 */
export class ExtentTree extends EntryTree {
  /** Extents that do not lie on the MIM, and their bytes. */
  #journalExtents: number;
  #journalBytes: number;

  constructor(parts?: ExtentTreeParts) {
    super(parts);
    this.#journalExtents = parts?.journalExtents ?? 0;
    this.#journalBytes = parts?.journalBytes ?? 0;
  }

  /** The number of extents that do not lie on the MIM. */
  get journalExtents(): number {
    return this.#journalExtents;
  }

  /** Their length, bytes. */
  get journalBytes(): number {
    return this.#journalBytes;
  }

  /** The extent that covers `address`, else the first one behind it, else NONE. */
  find(address: number): Position {
    const before = this.floor(address);
    if (before === NONE) return this.first();
    return this.end(before) > address ? before : this.next(before);
  }

  /** `[start, end)` now lies at (file, record), whatever lay there. */
  replace(start: number, end: number, file: SourceFile, record: number): void {
    const at = this.find(start);
    if (at !== NONE && this.start(at) === start && this.end(at) === end) {
      this.setSource(at, file, record);
      return;
    }
    this.clear(start, end);
    this.fill(start, end, file, record);
  }

  /** Adds `[start, end)`, where nothing may lie. Joins it with its neighbours where these continue it. */
  fill(start: number, end: number, file: SourceFile, record: number): void {
    if (start === end) return;
    const before = this.floor(start);
    const after = before === NONE ? this.first() : this.next(before);
    const joinsBefore = before !== NONE && this.end(before) === start && this.#lies(before, file, record);
    const joinsAfter = after !== NONE && this.start(after) === end && this.#lies(after, file, record);
    if (joinsBefore) {
      this.#setEnd(before, joinsAfter ? this.end(after) : end);
      if (joinsAfter) this.#erase(after, 1);
    } else if (joinsAfter) {
      // Not by lowering the start: the extent might then belong in an earlier leaf.
      const joinedEnd = this.end(after);
      this.#erase(after, 1);
      this.#insert(start, joinedEnd, file, record);
    } else {
      this.#insert(start, end, file, record);
    }
  }

  /** Leaves nothing in `[start, end)`; cuts the extents that reach into it. */
  clear(start: number, end: number): void {
    if (start === end) return;
    let at = this.find(start);
    if (at !== NONE && this.start(at) < start) at = this.#cutTail(at, start, end);
    while (at !== NONE && this.start(at) < end) {
      if (this.end(at) > end) {
        this.#raiseStart(at, end);
        return;
      }
      at = this.#erase(at, this.#coveredInLeaf(at, end));
    }
  }

  /** Erases the extent at a position; returns the position of the next one, or NONE. */
  erase(at: Position): Position {
    return this.#erase(at, 1);
  }

  /** Lets the extent at a position lie at (file, record) and joins it with its neighbours. Returns where it is then. */
  setSource(at: Position, file: SourceFile, record: number): Position {
    const length = this.end(at) - this.start(at);
    this.#account(this.file(at), -1, -length);
    this.writeSource(at, file, record);
    this.#account(file, 1, length);
    return this.#joinNeighbours(at);
  }

  /** The extents in a journal, in address order. The tree may not change meanwhile. */
  *inJournal(): Generator<Extent> {
    for (let at = this.first(); at !== NONE; at = this.next(at)) {
      const file = this.file(at);
      if (file !== MIM) yield { start: this.start(at), end: this.end(at), file, record: this.record(at) };
    }
  }

  /** An independent copy; the two share memory until one is changed. */
  clone(): ExtentTree {
    const parts = this.parts;
    return new ExtentTree({ ...parts, nodes: parts.nodes.clone() });
  }

  get parts(): ExtentTreeParts {
    return {
      ...this.structure,
      journalExtents: this.#journalExtents,
      journalBytes: this.#journalBytes,
    };
  }

  /** Throws on the first broken invariant. */
  verify(): void {
    verifyStructure(this.structure);
    let extents = 0;
    let bytes = 0;
    let seen = 0;
    let before: Position = NONE;
    for (let at = this.first(); at !== NONE; at = this.next(at)) {
      const start = this.start(at);
      const end = this.end(at);
      assert(start >= 0 && start < end && end <= ADDRESS_LIMIT, `[${start}, ${end}) is an extent`);
      if (before !== NONE) this.#verifyPair(before, at);
      if (this.file(at) !== MIM) {
        extents++;
        bytes += end - start;
      }
      seen++;
      before = at;
    }
    assert(seen === this.size, `there are ${this.size} extents, not ${seen}`);
    assert(extents === this.#journalExtents, `${this.#journalExtents} extents in a journal, not ${extents}`);
    assert(bytes === this.#journalBytes, `${this.#journalBytes} bytes in a journal, not ${bytes}`);
  }

  #verifyPair(before: Position, at: Position): void {
    const start = this.start(at);
    assert(this.end(before) <= start, `the extents before and at ${start} do not overlap`);
    const joinable = this.end(before) === start && this.#lies(before, this.file(at), this.record(at));
    assert(!joinable, `the extents before and at ${start} are of different descriptors`);
  }

  #lies(at: Position, file: SourceFile, record: number): boolean {
    return this.file(at) === file && this.record(at) === record;
  }

  #account(file: SourceFile, extents: number, bytes: number): void {
    if (file === MIM) return;
    this.#journalExtents += extents;
    this.#journalBytes += bytes;
  }

  #insert(start: number, end: number, file: SourceFile, record: number): void {
    this.insertEntry(start, end, file, record);
    this.#account(file, 1, end - start);
  }

  #setEnd(at: Position, end: number): void {
    this.#account(this.file(at), 0, end - this.end(at));
    this.writeEnd(at, end);
  }

  #raiseStart(at: Position, start: number): void {
    this.#account(this.file(at), 0, this.start(at) - start);
    this.raiseStart(at, start);
  }

  #erase(at: Position, slots: number): Position {
    for (let i = 0; i < slots; i++) {
      this.#account(this.file(at + i), -1, this.start(at + i) - this.end(at + i));
    }
    return this.eraseEntries(at, slots);
  }

  /** How many extents of the leaf, from `at` on, end at or before `end`. */
  #coveredInLeaf(at: Position, end: number): number {
    const rest = this.restOfLeaf(at);
    let slots = 0;
    while (slots < rest && this.end(at + slots) <= end) slots++;
    return slots;
  }

  /** Cuts `[start, end)` out of an extent that begins before it. Returns the first extent that is still in the way. */
  #cutTail(at: Position, start: number, end: number): Position {
    const tail = this.end(at);
    this.#setEnd(at, start);
    if (tail <= end) return this.next(at);
    this.#insert(end, tail, this.file(at), this.record(at));
    return NONE;
  }

  #joinNeighbours(at: Position): Position {
    const before = this.previous(at);
    const joined = before === NONE ? at : this.#joinNext(before, at, at);
    const after = this.next(joined);
    return after === NONE ? joined : this.#joinNext(joined, after, joined);
  }

  /** Makes two neighbours one where they belong together, and says where it is; else returns `otherwise`. */
  #joinNext(left: Position, right: Position, otherwise: Position): Position {
    const touch = this.end(left) === this.start(right);
    if (!touch || !this.#lies(left, this.file(right), this.record(right))) return otherwise;
    this.#setEnd(left, this.end(right));
    const following = this.#erase(right, 1);
    return following === NONE ? this.last() : this.previous(following);
  }
}
