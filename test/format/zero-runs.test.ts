import fc from 'fast-check';
import { expect, test } from 'vitest';
import { zeroRuns } from '../../src/format/zero-runs.js';

const BLOCK = 4096;

test('bytes are cut into data and zeros at the borders of blocks, wherever they begin', () => {
  const parts = fc.array(fc.record({ length: fc.integer({ min: 1, max: 9000 }), value: fc.nat(1) }), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(fc.nat(2 * BLOCK), parts, (start, pieces) => {
      const bytes = Buffer.concat(pieces.map(({ length, value }) => Buffer.alloc(length, value)));
      const runs = zeroRuns(start, bytes);
      let at = start;
      for (const [number, run] of runs.entries()) {
        expect(run.start).toBe(at);
        expect(run.end).toBeGreaterThan(run.start);
        expect(run.zero).not.toBe(runs[number - 1]?.zero);
        at = run.end;
      }
      expect(at).toBe(start + bytes.length);
      // Every whole block of zeros is in a run of zeros, and nothing else but what adjoins one.
      const within = (address: number) => runs.find((run) => address >= run.start && address < run.end);
      for (let block = Math.floor(start / BLOCK) * BLOCK; block < at; block += BLOCK) {
        const whole = block >= start && block + BLOCK <= at;
        const [from, to] = [Math.max(block, start), Math.min(block + BLOCK, at)];
        const zeros = bytes.subarray(from - start, to - start).every((byte) => byte === 0);
        const run = within(from);
        expect(within(to - 1)).toBe(run);
        if (whole) expect(run?.zero).toBe(zeros);
        else if (run?.zero === true) expect(zeros).toBe(true);
        if (run?.zero === true && runs.length > 1) expect(run.end - run.start).toBeGreaterThanOrEqual(BLOCK);
      }
    }),
    { numRuns: 500 },
  );
});

test('what is all zeros is one run, however short', () => {
  expect(zeroRuns(100, new Uint8Array(10))).toEqual([{ start: 100, end: 110, zero: true }]);
  expect(zeroRuns(100, new Uint8Array(0))).toEqual([]);
});
