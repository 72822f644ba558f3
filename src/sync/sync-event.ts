import { assert } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import type { Mutex } from '../base/mutex.js';
import { alignUp, BLOCK } from '../base/range.js';
import type { Executor, Step } from '../file/executor.js';
import { crc32c } from '../format/checksum.js';
import { DESCRIPTOR_SIZE, FILES, moveRecord, segmentData, segmentDescriptors } from '../format/layout.js';
import type { CopiedState, Epoch, Superblock } from '../format/superblock.js';
import type { CatalogEdit } from '../journal/catalog-format.js';
import type { Fetcher } from '../journal/fetch.js';
import { Kind } from '../journal/forward-descriptor.js';
import type { ForwardIndex } from '../journal/forward-index.js';
import { Direction } from '../journal/segment-format.js';
import type { SegmentStore } from '../journal/segment-store.js';
import { SegmentWriter } from '../journal/segment-writer.js';
import type { StoreMeta } from '../journal/store-meta.js';
import type { Mirror } from '../mirror/mirror.js';
import { Vbmm } from '../vrmo/vbmm.js';
import { FIRST_SEGMENT, FORWARD, type Vrmo, ZERO } from '../vrmo/vrmo.js';
import { applyChange, buildSnapshot, firstSnapshotFrom, forEachChange, preserveLists } from './build-view.js';
import type { JournalMark } from './journal-marks.js';
import { decodeMoveRecord, encodeMovePage, type MovePage } from './move-record.js';
import { Mover } from './mover.js';
import type { OpenViews } from './open-views.js';
import { ListSaver, type SavedList } from './save-lists.js';
import { planWindow, type WindowPlan } from './window.js';

/** What a sync event works on. */
export interface SyncParts {
  readonly executor: Executor;
  readonly meta: StoreMeta;
  readonly index: ForwardIndex;
  readonly mirror: Mirror;
  readonly fetcher: Fetcher;
  readonly segments: SegmentStore;
  readonly views: OpenViews;
  /** Held while views are built and while they are switched. */
  readonly switching: Mutex;
}

export interface SyncResult {
  readonly end: number;
  readonly at: Instant;
  readonly changes: number;
  readonly snapshots: number;
  readonly bytesSaved: number;
  readonly bytesMoved: number;
}

export interface SyncRequest {
  /** The window is everything up to this sequence, which must be durable. */
  readonly end: number;
  readonly granularity: 'all' | bigint;
  /** The marks of the window. */
  readonly marks: readonly JournalMark[];
}

/**
 * A sync event ([0047]-[0048], [0062]-[0065], FIG. 9, 10): the oldest part of the forward journal becomes
 * snapshots, and the MIM moves forward over it.
 *
 *   planned -> copied: backward lists, catalog edits and the move record are durable. Before this commit no byte
 *              of the MIM changes; after it nothing is copied from those blocks again. Every view older than the
 *              end is switched to the lists.
 *   copied  -> moved: MIM and sums are durable, the tail has advanced. Views of the end and later are switched
 *              from the journal to the MIM; only then may the freed part of the ring be written.
 *
 * A crash before `copied` leaves orphans and nothing else. A crash in `copied` repeats the move.
 */
export class SyncEvent {
  readonly #mover: Mover;

  constructor(readonly parts: SyncParts) {
    this.#mover = new Mover(parts.executor, parts.mirror, parts.fetcher, parts.meta.seed);
  }

  /** Everything up to and with the second commit; the caller then gives the ring's space back. */
  async run(request: SyncRequest): Promise<SyncResult> {
    const plan = this.#planWindow(request);
    if (plan.changes === 0) return this.#moveNothing(request, plan);
    const { meta } = this.parts;
    const segment = meta.catalog.nextSegment();
    const map: Vrmo = new Vbmm();
    const saver = new ListSaver(this.parts.fetcher, this.parts.mirror, this.parts.index, this.parts.segments);
    const writer = new SegmentWriter(this.parts.executor, segment, meta.seed);
    await writer.begin();
    const lists = await saver.save(plan, request.end, map, writer);
    await this.#finishSegment(writer, plan);
    await this.parts.segments.load(segment);
    const pages = await this.#mover.plan(map);
    const copied = await this.#writeMoveRecord(segment, pages, request.end, plan);
    await this.#commitCopied(request, writer, lists, copied);
    const bytesMoved = await this.#mover.apply(pages, map, false);
    await this.commitMoved(copied, plan.last.from);
    const { changes } = plan;
    return {
      end: request.end,
      at: plan.last.from,
      changes,
      snapshots: lists.length,
      bytesSaved: saver.bytes,
      bytesMoved,
    };
  }

