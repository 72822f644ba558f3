import { AnywhenError } from '../base/errors.js';
import { Pacer } from '../base/pacer.js';
import { alignDown, alignUp, BLOCK, pieceCount } from '../base/range.js';
import { describeSize } from '../base/units.js';
import { PAGE_SPAN, SEGMENT_DESCRIPTOR_SIZE, SUMS_PAGE_SIZE, SUMS_PER_PAGE } from '../format/layout.js';
import { sumArrayLength } from '../format/pieces.js';
import { placeData, Ring } from '../journal/ring.js';
import { ExtentTree } from '../vrmo/extent-tree.js';
import { NONE } from '../vrmo/node-slabs.js';
import { FORWARD } from '../vrmo/vrmo.js';
import { forEachChange } from './build-view.js';
import { PAGE_COST, RECORD_COST } from './move-record.js';
import { STEP } from './save-lists.js';
import type { SyncParts } from './sync-parts.js';
import type { WindowPlan } from './window.js';

/** What an edit of the catalog takes at the most, about. */
const EDIT = 128;
/** The ends of a handful of files, and what the filesystem itself needs for them. */
const ROUNDING = 8 * BLOCK;
const ENDLESS = 2 ** 52;

/** With so many bytes free beside twice what a sync event needs, nobody will use them up while it runs. */
const AMPLE = 1024 * 1024 * 1024;

/**
 * A sync event writes nothing unless there is space for all of it.
 *
 * @returns whether there is little more than that
 * @throws `no-space`, with the bytes that are `needed`
 */
export async function checkSpace(parts: SyncParts, plan: WindowPlan, end: number): Promise<boolean> {
  const { free } = await parts.executor.space();
  if (await isAmple(parts, end, free)) return false;
  const needed = await windowCost(parts, plan, end);
  if (free >= needed) return true;
  throw new AnywhenError(
    'no-space',
    `a sync event needs ${describeSize(needed)}, and the filesystem of the store has ${describeSize(free)} free`,
    { hint: 'Free space in the filesystem of the store.', data: { needed } },
  );
}

/** Whether so many bytes free are much more than a sync event can cost; found without looking at the volume. */
async function isAmple({ index, segments }: SyncParts, end: number, free: number): Promise<boolean> {
  const pacer = new Pacer();
  let cost = ROUNDING;
  for (let at = index.first; at <= end && free >= AMPLE + 2 * cost; at++) {
    cost += EDIT;
    if (!index.changes(at)) continue;
    // Saved and moved, both with what the borders of blocks add, and its descriptors.
    forEachChange(index, at, segments, (start, stop) => {
      cost += 2.5 * (stop - start) + 8 * BLOCK;
    });
    if (pacer.due()) await pacer.rest();
  }
  return free >= AMPLE + 2 * cost;
}

/**
 * What a sync event over a window will take from the filesystem of the store at the most, bytes: what it saves, its
 * descriptors, the move record, and the MIM and its sums where they grow into holes.
 *
 * @throws `damaged`, `io`
 */
export async function windowCost(parts: SyncParts, plan: WindowPlan, end: number): Promise<number> {
  const cost = new WindowCost(parts);
  let at = parts.index.first;
  const first = plan.kept[0];
  if (first !== undefined) at = await cost.pass(at, first.sequence);
  for (const [number, { sequence }] of plan.kept.entries()) {
    const stop = plan.kept[number + 1]?.sequence ?? end;
    at = await cost.save(Math.max(at, sequence + 1), stop);
  }
  await cost.pass(at, end);
  const bytes = await cost.sum();
  // Large files need blocks of their own to tell where their blocks are.
  return Math.ceil(bytes + bytes / 64) + ROUNDING + EDIT * (plan.kept.length + 2);
}

/** Walks along a window as `ListSaver` does, without reading data. */
class WindowCost {
  readonly #pacer = new Pacer();
  /** What the window changed so far: no sum of the MIM tells of it any more. */
  readonly #changed = new ExtentTree();
  /** Where the data of the segment would go. */
  readonly #data = new Ring(0, ENDLESS, 0, 0);
  #descriptors = 2;

