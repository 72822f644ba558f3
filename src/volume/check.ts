import { AnywhenError, messageOf } from '../base/errors.js';
import { alignUp, BLOCK } from '../base/range.js';
import type { Executor } from '../file/executor.js';
import {
  DESCRIPTOR_SIZE,
  FILES,
  SUMS_PAGE_SIZE,
  SUMS_PER_PAGE,
  SUPERBLOCK_SIZE,
  segmentData,
  segmentDescriptors,
} from '../format/layout.js';
import { superblockCopies } from '../format/superblock-copies.js';
import { dataIntact } from '../journal/forward-recovery.js';
import { SegmentKind } from '../journal/segment-format.js';
import type { SegmentTable } from '../journal/segment-table.js';
import { FIRST_SEGMENT } from '../vrmo/vrmo.js';
import { type Engine, openEngine } from './engine.js';

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

/** Verifies a store through an executor that is read-only: it never writes. Yields what it finds. */
export async function* checkStore(executor: Executor, options: CheckOptions): AsyncGenerator<Finding> {
  let engine: Engine;
  yield* checkSuperblock(executor);
  try {
    engine = await openEngine(executor, { readOnly: true });
  } catch (error) {
    yield found(error, 'store');
    return;
  }
  if (engine.scan.damage !== undefined) yield lostDescriptor(engine, engine.scan.damage);
  yield* checkSegments(engine, options.data);
  yield* checkSnapshots(engine);
  yield* checkMirror(engine, options);
  if (options.data) yield* checkForward(engine);
  yield* checkOrphans(engine);
}

function found(error: unknown, otherwise: string): Finding {
  const { file, offset } = error instanceof AnywhenError ? error.data : {};
  return finding(typeof file === 'string' ? file : otherwise, Number(offset ?? Number.NaN), messageOf(error));
}

/** Many a message begins with its file, which the finding names already. */
function finding(file: string, offset: number, message: string): Finding {
  const place =
    [`${file}, offset ${offset}: `, `${file}: `].find((prefix) => message.startsWith(prefix)) ?? '';
  const rest = message.slice(place.length);
  return { level: 'error', file, ...(Number.isNaN(offset) ? {} : { offset }), message: rest };
}

/** A copy that is not intact beside one that is: a power cut may leave it so, and the next commit writes it anew. */
async function* checkSuperblock(executor: Executor): AsyncGenerator<Finding> {
  const size = (await executor.size(FILES.superblock)) ?? 0;
  const bytes = new Uint8Array(Math.min(size, 2 * SUPERBLOCK_SIZE));
  if (size > 0) await executor.run([{ op: 'read', file: FILES.superblock, offset: 0, into: bytes }]);
  const copies = superblockCopies(bytes);
  if (!copies.some(({ state }) => state === 'intact')) return;
  for (const { offset, state, error } of copies) {
    if (error === undefined || state === 'intact') continue;
    const message = 'this copy is damaged; the other one is whole';
    yield { level: 'warning', file: FILES.superblock, offset, message };
  }
}

function lostDescriptor({ scan, index, meta }: Engine, message: string): Finding {
  const last = index.next - 1;
  const behind =
    index.count > 0 ? index.position(last) + DESCRIPTOR_SIZE : meta.superblock.journal.descriptorTail;
  return finding(FILES.forward, scan.descriptors.place(behind), message);
}

async function* checkSegments(engine: Engine, data: boolean): AsyncGenerator<Finding> {
  for (const segment of engine.meta.catalog.segments.keys()) {
    try {
      const table = await engine.segments.load(segment);
      if (data) yield* checkSegmentData(engine, segment, table);
    } catch (error) {
      yield found(error, segmentDescriptors(segment));
    }
  }
}

async function* checkSegmentData(
  engine: Engine,
  segment: number,
  table: SegmentTable,
): AsyncGenerator<Finding> {
  for (let record = 0; record < table.count; record++) {
    if (table.kind[record] !== SegmentKind.extent) continue;
    const bytes = new Uint8Array(table.length[record] as number);
    try {
      await engine.fetcher.read(segment + FIRST_SEGMENT, record, table.start[record] as number, bytes);
    } catch (error) {
      yield found(error, segmentData(segment));
    }
  }
}

/** Every snapshot's list must lie within its segment. */
async function* checkSnapshots(engine: Engine): AsyncGenerator<Finding> {
  for (const { sequence, segment, record, extents } of engine.meta.catalog.snapshots) {
    const table = engine.segments.get(segment);
    if (table !== undefined && record + extents <= table.count) continue;
    yield {
      level: 'error',
      file: FILES.catalog,
      message: `snapshot ${sequence}: its list is not in segment ${segment}`,
    };
  }
}

async function* checkMirror(engine: Engine, options: CheckOptions): AsyncGenerator<Finding> {
  const { mirror, meta } = engine;
  const blocks = alignUp(meta.superblock.mimSize, BLOCK) / BLOCK;
  const pages = Math.ceil(((await engine.executor.size(FILES.sums)) ?? 0) / SUMS_PAGE_SIZE);
  for (let page = 0; page < pages; page++) {
    try {
      await mirror.sums(page);
      const end = Math.min(blocks, (page + 1) * SUMS_PER_PAGE);
      if (options.data) yield* checkBlocks(engine, page * SUMS_PER_PAGE, end);
    } catch (error) {
      yield found(error, FILES.sums);
    }
    options.progress?.(page + 1, pages);
  }
}

/** Each block on its own, so that every bad one is named. */
async function* checkBlocks(engine: Engine, first: number, end: number): AsyncGenerator<Finding> {
  const bytes = new Uint8Array(BLOCK);
  for (let block = first; block < end; block++) {
    block += await engine.mirror.zeroRun(block, end);
    if (block >= end) return;
    if (engine.mirror.passing.has(block)) continue;
    try {
      await engine.mirror.read(block, bytes);
    } catch (error) {
      yield found(error, engine.mirror.name);
    }
  }
}

async function* checkForward(engine: Engine): AsyncGenerator<Finding> {
  const { index, executor, scan } = engine;
  for (let at = index.first; at < index.next; at++) {
    if (await dataIntact(executor, index, scan.data, at)) continue;
    const offset = scan.data.place(index.dataPosition(at));
    yield finding(FILES.forward, offset, `the data of sequence ${at} does not match its checksum`);
  }
}

async function* checkOrphans(engine: Engine): AsyncGenerator<Finding> {
  for (const name of await engine.executor.list(FILES.backward)) {
    const segment = Number.parseInt(name, 10);
    const move = name.endsWith('.move') && engine.meta.superblock.copied?.segment === segment;
    if (move || (!name.endsWith('.move') && engine.meta.catalog.segments.has(segment))) continue;
    yield {
      level: 'warning',
      file: `${FILES.backward}/${name}`,
      message: 'an orphan: the catalog does not name it',
    };
  }
}
