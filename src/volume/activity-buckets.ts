import { earlier, type Instant, later } from '../base/instant.js';
import { alignDown, alignUp, BLOCK } from '../base/range.js';
import { ExtentTree } from '../vrmo/extent-tree.js';

/** Time in `count` parts of `step` ns each; the first begins at `first`, a multiple of `step`. */
export interface Buckets {
  readonly first: Instant;
  readonly step: bigint;
  readonly count: number;
}

/** What happened in a part of time. What is undefined is not known. */
export interface ActivityBucket {
  /** Its beginning. */
  readonly at: Instant;
  /** Changes: writes, discards, restores, changes of the size. */
  writes: number | undefined;
  /** Bytes that they changed; in older history, net between two snapshots. */
  bytes: number;
  /** Of them, those that were set to zeros. */
  zeros: number | undefined;
  /** Distinct blocks of 4 KiB that changed. */
  blocks: number | undefined;
  /** Whether it has a share of what is known only for a longer time. */
  shared: boolean;
  /** Flushes of clients; in older history, snapshots that are one. */
  flushes: number;
  marks: number;
  snapshots: number;
}

const SECOND = 1_000_000_000n;
/** Steps that divide what people count time in, ns, rising; below a second and above a day come 1, 2 and 5 times powers of ten. */
const STEPS: readonly bigint[] = [
  ...[1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8].flatMap((unit) => [unit, 2 * unit, 5 * unit]),
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * 1e9),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60e9),
  ...[1, 2, 3, 6, 12].map((hours) => hours * 3600e9),
].map(BigInt);
const DAY = 86_400n * SECOND;

/** The finest buckets, at most so many, that cover `[from, to]`. Pure. */
export function chooseBuckets(from: Instant, to: Instant, most: number): Buckets {
  for (const step of steps()) {
    const first = floor(from, step);
    const count = Number((to - first) / step) + 1;
    if (count <= most) return { first, step, count };
  }
  return { first: floor(from, DAY), step: DAY, count: most };
}

function* steps(): Generator<bigint> {
  yield* STEPS;
  for (let unit = DAY; unit < 2n ** 64n; unit *= 10n) yield* [unit, 2n * unit, 5n * unit];
}

function floor(at: Instant, step: bigint): Instant {
  const rest = at % step;
  return at - (rest < 0n ? rest + step : rest);
}

/** The blocks that ranges touch, each once. */
class Blocks {
  readonly #tree = new ExtentTree();

  get count(): number {
    return this.#tree.journalBytes / BLOCK;
  }

  add(start: number, end: number): void {
    if (end > start) this.#tree.replace(alignDown(start, BLOCK), alignUp(end, BLOCK), 1, 0);
  }
}

/** What is known of the changes between two snapshots. */
export interface ChangeList {
  /** The instants of its first and its last change. */
  readonly from: Instant;
  readonly to: Instant;
  readonly bytes: number;
}

/** A list that is being told. */
interface OpenList extends ChangeList {
  /** The buckets that its time touches. */
  readonly first: number;
  readonly last: number;
  /** Its time lies in one bucket, all of it in what is looked at. */
  readonly whole: boolean;
  /** Blocks so far, and where the last of them ends. */
  blocks: number;
  end: number;
}

/**
 * Counts what happened within `[from, to]`, by bucket. Lists and changes come in order of time, and none outside. No
 * I/O.
 */
export class ActivityCounter {
  readonly buckets: ActivityBucket[];
  #here = new Blocks();
  readonly #all = new Blocks();
  #current = -1;
  #allKnown = true;
  #list: OpenList | undefined;

  constructor(
    readonly from: Instant,
    readonly to: Instant,
    readonly parts: Buckets,
  ) {
    this.buckets = Array.from({ length: parts.count }, (_, number) => ({
      at: parts.first + BigInt(number) * parts.step,
      writes: 0,
      bytes: 0,
      zeros: 0,
      blocks: 0,
      shared: false,
      flushes: 0,
      marks: 0,
      snapshots: 0,
    }));
  }

  /** Distinct blocks in all buckets; undefined where some are not known. Of a list that reaches beyond the time, all. */
  get blocks(): number | undefined {
    this.#turnTo(-1);
    return this.#allKnown ? this.#all.count : undefined;
  }

