import { formatSize } from '../base/units.js';

/** The lines that a large volume is drawn in. */
export const ROWS = 4;
/** What stands before the cells of a line: an address. */
const LABEL = 10;
/** Wider than this, a line is hard to read. */
const WIDEST = 200;
const NARROWEST = 8;

/** By share of a cell that changed: at most so much, is drawn so. */
const DENSITIES: readonly (readonly [most: number, character: string, colour: string])[] = [
  [0, '.', '2'],
  [0.1, '-', '36'],
  [0.5, '+', '33'],
  [0.999_999, '*', '31'],
  [1, '#', '1;31'],
];

/** How many cells of a map stand in a line of a terminal: eights, which make round addresses. */
export function cellsInLine(columns: number): number {
  const room = Math.min(columns, WIDEST) - LABEL - 1;
  return Math.max(NARROWEST, room - (room % NARROWEST));
}

/**
 * The volume as a few lines of cells, a character for the share of each that changed. Pure.
 *
 * @param size of the volume, bytes
 * @param cell bytes of a cell; the last one may be shorter
 * @param map the bytes that changed, by cell
 */
export function changePicture(
  { size, cell, map }: { readonly size: number; readonly cell: number; readonly map: readonly number[] },
  columns: number,
  colour: boolean,
): string[] {
  const width = cellsInLine(columns);
  const lines: string[] = [];
  for (let first = 0; first < map.length; first += width) {
    const cells = map.slice(first, first + width).map((bytes, at) => {
      const start = (first + at) * cell;
      return density(bytes / (Math.min(size, start + cell) - start));
    });
    const label = formatSize(first * cell).padStart(LABEL);
    lines.push(`${label} ${cells.map(([, character, code]) => paint(character, code, colour)).join('')}`);
  }
  lines.push(`  each ${formatSize(cell)}: . nothing  - to 10 %  + to half  * more  # all of it changed`);
  return lines;
}

function density(share: number): (typeof DENSITIES)[number] {
  const found = DENSITIES.find(([most]) => share <= most);
  return found ?? (DENSITIES[DENSITIES.length - 1] as (typeof DENSITIES)[number]);
}

function paint(character: string, code: string, colour: boolean): string {
  return colour ? `\u001b[${code}m${character}\u001b[0m` : character;
}
