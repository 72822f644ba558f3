import type { Pacer } from '../base/pacer.js';
import type { SnapshotEdit } from '../journal/catalog-format.js';
import { SegmentKind } from '../journal/segment-format.js';
import type { SegmentStore } from '../journal/segment-store.js';
import type { SegmentTable } from '../journal/segment-table.js';
import type { SegmentWriter } from '../journal/segment-writer.js';
import { converted, type FormOptions, newMap } from '../vrmo/convert.js';
import type { Vbmj } from '../vrmo/vbmj.js';
import type { Vbmm } from '../vrmo/vbmm.js';
import { FIRST_SEGMENT, ZERO } from '../vrmo/vrmo.js';
import { visitExtents } from './build-view.js';

/**
 * The undo lists of a kept snapshot and of those behind it that are dropped, as one (B1: of before-images the earliest):
 * the map of a view of the kept one, as far as it goes without the MIM.
 */
export class MergedList {
  #map: Vbmm | Vbmj;
  /** Bytes of data that the lists named one by one. */
  before = 0;

  /** @param tables those that were loaded for earlier lists, and now that of this one */
  constructor(
    readonly tables: SegmentStore,
    readonly pacer: Pacer,
    readonly forms: FormOptions,
  ) {
    this.#map = newMap(forms);
  }

  /** Adds the next younger list: what no older one has. @throws `damaged`, `io` */
  async add(list: SnapshotEdit): Promise<void> {
    const table = await this.tables.load(list.segment);
    await visitExtents(table, list.record, list.extents, this.pacer, (start, stop, file, row) => {
      if (file !== ZERO) this.before += stop - start;
      // Where zeros come from tells nothing: they are joined.
      this.#map.preserve(start, stop, file, file === ZERO ? 0 : row);
      this.#map = converted(this.#map, this.forms);
    });
  }

  /** Bytes of data that the merged list names. */
  after(): number {
    let bytes = 0;
    for (const { start, end, file } of this.#map.inJournal()) if (file !== ZERO) bytes += end - start;
    return bytes;
  }

  /** Writes the descriptors; the data stays where it lies. */
  async write(writer: SegmentWriter): Promise<void> {
    for (const { start, end, file, record } of this.#map.inJournal()) {
      const length = end - start;
      const table = file === ZERO ? undefined : this.tables.get(file - FIRST_SEGMENT);
      if (table === undefined) await writer.zero(start, length);
      else await writer.cut(cutOf(table, record, start, length));
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
