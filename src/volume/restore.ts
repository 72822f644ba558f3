import type { Instant } from '../base/instant.js';
import { alignUp, BLOCK } from '../base/range.js';
import type { Executor, Step } from '../file/executor.js';
import { isNoSpace } from '../file/reserve-executor.js';
import { FILES, MAX_SEGMENT_EXTENT, segmentData, segmentDescriptors } from '../format/layout.js';
import { zeroRuns } from '../format/zero-runs.js';
import { Kind } from '../journal/forward-descriptor.js';
import type { ForwardJournal } from '../journal/forward-journal.js';
import { Direction } from '../journal/segment-format.js';
import { SegmentWriter } from '../journal/segment-writer.js';
import type { StoreMeta } from '../journal/store-meta.js';
import { QualityCode } from '../sync/window.js';
import type { Engine } from './engine.js';
import type { MapView } from './map-view.js';
import type { RestoreReport } from './model.js';
import { openMapView } from './open-view.js';
import type { SpaceKeeper } from './space.js';
import type { SyncRunner } from './sync-runner.js';
import type { Timeline } from './timeline.js';

export interface RestoreSegment {
  readonly segment: number;
  readonly bytesCompared: number;
  readonly bytesWritten: number;
  readonly ranges: number;
}

/** The maps are compared so many bytes at a time. */
const REGION = 16 * 1024 * 1024;

/** Ranges of `[0, size)` that the two maps do not find at the same place: only there can the bytes differ. */
async function candidates(
  live: MapView,
  target: MapView,
  size: number,
): Promise<{ start: number; end: number }[]> {
  const ranges: { start: number; end: number }[] = [];
  for (let at = 0; at < size; at += REGION) {
    const region = Math.min(size, at + REGION);
    await target.resolved(at, region, () =>
      target.map.lookup(at, region, (start, end, file, record) => {
        live.map.lookup(start, end, (from, to, liveFile, liveRecord) => {
          if (liveFile === file && (file === 0 || liveRecord === record)) return;
          const first = from - (from % BLOCK);
          const last = ranges[ranges.length - 1];
          if (last !== undefined && first <= last.end) last.end = Math.max(last.end, to);
          else ranges.push({ start: first, end: to });
        });
      }),
    );
  }
  return ranges;
}

/**
 * Writes a segment with the blocks of `target` that differ from `live` (E4: only what differs is written), and
 * names it in the catalog. It takes effect when a `bulk` entry names it; until then the next opening drops it.
 * Nobody may write meanwhile.
 */
async function writeRestoreSegment(
  executor: Executor,
  meta: StoreMeta,
  live: MapView,
  target: MapView,
  progress?: (done: number, total: number) => void,
): Promise<RestoreSegment> {
  const segment = meta.catalog.nextSegment();
  const writer = new SegmentWriter(executor, segment, meta.seed);
  try {
    return await fillRestoreSegment(writer, meta, live, target, progress);
  } catch (error) {
    // It would take space, and nobody names it.
    if (!meta.catalog.segments.has(segment) && meta.failure === undefined)
      await executor.run(unlinks(segment)).catch(() => undefined);
    throw error;
  }
}

async function fillRestoreSegment(
  writer: SegmentWriter,
  meta: StoreMeta,
  live: MapView,
  target: MapView,
  progress?: (done: number, total: number) => void,
): Promise<RestoreSegment> {
  const { segment } = writer;
  await writer.begin();
  await writer.beginList({
    sequence: target.sequence,
    size: target.size,
    quality: QualityCode.write,
    at: target.at,
    from: target.at,
    to: target.at,
  });
  const ranges = await candidates(live, target, target.size);
  const total = ranges.reduce((sum, range) => sum + range.end - range.start, 0);
  let compared = 0;
  let written = 0;
  for (const range of ranges) {
    for (let start = range.start; start < range.end; start += MAX_SEGMENT_EXTENT) {
      const end = Math.min(range.end, target.size, start + MAX_SEGMENT_EXTENT);
      if (end <= start) break;
      written += await writeDifferences(writer, live, target, start, end);
      compared += end - start;
      progress?.(compared, total);
    }
  }
  const { uuid, historyUuid } = meta.superblock;
  const points = {
    olderSequence: target.sequence,
    olderStamp: target.at,
    youngerSequence: 0,
    youngerStamp: 0n,
  };
  const { count: descriptors } = writer;
  const made = { segment, bytesCompared: compared, bytesWritten: written, ranges: descriptors - 1 };
  if (made.ranges === 0 && target.size === live.size) return made;
  await writer.finish({ uuid, historyUuid, direction: Direction.redo, ...points });
  const { dataLength } = writer;
  await meta.commit([{ type: 'segment', segment, direction: Direction.redo, descriptors, dataLength }]);
  return made;
}

