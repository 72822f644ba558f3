import { putSector, SECTOR } from '../support/sectors.js';

/** A write of a trace: its place in sectors, and the stamp that it must get, ns. */
export interface TracedWrite {
  readonly stamp: bigint;
  readonly first: number;
  readonly count: number;
}

/** Sectors `[start, end)`. */
export interface Sectors {
  readonly start: number;
  readonly end: number;
}

function touchedBy(writes: readonly TracedWrite[]): Sectors[] {
  const touched: { start: number; end: number }[] = [];
  for (const { first, count } of [...writes].sort((a, b) => a.first - b.first)) {
    const last = touched[touched.length - 1];
    if (last !== undefined && first <= last.end) last.end = Math.max(last.end, first + count);
    else touched.push({ start: first, end: first + count });
  }
  return touched;
}

/**
 * What every sector was at every instant: for each sector that is ever written the numbers of its writes, rising.
 * The bytes are computed from the number and the place; nothing here knows how the engine works.
 */
export class SectorModel {
  /** The sectors that are ever written, half-open, sorted. */
  readonly touched: readonly Sectors[];
  /** How many sectors that are. */
  readonly sectors: number;
  readonly #stamps: BigInt64Array;
  /** For each of `touched`, how many touched sectors lie before it. */
  readonly #before: number[] = [];
  /** The writes of touched sector `n` are `#writers[#heads[n] .. #heads[n + 1])`. */
  readonly #heads: Uint32Array;
  readonly #writers: Uint32Array;

  constructor(writes: readonly TracedWrite[]) {
    this.touched = touchedBy(writes);
    let sectors = 0;
    for (const { start, end } of this.touched) {
      this.#before.push(sectors);
      sectors += end - start;
    }
    this.sectors = sectors;
    this.#stamps = BigInt64Array.from(writes, ({ stamp }) => stamp);
    this.#heads = new Uint32Array(sectors + 1);
    for (const { first, count } of writes) {
      const from = this.#indexOf(first);
      for (let at = 0; at < count; at++) this.#heads[from + at + 1] = (this.#heads[from + at + 1] ?? 0) + 1;
    }
    for (let at = 0; at < sectors; at++) this.#heads[at + 1] = this.#head(at) + this.#head(at + 1);
    this.#writers = new Uint32Array(this.#head(sectors));
    const filled = this.#heads.slice();
    for (const [index, { first, count }] of writes.entries()) {
      const from = this.#indexOf(first);
      for (let at = from; at < from + count; at++) {
        const place = filled[at] ?? 0;
        this.#writers[place] = index + 1;
        filled[at] = place + 1;
      }
    }
  }

  /** How many writes are in at `at`: the number of the last one. */
  numberAt(at: bigint): number {
    let low = 0;
    let high = this.#stamps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#stamps[middle] ?? 0n) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The stamp of write `number`. */
  stamp(number: number): bigint {
    const stamp = this.#stamps[number - 1];
    if (stamp === undefined) throw new RangeError(`there is no write ${number}`);
    return stamp;
  }

  /** Puts into `into` what sectors `[first, ...)`, which lie in one touched range, hold after write `number`. */
  fill(first: number, number: number, into: Buffer): void {
    const from = this.#indexOf(first);
    for (let at = 0; at * SECTOR < into.length; at++) {
      const writer = this.#writerOf(from + at, number);
      if (writer === 0) into.fill(0, at * SECTOR, (at + 1) * SECTOR);
      else putSector(into, at * SECTOR, writer, first + at);
    }
  }

  #writerOf(index: number, number: number): number {
    let low = this.#head(index);
    const start = low;
    let high = this.#head(index + 1);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#writers[middle] ?? 0) <= number) low = middle + 1;
      else high = middle;
    }
    return low === start ? 0 : (this.#writers[low - 1] ?? 0);
  }

  #head(index: number): number {
    return this.#heads[index] ?? 0;
  }

  /** The place of a sector among the touched ones. */
  #indexOf(sector: number): number {
    let low = 0;
    let high = this.touched.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.touched[middle]?.start ?? 0) <= sector) low = middle + 1;
      else high = middle;
    }
    const range = this.touched[low - 1];
    if (range === undefined || sector >= range.end) throw new RangeError(`sector ${sector} is never written`);
    return (this.#before[low - 1] ?? 0) + sector - range.start;
  }
}
