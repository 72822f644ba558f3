import type { Instant } from '../base/instant.js';
import type { Mutex } from '../base/mutex.js';
import { Pacer } from '../base/pacer.js';
import { alignUp, BLOCK } from '../base/range.js';
import type { Traffic } from '../base/traffic.js';
import type { Executor, Step } from '../file/executor.js';
import { DESCRIPTOR_SIZE, moveRecord, segmentData, segmentDescriptors } from '../format/layout.js';
import type { CopiedState } from '../format/superblock.js';
import type { CatalogEdit } from '../journal/catalog-format.js';
import type { Fetcher } from '../journal/fetch.js';
import { Kind } from '../journal/forward-descriptor.js';
import type { ForwardIndex } from '../journal/forward-index.js';
import { Direction } from '../journal/segment-format.js';
import type { SegmentStore } from '../journal/segment-store.js';
import { SegmentWriter } from '../journal/segment-writer.js';
import type { StoreMeta } from '../journal/store-meta.js';
import type { Mirror } from '../mirror/mirror.js';
import type { FormOptions } from '../vrmo/convert.js';
import type { Vrmo } from '../vrmo/vrmo.js';
import type { History } from './history.js';
import type { JournalMark } from './journal-marks.js';
import { MoveRecordReader, MoveRecordWriter } from './move-record.js';
import { movedFields } from './moved-state.js';
import { Mover } from './mover.js';
import type { NearCheckpoints } from './near-checkpoints.js';
import type { OpenViews } from './open-views.js';
import { ListSaver, type SavedList } from './save-lists.js';
import { switchToLists, switchToMirror } from './switch-views.js';
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
  readonly history: History;
  readonly checkpoints: NearCheckpoints;
  readonly forms: FormOptions;
  /** Requests to the live volume, to which a sync event gives way. */
  readonly traffic: Traffic;
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
    this.#mover = new Mover(parts);
  }

  /** Everything up to and with the second commit; the caller then gives the ring's space back. */
  async run(request: SyncRequest): Promise<SyncResult> {
    const { meta, views, switching } = this.parts;
    const plan = await switching.run(() => this.#planWindow(request));
    try {
      return plan.changes === 0 ? await this.#moveNothing(request, plan) : await this.#move(request, plan);
    } finally {
      // Interrupted between the two commits, the states that were not kept are gone for good.
      if (meta.superblock.copied === undefined) views.leaving = undefined;
    }
  }

  async #move(request: SyncRequest, plan: WindowPlan): Promise<SyncResult> {
    const { meta } = this.parts;
    const segment = meta.catalog.nextSegment();
    const saver = new ListSaver(this.parts);
    const writer = new SegmentWriter(this.parts.executor, segment, meta.seed);
    await writer.begin();
    const { lists, map } = await saver.save(plan, request.end, writer);
    await this.#finishSegment(writer, plan);
    const copied = await this.#planMove(segment, map, saver.pages, request.end, plan);
    await this.#commitCopied(request, writer, lists, copied);
    const bytesMoved = await this.#mover.apply(new MoveRecordReader(this.parts.executor, copied), map, false);
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

  /** From here on the states of the window that are not kept cannot be opened any more. */
  async #planWindow(request: SyncRequest): Promise<WindowPlan> {
    const { meta, index, views } = this.parts;
    const pinned = new Set<number>(request.marks.map((mark) => mark.sequence));
    for (const view of views.views) pinned.add(view.sequence);
    const { mimSequence, mimStamp, mimSize, mimQuality } = meta.superblock;
    const window = {
      index,
      end: request.end,
      mimSequence,
      mimStamp,
      mimSize,
      mimQuality,
      granularity: request.granularity,
      pinned,
    };
    const plan = await planWindow(window, new Pacer());
    const kept = new Set(plan.kept.map((state) => state.sequence));
    views.leaving = { after: mimSequence, last: plan.last.sequence, kept };
    return plan;
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

  async #planMove(
    segment: number,
    map: Vrmo,
    pages: ReadonlySet<number>,
    end: number,
    plan: WindowPlan,
  ): Promise<CopiedState> {
    const record = new MoveRecordWriter(this.parts.executor, segment);
    await record.begin();
    await this.#mover.plan(map, pages, record);
    const written = await record.finish();
    return {
      segment,
      ...written,
      endSize: plan.last.size,
      endQuality: plan.last.quality,
      ...this.#endOf(end),
    };
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
    for (const { state, ...list } of lists) edits.push({ type: 'snapshot', ...state, segment, ...list });
    edits.push(...markEdits(request.marks));
    await this.parts.switching.run(async () => {
      const { meta } = this.parts;
      const from = meta.catalog.snapshots.length;
      await meta.commit(edits, () => ({ copied }));
      await switchToLists(this.parts, from, copied.endSequence);
    });
    await this.parts.views.drain();
  }

  /** The second commit, and the switch of the views that read the window from the journal. */
  async commitMoved(copied: CopiedState, from: Instant): Promise<void> {
    const { meta, index, segments, views, checkpoints } = this.parts;
    const spent = this.#spentSegments(copied.endSequence);
    const drops: CatalogEdit[] = spent.map((segment) => ({ type: 'segment-drop', segment }));
    const last = this.#lastChange(copied.endSequence);
    await this.parts.switching.run(async () => {
      await meta.commit(drops, (now) => ({ ...movedFields(now, copied), mimStamp: from }));
      await switchToMirror(this.parts, { last, end: copied.endSequence }, spent);
      // Not before: the live map offers its states meanwhile, and they are settled in part only.
      checkpoints.drop();
    });
    await views.drain();
    index.dropBelow(copied.endSequence + 1);
    const steps: Step[] = [{ op: 'unlink', file: moveRecord(copied.segment) }];
    for (const segment of spent) {
      segments.forget(segment);
      steps.push(
        { op: 'unlink', file: segmentDescriptors(segment) },
        { op: 'unlink', file: segmentData(segment) },
      );
    }
    if (spent.length > 0) this.parts.fetcher.forgetSums();
    // The event is over. What cannot be removed is an orphan, which `check` tells of.
    await this.parts.executor.run(steps).catch(() => undefined);
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
      endQuality: plan.last.quality,
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