/** Adds the runs of blocks of `[start, end)` that differ. Returns their bytes. */
async function writeDifferences(
  writer: SegmentWriter,
  live: MapView,
  target: MapView,
  start: number,
  end: number,
): Promise<number> {
  const wanted = new Uint8Array(end - start);
  const present = new Uint8Array(end - start);
  await target.read(start, wanted);
  const there = Math.max(0, Math.min(end, live.size) - start);
  if (there > 0) await live.read(start, present.subarray(0, there));
  let written = 0;
  let run = -1;
  for (let at = 0; at <= wanted.length; at += BLOCK) {
    const stop = Math.min(at + BLOCK, wanted.length);
    const differs =
      at < wanted.length && Buffer.compare(wanted.subarray(at, stop), present.subarray(at, stop)) !== 0;
    if (differs && run < 0) run = at;
    if (differs && stop < wanted.length) continue;
    if (run < 0) continue;
    const to = differs ? stop : at;
    for (const part of zeroRuns(start + run, wanted.subarray(run, to))) {
      const bytes = wanted.subarray(part.start - start, part.end - start);
      await (part.zero ? writer.zero(part.start, bytes.length) : writer.extent(part.start, bytes));
    }
    written += to - run;
    run = -1;
  }
  return written;
}

/** What a restore needs of the volume. */
export interface RestoreHost {
  readonly engine: Engine;
  readonly live: MapView;
  readonly timeline: Timeline;
  readonly space: SpaceKeeper;
  readonly syncs: SyncRunner;
}

/** Brings the volume to the state at an exact instant, which is kept when a sync event makes room for the entry. */
export async function restoreTo(
  host: RestoreHost,
  journal: ForwardJournal,
  at: Instant,
  before: Instant,
  progress?: (done: number, total: number) => void,
): Promise<RestoreReport> {
  await journal.settled();
  const target = await openMapView(host.engine, host.timeline, at);
  try {
    return await host.space.sparing(target, () => restoreView(host, journal, target, before, progress));
  } finally {
    target.close();
  }
}

async function restoreView(
  { engine, live, space, syncs }: RestoreHost,
  journal: ForwardJournal,
  target: MapView,
  before: Instant,
  progress?: (done: number, total: number) => void,
): Promise<RestoreReport> {
  const { descriptors } = journal;
  if (!descriptors.fits(alignUp(descriptors.head, BLOCK) + 4 * BLOCK)) await syncs.run(journal, 'space');
  await journal.pause();
  try {
    return await space.insist(() => restorePaused(engine, journal, live, target, before, progress));
  } finally {
    journal.resume();
  }
}

/** Writes what differs and enters it as one `bulk` entry. The journal is paused. */
async function restorePaused(
  engine: Engine,
  journal: ForwardJournal,
  live: MapView,
  target: MapView,
  before: Instant,
  progress?: (done: number, total: number) => void,
): Promise<RestoreReport> {
  const { executor, meta, segments, index } = engine;
  const { size } = live;
  const made = await writeRestoreSegment(executor, meta, live, target, progress);
  let done = before;
  if (made.ranges > 0 || target.size !== size) {
    await segments.load(made.segment);
    const length = Math.max(0, size - target.size);
    const bulk = { kind: Kind.bulk, segment: made.segment, size: target.size, start: target.size, length };
    const sequence = await journal.enter(bulk, 'pause').catch(async (error: unknown) => {
      if (isNoSpace(error)) {
        segments.forget(made.segment);
        await dropRestoreSegment(executor, meta, made.segment);
      }
      throw error;
    });
    await journal.flush();
    done = index.stamp(sequence);
  } else {
    await executor.run(unlinks(made.segment));
  }
  const { bytesCompared, bytesWritten, ranges } = made;
  return { at: target.at, before, done, bytesCompared, bytesWritten, ranges };
}

/** Removes a restore's segment that will not be used. */
async function dropRestoreSegment(executor: Executor, meta: StoreMeta, segment: number): Promise<void> {
  await meta.commit([{ type: 'segment-drop', segment }]);
  await executor.run([...unlinks(segment), { op: 'syncdir', file: FILES.backward }]);
}

function unlinks(segment: number): Step[] {
  return [segmentDescriptors(segment), segmentData(segment)].map((file) => ({ op: 'unlink', file }));
}
