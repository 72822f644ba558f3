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
