import type { Instant } from '../base/instant.js';
import { Pacer } from '../base/pacer.js';
import { alignUp, BLOCK } from '../base/range.js';
import type { Step } from '../file/executor.js';
import { DESCRIPTOR_SIZE, moveRecord, segmentData, segmentDescriptors } from '../format/layout.js';
import type { CopiedState } from '../format/superblock.js';
import type { CatalogEdit } from '../journal/catalog-format.js';
import { Kind } from '../journal/forward-descriptor.js';
import { Direction } from '../journal/segment-format.js';
import { SegmentWriter } from '../journal/segment-writer.js';
import type { Vrmo } from '../vrmo/vrmo.js';
import { allocateAhead } from './allocate-ahead.js';
import { type JournalMark, leadsToMirror, markEdits } from './journal-marks.js';
import { MoveRecordReader, MoveRecordWriter } from './move-record.js';
import { movedFields } from './moved-state.js';
import { Mover } from './mover.js';
import { ListSaver, type SavedList } from './save-lists.js';
import { switchToLists, switchToMirror } from './switch-views.js';
import type { SyncParts } from './sync-parts.js';
import { planWindow, type WindowPlan } from './window.js';
import { checkSpace } from './window-cost.js';

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
  /** Space is short: of the states of the window only those with a mark or an open view become snapshots. */
  readonly economy?: boolean;
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
      if (plan.changes === 0) return await this.#moveNothing(request, plan);
      const short = await checkSpace(this.parts, plan, request.end);
      return await this.#move(request, plan, short);
    } finally {
      // Interrupted between the two commits, the states that were not kept are gone for good.
      if (meta.superblock.copied === undefined) views.leaving = undefined;
    }
  }

  /** @param short whether others may use up the space meanwhile */
  async #move(request: SyncRequest, plan: WindowPlan, short: boolean): Promise<SyncResult> {
    const { meta } = this.parts;
    const segment = meta.catalog.nextSegment();
    const saver = new ListSaver(this.parts);
    const writer = new SegmentWriter(this.parts.executor, segment, meta.seed);
    const before = meta.superblock;
    let planned: { lists: SavedList[]; map: Vrmo; copied: CopiedState };
    try {
      planned = await this.#copy(request, plan, writer, saver);
      if (short) await allocateAhead(this.parts, planned.copied);
      await this.#commitCopied(request, writer, planned.lists, planned.copied);
    } catch (error) {
      if (meta.superblock === before && meta.failure === undefined) await this.#remove(segment);
      throw error;
    }
    const { lists, map, copied } = planned;
    const bytesMoved = await this.#mover.apply(new MoveRecordReader(this.parts.executor, copied), map, false);
    await this.commitMoved(copied, plan.last.from);
    return {
      end: request.end,
      at: plan.last.from,
      changes: plan.changes,
      snapshots: lists.length,
      bytesSaved: saver.bytes,
      bytesMoved,
    };
  }

  async #copy(
    request: SyncRequest,
    plan: WindowPlan,
    writer: SegmentWriter,
    saver: ListSaver,
  ): Promise<{ lists: SavedList[]; map: Vrmo; copied: CopiedState }> {
    const { end } = request;
    if (plan.kept.length > 0) await writer.begin();
    const { lists, map } = await saver.save(plan, end, writer);
    if (plan.kept.length > 0) await this.#finishSegment(writer, plan);
    return { lists, map, copied: await this.#planMove(writer.segment, map, saver.pages, end, plan) };
  }

  /** What an event wrote that came to nothing: it takes space, and nobody names it. */
  async #remove(segment: number): Promise<void> {
    const files = [segmentDescriptors(segment), segmentData(segment), moveRecord(segment)];
    await this.parts.executor.run(files.map((file) => ({ op: 'unlink', file }))).catch(() => undefined);
  }

  /** From here on the states of the window that are not kept cannot be opened any more. */
  async #planWindow(request: SyncRequest): Promise<WindowPlan> {
    const { meta, index, views } = this.parts;
    const pinned = new Set<number>(request.marks.map((mark) => mark.sequence));
    for (const view of views.views) pinned.add(view.sequence);
    const { mimSequence, mimStamp, mimSize, mimQuality } = meta.superblock;
    const economy = request.economy === true ? { older: leadsToMirror(meta) } : undefined;
    const window = {
      index,
      end: request.end,
      mimSequence,
      mimStamp,
      mimSize,
      mimQuality,
      granularity: request.granularity,
      pinned,
      economy,
    };
    const plan = await planWindow(window, new Pacer());
    const kept = new Set(plan.kept.map((state) => state.sequence));
    const after = kept.has(mimSequence) || plan.changes === 0 ? mimSequence : mimSequence - 1;
    views.leaving = { after, last: plan.last.sequence, kept };
    return plan;
  }

  async #finishSegment(writer: SegmentWriter, plan: WindowPlan): Promise<void> {
    const { uuid, historyUuid, mimSequence, mimStamp } = this.parts.meta.superblock;
    const oldest = plan.kept[0];
    await writer.finish({
      uuid,
      historyUuid,
      direction: Direction.undo,
      olderSequence: oldest?.sequence ?? mimSequence,
      olderStamp: oldest?.from ?? mimStamp,
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
    const { count: descriptors, dataLength } = writer;
    const edits: CatalogEdit[] = [];
    if (lists.length > 0)
      edits.push({ type: 'segment', segment, direction: Direction.undo, descriptors, dataLength });
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
    const result = {
      end: request.end,
      at: meta.superblock.mimStamp,
      changes: 0,
      snapshots: 0,
      bytesSaved: 0,
      bytesMoved: 0,
    };
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
