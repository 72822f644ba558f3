import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Run, step } from './run.js';

/*
 * The engine beside a naive model that keeps a full copy of the volume for every instant. After every step each
 * point that is listed is read whole, and the map of every open view is verified. `ORACLE_RUNS=100000 npx vitest run
 * test/oracle` for the long run.
 */
const RUNS = Number(process.env.ORACLE_RUNS ?? 2000);

/** VBMJ from the start; converted there and back in mid-life, early and late; VBMM for ever. */
const nodes = fc.constantFrom(0, 1, 4, 12, Number.POSITIVE_INFINITY);
const steps = fc.array(step, { minLength: 1, maxLength: 40, size: 'max' });

test(`every point reads as the model says, over ${RUNS} random runs`, { timeout: 3_600_000 }, async () => {
  let conversions = 0;
  await fc.assert(
    fc.asyncProperty(nodes, steps, async (limit, todo) => {
      const run = new Run({ nodes: limit });
      await run.begin();
      for (const one of todo) {
        await run.step(one);
        await run.check();
      }
      conversions += run.conversions;
    }),
    { numRuns: RUNS, timeout: 20_000 },
  );
  expect(conversions).toBeGreaterThan(RUNS / 4);
});
