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

/** An entry of a run that touches the region. */
interface Found {
  readonly words: Uint32Array;
  readonly at: number;
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
    if (additions !== this.#additions) this.#resolved.clear(0, ADDRESS_LIMIT);
    this.#additions = additions;
    const region = this.#unresolved(start, end);
    if (region === undefined) return true;
    const found: Found[] = [];
    let complete = true;
    for (const run of runs) complete = this.#search(run, region, missing, found) && complete;
    if (!complete) return false;
    if (view.map.extents + this.#resolved.size > this.extents) this.#beginAnew(view);
    for (const { words, at } of found) this.#apply(view, words, at, region);
    this.#resolved.replace(region.from, region.to, HISTORY, 0);
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

  /** What of whole blocks is to be resolved; of whole cells, where somebody reads on from what is resolved. */
  #unresolved(start: number, end: number): { from: number; to: number } | undefined {
    const tree = this.#resolved;
    const at = tree.find(Math.max(0, start - 1));
    const known = at !== NONE && tree.start(at) <= start ? tree.end(at) : 0;
    if (known >= end) return undefined;
    const from = Math.max(known, alignDown(start, BLOCK));
    return { from, to: alignUp(end, known >= start && start > 0 ? CELL : BLOCK) };
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
      const sorted = found.splice(first).sort((a, b) => listOf(a) - listOf(b));
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
        if (start >= to || start + wide(words, at + LENGTH) <= from) continue;
        if ((run.lists[words[at + LIST] as number]?.sequence ?? 0) >= this.sequence)
          found.push({ words, at });
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

  #apply(view: { map: Vrmo }, words: Uint32Array, at: number, region: { from: number; to: number }): void {
    const entry = wide(words, at + START);
    const start = Math.max(entry, region.from);
    const end = Math.min(entry + wide(words, at + LENGTH), region.to);
    const segment = words[at + SEGMENT] as number;
    if (segment === NO_SEGMENT) view.map.preserve(start, end, ZERO, 0);
    else {
      const offset = wide(words, at + OFFSET);
      const originStart = wide(words, at + ORIGIN_START);
      const length = words[at + ORIGIN_LENGTH] as number;
      const places = this.#places;
      const neighbour = this.#neighbour(
        view.map,
        start,
        end,
        originStart,
        originStart + length,
        segment,
        offset,
      );
      const number = neighbour ?? places.next;
      let used = false;
      if (neighbour === undefined)
        places.places.set(number, segment, offset, originStart, length, words[at + SUM] as number);
      view.map.preserve(start, end, HISTORY, number, () => {
        used = true;
      });
      if (used && neighbour === undefined) places.take();
    }
    view.map = converted(view.map, this.forms);
  }

  /** The place of the extent that this one continues, or that continues it. */
  #neighbour(
    map: Vrmo,
    start: number,
    end: number,
    originStart: number,
    originEnd: number,
    segment: number,
    offset: number,
  ): number | undefined {
    let number: number | undefined;
    const look = (_start: number, _end: number, file: number, record: number) => {
      if (file === HISTORY && this.history.places.isAt(record, segment, offset)) number = record;
    };
    if (start > originStart) map.lookup(start - 1, start, look);
    if (number === undefined && end < originEnd) map.lookup(end, end + 1, look);
    return number;
  }
}

function listOf({ words, at }: Found): number {
  return words[at + LIST] as number;
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
