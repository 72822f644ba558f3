import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { outcomeOfTableOne, rowOfTableOne } from '../../src/vrmo/table-one.js';
import { Vbmm } from '../../src/vrmo/vbmm.js';
import { FORWARD, MIM } from '../../src/vrmo/vrmo.js';

const SPACE = 64;

/** One cell an address: what the map must say. */
type Cells = { file: number; record: number }[];

function cellsOf(map: Vbmm): Cells {
  const cells: Cells = [];
  map.lookup(0, SPACE, (start, end, file, record) => {
    for (let at = start; at < end; at++) cells.push({ file, record });
  });
  return cells;
}

const range = fc
  .tuple(fc.integer({ min: 0, max: SPACE - 1 }), fc.integer({ min: 1, max: 24 }))
  .map(([start, length]) => ({ start, end: Math.min(SPACE, start + length) }));
const step = fc.record({
  op: fc.constantFrom('replace', 'preserve', 'settle'),
  range,
  file: fc.constantFrom(FORWARD, 16, 17),
  record: fc.integer({ min: 0, max: 6 }),
});

describe('VBMM', () => {
  test('agrees with an array of cells under random moves', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const map = new Vbmm();
        const cells: Cells = Array.from({ length: SPACE }, () => ({ file: MIM, record: 0 }));
        for (const { op, range: at, file, record } of steps) {
          if (op === 'replace') {
            map.replace(at.start, at.end, file, record);
            for (let a = at.start; a < at.end; a++) cells[a] = { file, record };
          } else if (op === 'preserve') {
            const emitted: number[] = [];
            map.preserve(at.start, at.end, file, record, (from, to) => {
              for (let a = from; a < to; a++) emitted.push(a);
            });
            const expected: number[] = [];
            for (let a = at.start; a < at.end; a++) {
              if (cells[a]?.file !== MIM) continue;
              expected.push(a);
              cells[a] = { file, record };
            }
            expect(emitted).toEqual(expected);
          } else {
            map.settle(at.start, at.end, (f, r) => f === file && r === record);
            for (let a = at.start; a < at.end; a++) {
              if (cells[a]?.file === file && cells[a]?.record === record) cells[a] = { file: MIM, record: 0 };
            }
          }
          map.verify();
          expect(cellsOf(map)).toEqual(cells);
        }
        expect(cellsOf(map.clone())).toEqual(cells);
      }),
      { numRuns: 2000 },
    );
  });

  test('stays right with thousands of extents, so that leaves split and empty', () => {
    const map = new Vbmm();
    const size = 20_000;
    const cells = new Int32Array(size).fill(-1);
    let seed = 12345;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return seed % below;
    };
    for (let record = 0; record < 30_000; record++) {
      const start = random(size);
      const end = Math.min(size, start + 1 + random(record % 50 === 0 ? 5000 : 6));
      map.replace(start, end, FORWARD, record);
      cells.fill(record, start, end);
    }
    map.verify();
    map.lookup(0, size, (start, end, file, record) => {
      for (let at = start; at < end; at++) expect(file === MIM ? -1 : record).toBe(cells[at]);
    });
  });

  test('FIG. 11: the second move shortens two nodes and saves only what was still on the MIM', () => {
    const map = new Vbmm();
    const emitted: [number, number][][] = [[], []];
    map.preserve(8, 12, 16, 0, (s, e) => emitted[0]?.push([s, e]));
    map.preserve(5, 14, 16, 1, (s, e) => emitted[1]?.push([s, e]));
    expect(emitted).toEqual([
      [[8, 12]],
      [
        [5, 8],
        [12, 14],
      ],
    ]);
  });
});

describe('Table I', () => {
  const cases: [number, number, number, number, number][] = [
    [1, 0, 10, 10, 20],
    [2, 20, 30, 10, 20],
    [3, 10, 20, 10, 20],
    [4, 10, 25, 10, 20],
    [5, 10, 15, 10, 20],
    [6, 12, 20, 10, 20],
    [7, 12, 25, 10, 20],
    [8, 12, 15, 10, 20],
    [9, 5, 20, 10, 20],
    [10, 5, 25, 10, 20],
    [11, 5, 15, 10, 20],
  ];
  test.each(cases)('row %i: move [%i, %i) at node [%i, %i)', (row, ms, me, vs, ve) => {
    expect(rowOfTableOne(ms, me, vs, ve)).toBe(row);
    const outcome = outcomeOfTableOne(ms, me, vs, ve);
    const inside = (ranges: readonly (readonly [number, number] | undefined)[], at: number) =>
      ranges.some((r) => r !== undefined && at >= r[0] && at < r[1]);
    for (let at = 0; at < 32; at++) {
      const inMove = at >= ms && at < me;
      const inNode = at >= vs && at < ve;
      expect(inside([outcome.emit], at)).toBe(inMove && inNode);
      expect(inside(outcome.node, at)).toBe(inNode && !inMove);
      expect(inside([outcome.left, outcome.right], at)).toBe(inMove && !inNode);
    }
  });
});
