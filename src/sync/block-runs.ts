import { alignDown, alignUp, BLOCK } from '../base/range.js';
import { PAGE_SPAN } from '../format/layout.js';
import { MIM, type Vrmo, ZERO } from '../vrmo/vrmo.js';

/** Blocks `[first, end)` that move; `zero`: wholly to zeros. */
export interface BlockRun {
  readonly first: number;
  end: number;
  readonly zero: boolean;
}

/** The blocks of a page of sums that a map does not wholly leave on the MIM, in order, each once. */
export function blockRuns(map: Vrmo, page: number): BlockRun[] {
  const runs: BlockRun[] = [];
  const add = (start: number, end: number, zero: boolean) => {
    const last = runs[runs.length - 1];
    const first = Math.max(start, last?.end ?? 0);
    if (first >= end) return;
    if (last !== undefined && last.end === first && last.zero === zero) last.end = end;
    else runs.push({ first, end, zero });
  };
  map.lookup(page * PAGE_SPAN, (page + 1) * PAGE_SPAN, (start, end, file) => {
    if (file === MIM) return;
    const innerFrom = alignUp(start, BLOCK) / BLOCK;
    const innerTo = alignDown(end, BLOCK) / BLOCK;
    if (file !== ZERO || innerFrom >= innerTo)
      return add(alignDown(start, BLOCK) / BLOCK, alignUp(end, BLOCK) / BLOCK, false);
    add(alignDown(start, BLOCK) / BLOCK, innerFrom, false);
    add(innerFrom, innerTo, true);
    add(innerTo, alignUp(end, BLOCK) / BLOCK, false);
  });
  return runs;
}

/** Fewer blocks of zeros among others are written: so short a hole costs more than it saves. */
const HOLE = 16;

/**
 * The moved blocks of a page cut into what is done at once: runs of neighbours, at most so many, and holes where they
 * come to be zeros.
 *
 * @param blocks their numbers, rising
 * @param after their sums behind the move; 0: zeros
 * @returns ranges of indices
 */
export function* movedRuns(blocks: Uint32Array, after: Uint32Array, most: number): Generator<BlockRun> {
  for (let from = 0; from < blocks.length; ) {
    let end = from + 1;
    while (end < blocks.length && end - from < most && blocks[end] === (blocks[from] as number) + end - from)
      end += 1;
    yield* holesIn(after, from, end);
    from = end;
  }
}

function* holesIn(after: Uint32Array, from: number, end: number): Generator<BlockRun> {
  let data = from;
  for (let first = from; first < end; ) {
    let stop = first + 1;
    while (stop < end && (after[stop] === 0) === (after[first] === 0)) stop += 1;
    const whole = first === from && stop === end;
    if (after[first] === 0 && (whole || stop - first >= HOLE)) {
      if (first > data) yield { first: data, end: first, zero: false };
      yield { first, end: stop, zero: true };
      data = stop;
    }
    first = stop;
  }
  if (end > data) yield { first: data, end, zero: false };
}
