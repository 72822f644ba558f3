import { expect } from 'vitest';
import { joinRanges, type Range as Span } from '../../src/base/range.js';
import { isZero } from '../../src/format/checksum.js';
import { type Difference, diffPoints } from '../../src/volume/diff.js';
import type { Volume } from '../../src/volume/volume.js';
import type { Model } from './model.js';

const BLOCK = 4096;

/** The ranges that were overwritten, one by one, each with its stamp: what a difference must list. */
export class Touched {
  readonly #changes: { readonly stamp: bigint; readonly must: Range[]; readonly may: Range[] }[] = [];

  /** `[start, end)` was overwritten, with whatever bytes. */
  range(stamp: bigint, start: number, end: number): void {
    this.#changes.push({ stamp, must: [[start, end]], may: [] });
  }

  /** A restore overwrites what differs, and perhaps the rest of its blocks. */
  restore(stamp: bigint, before: Buffer, after: Buffer): void {
    const must: Range[] = [];
    const may: Range[] = [];
    for (let at = 0; at < Math.max(before.length, after.length); at++) {
      if (before[at] === after[at]) continue;
      must.push([at, at + 1]);
      if (may.length === 0 || (may[may.length - 1] as Range)[1] <= at)
        may.push([at - (at % BLOCK), at - (at % BLOCK) + BLOCK]);
    }
    this.#changes.push({ stamp, must, may });
  }

  /** For each address below `size`: 2 if it was overwritten after `from` and up to `to`, 1 if it may have been. */
  between(from: bigint, to: bigint, size: number): Uint8Array {
    const found = new Uint8Array(size);
    const changes = this.#changes.filter(({ stamp }) => stamp > from && stamp <= to);
    for (const { may } of changes) for (const [start, end] of may) found.fill(1, start, end);
    for (const { must } of changes) for (const [start, end] of must) found.fill(2, start, end);
    return found;
  }
}

type Range = [start: number, end: number];

function joined(difference: Difference): Span[] {
  return joinRanges([...difference.ranges()].map(({ start, length }) => ({ start, end: start + length })));
}

/** Compares the difference of two points, in both orders, with what was touched and with the full copies. */
export async function checkDifference(
  volume: Volume,
  model: Model,
  touched: Touched,
  a: bigint,
  b: bigint,
): Promise<void> {
  const difference = await diffPoints(volume, a, b);
  difference.tree.verify();
  const ranges = [...difference.ranges()];
  // The kinds are known only as long as the journal has the changes: the MIM may move in between.
  expect(joined(await diffPoints(volume, b, a)), 'the other way round').toEqual(joined(difference));
  const [older, younger] = a < b ? [a, b] : [b, a];
  const [before, after] = [model.at(older), model.at(younger)];
  const size = Math.max(before.length, after.length);
  expect(difference.size).toBe(size);
  expect(difference.count).toBe(ranges.length);
  expect(difference.bytes).toBe(ranges.reduce((sum, range) => sum + range.length, 0));
  const expected = touched.between(older, younger, size);
  const listed = new Uint8Array(size);
  let end = 0;
  for (const { start, length, kind } of ranges) {
    // Without a call of `expect`, which costs more than the difference itself.
    if (start < end || length <= 0 || start + length > size)
      expect.fail(`[${start}, ${start + length}) is not sorted, apart and within ${size}`);
    end = start + length;
    listed.fill(1, start, end);
    if (kind === 'zeros' && !isZero(after.subarray(start, end)))
      expect.fail(`[${start}, ${end}) is not zeros`);
    if ((kind === 'size') !== start >= Math.min(before.length, after.length))
      expect.fail(`[${start}, ${end}) is said to be ${kind}`);
  }
  for (let at = 0; at < size; at++) {
    if (listed[at] === 1 ? expected[at] !== 0 : expected[at] === 0 && before[at] === after[at]) continue;
    const wrong = faultAt(listed[at] === 1, expected[at] as number, before[at] !== after[at]);
    if (wrong !== undefined) expect.fail(`address ${at} between ${older} and ${younger} ${wrong}`);
  }
}

function faultAt(listed: boolean, touched: number, differs: boolean): string | undefined {
  if (listed) return touched === 0 ? 'is listed and was not touched' : undefined;
  if (touched === 2) return 'was touched and is not listed';
  return differs ? 'differs and is not listed' : undefined;
}
