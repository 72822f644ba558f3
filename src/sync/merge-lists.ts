import type { Pacer } from '../base/pacer.js';
import type { SnapshotEdit } from '../journal/catalog-format.js';
import { SegmentKind } from '../journal/segment-format.js';
import type { SegmentStore } from '../journal/segment-store.js';
import type { SegmentTable } from '../journal/segment-table.js';
import type { SegmentWriter } from '../journal/segment-writer.js';
import { ExtentTree } from '../vrmo/extent-tree.js';
import { NONE } from '../vrmo/node-slabs.js';
import { FIRST_SEGMENT, ZERO } from '../vrmo/vrmo.js';
import { visitExtents } from './build-view.js';

/**
 * The undo lists of a kept snapshot and of those behind it that are dropped, as one: for each address the oldest list
 * that has it counts (B1: of before-images the earliest). An extent of the tree names the descriptor that it is a cut of.
 */
export class MergedList {
  readonly #tree = new ExtentTree();
  /** Bytes of data that the lists named one by one. */
  before = 0;

  /** @param tables those that were loaded for earlier lists, and now that of this one */
  constructor(
    readonly tables: SegmentStore,
    readonly pacer: Pacer,
  ) {}

  /** Adds the next younger list: what no older one has. @throws `damaged`, `io` */
  async add(list: SnapshotEdit): Promise<void> {
    const table = await this.tables.load(list.segment);
    await visitExtents(table, list.record, list.extents, this.pacer, (start, stop, file, row) => {
      if (file !== ZERO) this.before += stop - start;
      // Where zeros come from tells nothing: they are joined.
      fillGaps(this.#tree, start, stop, file, file === ZERO ? 0 : row);
    });
  }

  /** Bytes of data that the merged list names. */
  after(): number {
    let bytes = 0;
    const tree = this.#tree;
    for (let at = tree.first(); at !== NONE; at = tree.next(at))
      if (tree.file(at) !== ZERO) bytes += tree.end(at) - tree.start(at);
    return bytes;
  }

  /** Writes the descriptors; the data stays where it lies. */
  async write(writer: SegmentWriter): Promise<void> {
    const tree = this.#tree;
    for (let at = tree.first(); at !== NONE; at = tree.next(at)) {
      const start = tree.start(at);
      const length = tree.end(at) - start;
      const table = tree.file(at) === ZERO ? undefined : this.tables.get(tree.file(at) - FIRST_SEGMENT);
      if (table === undefined) await writer.zero(start, length);
      else await writer.cut(cutOf(table, tree.record(at), start, length));
      if (this.pacer.due()) await this.pacer.rest();
    }
  }
}

function cutOf(table: SegmentTable, record: number, start: number, length: number) {
  return {
    kind: SegmentKind.extent,
    start,
    length,
    originStart: table.originStart[record] as number,
    originLength: table.originLength[record] as number,
    pieces: table.pieces[record] as number,
    dataSegment: table.dataSegment[record] as number,
    offset: table.offset[record] as number,
    sum: table.sum[record] as number,
  };
}

/** The parts of `[start, end)` where nothing lies are (file, record) now. */
function fillGaps(tree: ExtentTree, start: number, end: number, file: number, record: number): void {
  const gaps: number[] = [];
  let free = start;
  for (let at = tree.find(start); at !== NONE && tree.start(at) < end; at = tree.next(at)) {
    if (tree.start(at) > free) gaps.push(free, tree.start(at));
    free = tree.end(at);
  }
  if (free < end) gaps.push(free, end);
  for (let at = 0; at < gaps.length; at += 2)
    tree.fill(gaps[at] as number, gaps[at + 1] as number, file, record);
}
