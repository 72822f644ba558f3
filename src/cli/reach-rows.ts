import { describeDuration, describeSize } from '../base/units.js';
import type { Reach } from '../control/model-schema.js';

/** Seconds. */
const DAY = 86_400;

/** How far history will reach; no row while too little is known. Pure. */
export function reachRows({ near, journalRate, history, historyRate }: Reach): string[][] {
  const rows: string[][] = [];
  if (near !== undefined && journalRate !== undefined) {
    const rate = describeSize(Math.round(journalRate));
    rows.push(['reach', `every instant of the last ${describeDuration(near)}, at ${rate} a second`]);
  }
  if (history !== undefined && historyRate !== undefined) {
    const rate = describeSize(Math.round(historyRate * DAY));
    const text = `history will reach back about ${describeDuration(history)} at this rate, ${rate} a day`;
    rows.push([rows.length === 0 ? 'reach' : '', text]);
  }
  return rows;
}
