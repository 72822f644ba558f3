import { AnywhenError } from '../base/errors.js';
import {
  FILES,
  moveRecord,
  SEGMENT_DESCRIPTOR_SIZE,
  SEGMENT_HEADER_SIZE,
  segmentData,
  segmentDescriptors,
} from '../format/layout.js';
import type { SegmentEdit } from '../journal/catalog-format.js';
import {
  decodeSegmentHeader,
  type SegmentExtent,
  type SegmentHeader,
  SegmentKind,
  type SegmentMarker,
} from '../journal/segment-format.js';
import { readSegmentRows } from '../journal/segment-rows.js';
import { MoveRecordReader } from '../sync/move-record.js';
import { sumOfCatalog } from './catalog.js';
import { faultOf, type Look, type Problem, problemOf, readHead, sameBytes } from './look.js';

export interface BackwardOptions {
  /** Only this segment. */
  readonly segment?: number;
  /** Every descriptor, not only those that begin a list. */
  readonly all?: boolean;
  /** Descriptors at the most. */
  readonly limit?: number;
}

export interface SegmentItem {
  readonly type: 'segment';
  readonly segment: number;
  /** What the catalog says of it; undefined for an orphan, which does not count. */
  readonly named: SegmentEdit | undefined;
  readonly header: SegmentHeader | undefined;
  /** Sizes of its two files, bytes. */
  readonly size: number | undefined;
  readonly dataSize: number | undefined;
  readonly problems: readonly Problem[];
}

export interface SegmentRowItem {
  readonly type: 'descriptor';
  readonly segment: number;
  readonly index: number;
  /** Place in the file of descriptors, bytes. */
  readonly offset: number;
  readonly crc: number;
  readonly descriptor: SegmentExtent | SegmentMarker;
  readonly problem: string | undefined;
}

/** The move record of the sync event that wrote a segment. */
export interface MoveItem {
  readonly type: 'move';
  readonly segment: number;
  readonly size: number;
  /** Whether the superblock says that the move was begun and has not ended. */
  readonly due: boolean;
  /** Pages of sums and blocks of the MIM in it; undefined when it is damaged, or left over and thus unchecked. */
  readonly pages: number | undefined;
  readonly blocks: number | undefined;
  readonly problem: string | undefined;
}

export interface StrangerItem {
  readonly type: 'stranger';
  readonly file: string;
}

export interface BackwardEnd {
  readonly type: 'end';
  readonly complete: boolean;
  readonly segments: number;
  readonly orphans: number;
}

export type BackwardItem = SegmentItem | SegmentRowItem | MoveItem | StrangerItem | BackwardEnd;

const NAME = /^(\d{8,10})\.(descriptors|data|move)$/;

/** The backward journal: each segment with its lists, and the move records, whether the catalog names them or not. */
export async function* inspectBackward(
  look: Look,
  options: BackwardOptions = {},
): AsyncGenerator<BackwardItem> {
  const { segments: named } = await sumOfCatalog(look);
  const { segments, moves, strangers } = sorted(await look.executor.list(FILES.backward));
  for (const segment of named.keys()) segments.add(segment);
  const copied = look.distrust === undefined ? look.superblock?.copied : undefined;
  if (copied !== undefined && !moves.includes(copied.segment)) moves.push(copied.segment);
  const one = (segment: number) => options.segment === undefined || options.segment === segment;
  const numbers = [...segments].filter(one).sort((a, b) => a - b);
  const end = { type: 'end', segments: numbers.length } as const;
  const orphans = numbers.filter((segment) => !named.has(segment)).length;
  const room = { left: options.limit ?? Number.POSITIVE_INFINITY };
  for (const segment of numbers) {
    const item = await segmentOf(look, segment, named.get(segment));
    yield item;
    if (!(yield* rowsOf(look, item, options.all === true, room)))
      return yield { ...end, orphans, complete: false };
  }
  for (const segment of moves.filter(one)) yield await moveOf(look, segment);
  if (options.segment === undefined) {
    for (const name of strangers) yield { type: 'stranger', file: `${FILES.backward}/${name}` };
  }
  yield { ...end, orphans, complete: true };
}

/** What the names in the folder `backward` are. */
function sorted(names: readonly string[]): { segments: Set<number>; moves: number[]; strangers: string[] } {
  const segments = new Set<number>();
  const moves: number[] = [];
  const strangers: string[] = [];
  for (const name of names) {
    const [, digits, kind] = NAME.exec(name) ?? [];
    const segment = Number(digits);
    // Only the name that a reader would look for is one of a segment.
    const exact = kind !== undefined && `${FILES.backward}/${name}` === fileOf(segment, kind);
    if (!exact) strangers.push(name);
    else if (kind === 'move') moves.push(segment);
    else segments.add(segment);
  }
  return { segments, moves, strangers };
}

