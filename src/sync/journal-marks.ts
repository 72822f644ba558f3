import type { Instant } from '../base/instant.js';
import type { Fetcher } from '../journal/fetch.js';
import { Flag, Kind } from '../journal/forward-descriptor.js';
import type { ForwardIndex } from '../journal/forward-index.js';
import { FORWARD } from '../vrmo/vrmo.js';

/** A mark of the forward journal with its name. */
export interface JournalMark {
  readonly sequence: number;
  readonly at: Instant;
  readonly name: string;
  readonly hold: boolean;
}

/** The marks in the forward journal that were not deleted, in order. */
export async function readMarks(
  fetcher: Fetcher,
  index: ForwardIndex,
  dropped: ReadonlySet<number>,
): Promise<JournalMark[]> {
  const marks: JournalMark[] = [];
  for (let at = index.first; at < index.next; at++) {
    if (index.kind(at) !== Kind.mark || dropped.has(at)) continue;
    const bytes = new Uint8Array(index.length(at));
    await fetcher.read(FORWARD, at % 2 ** 32, 0, bytes);
    const hold = (index.flags(at) & Flag.hold) !== 0;
    marks.push({ sequence: at, at: index.stamp(at), name: new TextDecoder().decode(bytes), hold });
  }
  return marks;
}
