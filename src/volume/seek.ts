import { BLOCK } from '../base/range.js';
import type { Fetcher } from '../journal/fetch.js';
import { MIM, type SourceFile, type Vrmo, ZERO } from '../vrmo/vrmo.js';

/** So much of the map is looked at in the first step; each further one takes twice as much. */
const FIRST_STEP = 1024 * 1024;
const LAST_STEP = 64 * 1024 * 1024;

interface Seekable {
  readonly map: Vrmo;
  readonly fetcher: Fetcher;
  readonly size: number;
  /** What is still to be resolved, of a view of a snapshot. */
  readonly lists?: unknown;
  /** Calls `use` while the map says where `[start, end)` lies. */
  resolved(start: number, end: number, use: () => void): Promise<void>;
}

interface Part {
  readonly start: number;
  readonly end: number;
  readonly file: SourceFile;
}

/** The next address at or behind `from` that holds data, or lies in a hole; see `View.seek`. */
export async function seekMap(view: Seekable, from: number, data: boolean): Promise<number | undefined> {
  if (from >= view.size) return undefined;
  // A map that is whole is looked at without a limit; what is resolved for it takes memory.
  const last = view.lists === undefined ? Number.POSITIVE_INFINITY : LAST_STEP;
  for (let at = from, step = FIRST_STEP; at < view.size; step = Math.min(2 * step, last)) {
    const end = Math.min(view.size, at + step);
    const parts: Part[] = [];
    await view.resolved(at, end, () =>
      view.map.lookup(at, end, (start, stop, file) => parts.push({ start, end: stop, file })),
    );
    for (const part of parts) {
      const found = await inPart(view.fetcher, part, data);
      if (found !== undefined) return found;
    }
    at = end;
  }
  return data ? undefined : view.size;
}

/** The MIM knows of each block whether it is zeros; all else that is journaled is data or was discarded. */
async function inPart(fetcher: Fetcher, part: Part, data: boolean): Promise<number | undefined> {
  if (part.file !== MIM) return (part.file === ZERO) !== data ? part.start : undefined;
  const first = Math.floor(part.start / BLOCK);
  const end = Math.ceil(part.end / BLOCK);
  const run = await fetcher.mirror.run(first, end, data);
  const found = (first + run) * BLOCK;
  return found < part.end ? Math.max(part.start, found) : undefined;
}