  constructor(readonly parts: SyncParts) {}

  /** Sequences from `at` to `last`, of which nothing is saved. Returns the next one. */
  async pass(at: number, last: number): Promise<number> {
    const { index, segments } = this.parts;
    let next = at;
    for (; next <= last; next++) {
      if (index.changes(next))
        forEachChange(index, next, segments, (start, end) => this.#changed.replace(start, end, FORWARD, 0));
      if (this.#pacer.due()) await this.#pacer.rest();
    }
    return next;
  }

  /** Sequences from `at` to `last`, before which what they change is saved. */
  async save(at: number, last: number): Promise<number> {
    const { index, segments } = this.parts;
    const ranges = new ExtentTree();
    for (let sequence = at; sequence <= last; sequence++) {
      if (index.changes(sequence))
        forEachChange(index, sequence, segments, (start, end) => ranges.replace(start, end, FORWARD, 0));
      if (this.#pacer.due()) await this.#pacer.rest();
    }
    this.#descriptors += 1;
    for (let extent = ranges.first(); extent !== NONE; extent = ranges.next(extent)) {
      await this.#saveRange(ranges.start(extent), ranges.end(extent));
      if (this.#pacer.due()) await this.#pacer.rest();
    }
    return this.pass(at, last);
  }

  async #saveRange(from: number, to: number): Promise<void> {
    let start = from;
    while (start < to) {
      const zeros = await this.#zerosFrom(start, to);
      // The zeros before it are one descriptor, those at the end another.
      this.#descriptors += 2;
      if (zeros >= to) return;
      start = Math.max(start, zeros);
      const end = Math.min(to, start - (start % BLOCK) + STEP);
      // Zeros among the data cut it: that costs most for each third block, whose space the sums of the others take.
      this.#descriptors += 2 * Math.ceil((end - start) / (3 * BLOCK));
      const before = sumArrayLength(pieceCount(start, end));
      this.#data.head = placeData(this.#data, this.#data.head, start, end - start, before) + end - start;
      start = end;
    }
  }

  /** Where the first byte at or after `start` is that may be none of the zeros which the MIM is known to hold. */
  async #zerosFrom(start: number, to: number): Promise<number> {
    const changed = this.#changed.find(start);
    const limit = changed === NONE ? to : Math.min(to, this.#changed.start(changed));
    if (limit <= start) return start;
    const first = Math.floor(start / BLOCK);
    const run = await this.parts.mirror.run(first, alignUp(limit, BLOCK) / BLOCK, true);
    return run === 0 ? start : Math.min(limit, (first + run) * BLOCK);
  }

  async sum(): Promise<number> {
    const changed = this.#changed;
    let bytes = this.#data.head + (this.#descriptors + 43) * SEGMENT_DESCRIPTOR_SIZE;
    let counted = 0;
    let page = -1;
    for (let at = changed.first(); at !== NONE; at = changed.next(at)) {
      const first = Math.max(counted, alignDown(changed.start(at), BLOCK) / BLOCK);
      counted = Math.max(first, alignUp(changed.end(at), BLOCK) / BLOCK);
      for (let block = first; block < counted; ) {
        const number = Math.floor(block / SUMS_PER_PAGE);
        const stop = Math.min(counted, (number + 1) * SUMS_PER_PAGE);
        if (number !== page) bytes += PAGE_COST + SUMS_PAGE_SIZE;
        page = number;
        bytes += (stop - block) * RECORD_COST + (await this.#holes(block, stop)) * BLOCK;
        block = stop;
        if (this.#pacer.due()) await this.#pacer.rest();
      }
    }
    return bytes;
  }

  /** How many of these blocks, all of one page, the MIM has no space for yet. */
  async #holes(first: number, end: number): Promise<number> {
    const sums = await this.parts.mirror.sums(Math.floor((first * BLOCK) / PAGE_SPAN));
    let holes = 0;
    for (let block = first; block < end; block++) if (sums[block % SUMS_PER_PAGE] === 0) holes += 1;
    return holes;
  }
}
