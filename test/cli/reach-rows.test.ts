import { expect, it } from 'vitest';
import { reachRows } from '../../src/cli/reach-rows.js';

const DAY = 86_400_000_000_000n;
const unknown = { journalRate: undefined, near: undefined, historyRate: undefined, history: undefined };
const near = { journalRate: 2048, near: DAY / 24n };
const old = { historyRate: 1024, history: 12n * DAY };

it('tells how far history will reach, and nothing while too little is known', () => {
  expect(reachRows(unknown)).toEqual([]);
  const text = 'history will reach back about 12.0 d at this rate, 84.4 MiB a day';
  expect(reachRows({ ...unknown, ...old })).toEqual([['reach', text]]);
  expect(reachRows({ ...near, ...old })).toEqual([
    ['reach', 'every instant of the last 1.00 h, at 2.00 KiB a second'],
    ['', text],
  ]);
});
