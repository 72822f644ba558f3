import { describe, expect, test } from 'vitest';
import { outcomeOfTableOne, rowOfTableOne } from '../../src/vrmo/table-one.js';
import { Vbmm } from '../../src/vrmo/vbmm.js';
import { FIRST_SEGMENT, MIM } from '../../src/vrmo/vrmo.js';
import { lookup, preserve, type Range } from './cell-model.js';

const OLD = FIRST_SEGMENT;
const NEW = FIRST_SEGMENT + 1;

interface Case {
  readonly row: number;
  readonly when: string;
  readonly move: Range;
  /** What goes to the children, what is left of the node, what is emitted, for the node [10, 20). */
  readonly left?: Range;
  readonly right?: Range;
  readonly node: readonly Range[];
  readonly emit?: Range;
}

const cases: readonly Case[] = [
  { row: 1, when: 'MLE < VBS', move: [4, 10], left: [4, 10], node: [[10, 20]] },
  { row: 2, when: 'MLS > VBE', move: [20, 26], right: [20, 26], node: [[10, 20]] },
  { row: 3, when: 'MLS = VBS, MLE = VBE', move: [10, 20], node: [], emit: [10, 20] },
  { row: 4, when: 'MLS = VBS, MLE > VBE', move: [10, 25], right: [20, 25], node: [], emit: [10, 20] },
  { row: 5, when: 'MLS = VBS, MLE < VBE', move: [10, 14], node: [[14, 20]], emit: [10, 14] },
  { row: 6, when: 'VBS < MLS <= VBE, MLE = VBE', move: [13, 20], node: [[10, 13]], emit: [13, 20] },
  {
    row: 7,
    when: 'VBS < MLS <= VBE, MLE > VBE',
    move: [19, 22],
    right: [20, 22],
    node: [[10, 19]],
    emit: [19, 20],
  },
  {
    row: 8,
    when: 'VBS < MLS, MLE < VBE',
    move: [11, 19],
    node: [
      [10, 11],
      [19, 20],
    ],
    emit: [11, 19],
  },
  { row: 9, when: 'MLS < VBS, MLE = VBE', move: [7, 20], left: [7, 10], node: [], emit: [10, 20] },
  {
    row: 10,
    when: 'MLS < VBS, MLE > VBE',
    move: [7, 23],
    left: [7, 10],
    right: [20, 23],
    node: [],
    emit: [10, 20],
  },
  {
    row: 11,
    when: 'MLS < VBS, VBS <= MLE < VBE',
    move: [9, 11],
    left: [9, 10],
    node: [[11, 20]],
    emit: [10, 11],
  },
];

/** The MIM only has [10, 20) of [0, 30). */
function vbmmWithOneNode(): Vbmm {
  const vbmm = new Vbmm();
  vbmm.replace(0, 10, OLD, 1);
  vbmm.replace(20, 30, OLD, 2);
  return vbmm;
}

describe('Table I', () => {
  test.each(cases)('row $row ($when) says what becomes of the move and of the node', (row) => {
    const [ms, me] = row.move;
    expect(rowOfTableOne(ms, me, 10, 20)).toBe(row.row);
    expect(outcomeOfTableOne(ms, me, 10, 20)).toEqual({
      left: row.left,
      right: row.right,
      node: row.node,
      emit: row.emit,
    });
  });

  test.each(cases)('row $row ($when) is what a VBMM does with its node between two PELs', (row) => {
    const vbmm = vbmmWithOneNode();
    const saved = preserve(vbmm, row.move[0], row.move[1], NEW, 7);
    vbmm.verify();
    const found = lookup(vbmm, 0, 30);
    const ranges = (file: number) => found.filter((extent) => extent[2] === file).map(([s, e]) => [s, e]);
    expect(saved).toEqual(row.emit === undefined ? [] : [row.emit]);
    expect(ranges(MIM)).toEqual(row.node);
    expect(ranges(NEW)).toEqual(saved);
    expect(ranges(OLD)).toEqual([
      [0, 10],
      [20, 30],
    ]);
  });

  test('exactly one row holds for any move and node, and no address is lost or doubled', () => {
    const rows = new Set<number>();
    forEachRange((ms, me) =>
      forEachRange((vs, ve) => {
        rows.add(rowOfTableOne(ms, me, vs, ve));
        const { left, right, node, emit } = outcomeOfTableOne(ms, me, vs, ve);
        for (let at = 0; at < 7; at++) {
          const inMove = at >= ms && at < me;
          const inNode = at >= vs && at < ve;
          expect(times([left, right], at)).toBe(inMove && !inNode ? 1 : 0);
          expect(times([emit], at)).toBe(inMove && inNode ? 1 : 0);
          expect(times(node, at)).toBe(inNode && !inMove ? 1 : 0);
        }
        if (left !== undefined) expect(left[1]).toBeLessThanOrEqual(vs);
        if (right !== undefined) expect(right[0]).toBeGreaterThanOrEqual(ve);
      }),
    );
    expect([...rows].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });
});

test('FIG. 11: the second move shortens two nodes and saves what was still on the MIM', () => {
  const vbmm = new Vbmm();
  expect(preserve(vbmm, 8, 12, NEW, 1)).toEqual([[8, 12]]);
  expect(lookup(vbmm, 0, 101)).toEqual([
    [0, 8, MIM, 0],
    [8, 12, NEW, 1],
    [12, 101, MIM, 0],
  ]);
  expect(preserve(vbmm, 5, 14, NEW, 2)).toEqual([
    [5, 8],
    [12, 14],
  ]);
  expect(lookup(vbmm, 0, 101)).toEqual([
    [0, 5, MIM, 0],
    [5, 8, NEW, 2],
    [8, 12, NEW, 1],
    [12, 14, NEW, 2],
    [14, 101, MIM, 0],
  ]);
  vbmm.verify();
});

function forEachRange(visit: (start: number, end: number) => void): void {
  for (let start = 0; start < 7; start++) {
    for (let end = start + 1; end <= 7; end++) visit(start, end);
  }
}

function times(ranges: readonly (readonly [number, number] | undefined)[], at: number): number {
  return ranges.filter((range) => range !== undefined && at >= range[0] && at < range[1]).length;
}
