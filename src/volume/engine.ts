import { Clock, type TimeSource } from '../base/clock.js';
import { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { Mutex } from '../base/mutex.js';
import { Traffic } from '../base/traffic.js';
import type { Executor } from '../file/executor.js';
import { isNoSpace, ReserveExecutor } from '../file/reserve-executor.js';
import { FILES, FORWARD_HEADER_SIZE, MAX_EPOCHS, segmentData, segmentDescriptors } from '../format/layout.js';
import { Fetcher } from '../journal/fetch.js';
import { epochOf } from '../journal/forward-chain.js';
import { Kind } from '../journal/forward-descriptor.js';
import { checkForwardHeader } from '../journal/forward-header.js';
import type { ForwardJournal } from '../journal/forward-journal.js';
import { type ForwardScan, scanForward } from '../journal/forward-recovery.js';
import { Direction } from '../journal/segment-format.js';
import { SegmentStore } from '../journal/segment-store.js';
import { StoreMeta } from '../journal/store-meta.js';
import { Mirror } from '../mirror/mirror.js';
import { History } from '../sync/history.js';
import { InterruptedEvent } from '../sync/interrupted-event.js';
import { readMarks } from '../sync/journal-marks.js';
import { trimEpochs } from '../sync/moved-state.js';
import { type CheckpointOptions, NearCheckpoints } from '../sync/near-checkpoints.js';
import { OpenViews } from '../sync/open-views.js';
import type { RunOptions } from '../sync/run-maker.js';
import { SyncEvent } from '../sync/sync-event.js';
import type { SyncParts } from '../sync/sync-parts.js';
import { FORMS, type FormOptions } from '../vrmo/convert.js';
import { reserveBytes } from './reserve.js';

/** A queue of the forward journal that is so full leaves a sync event no time to give way. */
const PRESSING = 0.85;

export interface EngineOptions {
  readonly readOnly?: boolean;
  /** False: bytes are handed out unverified. */
  readonly verify?: boolean;
  readonly time?: TimeSource;
  /** How near views are kept cheap to open. */
  readonly checkpoints?: CheckpointOptions;
  /** When the map of a view has which form. */
  readonly forms?: FormOptions;
  /** When runs of undo lists lie in files. */
  readonly runs?: RunOptions;
}

/** The parts of an open store, recovered and consistent. */
export interface Engine extends SyncParts {
  /** The space that is kept for a full disk; none in a store that is open read-only. */
  readonly reserve: ReserveExecutor | undefined;
  readonly scan: ForwardScan;
  readonly clock: Clock;
  readonly epoch: number;
  readonly readOnly: boolean;
  /** Set when a durable descriptor is lost: what the volume was after this instant is not known. */
  readonly knownTo: Instant | undefined;
  /** What the opener should know. */
  readonly warnings: string[];
}

/**
 * Opens a store: recovers the forward journal, ends an interrupted sync event, and, for writing, begins a new
 * epoch, which is durable before the first write. Idempotent: interrupted anywhere, it is done again.
 *
 * @throws `no-store`, `damaged`, `unsupported`, `io`
 */
export async function openEngine(below: Executor, options: EngineOptions = {}): Promise<Engine> {
  const reserve = options.readOnly === true || below.readOnly ? undefined : new ReserveExecutor(below);
  await reserve?.begin();
  const executor = reserve ?? below;
  const meta = await StoreMeta.load(executor);
  const { superblock, seed } = meta;
  const header = new Uint8Array(FORWARD_HEADER_SIZE);
  await executor.run([{ op: 'read', file: FILES.forward, offset: 0, into: header }]);
  checkForwardHeader(header, superblock.uuid);
  const scan = await scanForward(executor, superblock, seed);
  const segments = new SegmentStore(executor, superblock.uuid, seed);
  const verify = options.verify ?? true;
  const mirror = new Mirror(executor, superblock.mimName, seed, verify);
  await mirror.open();
  const { index } = scan;
  const readOnly = options.readOnly === true || executor.readOnly || scan.damage !== undefined;
  const history = new History(executor, meta, readOnly, options.runs);
  const fetcher = new Fetcher(executor, mirror, index, scan.data, segments, verify, history.places);
  const views = new OpenViews();
  const parts: SyncParts = {
    executor,
    meta,
    index,
    mirror,
    fetcher,
    segments,
    views,
    history,
    checkpoints: new NearCheckpoints(options.checkpoints),
    forms: options.forms ?? FORMS,
    traffic: new Traffic(() => pressing(scan)),
    switching: new Mutex(),
  };
  for (let at = index.first; at < index.next; at++) {
    if (index.kind(at) === Kind.bulk) await segments.load(index.segment(at));
  }
  const warnings = warningsOf(scan, options.readOnly === true);
  const writing = readOnly ? undefined : reserve;
  if (writing === undefined) await endReadOnly(parts, scan);
  const begin = async () => {
    await endInterrupted(parts, scan);
    return beginEpoch(parts, scan);
  };
  const epoch = (await writing?.urgently(begin)) ?? 0;
  await writing?.hold(reserveBytes(meta));
  const lastStamp = index.count > 0 ? index.stamp(index.next - 1) : meta.superblock.mimStamp;
  const clock = new Clock(lastStamp, options.time);
  const knownTo = scan.damage === undefined ? undefined : lastStamp;
  return {
    ...parts,
    reserve: writing,
    scan,
    clock,
    epoch,
    readOnly,
    knownTo,
    warnings,
  };
}

/** Whether live writes soon would have to wait for the end of a sync event. */
function pressing({ data, descriptors }: ForwardScan): boolean {
  return [data, descriptors].some(({ used, length }) => used > length * PRESSING);
}

function warningsOf(scan: ForwardScan, asked: boolean): string[] {
  const warnings: string[] = [];
  if (scan.damage !== undefined) {
    warnings.push(`${scan.damage}${asked ? '' : '; the store is open read-only'}`);
  }
  return warnings;
}

async function endReadOnly(parts: SyncParts, scan: ForwardScan): Promise<void> {
  const { copied } = parts.meta.superblock;
  if (copied === undefined) return;
  checkWindow(copied.endSequence, scan);
  await new InterruptedEvent(parts).overlay();
}

/** Repeats the move of an interrupted sync event, and drops bulk segments whose entry never came. */
async function endInterrupted(parts: SyncParts, scan: ForwardScan): Promise<void> {
  const { meta, index } = parts;
  const { copied } = meta.superblock;
  if (copied !== undefined) {
    checkWindow(copied.endSequence, scan);
    await new InterruptedEvent(parts).redo();
    scan.descriptors.tail = meta.superblock.journal.descriptorTail;
    scan.data.tail = meta.superblock.journal.dataTail;
    scan.descriptors.head = Math.max(scan.descriptors.head, scan.descriptors.tail);
    scan.data.head = Math.max(scan.data.head, scan.data.tail);
  }
  const used = new Set<number>();
  for (let at = index.first; at < index.next; at++)
    if (index.kind(at) === Kind.bulk) used.add(index.segment(at));
  for (const segment of [...meta.catalog.segments.values()]) {
    if (segment.direction !== Direction.redo || used.has(segment.segment)) continue;
    await dropSegment(parts, segment.segment);
  }
}

/** On a full disk its files go first; if that is not enough, the next opening does it. */
async function dropSegment({ meta, executor }: SyncParts, segment: number): Promise<void> {
  const drop = () => meta.commit([{ type: 'segment-drop', segment }]);
  const remove = () =>
    executor.run([
      { op: 'unlink', file: segmentDescriptors(segment) },
      { op: 'unlink', file: segmentData(segment) },
    ]);
  try {
    await drop();
    await remove();
  } catch (error) {
    if (!isNoSpace(error)) throw error;
    await remove();
    await drop().catch((again: unknown) => {
      if (!isNoSpace(again)) throw again;
    });
  }
}

function checkWindow(end: number, scan: ForwardScan): void {
  if (end < scan.index.next) return;
  throw new AnywhenError(
    'damaged',
    `forward: the journal ends at ${scan.index.next - 1}, before the end of the sync event at ${end}`,
    { data: { file: FILES.forward, offset: scan.descriptors.offset } },
  );
}

/**
 * Ends the journal's session cleanly: all that is in is made durable, nothing enters any more, and the superblock names
 * the epoch to come. So damage to the end of the journal is not taken for a write that the power cut short.
 */
export async function endEpoch({ meta, index, epoch }: Engine, journal: ForwardJournal): Promise<void> {
  await journal.pause();
  await journal.flush();
  const { epochs } = meta.superblock;
  const firstSequence = index.next;
  if (epochs.length >= MAX_EPOCHS || epochs[epochs.length - 1]?.firstSequence === firstSequence) return;
  await meta.commit([], (now) => ({ epochs: [...now.epochs, { epoch: epoch + 1, firstSequence }] }));
}

/** The end of everything: nothing runs in the background any more. */
export async function closeEngine({ history, executor }: Engine): Promise<void> {
  await history.stop();
  await executor.close();
}

/** What was recovered is made durable; then the new epoch is, before anything is written in it. */
async function beginEpoch(parts: SyncParts, scan: ForwardScan): Promise<number> {
  const { executor, meta, index } = parts;
  await executor.run([{ op: 'datasync', file: FILES.forward }]);
  if (trimEpochs(meta.superblock.epochs, index.first).length >= MAX_EPOCHS && index.count > 0) {
    const marks = await readMarks(parts.fetcher, index, meta.catalog.droppedMarks);
    const sync = (economy: boolean) =>
      new SyncEvent(parts).run({ end: index.next - 1, granularity: 'all', marks, economy });
    await sync(false).catch((error: unknown) => {
      if (!isNoSpace(error)) throw error;
      return sync(true);
    });
    scan.descriptors.tail = meta.superblock.journal.descriptorTail;
    scan.data.tail = meta.superblock.journal.dataTail;
  }
  const epoch = (epochOf(meta.superblock.epochs, Number.MAX_SAFE_INTEGER) ?? 0) + 1;
  const first = index.next;
  await meta.commit([], (now) => {
    const kept = trimEpochs(now.epochs, index.first).filter((one) => one.firstSequence < first);
    return { epochs: [...kept, { epoch, firstSequence: first }] };
  });
  return epoch;
}
