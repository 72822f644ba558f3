import { AnywhenError, messageOf } from '../base/errors.js';
import { alignUp, BLOCK } from '../base/range.js';
import type { Executor } from '../file/executor.js';
import { FILES, moveRecord, SUMS_PER_PAGE, segmentData, segmentDescriptors } from '../format/layout.js';
import { SegmentKind } from '../journal/segment-format.js';
import { damageIn } from '../journal/stored-data.js';
import { unnamedSegments } from '../sync/freed-space.js';
import { type MovePage, MoveRecordReader } from '../sync/move-record.js';
import { type Engine, openEngine } from '../volume/engine.js';
import { inspectBackward, type SegmentRowItem } from './backward.js';
import { inspectCatalog, sumOfCatalog } from './catalog.js';
import { inspectForward } from './forward.js';
import { type Look, lookAt } from './look.js';
import { inspectSums } from './sums.js';
import { inspectSuperblock } from './superblock.js';

/** Something that is wrong, or worth knowing. */
export interface Finding {
  readonly level: 'error' | 'warning';
  readonly file: string;
  /** Where in the file, bytes; undefined when the whole of it is meant. */
  readonly offset?: number;
  readonly message: string;
}

export interface CheckOptions {
  /** Read and verify all data too, not only the structure. */
  readonly data: boolean;
  readonly progress?: (done: number, total: number) => void;
}

/**
 * Verifies a store through an executor that is read-only: it never writes. Structure by structure, so that one that
 * is damaged does not hide the others; and then as a whole, by opening it. Yields what it finds.
 *
 * @throws `no-store`, `denied`, `io`
 */
export async function* checkStore(executor: Executor, options: CheckOptions): AsyncGenerator<Finding> {
  const look = await lookAt(executor);
  const told = new Set<string>();
  for await (const one of findings(look, options)) {
    // What is wrong with the superblock is in the way of every structure; it is told once.
    const key = `${one.file} ${one.offset} ${one.message}`;
    if (told.has(key)) continue;
    told.add(key);
    yield one;
  }
}

async function* findings(look: Look, options: CheckOptions): AsyncGenerator<Finding> {
  yield* checkSuperblock(look);
  yield* checkForward(look, options.data);
  yield* checkCatalog(look);
  yield* checkBackward(look, options.data);
  let engine: Engine;
  try {
    engine = await openEngine(look.executor, { readOnly: true });
  } catch (error) {
    yield* checkSums(look, options);
    yield opened(error);
    return;
  }
  yield* checkMirror(engine, look, options);
}

/** Many a message begins with its place, which the finding names already. */
function finding(otherwise: string, offset: number | undefined, message: string): Finding {
  const [, named, at] = /^([a-z./0-9]+)(?:, offset (\d+))?: /.exec(message) ?? [];
  const file = named !== undefined && isFile(named) ? named : otherwise;
  const rest = file === named ? message.slice(message.indexOf(': ') + 2) : message;
  const place = offset ?? (at === undefined || file !== named ? undefined : Number(at));
  return { level: 'error', file, ...(place === undefined ? {} : { offset: place }), message: rest };
}

function isFile(name: string): boolean {
  return name.startsWith(`${FILES.backward}/`) || Object.values<string>(FILES).includes(name);
}

/** An error as a finding. */
function opened(error: unknown): Finding {
  const { file, offset } = error instanceof AnywhenError ? error.data : {};
  const place = typeof offset === 'number' ? offset : undefined;
  return finding(typeof file === 'string' ? file : 'store', place, messageOf(error));
}

/** A copy that is damaged beside one that counts may be what a power cut tore: the next commit writes it anew. */
function* checkSuperblock(look: Look): Generator<Finding> {
  const { copies, problem } = inspectSuperblock(look);
  for (const { problem: own, offset } of copies) {
    if (own === undefined) continue;
    const told = finding(FILES.superblock, offset, own);
    yield problem === undefined ? { ...told, level: 'warning' } : told;
  }
  if (look.distrust !== undefined) yield opened(look.distrust);
}

