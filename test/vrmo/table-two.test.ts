import { describe, expect, test } from 'vitest';
import { CollapseSet, outcomeOfTableTwo, rowOfTableTwo } from '../../src/vrmo/table-two.js';
import { Vbmj } from '../../src/vrmo/vbmj.js';
import { FIRST_SEGMENT, MIM } from '../../src/vrmo/vrmo.js';
import { lookup, preserve, type Range } from './cell-model.js';

const OLD = FIRST_SEGMENT;
const NEW = FIRST_SEGMENT + 1;

interface Case {
  readonly row: number;
  readonly when: string;
  readonly move: Range;
  /** What the row says for the node [10, 20). */
  readonly add: boolean;
  readonly left?: Range;
  readonly right?: Range;
  /** The nodes of a VBMJ that had only this one. */
  readonly nodes: readonly Range[];
}

const cases: readonly Case[] = [
  {
    row: 1,
    when: 'MLE < VBS-1',
    move: [4, 9],
    add: false,
    left: [4, 9],
    nodes: [
      [4, 9],
      [10, 20],
    ],
  },
  { row: 2, when: 'MLE = VBS-1', move: [4, 10], add: true, left: [4, 10], nodes: [[4, 20]] },
  {
    row: 3,
    when: 'MLS > VBE+1',
    move: [21, 25],
    add: false,
    right: [21, 25],
    nodes: [
      [10, 20],
      [21, 25],
    ],
  },
  { row: 4, when: 'MLS = VBE+1', move: [20, 25], add: true, right: [20, 25], nodes: [[10, 25]] },
  { row: 5, when: 'MLS >= VBS, MLE <= VBE', move: [10, 20], add: false, nodes: [[10, 20]] },
  {
    row: 6,
    when: 'VBS <= MLS <= VBE, MLE > VBE',
    move: [19, 22],
    add: true,
    right: [20, 22],
    nodes: [[10, 22]],
  },
  {
    row: 7,
    when: 'MLS < VBS, VBS <= MLE <= VBE',
    move: [9, 11],
    add: true,
    left: [9, 10],
    nodes: [[9, 20]],
  },
  {
    row: 8,
    when: 'MLS < VBS, MLE > VBE',
    move: [7, 24],
    add: true,
    left: [7, 10],
    right: [20, 24],
    nodes: [[7, 24]],
  },
];

/** The nodes of a VBMJ: the runs of extents that touch. */
function nodesOf(vbmj: Vbmj, end: number): Range[] {
  const nodes: Range[] = [];
  for (const [from, to, file] of lookup(vbmj, 0, end)) {
    const last = nodes.at(-1);
    if (file === MIM) continue;
    if (last !== undefined && last[1] === from) last[1] = to;
    else nodes.push([from, to]);
  }
  return nodes;
}

