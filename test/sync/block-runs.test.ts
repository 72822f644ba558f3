import fc from 'fast-check';
import { expect, test } from 'vitest';
import { movedRuns } from '../../src/sync/block-runs.js';

test('moved blocks are cut at gaps and at holes that are worth it, and nowhere else', () => {
  const piece = fc.record({
    gap: fc.nat(1),
    zero: fc.boolean(),
    length: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 14, max: 40 })),
  });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.integer({ min: 20, max: 60 }), (pieces, most) => {
      const blocks: number[] = [];
      const after: number[] = [];
      let at = 0;
      for (const { gap, zero, length } of pieces) {
        at += gap;
        for (let count = 0; count < length; count++) {
          blocks.push(at);
          after.push(zero ? 0 : at + 1);
          at += 1;
        }
      }
      const runs = [...movedRuns(Uint32Array.from(blocks), Uint32Array.from(after), most)];
      let next = 0;
      for (const { first, end, zero } of runs) {
        expect(first).toBe(next);
        expect(end).toBeGreaterThan(first);
        expect(end - first).toBeLessThanOrEqual(most);
        next = end;
        for (let row = first + 1; row < end; row++) expect(blocks[row]).toBe((blocks[row - 1] ?? 0) + 1);
        const zeros = after.slice(first, end).filter((sum) => sum === 0).length;
        if (zero) expect(zeros).toBe(end - first);
        else {
          // No long hole is written: zeros side by side, which no limit of a run cut, are fewer than 16.
          const rows = after.slice(first, end).map((sum) => (sum === 0 ? '0' : 'x'));
          expect(rows.join('')).not.toMatch(/0{16}/);
          expect(zeros).toBeLessThan(end - first);
        }
      }
      expect(next).toBe(blocks.length);
    }),
    { numRuns: 500 },
  );
});
