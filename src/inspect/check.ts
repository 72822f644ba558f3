import { messageOf } from '../base/errors.js';
import type { Executor } from '../file/executor.js';
import { FILES, moveRecord, segmentData, segmentDescriptors } from '../format/layout.js';
import { SegmentKind } from '../journal/segment-format.js';
import { storedIntact } from '../journal/stored-data.js';
import { openEngine } from '../volume/engine.js';
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
  const findings = async function* (): AsyncGenerator<Finding> {
    yield* checkSuperblock(look);
    yield* checkForward(look, options.data);
    yield* checkCatalog(look);
    yield* checkBackward(look, options.data);
    yield* checkSums(look, options);
    yield* checkWhole(look, told);
  };
  for await (const finding of findings()) {
    // What is wrong with the superblock is in the way of every structure; it is told once.
    if (told.has(finding.message)) continue;
    told.add(finding.message);
    yield finding;
  }
}

const error = (file: string, message: string): Finding => ({ level: 'error', file, message });

/** A copy that is damaged beside one that counts may be what a power cut tore: the next commit writes it anew. */
function* checkSuperblock(look: Look): Generator<Finding> {
  const { copies, problem } = inspectSuperblock(look);
  for (const { problem: own, offset } of copies) {
    if (own === undefined) continue;
    const level = problem === undefined ? 'warning' : 'error';
    yield { level, file: FILES.superblock, message: `${own} (the copy at offset ${offset})` };
  }
  if (problem !== undefined) yield error(FILES.superblock, problem);
}

async function* checkForward(look: Look, data: boolean): AsyncGenerator<Finding> {
  for await (const item of inspectForward(look, { data })) {
    if (item.type === 'descriptor') continue;
    for (const problem of item.problems) yield error(FILES.forward, problem);
  }
}

async function* checkCatalog(look: Look): AsyncGenerator<Finding> {
  for await (const item of inspectCatalog(look)) {
    if (item.type === 'catalog') for (const problem of item.problems) yield error(FILES.catalog, problem);
    if (item.type === 'record' && item.problem !== undefined) yield error(FILES.catalog, item.problem);
  }
}

async function* checkBackward(look: Look, data: boolean): AsyncGenerator<Finding> {
  const lists = new Set<string>();
  for await (const item of inspectBackward(look, { all: true })) {
    if (item.type === 'segment') {
      const file = segmentDescriptors(item.segment);
      if (item.named === undefined) yield orphan(file);
      for (const problem of item.problems) yield error(file, problem);
    }
    if (item.type === 'stranger' || (item.type === 'move' && !item.due))
      yield orphan(item.type === 'move' ? moveRecord(item.segment) : item.file);
    else if (item.type === 'move' && item.problem !== undefined) yield error(FILES.backward, item.problem);
    if (item.type !== 'descriptor') continue;
    if (item.problem !== undefined) yield error(segmentDescriptors(item.segment), item.problem);
    else if (item.descriptor.kind === SegmentKind.marker)
      lists.add([item.segment, item.index + 1, item.descriptor.sequence, item.descriptor.extents].join());
    else if (data) yield* checkExtent(look, item);
  }
  yield* checkLists(look, lists);
}

const orphan = (file: string): Finding => ({
  level: 'warning',
  file,
  message: `${file}: an orphan, the catalog does not name it`,
});

async function* checkExtent({ executor }: Look, item: SegmentRowItem): AsyncGenerator<Finding> {
  const { descriptor, segment, index } = item;
  if (descriptor.kind !== SegmentKind.extent) return;
  const { dataSegment, offset, originStart: start, originLength: length, sum } = descriptor;
  const file = segmentData(dataSegment);
  if (await storedIntact(executor, { file, offset, start, length, sum })) return;
  yield error(file, `segment ${segment}, descriptor ${index}: its data does not match its checksum`);
}

/** The list of every snapshot must be where the catalog says. */
async function* checkLists(look: Look, lists: ReadonlySet<string>): AsyncGenerator<Finding> {
  for (const { sequence, segment, record, extents } of (await sumOfCatalog(look)).snapshots) {
    if (lists.has([segment, record, sequence, extents].join())) continue;
    yield error(FILES.catalog, `snapshot ${sequence}: its list is not in segment ${segment}`);
  }
}

async function* checkSums(look: Look, options: CheckOptions): AsyncGenerator<Finding> {
  const mim = look.superblock?.mimName ?? FILES.mim;
  let pages = 0;
  for await (const item of inspectSums(look, { data: options.data })) {
    if (item.type === 'sums') {
      pages = item.pages;
      for (const problem of item.problems) yield error(FILES.sums, problem);
      if (item.moving.length > 0) yield { level: 'warning', file: mim, message: onTheirWay(item.moving) };
    }
    if (item.type === 'page') options.progress?.(item.page + 1, pages);
    if (item.type === 'page' && item.problem !== undefined) yield error(FILES.sums, item.problem);
    if (item.type === 'block' && item.problem !== undefined) yield error(mim, item.problem);
  }
}

const onTheirWay = (pages: readonly number[]) =>
  `a sync event was interrupted; the blocks of ${pages.length} pages of sums are verified when the next opening ends it`;

/** Opens the store, which finds what is wrong between the structures. */
async function* checkWhole(look: Look, told: ReadonlySet<string>): AsyncGenerator<Finding> {
  try {
    const { warnings } = await openEngine(look.executor, { readOnly: true });
    for (const message of warnings) yield error(FILES.forward, message);
  } catch (cause) {
    if (!told.has(messageOf(cause))) yield error('store', `cannot be opened: ${messageOf(cause)}`);
  }
}
