import { Pacer } from '../base/pacer.js';
import type { Executor } from '../file/executor.js';
import { SEGMENT_DESCRIPTOR_SIZE, SEGMENT_HEADER_SIZE, segmentDescriptors } from '../format/layout.js';
import type { SnapshotEdit } from '../journal/catalog-format.js';
import {
  CELL_SIZES,
  classOf,
  ENTRY_WORDS,
  LENGTH,
  LIST,
  NO_SEGMENT,
  OFFSET,
  ORIGIN_LENGTH,
  ORIGIN_START,
  SEGMENT,
  START,
  SUM,
  setWide,
  wide,
} from '../journal/run-format.js';
import type { RunWriter } from '../journal/run-writer.js';
import { decodeSegmentDescriptor, type SegmentExtent, SegmentKind } from '../journal/segment-format.js';

/** Descriptors that are read at once. */
const CHUNK = 4096;
/** Entries that there is room for at first. */
const FIRST = 1024;
/** Bits of a sort key for the number of the entry, and for the lower part of the cell's. */
const NUMBER_BITS = 23;
const LOW_BITS = 32 - NUMBER_BITS;

/** A list cannot be read. */
export class ListError extends Error {
  constructor(
    readonly list: SnapshotEdit,
    cause: unknown,
  ) {
    super('an undo list cannot be read', { cause });
  }
}

/** The entries of a few lists, to be sorted. */
export class RunEntries {
  #words: Uint32Array;
  #classes: Uint8Array;
  count = 0;

  /** @param limit entries after which it is full */
  constructor(readonly limit: number) {
    this.#words = new Uint32Array(FIRST * ENTRY_WORDS);
    this.#classes = new Uint8Array(FIRST);
  }

  get full(): boolean {
    return this.count >= this.limit;
  }

  /** Adds a descriptor of list number `list`, cut where it crosses into another cell. */
  add(extent: SegmentExtent, list: number): void {
    const klass = classOf(extent.length);
    const size = CELL_SIZES[klass] as number;
    const stop = extent.start + extent.length;
    for (let start = extent.start; start < stop; ) {
      const end = Math.min(stop, (Math.floor(start / size) + 1) * size);
      this.#push(klass, extent, start, end - start, list);
      start = end;
    }
  }

  /** Hands the entries over in the order of a run. */
  sortInto(writer: RunWriter): void {
    const words = this.#words;
    const order = this.#sorted();
    for (let at = 0; at < this.count; at++) {
      const low = order[2 * at] as number;
      const klass = (order[2 * at + 1] as number) >>> 28;
      const entry = (low & (2 ** NUMBER_BITS - 1)) * ENTRY_WORDS;
      writer.add(klass, words, entry, words[entry + LIST] as number);
    }
  }

  clear(): void {
    this.count = 0;
  }

  /** Class (4 bits), cell (37), number (23) in one key; numbers follow the lists, and in each the addresses. */
  #sorted(): Uint32Array {
    const keys = new BigUint64Array(this.count);
    const halves = new Uint32Array(keys.buffer);
    for (let number = 0; number < this.count; number++) {
      const at = number * ENTRY_WORDS;
      const klass = this.#classes[number] as number;
      const cell = Math.floor(wide(this.#words, at + START) / (CELL_SIZES[klass] as number));
      halves[2 * number] = ((cell % 2 ** LOW_BITS) << NUMBER_BITS) | number;
      halves[2 * number + 1] = (klass << 28) | Math.floor(cell / 2 ** LOW_BITS);
    }
    keys.sort();
    return halves;
  }

  #push(klass: number, extent: SegmentExtent, start: number, length: number, list: number): void {
    if (this.count === this.#classes.length) this.#grow();
    const at = this.count * ENTRY_WORDS;
    const words = this.#words;
    const zero = extent.kind === SegmentKind.zero;
    setWide(words, at + START, start);
    setWide(words, at + LENGTH, length);
    words[at + LIST] = list;
    words[at + SEGMENT] = zero ? NO_SEGMENT : extent.dataSegment;
    setWide(words, at + OFFSET, extent.offset);
    setWide(words, at + ORIGIN_START, extent.originStart);
    words[at + ORIGIN_LENGTH] = extent.originLength;
    words[at + SUM] = extent.sum;
    this.#classes[this.count] = klass;
    this.count += 1;
  }

  #grow(): void {
    const words = new Uint32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
    const classes = new Uint8Array(this.#classes.length * 2);
    classes.set(this.#classes);
    this.#classes = classes;
  }
}

/**
 * Calls `visit` with each descriptor of the lists, in order. Lists that lie one behind another are read together.
 *
 * @throws ListError when one cannot be read
 */
export async function readLists(
  executor: Executor,
  seed: number,
  lists: readonly SnapshotEdit[],
  visit: (extent: SegmentExtent, list: number) => Promise<void> | undefined,
): Promise<void> {
  const pacer = new Pacer();
  for (let first = 0; first < lists.length; ) {
    let next = first + 1;
    while (next < lists.length && follows(lists[next - 1] as SnapshotEdit, lists[next] as SnapshotEdit))
      next++;
    const group = lists.slice(first, next);
    const reader = new GroupReader(executor, seed, group);
    for (let rows = await reader.next(); rows !== undefined; rows = await reader.next()) {
      for (const row of rows) {
        const added = visit(row.extent, first + row.list);
        if (added !== undefined) await added;
        if (pacer.due()) await pacer.rest();
      }
    }
    first = next;
  }
}

function follows(one: SnapshotEdit, other: SnapshotEdit): boolean {
  return other.segment === one.segment && other.record === one.record + one.extents + 1;
}

/** The descriptors of lists that lie one behind another in a segment, with a marker between two. */
class GroupReader {
  #record: number;
  readonly #end: number;
  #list = 0;

  constructor(
    readonly executor: Executor,
    readonly seed: number,
    readonly group: readonly SnapshotEdit[],
  ) {
    const last = group[group.length - 1] as SnapshotEdit;
    this.#record = (group[0] as SnapshotEdit).record;
    this.#end = last.record + last.extents;
  }

  async next(): Promise<{ extent: SegmentExtent; list: number }[] | undefined> {
    const count = Math.min(CHUNK, this.#end - this.#record);
    if (count === 0) return undefined;
    const { segment } = this.group[0] as SnapshotEdit;
    const into = new Uint8Array(count * SEGMENT_DESCRIPTOR_SIZE);
    const offset = SEGMENT_HEADER_SIZE + this.#record * SEGMENT_DESCRIPTOR_SIZE;
    const rows: { extent: SegmentExtent; list: number }[] = [];
    try {
      await this.executor.run([{ op: 'read', file: segmentDescriptors(segment), offset, into }]);
      const view = new DataView(into.buffer);
      for (let row = 0; row < count; row++) {
        const index = this.#record + row;
        while (index >= this.#endOfList()) this.#list += 1;
        const found = decodeSegmentDescriptor(view, row * SEGMENT_DESCRIPTOR_SIZE, index, segment, this.seed);
        if (found.kind !== SegmentKind.marker) rows.push({ extent: found, list: this.#list });
      }
    } catch (cause) {
      throw new ListError(this.group[this.#list] as SnapshotEdit, cause);
    }
    this.#record += count;
    return rows;
  }

  /** The record behind the list that is read: its own, or the marker of the next one. */
  #endOfList(): number {
    const { record, extents } = this.group[this.#list] as SnapshotEdit;
    return record + extents;
  }
}
