import { Pacer } from '../base/pacer.js';
import { alignUp, BLOCK } from '../base/range.js';
import { PAGE_SPAN } from '../format/layout.js';
import { zeroRuns } from '../format/zero-runs.js';
import type { Fetcher } from '../journal/fetch.js';
import type { ForwardIndex } from '../journal/forward-index.js';
import { readMap, readMapNow } from '../journal/read-map.js';
import type { SegmentStore } from '../journal/segment-store.js';
import type { SegmentWriter, WrittenList } from '../journal/segment-writer.js';
import type { Mirror } from '../mirror/mirror.js';
import { converted, type FormOptions, newMap } from '../vrmo/convert.js';
import { MoveList } from '../vrmo/move-list.js';
import { FORWARD, MIM, type Vrmo, ZERO } from '../vrmo/vrmo.js';
import { applyChange, forEachChange } from './build-view.js';
import type { SyncParts } from './sync-parts.js';
import type { State, WindowPlan } from './window.js';

/** Bytes that are read, checked and saved at a time, as one extent: they hold the event loop for a tenth of a ms. */
export const STEP = 256 * 1024;

/** Where the undo list of a state lies in the segment. */
export interface SavedList extends WrittenList {
  readonly state: State;
}

/**
 * Writes the undo lists of the kept states, oldest first ([0047]-[0048], [0071]-[0072]): for each, the ranges
 * that are overwritten before the next one, with what they held. What must be saved is what `preserve` emits for a view
 * that has all on the MIM (Tables I and II); a map that walks along, and ends at the last state, says where it lies.
 * Memory: the two maps, the move list, and one buffer.
 */
export class ListSaver {
  /** Bytes of data that were saved: zeros need none. */
  bytes = 0;
  /** The pages of sums whose blocks the window changes. */
  readonly pages = new Set<number>();
  readonly #buffer = new Uint8Array(STEP);
  /** For steps that compute, and for those that read and write. */
  readonly #pacer: Pacer;
  readonly #ioPacer: Pacer;

  readonly fetcher: Fetcher;
  readonly mirror: Mirror;
  readonly index: ForwardIndex;
  readonly segments: SegmentStore;
  readonly forms: FormOptions;

  constructor({ fetcher, mirror, index, segments, forms, traffic }: SyncParts) {
    this.#pacer = new Pacer(undefined, traffic);
    this.#ioPacer = new Pacer(1, traffic);
    this.fetcher = fetcher;
    this.mirror = mirror;
    this.index = index;
    this.segments = segments;
    this.forms = forms;
  }

  /** Returns where the lists lie, and the map of the last state. */
  async save(
    plan: WindowPlan,
    end: number,
    writer: SegmentWriter,
  ): Promise<{ readonly lists: SavedList[]; readonly map: Vrmo }> {
    let map = newMap(this.forms);
    const lists: SavedList[] = [];
    let at = this.index.first;
    const pass = async (last: number) => {
      for (; at <= last; at++) {
        if (this.index.changes(at)) applyChange(map, this.index, at, this.segments);
        map = converted(map, this.forms);
        if (this.#pacer.due()) await this.#pacer.rest();
      }
    };
    const first = plan.kept[0]?.sequence ?? end;
    // What comes before the first one is not saved: space is short.
    this.#passPages(at, first);
    await pass(first);
    for (const [number, state] of plan.kept.entries()) {
      const stop = plan.kept[number + 1]?.sequence ?? end;
      await writer.beginList(state);
      await this.#saveAll(await this.#movesOf(at, stop), map, writer);
      lists.push({ state, ...writer.list });
      await pass(stop);
    }
    return { lists, map };
  }

  #passPages(from: number, to: number): void {
    for (let at = from; at <= to; at++)
      if (this.index.changes(at))
        forEachChange(this.index, at, this.segments, (start, end) => this.#addPages(start, end));
  }

  #addPages(from: number, to: number): void {
    const lastPage = Math.floor((to - 1) / PAGE_SPAN);
    for (let page = Math.floor(from / PAGE_SPAN); page <= lastPage; page++) this.pages.add(page);
  }

  /**
   * The backward move list of a step of the MIM from one kept state to the next, sorted and joined ([0071], FIG. 12):
   * what a view of the first would still have on the MIM when sequences `[from, to]` overwrite it.
   */
  async #movesOf(from: number, to: number): Promise<MoveList> {
    const moves = new MoveList();
    const emit = (start: number, end: number) => moves.add(start, end);
    let view = newMap(this.forms);
    // Where the bytes will lie is not known yet, and nobody reads through this map.
    const preserve = (start: number, end: number) => view.preserve(start, end, FORWARD, 0, emit);
    for (let at = from; at <= to; at++) {
      if (this.index.changes(at)) forEachChange(this.index, at, this.segments, preserve);
      view = converted(view, this.forms);
      if (this.#pacer.due()) await this.#pacer.rest();
    }
    for (const _step of moves.sealing()) if (this.#ioPacer.due()) await this.#ioPacer.rest();
    return moves;
  }

  async #saveAll(moves: MoveList, map: Vrmo, writer: SegmentWriter): Promise<void> {
    for (let at = 0; at < moves.length; at++) {
      await this.#saveRange(moves.start(at), moves.end(at), map, writer);
      if (this.#ioPacer.due()) await this.#ioPacer.rest();
    }
  }

  async #saveRange(from: number, to: number, map: Vrmo, writer: SegmentWriter): Promise<void> {
    this.#addPages(from, to);
    /** Where the zeros begin that were found last and are not written yet. */
    let zerosFrom = from;
    let start = from;
    while (start < to) {
      // A look at the map is bounded, so that a long range costs no more than its parts.
      const end = Math.min(to, start - (start % BLOCK) + STEP);
      const zeros = await this.#zerosFrom(start, end, map);
      if (zeros > start) {
        start = zeros;
        continue;
      }
      const bytes = this.#buffer.subarray(0, end - start);
      if (!readMapNow(this.fetcher, map, start, bytes)) await readMap(this.fetcher, map, start, bytes);
      for (const run of zeroRuns(start, bytes)) {
        if (run.zero) continue;
        if (run.start > zerosFrom) await writer.zero(zerosFrom, run.start - zerosFrom);
        await writer.extent(run.start, bytes.subarray(run.start - start, run.end - start));
        this.bytes += run.end - run.start;
        zerosFrom = run.end;
      }
      start = end;
    }
    if (to > zerosFrom) await writer.zero(zerosFrom, to - zerosFrom);
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
    const run = await this.mirror.run(first, alignUp(onMirror, BLOCK) / BLOCK, true);
    return run === 0 ? start : Math.min(onMirror, (first + run) * BLOCK);
  }
}
