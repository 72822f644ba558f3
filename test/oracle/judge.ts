import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Run, step } from './run.js';

/*
 * The engine beside a naive model that keeps a full copy of the volume for every instant. After every step each
 * point that is listed is read whole, so is each that was listed once and can still be shown, and every map is
 * verified. The runs are shared out over files, which are run in parallel; for the long run:
 * `ORACLE_RUNS=100000 npx vitest run test/oracle/oracle`.
 */
const FILES = 4;
const RUNS = Math.ceil(Number(process.env.ORACLE_RUNS ?? 5000) / FILES);

/** VBMJ from the start; converted there and back in mid-life, early and late; VBMM for ever. */
const nodes = fc.constantFrom(0, 1, 4, 12, Number.POSITIVE_INFINITY);
const steps = fc.array(step, { minLength: 1, maxLength: 40, size: 'max' });

export function judgeEngine(file: number): void {
  const name = `every point reads as the model says, over ${RUNS} random runs, ${file} of ${FILES}`;
  test(name, { timeout: 3_600_000 }, async () => {
    const reached = { conversions: 0, dropped: 0, pinned: 0, unlisted: 0 };
    await fc.assert(
      fc.asyncProperty(nodes, steps, async (limit, todo) => {
        const run = new Run({ nodes: limit });
        await run.begin();
        for (const one of todo) {
          await run.step(one);
          await run.check();
        }
        await run.checkDifferences();
        for (const key of Object.keys(reached) as (keyof typeof reached)[]) reached[key] += run.reached[key];
      }),
      { numRuns: RUNS, timeout: 60_000 },
    );
    for (const [what, count] of Object.entries(reached))
      expect(count, `the runs come to it: ${what}`).toBeGreaterThan(RUNS / 50);
  });
}
