import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { joinRanges } from '../../src/base/range.js';
import { MoveList } from '../../src/vrmo/move-list.js';
import type { Range } from './cell-model.js';

function rangesOf(list: MoveList): Range[] {
  const ranges: Range[] = [];
  list.forEach((start, end) => {
    ranges.push([start, end]);
  });
  return ranges;
}

describe('a move list', () => {
  test('FIG. 12: is sorted, and moves that touch are one', () => {
    const list = new MoveList();
    list.add(30, 40);
    list.add(8, 12);
    list.add(12, 20);
    list.add(50, 60);
    list.add(5, 8);
    expect(rangesOf(list.seal())).toEqual([
      [5, 20],
      [30, 40],
      [50, 60],
    ]);
    expect(list.length).toBe(3);
    expect(list.bytes).toBe(35);
    expect([list.start(1), list.end(1)]).toEqual([30, 40]);
  });

  test('is the union of what was added, in any order', () => {
    const range = fc
      .tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 20 }))
      .map(([start, length]): Range => [start, start + length]);
    fc.assert(
      fc.property(fc.array(range, { maxLength: 150 }), fc.boolean(), (ranges, sorted) => {
        if (sorted) ranges.sort(([a], [b]) => a - b);
        const list = new MoveList();
        for (const [start, end] of ranges) list.add(start, end);
        const expected = joinRanges(
          ranges.filter(([start, end]) => start < end).map(([start, end]) => ({ start, end })),
        );
        expect(rangesOf(list.seal())).toEqual(expected.map(({ start, end }) => [start, end]));
      }),
      { numRuns: 1000 },
    );
  });

  test('takes a million moves in random order', () => {
    const list = new MoveList();
    // 7919 is prime to a million: each block once, in a scattered order; every tenth is left out.
    for (let i = 0; i < 1_000_000; i++) {
      const block = (i * 7919) % 1_000_000;
      if (block % 10 !== 0) list.add(block * 4096, (block + 1) * 4096);
    }
    list.seal();
    expect(list.length).toBe(100_000);
    expect(list.bytes).toBe(900_000 * 4096);
    expect([list.start(99_999), list.end(99_999)]).toEqual([999_991 * 4096, 1_000_000 * 4096]);
  });

  test('is not read before it is sealed, nor added to afterwards', () => {
    const list = new MoveList();
    list.add(1, 2);
    expect(() => list.bytes).toThrow('sealed');
    expect(() => rangesOf(list)).toThrow('sealed');
    list.seal();
    expect(() => list.add(3, 4)).toThrow('sealed');
    expect(() => list.start(1)).toThrow();
  });

  test('without a move is empty', () => {
    const list = new MoveList().seal();
    expect(rangesOf(list)).toEqual([]);
    expect(list.bytes).toBe(0);
  });
});
