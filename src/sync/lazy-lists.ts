import { ADDRESS_LIMIT, alignDown, alignUp, BLOCK } from '../base/range.js';
import { PlaceList } from '../journal/places.js';
import type { Run } from '../journal/run.js';
import {
  CELL,
  CELL_SIZES,
  CLASSES,
  ENTRY_WORDS,
  HEAD_WORDS,
  LENGTH,
  LIST,
  NO_SEGMENT,
  OFFSET,
  ORIGIN_LENGTH,
  ORIGIN_START,
  SEGMENT,
  START,
  SUM,
  wide,
} from '../journal/run-format.js';
import { converted, type FormOptions, newMap } from '../vrmo/convert.js';
import { ExtentTree } from '../vrmo/extent-tree.js';
import { NONE } from '../vrmo/node-slabs.js';
import { HISTORY, type Vrmo, ZERO } from '../vrmo/vrmo.js';
import type { History } from './history.js';
import type { MissingBlocks } from './missing-blocks.js';

/** Extents that a view may hold before it begins anew: 10 MB or so. */
const EXTENTS = 131_072;

/** Entries that a region should hold at the most, on average, and bounds of its size: a wider one serves later reads. */
const ENTRIES_A_REGION = 4;
const SMALLEST = 64 * 1024;
const LARGEST = 1024 * 1024;

/** An entry of a run, cut at the region. */
interface Found {
  readonly list: number;
  readonly start: number;
  readonly end: number;
  readonly segment: number;
  readonly offset: number;
  readonly originStart: number;
  readonly originLength: number;
  readonly sum: number;
}

/**
 * The undo lists that a view of a snapshot looks through, applied to its map region by region, when one is read: its own
 * list first, then the next younger one's, ..., then the MIM (D3). What was not looked at is on the MIM in the map, which
 * says nothing: so the map is asked only for regions that are resolved.
 *
 * When lists are added, as the MIM moves, everything is to be resolved again. What was found stays right, as older lists
 * come first.
 */
export class LazyLists {
  readonly #resolved = new ExtentTree();
  readonly #places: PlaceList;
  #additions = -1;
  /** What is resolved at once at least, bytes: a power of two. */
  #unit = BLOCK;

  /** @param sequence of the snapshot, or a later one before the next snapshot */
  constructor(
    readonly history: History,
    readonly sequence: number,
    readonly forms: FormOptions,
    readonly extents = EXTENTS,
  ) {
    this.#places = new PlaceList(history.places);
  }

  /** The map right now says where `[start, end)` lies, or false: then `missing` is to be brought. @throws `damaged`, `io` */
  resolveNow(view: { map: Vrmo }, start: number, end: number, missing: MissingBlocks): boolean {
    const runs = this.history.runsFrom(this.sequence);
    if (runs === undefined) return false;
    const { additions } = this.history.meta.catalog;
    if (additions !== this.#additions) {
      this.#resolved.clear(0, ADDRESS_LIMIT);
      this.#unit = unitFor(this.history, runs);
    }
    this.#additions = additions;
    let region = this.#unresolved(start, end);
    if (region === undefined) return true;
    if (view.map.extents + this.#resolved.size > this.extents) {
      this.#beginAnew(view);
      region = { from: alignDown(start, BLOCK), to: alignUp(end, BLOCK) };
    }
    const found: Found[] = [];
    let complete = true;
    for (const run of runs) complete = this.#search(run, region, missing, found) && complete;
    if (!complete) return false;
    for (const one of found) this.#apply(view, one);
    this.#markResolved(region.from, region.to);
    return true;
  }

  /** Brings what a call of `resolveNow` found missing. @throws `damaged`, `io` */
  async bring(missing: MissingBlocks): Promise<void> {
    if (this.history.runsFrom(this.sequence) === undefined) await this.history.cover();
    else await missing.bring(this.history);
  }

  /** The view is closed. */
  close(): void {
    this.#places.clear();
    this.#additions = -1;
  }

