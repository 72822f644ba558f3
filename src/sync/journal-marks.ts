import { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import type { CatalogEdit } from '../journal/catalog-format.js';
import type { Fetcher } from '../journal/fetch.js';
import { Flag, Kind } from '../journal/forward-descriptor.js';
import type { ForwardIndex } from '../journal/forward-index.js';
import type { StoreMeta } from '../journal/store-meta.js';
import { FORWARD } from '../vrmo/vrmo.js';

/** A mark of the forward journal with its name. */
export interface JournalMark {
  readonly sequence: number;
  readonly at: Instant;
  readonly name: string;
  readonly hold: boolean;
  /** Its name is damaged, so it got another. */
  readonly renamed?: boolean;
}

/**
 * The marks in the forward journal that were not deleted, in order. A damaged name costs the name, not the store: the
 * instant was marked, and stays so under a name of its own.
 */
export async function readMarks(
  fetcher: Fetcher,
  index: ForwardIndex,
  dropped: ReadonlySet<number>,
): Promise<JournalMark[]> {
  const marks: JournalMark[] = [];
  for (let at = index.first; at < index.next; at++) {
    if (index.kind(at) !== Kind.mark || dropped.has(at)) continue;
    const hold = (index.flags(at) & Flag.hold) !== 0;
    const name = await readName(fetcher, index, at);
    const mark = { sequence: at, at: index.stamp(at), hold };
    marks.push(name === undefined ? { ...mark, name: `unreadable-${at}`, renamed: true } : { ...mark, name });
  }
  return marks;
}

/** Undefined if it is damaged. */
async function readName(
  fetcher: Fetcher,
  index: ForwardIndex,
  sequence: number,
): Promise<string | undefined> {
  const bytes = new Uint8Array(index.length(sequence));
  try {
    await fetcher.read(FORWARD, sequence % 2 ** 32, 0, bytes);
  } catch (error) {
    if (error instanceof AnywhenError && error.code === 'damaged') return undefined;
    throw error;
  }
  return new TextDecoder().decode(bytes);
}

/** The marks of a window enter the catalog. */
export function markEdits(marks: readonly JournalMark[]): CatalogEdit[] {
  return marks.map(({ name, sequence, at, hold }) => ({ type: 'mark', name, sequence, at, hold }));
}

/** Whether the state of the MIM must become a snapshot: older ones lead to it, or a mark names it. */
export function leadsToMirror({ catalog, superblock }: StoreMeta): boolean {
  if (catalog.snapshots.length > 0) return true;
  return [...catalog.marks.values()].some(({ at }) => at >= superblock.mimStamp);
}