  /** A change; its ranges come next. */
  change(at: Instant): void {
    const number = this.#numberOf(at);
    this.#turnTo(number);
    const bucket = this.#bucket(number);
    if (bucket.writes !== undefined) bucket.writes += 1;
  }

  /** A range of the last change. */
  range(start: number, end: number, zeros: boolean): void {
    const bucket = this.#bucket(this.#current);
    bucket.bytes += end - start;
    if (zeros && bucket.zeros !== undefined) bucket.zeros += end - start;
    this.#add(start, end, true);
  }

  /**
   * Changes of which no more is known than what they came to; their ranges come next, in address order. Those of a time
   * that lies in no single bucket are shared out evenly. Which zeros were written is not known.
   */
  beginList(list: ChangeList): void {
    const first = this.#numberOf(later(list.from, this.from));
    const last = this.#numberOf(earlier(list.to, this.to));
    const whole = first === last && list.from >= this.from && list.to <= this.to;
    if (whole) this.#turnTo(first);
    this.#list = { ...list, first, last, whole, blocks: 0, end: 0 };
  }

  /** A range of the list. Ranges may share a block with their neighbours. */
  extent(start: number, end: number): void {
    const list = this.#open();
    this.#add(start, end, list.whole);
    const from = Math.max(list.end, alignDown(start, BLOCK));
    list.end = Math.max(list.end, alignUp(end, BLOCK));
    list.blocks += (list.end - from) / BLOCK;
  }

  /** @param known false: the ranges of the list are not known, or not all of them */
  endList(known: boolean): void {
    const list = this.#open();
    this.#list = undefined;
    if (!known) this.#allKnown = false;
    for (let number = list.first; number <= list.last; number++) {
      const bucket = this.#bucket(number);
      if (list.from !== list.to) bucket.writes = undefined;
      else if (bucket.writes !== undefined) bucket.writes += 1;
      bucket.zeros = undefined;
      bucket.bytes += this.#share(list, number, list.bytes);
      if (!known) bucket.blocks = undefined;
      if (list.whole) continue;
      bucket.shared = true;
      if (bucket.blocks !== undefined) bucket.blocks += this.#share(list, number, list.blocks);
    }
  }

  /** Counts something that has an instant and no more. */
  count(what: 'flushes' | 'marks' | 'snapshots', at: Instant): void {
    if (at >= this.from && at <= this.to) this.#bucket(this.#numberOf(at))[what] += 1;
  }

  /** Both at once, though all could take in a bucket as a whole: so every step is short. */
  #add(start: number, end: number, here: boolean): void {
    if (here) this.#here.add(start, end);
    this.#all.add(start, end);
  }

  /** The share of a bucket in an amount that belongs to the whole time of a list; all shares add up to it. */
  #share(list: ChangeList, number: number, amount: number): number {
    const { first, step } = this.parts;
    const start = first + BigInt(number) * step;
    const before = this.#upTo(list, later(start, this.from), amount);
    return this.#upTo(list, earlier(start + step, this.to + 1n), amount) - before;
  }

  /** What of an amount lies before an instant. */
  #upTo(list: ChangeList, at: Instant, amount: number): number {
    const length = list.to - list.from + 1n;
    const part = at <= list.from ? 0n : at > list.to ? length : at - list.from;
    return Number((BigInt(amount) * part) / length);
  }

  /** The blocks of the bucket so far are settled: what comes next is in another one. */
  #turnTo(number: number): void {
    if (number === this.#current) return;
    const bucket = this.buckets[this.#current];
    if (bucket?.blocks !== undefined) bucket.blocks += this.#here.count;
    this.#here = new Blocks();
    this.#current = number;
  }

  #open(): OpenList {
    if (this.#list === undefined) throw new RangeError('no list was begun');
    return this.#list;
  }

  #numberOf(at: Instant): number {
    return Number((at - this.parts.first) / this.parts.step);
  }

  #bucket(number: number): ActivityBucket {
    const bucket = this.buckets[number];
    if (bucket === undefined) throw new RangeError(`there is no bucket ${number}`);
    return bucket;
  }
}