describe('Table II', () => {
  test.each(cases)('row $row ($when) says what becomes of the move and of the node', (row) => {
    const [ms, me] = row.move;
    expect(rowOfTableTwo(ms, me, 10, 20)).toBe(row.row);
    expect(outcomeOfTableTwo(ms, me, 10, 20)).toEqual({ add: row.add, left: row.left, right: row.right });
  });

  test.each(cases)('row $row ($when) is what a VBMJ does with its only node', (row) => {
    const vbmj = new Vbmj();
    vbmj.replace(10, 20, OLD, 1);
    const saved = preserve(vbmj, row.move[0], row.move[1], NEW, 7);
    vbmj.verify();
    expect(saved).toEqual([row.left, row.right].filter((range) => range !== undefined));
    expect(nodesOf(vbmj, 30)).toEqual(row.nodes);
    const pel = lookup(vbmj, 0, 30);
    expect(pel.filter((extent) => extent[2] === OLD)).toEqual([[10, 20, OLD, 1]]);
    expect(pel.filter((extent) => extent[2] === NEW)).toEqual(saved.map(([s, e]) => [s, e, NEW, 7]));
  });

  test('exactly one row holds for any move and node, and what is not in the node goes on', () => {
    const rows = new Set<number>();
    forEachRange((ms, me) =>
      forEachRange((vs, ve) => {
        rows.add(rowOfTableTwo(ms, me, vs, ve));
        const { add, left, right } = outcomeOfTableTwo(ms, me, vs, ve);
        for (let at = 0; at < 7; at++) {
          const goesOn = at >= ms && at < me && !(at >= vs && at < ve);
          expect(times([left, right], at)).toBe(goesOn ? 1 : 0);
        }
        if (left !== undefined) expect(left[1]).toBeLessThanOrEqual(vs);
        if (right !== undefined) expect(right[0]).toBeGreaterThanOrEqual(ve);
        // A node grows when something new touches it.
        expect(add).toBe(left?.[1] === vs || right?.[0] === ve);
      }),
    );
    expect([...rows].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe('the collapse set C of a move', () => {
  test('has as its range R(C) the least starting to the greatest ending address', () => {
    const collapse = new CollapseSet();
    expect(collapse.range).toBeUndefined();
    collapse.addNode(39, 46);
    collapse.addFresh(46, 49);
    expect(collapse.range).toEqual([39, 49]);
    expect(() => collapse.verify()).not.toThrow();
  });

  test('is refused when its range bridges what is not in the journal', () => {
    const collapse = new CollapseSet();
    collapse.addNode(10, 20);
    collapse.addFresh(25, 30);
    expect(() => collapse.verify()).toThrow('in the journal as a whole');
  });
});

test('FIG. 17: a move that reaches out of a node makes it longer, with its old PEL and the new extent', () => {
  const vbmj = new Vbmj();
  vbmj.replace(10, 20, OLD, 1);
  vbmj.replace(39, 43, OLD, 2);
  vbmj.replace(43, 46, OLD, 3);
  const collapse = vbmj.collapseSet(42, 49);
  expect(collapse.nodes).toEqual([[39, 46]]);
  expect(collapse.fresh).toEqual([[46, 49]]);
  expect(collapse.range).toEqual([39, 49]);
  expect(preserve(vbmj, 42, 49, NEW, 9)).toEqual([[46, 49]]);
  expect(nodesOf(vbmj, 100)).toEqual([
    [10, 20],
    [39, 49],
  ]);
  expect(lookup(vbmj, 39, 49)).toEqual([
    [39, 43, OLD, 2],
    [43, 46, OLD, 3],
    [46, 49, NEW, 9],
  ]);
  vbmj.verify();
});

test('nodes that a move only touches are added to C too', () => {
  const vbmj = new Vbmj();
  vbmj.replace(10, 20, OLD, 1);
  vbmj.replace(30, 40, OLD, 2);
  vbmj.replace(40, 50, OLD, 3);
  const collapse = vbmj.collapseSet(20, 30);
  expect(collapse.nodes).toEqual([
    [10, 20],
    [30, 40],
  ]);
  expect(collapse.range).toEqual([10, 40]);
  expect(vbmj.collapseSet(12, 18).range).toBeUndefined();
  expect(vbmj.collapseSet(32, 48).range).toBeUndefined();
});

test('a move over many nodes makes them one node and saves only the gaps', () => {
  const vbmj = new Vbmj();
  for (let i = 0; i < 100; i++) vbmj.replace(i * 10, i * 10 + 4, OLD, i);
  const saved = preserve(vbmj, 2, 992, NEW, 0);
  expect(saved).toHaveLength(99);
  expect(saved[0]).toEqual([4, 10]);
  expect(nodesOf(vbmj, 1100)).toEqual([[0, 994]]);
  vbmj.verify();
});

function forEachRange(visit: (start: number, end: number) => void): void {
  for (let start = 0; start < 7; start++) {
    for (let end = start + 1; end <= 7; end++) visit(start, end);
  }
}

function times(ranges: readonly (readonly [number, number] | undefined)[], at: number): number {
  return ranges.filter((range) => range !== undefined && at >= range[0] && at < range[1]).length;
}
