import { alignUp, BLOCK, joinRanges, type Range } from '../base/range.js';
import { isZero } from '../format/checksum.js';
import { MAX_SEGMENT_EXTENT } from '../format/layout.js';
import type { Fetcher } from '../journal/fetch.js';
import type { ForwardIndex } from '../journal/forward-index.js';
import { readMap } from '../journal/read-map.js';
import type { SegmentStore } from '../journal/segment-store.js';
import type { SegmentWriter } from '../journal/segment-writer.js';
import type { Mirror } from '../mirror/mirror.js';
import { MIM, type Vrmo, ZERO } from '../vrmo/vrmo.js';
import { applyChange, forEachChange } from './build-view.js';
import type { State, WindowPlan } from './window.js';

/** Where the undo list of a state lies in the segment. */
export interface SavedList {
  readonly state: State;
  readonly record: number;
  readonly extents: number;
}

/**
 * Writes the undo lists of the kept states, oldest first ([0047]-[0048], [0071]-[0072]): for each, the ranges
 * that are overwritten before the next one, with what they held. `map` walks along and ends at the last state.
 */
export class ListSaver {
  bytes = 0;

  constructor(
    readonly fetcher: Fetcher,
    readonly mirror: Mirror,
    readonly index: ForwardIndex,
    readonly segments: SegmentStore,
  ) {}

  async save(plan: WindowPlan, end: number, map: Vrmo, writer: SegmentWriter): Promise<SavedList[]> {
    const lists: SavedList[] = [];
    let at = this.index.first;
    for (const [index, state] of plan.kept.entries()) {
      const stop = plan.kept[index + 1]?.sequence ?? end;
      await writer.beginList(state);
      const record = writer.count;
      for (const range of this.#changed(at, stop)) await this.#saveRange(range, map, writer);
      lists.push({ state, record, extents: writer.count - record });
      for (; at <= stop; at++) if (this.index.changes(at)) applyChange(map, this.index, at, this.segments);
    }
    return lists;
  }

  /** The ranges that sequences `[from, to]` change, sorted and joined (FIG. 12). */
  #changed(from: number, to: number): Range[] {
    const ranges: Range[] = [];
    for (let at = from; at <= to; at++) {
      if (this.index.changes(at))
        forEachChange(this.index, at, this.segments, (start, end) => ranges.push({ start, end }));
    }
    return joinRanges(ranges);
  }

  async #saveRange(range: Range, map: Vrmo, writer: SegmentWriter): Promise<void> {
    let start = range.start;
    while (start < range.end) {
      const zeros = await this.#zerosFrom(start, range.end, map);
      if (zeros > start) {
        await writer.zero(start, zeros - start);
        start = zeros;
        continue;
      }
      const end = Math.min(range.end, start - (start % BLOCK) + MAX_SEGMENT_EXTENT);
      const bytes = new Uint8Array(end - start);
      await readMap(this.fetcher, map, start, bytes);
      if (isZero(bytes)) await writer.zero(start, bytes.length);
      else await writer.extent(start, bytes);
      this.bytes += bytes.length;
      start = end;
    }
  }

  /** How far from `start` the map is known to be zeros, without reading: discarded, or never written blocks of the MIM. */
  async #zerosFrom(start: number, end: number, map: Vrmo): Promise<number> {
    let zeros = start;
    let onMirror = start;
    map.lookup(start, end, (from, to, file) => {
      if (file === ZERO && from === zeros) zeros = to;
      if (file === MIM && from === onMirror) onMirror = to;
    });
    if (onMirror === start) return zeros;
    const first = Math.floor(start / BLOCK);
    const run = await this.mirror.zeroRun(first, alignUp(onMirror, BLOCK) / BLOCK);
    return run === 0 ? start : Math.min(onMirror, (first + run) * BLOCK);
  }
}
