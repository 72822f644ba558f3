import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { OutcomeOfTableOne } from '../../src/vrmo/table-one.js';
import type { OutcomeOfTableTwo } from '../../src/vrmo/table-two.js';
import { Vbmj } from '../../src/vrmo/vbmj.js';
import { Vbmm } from '../../src/vrmo/vbmm.js';
import { Run, step } from './run.js';

/*
 * The oracle judged: with any one row of Table I or Table II broken, it must notice by what comes out at the end of
 * the engine. So the checks of each outcome are switched off here.
 */
const RUNS = 1000;
const SEED = 20240101;

const broken = vi.hoisted(() => ({ one: 0, two: 0, reached: 0 }));

vi.mock('../../src/vrmo/table-one.js', async (original) => {
  const table = await original<typeof import('../../src/vrmo/table-one.js')>();
  /** A broken row loses what it should save and hand on; row 1, that has nothing to lose, saves what it should not. */
  const outcomeOfTableOne = (ms: number, me: number, vs: number, ve: number): OutcomeOfTableOne => {
    if (table.rowOfTableOne(ms, me, vs, ve) !== broken.one) return table.outcomeOfTableOne(ms, me, vs, ve);
    broken.reached += 1;
    const emit = broken.one === 1 ? ([ms, me] as const) : undefined;
    return { left: undefined, right: undefined, node: [], emit };
  };
  return { ...table, outcomeOfTableOne, checkTableOne: () => undefined };
});

vi.mock('../../src/vrmo/table-two.js', async (original) => {
  const table = await original<typeof import('../../src/vrmo/table-two.js')>();
  /** A broken row loses what it should hand on; row 5, that hands on nothing, saves what is saved already. */
  const outcomeOfTableTwo = (ms: number, me: number, vs: number, ve: number): OutcomeOfTableTwo => {
    const outcome = table.outcomeOfTableTwo(ms, me, vs, ve);
    if (table.rowOfTableTwo(ms, me, vs, ve) !== broken.two) return outcome;
    broken.reached += 1;
    const left = broken.two === 5 ? ([ms, me] as const) : undefined;
    return { add: outcome.add, left, right: undefined };
  };
  return { ...table, outcomeOfTableTwo, checkTableTwo: () => undefined };
});

/** The oracle with maps of one form only. */
async function judge(nodes: number, runs: number): Promise<{ failed: boolean; numRuns: number }> {
  const steps = fc.array(step, { minLength: 1, maxLength: 40, size: 'max' });
  return fc.check(
    fc.asyncProperty(steps, async (todo) => {
      const run = new Run({ nodes });
      await run.begin();
      for (const one of todo) {
        await run.step(one);
        await run.check();
      }
    }),
    { numRuns: runs, seed: SEED, endOnFailure: true, timeout: 20_000 },
  );
}

async function expectNoticed(nodes: number): Promise<void> {
  broken.reached = 0;
  const { failed, numRuns } = await judge(nodes, RUNS);
  expect(broken.reached, 'the engine comes to the row').toBeGreaterThan(0);
  expect(failed, `noticed within ${numRuns} runs`).toBe(true);
}

test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])(
  'the oracle notices that row %i of Table I is broken',
  async (row) => {
    Object.assign(broken, { one: row, two: 0 });
    await expectNoticed(Number.POSITIVE_INFINITY);
  },
);

test.each([1, 2, 3, 4, 5, 6, 7, 8])('the oracle notices that row %i of Table II is broken', async (row) => {
  Object.assign(broken, { one: 0, two: row });
  await expectNoticed(0);
});

/** The undo lists of a sync event are made of what is emitted, and of nothing else. */
test.each([
  ['VBMM', Vbmm.prototype, Number.POSITIVE_INFINITY],
  ['VBMJ', Vbmj.prototype, 0],
] as const)('the oracle notices that a %s does not emit what it preserved', async (_, form, nodes) => {
  Object.assign(broken, { one: 0, two: 0 });
  const { preserve } = form;
  const silent = vi.spyOn(form, 'preserve').mockImplementation(function (this: Vbmm & Vbmj, ...move) {
    preserve.call(this, move[0], move[1], move[2], move[3]);
  });
  try {
    expect((await judge(nodes, RUNS)).failed).toBe(true);
    expect(silent).toHaveBeenCalled();
  } finally {
    silent.mockRestore();
  }
});

test.each([0, Number.POSITIVE_INFINITY])(
  'and nothing when both tables are whole, with a limit of %d nodes',
  async (nodes) => {
    Object.assign(broken, { one: 0, two: 0 });
    expect((await judge(nodes, 50)).failed).toBe(false);
  },
);
