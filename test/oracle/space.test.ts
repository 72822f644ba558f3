import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SpaceRun, spaceStep } from './space-run.js';

/*
 * The oracle on a disk that is too small: history goes, what is left is right, what is held stays, and the store is
 * well throughout. `SPACE_RUNS=100000` for the long run.
 */
const RUNS = Number(process.env.SPACE_RUNS ?? 600);

const spare = fc.integer({ min: 16 * 1024, max: 320 * 1024 });
const steps = fc.array(spaceStep, { minLength: 1, maxLength: 50, size: 'max' });

test(`on a disk that is too small every point is right or gone, over ${RUNS} random runs`, {
  timeout: 3_600_000,
}, async () => {
  let starved = 0;
  const seen = { refused: 0, scratches: 0, snapshots: 0, marks: 0, views: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 4, Number.POSITIVE_INFINITY),
      spare,
      steps,
      async (nodes, bytes, todo) => {
        const run = new SpaceRun({ nodes }, bytes);
        await run.begin();
        for (const one of todo) {
          await run.spaceStep(one);
          await run.check();
        }
        run.end();
        starved += run.starved;
        for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += run.seen[key];
      },
    ),
    { numRuns: RUNS, timeout: 30_000 },
  );
  console.info(`space: ${JSON.stringify(seen)}, starved ${starved}`);
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(RUNS / 60);
  expect(starved).toBeLessThan(seen.refused / 20);
});
