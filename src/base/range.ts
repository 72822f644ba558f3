/** A half-open range of byte addresses, `[start, end)`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The bytes of a block of the MIM and the largest length of a piece that has a checksum of its own. */
export const BLOCK = 4096;

/** The largest address of a volume: beyond it, numbers would lose bytes. */
export const ADDRESS_LIMIT = 2 ** 53;

/** `value` rounded down to a multiple of `unit`. Exact up to 2^53. */
export function alignDown(value: number, unit: number): number {
  return value - (value % unit);
}

/** `value` rounded up to a multiple of `unit`. Exact up to 2^53. */
export function alignUp(value: number, unit: number): number {
  const rest = value % unit;
  return rest === 0 ? value : value + unit - rest;
}

/** The number of 4 KiB-aligned pieces that `[start, end)` touches. */
export function pieceCount(start: number, end: number): number {
  return end <= start ? 0 : Math.ceil(end / BLOCK) - Math.floor(start / BLOCK);
}

/** Sorts ranges and joins those that touch or overlap. */
export function joinRanges(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => a.start - b.start);
  const joined: { start: number; end: number }[] = [];
  for (const range of sorted) {
    const last = joined[joined.length - 1];
    if (last !== undefined && range.start <= last.end) last.end = Math.max(last.end, range.end);
    else joined.push({ start: range.start, end: range.end });
  }
  return joined;
}