async function* checkForward(look: Look, data: boolean): AsyncGenerator<Finding> {
  for await (const item of inspectForward(look, { data })) {
    if (item.type === 'descriptor') continue;
    for (const { message, offset } of item.problems) yield finding(FILES.forward, offset, message);
  }
}

async function* checkCatalog(look: Look): AsyncGenerator<Finding> {
  for await (const item of inspectCatalog(look)) {
    if (item.type === 'catalog')
      for (const { message, offset } of item.problems) yield finding(FILES.catalog, offset, message);
    if (item.type === 'record' && item.problem !== undefined)
      yield finding(FILES.catalog, item.offset, item.problem);
  }
}

async function* checkBackward(look: Look, verify: boolean): AsyncGenerator<Finding> {
  const lists = new Map<string, ListSum>();
  let list: ListSum | undefined;
  const catalog = await sumOfCatalog(look);
  const unnamed = new Set(unnamedSegments(catalog).map(({ segment }) => segment));
  const data = new Set<number>();
  for await (const item of inspectBackward(look, { all: true })) {
    if (item.type === 'segment') {
      const file = segmentDescriptors(item.segment);
      if (item.named === undefined) yield orphan(file);
      if (unnamed.has(item.segment)) yield { ...orphan(file), message: UNNAMED };
      if (item.named?.descriptors === 0 && item.size !== undefined) yield orphan(file);
      for (const { message, offset } of item.problems) yield finding(file, offset, message);
    }
    if (item.type === 'stranger') yield orphan(item.file);
    if (item.type === 'move') {
      if (!item.due) yield orphan(moveRecord(item.segment));
      if (item.problem !== undefined) yield finding(moveRecord(item.segment), 0, item.problem);
    }
    if (item.type !== 'descriptor' || unnamed.has(item.segment)) continue;
    const file = segmentDescriptors(item.segment);
    if (item.descriptor.kind === SegmentKind.extent && catalog.segments.has(item.segment))
      data.add(item.descriptor.dataSegment);
    if (item.problem !== undefined) yield finding(file, item.offset, item.problem);
    else if (item.descriptor.kind === SegmentKind.marker) {
      list = { bytes: 0, stored: 0, seen: 0, extents: item.descriptor.extents };
      lists.set([item.segment, item.index + 1, item.descriptor.sequence, list.extents].join(), list);
    } else if (verify) yield* checkExtent(look, item);
    if (list !== undefined) addExtent(list, item);
  }
  for (const { segment, descriptors } of catalog.segments.values())
    if (descriptors === 0 && !data.has(segment)) yield { ...orphan(segmentData(segment)), message: UNNAMED };
  yield* checkLists(look, lists);
}

const UNNAMED = 'nothing needs it any more: the next thinning removes it';

const orphan = (file: string): Finding => ({
  level: 'warning',
  file,
  message: 'an orphan: the catalog does not name it',
});

async function* checkExtent({ executor }: Look, item: SegmentRowItem): AsyncGenerator<Finding> {
  const { descriptor, segment, index } = item;
  if (descriptor.kind !== SegmentKind.extent) return;
  const { dataSegment, originStart: start, originLength: length, sum, offset } = descriptor;
  const file = segmentData(dataSegment);
  // What a thinning left of it.
  const part = { start: descriptor.start, end: descriptor.start + descriptor.length };
  const damage = await damageIn(executor, { file, offset, start, length, sum, part });
  if (damage === undefined) return;
  yield finding(
    file,
    damage,
    `the data of descriptor ${index} of segment ${segment} does not match its checksum`,
  );
}

/** What the sound extents of a list come to, as far as they were seen. */
interface ListSum {
  bytes: number;
  stored: number;
  seen: number;
  readonly extents: number;
}

