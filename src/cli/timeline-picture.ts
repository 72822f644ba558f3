import { formatInstant } from '../base/instant.js';
import type { PointItem } from '../control/contract.js';

const WIDTH = 64;

/**
 * History as a line: `=` every instant can be shown, `|` a snapshot, `m` a mark, `.` nothing. Pure.
 */
export function timelinePicture(
  points: readonly PointItem[],
  oldest: bigint,
  nearFrom: bigint,
  now: bigint,
): string[] {
  const span = now > oldest ? now - oldest : 1n;
  const cells = new Array<string>(WIDTH).fill('.');
  const cell = (at: bigint) => {
    const place = Number(((at - oldest) * BigInt(WIDTH - 1)) / span);
    return Math.min(Math.max(place, 0), WIDTH - 1);
  };
  for (let at = cell(nearFrom); at < WIDTH; at++) cells[at] = '=';
  for (const point of points) if (point.place === 'snapshot') cells[cell(point.at)] = '|';
  for (const point of points) if (point.marks.length > 0) cells[cell(point.at)] = 'm';
  return [
    `  ${cells.join('')}`,
    `  ${formatInstant(oldest)}  ->  ${formatInstant(now)}`,
    '  | snapshot   m mark   = every instant can be shown',
  ];
}
