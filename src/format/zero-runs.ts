import { BLOCK } from '../base/range.js';
import { isZero } from './checksum.js';

/** A part of some bytes by their addresses: `[start, end)`. */
export interface Run {
  readonly start: number;
  readonly end: number;
  /** Whether it is nothing but zeros. */
  readonly zero: boolean;
}

/**
 * Bytes, the first of which has the volume address `start`, cut where whole blocks of zeros begin and end. What is
 * left of a block at either end goes with zeros only if it is zeros beside them. In order, none empty; neighbours
 * differ. At most 1 MiB.
 */
export function zeroRuns(start: number, bytes: Uint8Array): Run[] {
  const runs: { start: number; end: number; zero: boolean }[] = [];
  if (isZero(bytes)) return bytes.length === 0 ? runs : [{ start, end: start + bytes.length, zero: true }];
  const stop = start + bytes.length;
  let last: (typeof runs)[number] | undefined;
  for (let from = start; from < stop; ) {
    const to = Math.min(stop, from - (from % BLOCK) + BLOCK);
    const zero = isZero(bytes.subarray(from - start, to - start));
    if (last !== undefined && last.zero === zero) last.end = to;
    else {
      last = { start: from, end: to, zero };
      runs.push(last);
    }
    from = to;
  }
  return runs.length === 1 ? runs : withoutScraps(runs);
}

/** Zeros that are less than a block are data like what they stand beside. */
function withoutScraps(runs: { start: number; end: number; zero: boolean }[]): Run[] {
  const [first, second] = runs;
  if (first?.zero === true && second !== undefined && first.end - first.start < BLOCK) {
    second.start = first.start;
    runs.shift();
  }
  const last = runs[runs.length - 1];
  const before = runs[runs.length - 2];
  if (last?.zero === true && before !== undefined && last.end - last.start < BLOCK) {
    before.end = last.end;
    runs.pop();
  }
  return runs;
}
