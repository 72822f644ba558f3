import { formatInstant, type Instant } from '../base/instant.js';
import { chooseBuckets } from '../volume/activity-buckets.js';

/** Columns from one tick to the next at the least: the longest label, and some room. */
const APART = 12;
const SECOND = 1_000_000_000n;
const MINUTE = 60n * SECOND;
const DAY = 86_400n * SECOND;

/** A time under a column. */
export interface Tick {
  readonly column: number;
  readonly label: string;
}

/**
 * Times that a person would write under bars of `step` ns and `width` columns each, the first of which begins at
 * `first`. UTC. Pure.
 */
export function ticksOf(first: Instant, step: bigint, bars: number, width: number): Tick[] {
  const last = first + step * BigInt(bars) - 1n;
  const grid = chooseBuckets(first, last, Math.max(1, Math.floor((bars * width) / APART)));
  const ticks: Tick[] = [];
  for (let at = grid.first; at <= last; at += grid.step)
    if (at >= first)
      ticks.push({ column: Number((at - first) / step) * width, label: labelOf(at, grid.step) });
  return ticks;
}

/** As much of an instant as tells ticks so far apart from each other. */
function labelOf(at: Instant, apart: bigint): string {
  const [date = '', time = ''] = formatInstant(at).slice(0, -1).split('T');
  if (apart >= 300n * DAY) return date;
  if (apart >= DAY || at % DAY === 0n) return date.slice(5);
  if (apart >= MINUTE) return time.slice(0, 5);
  if (apart >= SECOND) return time.slice(0, 8);
  const [whole = '', fraction = '000000000'] = time.split('.');
  const digits = apart % 1_000_000n === 0n ? 3 : apart % 1_000n === 0n ? 6 : 9;
  return `${whole.slice(6)}.${fraction.slice(0, digits)}`;
}