  /** Those that were resolved lie at other places now, or nothing is known of any more. */
  #beginAnew(view: { map: Vrmo }): void {
    view.map = newMap(this.forms);
    this.#resolved.clear(0, ADDRESS_LIMIT);
    this.#places.clear();
  }

  /** What of whole units is to be resolved; of whole cells, where somebody reads on from what is resolved. */
  #unresolved(start: number, end: number): { from: number; to: number } | undefined {
    const tree = this.#resolved;
    const at = tree.find(Math.max(0, start - 1));
    const known = at !== NONE && tree.start(at) <= start ? tree.end(at) : 0;
    if (known >= end) return undefined;
    const from = Math.max(known, alignDown(start, this.#unit));
    return { from, to: alignUp(end, known >= start && start > 0 ? Math.max(CELL, this.#unit) : this.#unit) };
  }

  #markResolved(from: number, to: number): void {
    const tree = this.#resolved;
    const at = tree.find(from);
    if (at === NONE || tree.start(at) >= to) tree.fill(from, to, HISTORY, 0);
    else tree.replace(from, to, HISTORY, 0);
  }

  /** Adds the entries of a run that touch the region, in the order of their lists. False: blocks are missing. */
  #search(run: Run, region: { from: number; to: number }, missing: MissingBlocks, found: Found[]): boolean {
    const first = found.length;
    let classes = 0;
    let complete = true;
    for (let klass = 0; klass < CLASSES; klass++) {
      if (run.header.classes[klass] === run.endOf(klass)) continue;
      const before = found.length;
      complete = this.#searchClass(run, klass, region, missing, found) && complete;
      if (found.length > before) classes += 1;
    }
    // By class the entries are in the order of cells and lists; over several cells that is as good as by lists.
    if (classes > 1) {
      const sorted = found.splice(first).sort((a, b) => a.list - b.list);
      for (const one of sorted) found.push(one);
    }
    return complete;
  }

  #searchClass(
    run: Run,
    klass: number,
    { from, to }: { from: number; to: number },
    missing: MissingBlocks,
    found: Found[],
  ): boolean {
    const size = CELL_SIZES[klass] as number;
    const cellsFrom = Math.floor(from / size) * size;
    const cellsTo = Math.ceil(to / size) * size;
    const end = run.endOf(klass);
    for (let block = run.firstBlock(klass, cellsFrom / size); block < end; block++) {
      if ((run.fences[block] as number) * size >= cellsTo) return true;
      const words = missing.get(run, block) ?? this.#blockNow(run, block);
      if (words === undefined) {
        missing.want(run, block);
        return false;
      }
      const last = HEAD_WORDS + ((words[1] as number) - 1) * ENTRY_WORDS;
      for (let at = firstEntry(words, cellsFrom); at <= last; at += ENTRY_WORDS) {
        const start = wide(words, at + START);
        if (start >= cellsTo) return true;
        const stop = start + wide(words, at + LENGTH);
        if (start >= to || stop <= from) continue;
        if ((run.sequences[words[at + LIST] as number] as number) < this.sequence) continue;
        found.push(entryAt(words, at, Math.max(start, from), Math.min(stop, to)));
      }
    }
    return true;
  }

  #blockNow(run: Run, block: number): Uint32Array | undefined {
    try {
      return run.blockNow(block);
    } catch {
      // Whoever waits for the disk finds out why.
      return undefined;
    }
  }

  #apply(view: { map: Vrmo }, found: Found): void {
    const { start, end, segment } = found;
    if (segment === NO_SEGMENT) view.map.preserve(start, end, ZERO, 0);
    else {
      const { places } = this.history;
      const neighbour = this.#neighbour(view.map, found);
      const number = neighbour ?? this.#places.next;
      if (neighbour === undefined)
        places.set(number, segment, found.offset, found.originStart, found.originLength, found.sum);
      let used = false;
      view.map.preserve(start, end, HISTORY, number, () => {
        used = true;
      });
      if (used && neighbour === undefined) this.#places.take();
    }
    view.map = converted(view.map, this.forms);
  }

  /** The place of the extent that this one continues, or that continues it. */
  #neighbour(
    map: Vrmo,
    { start, end, segment, offset, originStart, originLength }: Found,
  ): number | undefined {
    let number: number | undefined;
    const look = (_start: number, _end: number, file: number, record: number) => {
      if (file === HISTORY && this.history.places.isAt(record, segment, offset)) number = record;
    };
    if (start > originStart) map.lookup(start - 1, start, look);
    if (number === undefined && end < originStart + originLength) map.lookup(end, end + 1, look);
    return number;
  }
}

/** Blocks where history is dense; else as much as is worth looking at once. */
function unitFor(history: History, runs: readonly Run[]): number {
  const entries = runs.reduce((sum, run) => sum + run.entries, 0);
  const wanted = (history.meta.superblock.mimSize / Math.max(1, entries)) * ENTRIES_A_REGION;
  if (wanted < SMALLEST) return BLOCK;
  return Math.min(LARGEST, 2 ** Math.floor(Math.log2(wanted)));
}

function entryAt(words: Uint32Array, at: number, start: number, end: number): Found {
  return {
    list: words[at + LIST] as number,
    start,
    end,
    segment: words[at + SEGMENT] as number,
    offset: wide(words, at + OFFSET),
    originStart: wide(words, at + ORIGIN_START),
    originLength: words[at + ORIGIN_LENGTH] as number,
    sum: words[at + SUM] as number,
  };
}

/** The first entry of a block that may lie in a cell from `address` on: cells are in order, what is in one is not. */
function firstEntry(words: Uint32Array, address: number): number {
  let low = 0;
  let high = words[1] as number;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (wide(words, HEAD_WORDS + middle * ENTRY_WORDS + START) < address) low = middle + 1;
    else high = middle;
  }
  return HEAD_WORDS + low * ENTRY_WORDS;
}