function fileOf(segment: number, kind: string): string {
  if (kind === 'move') return moveRecord(segment);
  return kind === 'data' ? segmentData(segment) : segmentDescriptors(segment);
}

async function segmentOf(look: Look, segment: number, named: SegmentEdit | undefined): Promise<SegmentItem> {
  const { executor, identity } = look;
  const file = segmentDescriptors(segment);
  const problems: Problem[] = [];
  const say = (message: string, offset?: number) => problems.push({ message, offset });
  const found: { header?: SegmentHeader; size?: number | undefined; dataSize?: number | undefined } = {};
  const tell = (fault: AnywhenError | undefined) => {
    if (fault !== undefined) problems.push(problemOf(fault));
  };
  tell(
    await faultOf(async () => {
      found.size = await executor.size(file);
      // Only its data is there, for lists in other segments.
      if (named?.descriptors === 0) return;
      found.header = decodeSegmentHeader(await readHead(executor, file, SEGMENT_HEADER_SIZE), file);
    }),
  );
  tell(
    await faultOf(async () => {
      found.dataSize = await executor.size(segmentData(segment));
      if (found.dataSize === undefined)
        throw new AnywhenError('damaged', `${segmentData(segment)}: is missing`);
    }),
  );
  const { header, size, dataSize } = found;
  if (header !== undefined) {
    if (header.segment !== segment || (identity !== undefined && !sameBytes(header.uuid, identity.uuid)))
      say(`${file}: belongs to another store or place`, 0);
    if (SEGMENT_HEADER_SIZE + header.descriptors * SEGMENT_DESCRIPTOR_SIZE > (size ?? 0))
      say(`${file}: is cut short, at ${size} bytes`, size);
    if (dataSize !== undefined && header.dataLength > dataSize)
      say(`${segmentData(segment)}: is cut short, at ${dataSize} of ${header.dataLength} bytes`, dataSize);
    if (named !== undefined && !agree(named, header)) say(`${file}: is not what the catalog says of it`, 0);
  }
  return {
    type: 'segment',
    segment,
    named,
    header,
    size,
    dataSize,
    // An orphan is a left-over of an event that was interrupted: nothing is wrong with the store.
    problems: named === undefined ? [] : problems,
  };
}

function agree(named: SegmentEdit, header: SegmentHeader): boolean {
  const { direction, descriptors, dataLength } = header;
  return (
    named.direction === direction && named.descriptors === descriptors && named.dataLength === dataLength
  );
}

/** False when there was no room for all. */
async function* rowsOf(
  look: Look,
  item: SegmentItem,
  all: boolean,
  room: { left: number },
): AsyncGenerator<SegmentRowItem, boolean> {
  const { executor, identity } = look;
  const { segment, size, named, header } = item;
  if (size === undefined || identity === undefined) return true;
  const fit = Math.max(0, Math.floor((size - SEGMENT_HEADER_SIZE) / SEGMENT_DESCRIPTOR_SIZE));
  const count = Math.min(fit, named?.descriptors ?? header?.descriptors ?? fit);
  for await (const row of readSegmentRows(executor, segment, count, identity.seed)) {
    const { index, offset, crc, descriptor, error } = row;
    if (!all && descriptor.kind !== SegmentKind.marker && (error === undefined || named === undefined))
      continue;
    if (room.left === 0) return false;
    room.left -= 1;
    const problem = named === undefined ? undefined : error?.message;
    yield { type: 'descriptor', segment, index, offset, crc, descriptor, problem };
  }
  return true;
}

async function moveOf(look: Look, segment: number): Promise<MoveItem> {
  const { executor, superblock, distrust } = look;
  const file = moveRecord(segment);
  const copied = distrust === undefined ? superblock?.copied : undefined;
  const due = copied?.segment === segment;
  const found: { size: number; pages?: number; blocks?: number } = { size: 0 };
  const fault = await faultOf(async () => {
    found.size = (await executor.size(file)) ?? 0;
    if (copied === undefined || !due) return;
    const record = new MoveRecordReader(executor, copied);
    await record.verify();
    const seen = { pages: 0, blocks: 0 };
    for await (const page of record.pages()) {
      seen.pages += 1;
      seen.blocks += page.blocks.length;
    }
    Object.assign(found, seen);
  });
  const { size, pages, blocks } = found;
  return { type: 'move', segment, size, due, pages, blocks, problem: fault?.message };
}
