import { alignUp } from '../../src/base/range.js';
import type { DataChange } from './disk-model.js';

export type Random = (below: number) => number;

export interface TornWrite {
  readonly what: string;
  readonly parts: readonly DataChange[];
}

const SECTOR = 512;
const PAGE = 4096;

export interface TearOptions {
  /** How many borders are tried at most: the first and the last always, the others picked at random. */
  readonly borders: number;
  /** Tries zeros and garbage in its place too: a disk that does not even keep what it was told to write over. */
  readonly garbage: boolean;
}

/**
 * What a disk may have made of a write while the power went: all up to a border of a sector or a page, all
 * from there on, some of its sectors, or something else in its place.
 */
export function* tornWrites(
  write: Extract<DataChange, { op: 'write' }>,
  random: Random,
  options: TearOptions,
): Generator<TornWrite> {
  const bytes = Buffer.concat(write.from);
  const part = (start: number, end: number): DataChange => ({
    op: 'write',
    file: write.file,
    offset: write.offset + start,
    from: [bytes.subarray(start, end)],
  });
  for (const border of pick(bordersIn(write.offset, bytes.length), random, options.borders)) {
    yield { what: `its first ${border} bytes`, parts: [part(0, border)] };
    yield { what: `all but its first ${border} bytes`, parts: [part(border, bytes.length)] };
  }
  if (bytes.length > SECTOR) {
    const mixed = cuts(write.offset, bytes.length).filter(() => random(2) === 0);
    yield { what: 'some of its sectors', parts: mixed.map(([start, end]) => part(start, end)) };
  }
  if (bytes.length === 0 || !options.garbage) return;
  const fill = (value: () => number) => ({ ...write, from: [Uint8Array.from(bytes, value)] });
  yield { what: 'zeros in its place', parts: [fill(() => 0)] };
  yield { what: 'garbage in its place', parts: [fill(() => random(256))] };
}

/** The places inside a write, from its start, where a sector ends; those where a page does come first. */
export function bordersIn(offset: number, length: number): number[] {
  const found: number[] = [];
  for (let at = alignUp(offset + 1, SECTOR); at < offset + length; at += SECTOR) found.push(at - offset);
  const isPage = (border: number) => (offset + border) % PAGE === 0;
  return [...found.filter(isPage), ...found.filter((border) => !isPage(border))];
}

function cuts(offset: number, length: number): [number, number][] {
  const inner = bordersIn(offset, length).sort((a, b) => a - b);
  const starts = [0, ...inner];
  return starts.map((start, index) => [start, starts[index + 1] ?? length]);
}

function pick(values: readonly number[], random: Random, count: number): number[] {
  if (values.length <= count) return [...values];
  const chosen = new Set([Math.min(...values), Math.max(...values)]);
  while (chosen.size < count) chosen.add(values[random(values.length)] as number);
  return [...chosen];
}