function addExtent(list: ListSum, { descriptor, problem }: SegmentRowItem): void {
  if (descriptor.kind === SegmentKind.marker || problem !== undefined) return;
  list.seen += 1;
  list.bytes += descriptor.length;
  if (descriptor.kind === SegmentKind.extent) list.stored += descriptor.length;
}

/** The list of every snapshot must be where the catalog says, and come to what it says. */
async function* checkLists(look: Look, lists: ReadonlyMap<string, ListSum>): AsyncGenerator<Finding> {
  for (const { sequence, segment, record, extents, bytes, stored } of (await sumOfCatalog(look)).snapshots) {
    const list = lists.get([segment, record, sequence, extents].join());
    const told = `snapshot ${sequence}: its list`;
    if (list === undefined) yield finding(FILES.catalog, undefined, `${told} is not in segment ${segment}`);
    // What is damaged is told by itself.
    else if (list.seen === extents && (list.bytes !== bytes || list.stored !== stored)) {
      const said = `${bytes} bytes, ${stored} of them stored; it has ${list.bytes} and ${list.stored}`;
      yield finding(FILES.catalog, undefined, `${told} should have ${said}`);
    }
  }
}

/** For a store that cannot be opened: what the sums tell by themselves. */
async function* checkSums(look: Look, options: CheckOptions): AsyncGenerator<Finding> {
  const mim = look.superblock?.mimName ?? FILES.mim;
  let pages = 0;
  for await (const item of inspectSums(look, { data: options.data })) {
    if (item.type === 'sums') {
      pages = item.pages;
      for (const { message, offset } of item.problems) yield finding(FILES.sums, offset, message);
    }
    if (item.type === 'page') options.progress?.(item.page + 1, pages);
    if (item.type === 'page' && item.problem !== undefined)
      yield finding(FILES.sums, item.offset, item.problem);
    if (item.type === 'block' && item.problem !== undefined) yield finding(mim, item.offset, item.problem);
  }
}

/** The sums, and the blocks as the engine sees them: where a sync event was interrupted, with what it will write. */
async function* checkMirror(engine: Engine, look: Look, options: CheckOptions): AsyncGenerator<Finding> {
  const { executor, meta } = engine;
  const { copied, mimSize } = meta.superblock;
  const moves = copied === undefined ? undefined : new MoveRecordReader(executor, copied).pages();
  let moving = await moves?.next();
  const end = Math.max(alignUp(mimSize, BLOCK) / BLOCK, alignUp(copied?.endSize ?? 0, BLOCK) / BLOCK);
  for await (const item of inspectSums(look)) {
    if (item.type === 'sums')
      for (const { message, offset } of item.problems) yield finding(FILES.sums, offset, message);
    if (item.type !== 'page') continue;
    if (moving?.value?.page === item.page) {
      yield* checkPage(engine, item.page, moving.value, end, options.data);
      moving = await moves?.next();
    } else if (item.problem !== undefined) {
      yield finding(FILES.sums, item.offset, item.problem);
    } else {
      yield* checkPage(engine, item.page, undefined, end, options.data);
    }
    options.progress?.(item.page + 1, Math.ceil(end / SUMS_PER_PAGE));
  }
}

/** Each block on its own, so that every bad one is named; but not those that the journal writes wholly. */
async function* checkPage(
  { mirror }: Engine,
  page: number,
  moving: MovePage | undefined,
  end: number,
  data: boolean,
): AsyncGenerator<Finding> {
  if (!data) return;
  const later = new Set(moving?.blocks);
  const bytes = new Uint8Array(BLOCK);
  const stop = Math.min(end, (page + 1) * SUMS_PER_PAGE);
  for (let block = page * SUMS_PER_PAGE; block < stop; block++) {
    block += await mirror.run(block, stop, true);
    if (block >= stop) return;
    if (later.has(block % SUMS_PER_PAGE) && !mirror.overlay.has(block)) continue;
    try {
      await mirror.read(block, bytes);
    } catch (error) {
      yield opened(error);
    }
  }
}