  /** After a crash in `copied`: repeats the move from the forward journal, before any view reads a block. */
  async redo(): Promise<void> {
    const copied = this.parts.meta.superblock.copied;
    assert(copied !== undefined, 'a move was interrupted');
    const { map, pages, from } = await this.interrupted(copied);
    await this.#mover.apply(pages, map, true);
    await this.commitMoved(copied, from);
  }

  /** Opened read-only in `copied`: nothing is moved; what the MIM's blocks will be is held in memory. */
  async overlay(): Promise<void> {
    const copied = this.parts.meta.superblock.copied;
    assert(copied !== undefined, 'a move was interrupted');
    const { map, pages } = await this.interrupted(copied);
    for (const page of pages) {
      const sums = await this.#mover.rawPage(page.page);
      for (const [at, block] of page.blocks.entries()) {
        const number = page.page * 1016 + block;
        sums[block] = page.after[at] as number;
        let partly = false;
        map.lookup(number * BLOCK, (number + 1) * BLOCK, (_start, _end, file) => {
          partly ||= file === 0;
        });
        if (!partly) continue;
        this.parts.mirror.overlay.set(
          number,
          await this.#mover.content(number, page.after.subarray(at, at + 1), map, true),
        );
      }
      this.parts.mirror.keep(page.page, sums);
    }
  }

  /** The map of the end state and the move record of an interrupted event. */
  async interrupted(copied: CopiedState): Promise<{ map: Vrmo; pages: MovePage[]; from: Instant }> {
    const { executor, index, segments, meta } = this.parts;
    const map: Vrmo = new Vbmm();
    let from = meta.superblock.mimStamp;
    for (let at = index.first; at <= copied.endSequence; at++) {
      if (!index.changes(at)) continue;
      applyChange(map, index, at, segments);
      from = index.stamp(at);
    }
    const bytes = new Uint8Array(copied.moveLength);
    if (bytes.length > 0) {
      await executor.run([{ op: 'read', file: moveRecord(copied.segment), offset: 0, into: bytes }]);
    }
    return { map, pages: decodeMoveRecord(bytes, copied.moveCrc), from };
  }

  #planWindow(request: SyncRequest): WindowPlan {
    const { meta, index, views } = this.parts;
    const pinned = new Set<number>(request.marks.map((mark) => mark.sequence));
    for (const view of views.views) pinned.add(view.sequence);
    const { mimSequence, mimStamp, mimSize } = meta.superblock;
    return planWindow({
      index,
      end: request.end,
      mimSequence,
      mimStamp,
      mimSize,
      granularity: request.granularity,
      pinned,
    });
  }

  async #finishSegment(writer: SegmentWriter, plan: WindowPlan): Promise<void> {
    const { uuid, historyUuid, mimSequence, mimStamp } = this.parts.meta.superblock;
    await writer.finish({
      uuid,
      historyUuid,
      direction: Direction.undo,
      olderSequence: mimSequence,
      olderStamp: mimStamp,
      youngerSequence: plan.last.sequence,
      youngerStamp: plan.last.from,
    });
  }

  async #writeMoveRecord(
    segment: number,
    pages: readonly MovePage[],
    end: number,
    plan: WindowPlan,
  ): Promise<CopiedState> {
    const file = moveRecord(segment);
    const steps: Step[] = [
      { op: 'unlink', file },
      { op: 'create', file, size: 0 },
    ];
    await this.parts.executor.run(steps);
    let length = 0;
    let crc = 0;
    for (const page of pages) {
      const bytes = encodeMovePage(page);
      await this.parts.executor.run([{ op: 'write', file, offset: length, from: [bytes] }]);
      length += bytes.length;
      crc = crc32c(bytes, crc);
    }
    await this.parts.executor.run([
      { op: 'datasync', file },
      { op: 'syncdir', file: FILES.backward },
    ]);
    return { segment, moveCrc: crc, moveLength: length, endSize: plan.last.size, ...this.#endOf(end) };
  }

  /** The tail of both queues behind `end`. */
  #endOf(end: number): { endSequence: number; endStamp: Instant; endDescriptor: number; endData: number } {
    const { index } = this.parts;
    return {
      endSequence: end,
      endStamp: index.stamp(end),
      endDescriptor: alignUp(index.position(end) + DESCRIPTOR_SIZE, BLOCK),
      endData: alignUp(index.dataEnd(end), BLOCK),
    };
  }

  async #commitCopied(
    request: SyncRequest,
    writer: SegmentWriter,
    lists: readonly SavedList[],
    copied: CopiedState,
  ): Promise<void> {
    const { segment } = copied;
    const edits: CatalogEdit[] = [
      {
        type: 'segment',
        segment,
        direction: Direction.undo,
        descriptors: writer.count,
        dataLength: writer.dataLength,
      },
    ];
    for (const { state, record, extents } of lists)
      edits.push({ type: 'snapshot', ...state, segment, record, extents });
    edits.push(...markEdits(request.marks));
    await this.parts.switching.run(async () => {
      const { meta, views, segments } = this.parts;
      const from = meta.catalog.snapshots.length;
      await meta.commit(edits, () => ({ copied }));
      for (const view of views.views) {
        const first = Math.max(from, firstSnapshotFrom(meta.catalog, view.sequence));
        if (view.sequence < copied.endSequence) preserveLists(view.map, meta.catalog, first, segments);
      }
    });
    await this.parts.views.drain();
  }

  /** The second commit, and the switch of the views that read the window from the journal. */
  async commitMoved(copied: CopiedState, from: Instant): Promise<void> {
    const { meta, index, segments, views } = this.parts;
    const spent = this.#spentSegments(copied.endSequence);
    const drops: CatalogEdit[] = spent.map((segment) => ({ type: 'segment-drop', segment }));
    const oldMim = meta.superblock.mimSequence;
    const last = this.#lastChange(copied.endSequence);
    await this.parts.switching.run(async () => {
      await meta.commit(drops, (now) => ({ ...movedFields(now, copied), mimStamp: from }));
      for (const view of views.views) {
        if (view.sequence >= last) this.#settle(view.map, copied.endSequence);
        else if (view.sequence > oldMim) {
          view.map = buildSnapshot(meta.catalog, firstSnapshotFrom(meta.catalog, view.sequence), segments);
        }
      }
    });
    await views.drain();
    const steps: Step[] = [{ op: 'unlink', file: moveRecord(copied.segment) }];
    for (const segment of spent) {
      segments.forget(segment);
      steps.push(
        { op: 'unlink', file: segmentDescriptors(segment) },
        { op: 'unlink', file: segmentData(segment) },
      );
    }
    if (spent.length > 0) this.parts.fetcher.forgetSums();
    await this.parts.executor.run(steps);
    index.dropBelow(copied.endSequence + 1);
  }

  /** What the window wrote is on the MIM now. */
  #settle(map: Vrmo, end: number): void {
    const { index, segments } = this.parts;
    const spent = new Set(this.#spentSegments(end).map((segment) => segment + FIRST_SEGMENT));
    const caughtUp = (file: number, record: number) =>
      ((file === FORWARD || file === ZERO) && index.sequenceOf(record) <= end) || spent.has(file);
    for (let at = index.first; at <= end; at++) {
      if (index.changes(at))
        forEachChange(index, at, segments, (start, stop) => map.settle(start, stop, caughtUp));
    }
  }

  #lastChange(end: number): number {
    const { index } = this.parts;
    for (let at = end; at >= index.first; at--) if (index.changes(at)) return at;
    return index.first - 1;
  }

  #spentSegments(end: number): number[] {
    const { index } = this.parts;
    const spent: number[] = [];
    for (let at = index.first; at <= end; at++)
      if (index.kind(at) === Kind.bulk) spent.push(index.segment(at));
    return spent;
  }

  /** The window holds no change: only the tail advances. */
  async #moveNothing(request: SyncRequest, plan: WindowPlan): Promise<SyncResult> {
    const { meta, index } = this.parts;
    const at = meta.superblock.mimStamp;
    const result = { end: request.end, at, changes: 0, snapshots: 0, bytesSaved: 0, bytesMoved: 0 };
    if (request.end < index.first) return result;
    const end = {
      segment: 0,
      moveCrc: 0,
      moveLength: 0,
      endSize: plan.last.size,
      ...this.#endOf(request.end),
    };
    await meta.commit(markEdits(request.marks), (now) => movedFields(now, end));
    index.dropBelow(request.end + 1);
    return result;
  }
}

function markEdits(marks: readonly JournalMark[]): CatalogEdit[] {
  return marks.map(({ name, sequence, at, hold }) => ({ type: 'mark', name, sequence, at, hold }));
}

/** The superblock after a move: where the MIM is, and the tail of the journal. */
function movedFields(now: Superblock, copied: CopiedState): Partial<Superblock> {
  const firstSequence = copied.endSequence + 1;
  return {
    copied: undefined,
    mimSequence: copied.endSequence,
    mimSize: copied.endSize,
    journal: {
      ...now.journal,
      firstSequence,
      descriptorTail: copied.endDescriptor,
      dataTail: copied.endData,
    },
    epochs: trimEpochs(now.epochs, firstSequence),
  };
}

/** The epochs that may still be found in the journal when it begins at `firstSequence`. */
export function trimEpochs(epochs: readonly Epoch[], firstSequence: number): Epoch[] {
  return epochs.filter((_, index) => {
    const next = epochs[index + 1];
    return next === undefined || next.firstSequence > firstSequence;
  });
}
