import { formatInstant, type Instant } from '../base/instant.js';
import type { JournalEntry, Superblock } from '../format/superblock.js';
import type { BackwardItem, SegmentRowItem } from '../inspect/backward.js';
import type { CatalogRow } from '../inspect/catalog.js';
import type { ForwardHead, ForwardRow } from '../inspect/forward.js';
import type { MapExtent } from '../inspect/maps.js';
import type { SumsBlock, SumsPage } from '../inspect/sums.js';
import type { SuperblockFacts } from '../inspect/superblock.js';
import type { CatalogEdit } from '../journal/catalog-format.js';
import { Flag, KIND_NAMES } from '../journal/forward-descriptor.js';
import { SegmentKind } from '../journal/segment-format.js';
import { formatUuid } from '../volume/status.js';

/** What `anywhen inspect` prints for people: cells of tables, made of what lies on the disk. Pure. */

export const hex = (value: number) => value.toString(16).padStart(8, '0');
const span = (start: number, length: number) => `[${start}, ${start + length})`;
const size = (bytes: number | undefined) => (bytes === undefined ? 'missing' : `${bytes} bytes`);
/** Instants of a damaged structure can be anything. */
const time = (instant: Instant) => (instant === 0n ? '0' : formatInstant(instant));

export function superblockRows({ copies }: SuperblockFacts): string[][] {
  const columns = copies.map((copy) => (copy.content === undefined ? [] : fieldsOf(copy.content)));
  const names = columns.find((column) => column.length > 0)?.map(([name]) => name) ?? [];
  return [
    ['', ...copies.map(({ offset }) => `COPY AT ${offset}`)],
    ['state', ...copies.map(({ state, used }) => (used ? `${state}, used` : state))],
    ...names.map((name, at) => [name, ...columns.map((column) => column[at]?.[1] ?? '')]),
  ];
}

function fieldsOf(content: Superblock): (readonly [string, string])[] {
  const { copied, journal, epochs } = content;
  const event =
    copied === undefined
      ? 'idle'
      : `copied: segment ${copied.segment}, up to sequence ${copied.endSequence} at ${time(copied.endStamp)}`;
  return [
    ['sequence', `${content.sequence}`],
    ['uuid', formatUuid(content.uuid)],
    ['history uuid', formatUuid(content.historyUuid)],
    ['created', time(content.createdAt)],
    ['MIM', content.mimName],
    ['MIM at sequence', `${content.mimSequence}`],
    ['MIM at time', time(content.mimStamp)],
    ['volume size there', `${content.mimSize}`],
    ['catalog generation', `${content.catalogGeneration}`],
    ['catalog length', `${content.catalogLength}`],
    ['sync event', event],
    ['move record', copied === undefined ? '' : `${copied.moveLength} bytes, crc ${hex(copied.moveCrc)}`],
    ['size at its end', copied === undefined ? '' : `${copied.endSize}`],
    ['tails at its end', copied === undefined ? '' : `${copied.endDescriptor}, ${copied.endData}`],
    ...regionRows(journal),
    ['first sequence', `${journal.firstSequence}`],
    ['epochs', epochs.map(({ epoch, firstSequence }) => `${epoch} from ${firstSequence}`).join(', ')],
  ];
}

function regionRows(journal: JournalEntry): [string, string][] {
  const { descriptorOffset, descriptorLength, dataOffset, dataLength } = journal;
  return [
    ['descriptor queue', span(descriptorOffset, descriptorLength)],
    ['its tail', `${journal.descriptorTail}`],
    ['data queue', span(dataOffset, dataLength)],
    ['its tail', `${journal.dataTail}`],
  ];
}

export function forwardHeadRows({ size: bytes, journal, epochs }: ForwardHead): string[][] {
  if (journal === undefined) return [['file', size(bytes)]];
  return [
    ['file', size(bytes)],
    ...regionRows(journal),
    ['first sequence', `${journal.firstSequence}`],
    ['epochs', epochs.map(({ epoch, firstSequence }) => `${epoch} from ${firstSequence}`).join(', ')],
  ];
}

export const FORWARD_HEADER = [
  'OFFSET',
  'STATE',
  'SEQUENCE',
  'EPOCH',
  'STAMP',
  'KIND',
  'FLAGS',
  'RANGE',
  'DATA AT',
  'STORED',
  'DURABLE',
  'SUM',
  'CRC',
  '',
];

export function forwardCells(row: ForwardRow): string[] {
  const { descriptor, state, refusal, dataOffset } = row;
  if (state === 'empty') return [`${row.offset}`, state];
  return [
    `${row.offset}`,
    refusal === undefined ? state : `${state}: ${refusal}`,
    `${descriptor.sequence}`,
    `${descriptor.epoch}`,
    time(descriptor.stamp),
    KIND_NAMES[descriptor.kind] ?? `${descriptor.kind}`,
    flagText(descriptor.flags),
    span(descriptor.start, descriptor.length),
    dataOffset === undefined ? '-' : `${dataOffset}`,
    `${descriptor.storedLength}`,
    `${descriptor.durable}`,
    hex(descriptor.sum),
    hex(row.crc),
    forwardExtra(row),
  ];
}

function forwardExtra({ descriptor, name, data }: ForwardRow): string {
  const parts: string[] = [];
  if (name !== undefined) parts.push(JSON.stringify(name));
  if (descriptor.segment !== 0) parts.push(`segment ${descriptor.segment}`);
  if (descriptor.size !== 0) parts.push(`size ${descriptor.size}`);
  if (data !== undefined) parts.push(`data ${data}`);
  return parts.join(', ');
}

function flagText(flags: number): string {
  const known = Object.entries(Flag).filter(([, bit]) => (flags & bit) !== 0);
  const rest = known.reduce((left, [, bit]) => left & ~bit, flags);
  const names = known.map(([name]) => name);
  if (rest !== 0) names.push(`0x${rest.toString(16)}`);
  return names.length === 0 ? '-' : names.join('+');
}

export const SEGMENT_HEADER = ['INDEX', 'OFFSET', 'KIND', 'WHAT', 'SUM', 'CRC'];

export function segmentCells({ index, offset, crc, descriptor }: SegmentRowItem): string[] {
  const row = [`${index}`, `${offset}`];
  if (descriptor.kind === SegmentKind.marker) {
    const { sequence, extents, at, from, to, quality } = descriptor;
    const what = `sequence ${sequence} at ${time(at)}, [${time(from)}, ${time(to)}), size ${descriptor.size}, quality ${quality}`;
    return [...row, 'list', `${extents} extents: ${what}`, '', hex(crc)];
  }
  const range = span(descriptor.start, descriptor.length);
  if (descriptor.kind === SegmentKind.zero) return [...row, 'zero', range, '', hex(crc)];
  const origin = span(descriptor.originStart, descriptor.originLength);
  const what = `${range} of ${origin}, ${descriptor.pieces} pieces, data ${descriptor.dataSegment} at ${descriptor.offset}`;
  return [
    ...row,
    descriptor.kind === SegmentKind.extent ? 'extent' : `${descriptor.kind}`,
    what,
    hex(descriptor.sum),
    hex(crc),
  ];
}

const DIRECTIONS = ['', 'undo', 'redo', 'both'];

/** The lines that stand before the table of a segment, or alone. */
export function backwardLines(item: Exclude<BackwardItem, SegmentRowItem | { type: 'end' }>): string[] {
  if (item.type === 'stranger') return [`${item.file}: no file of a store`];
  if (item.type === 'move') {
    const whose = item.due ? 'of the sync event under way' : 'a left-over that does not count';
    const blocks = item.blocks === undefined ? '' : `, ${item.blocks} blocks in ${item.pages} pages`;
    return [`move record ${item.segment}: ${item.size} bytes${blocks}, ${whose}`];
  }
  const { segment, named, header } = item;
  const first = `segment ${segment}: descriptors ${size(item.size)}, data ${size(item.dataSize)}${named === undefined ? ', an orphan: the catalog does not name it' : ''}`;
  if (header === undefined) return [first];
  const points = `sequence ${header.olderSequence} at ${time(header.olderStamp)} to ${header.youngerSequence} at ${time(header.youngerStamp)}`;
  return [
    first,
    `  ${DIRECTIONS[header.direction]}, ${points}, ${header.descriptors} descriptors, ${header.dataLength} bytes of data`,
  ];
}

export const CATALOG_HEADER = ['OFFSET', 'LENGTH', 'STATE', 'TYPE', 'WHAT'];

export function catalogCells({ offset, length, committed, edit, problem }: CatalogRow): string[] {
  const state = problem !== undefined ? 'damaged' : committed ? 'counts' : 'not committed';
  return [`${offset}`, `${length}`, state, edit?.type ?? '', edit === undefined ? '' : editText(edit)];
}

function editText(edit: CatalogEdit): string {
  switch (edit.type) {
    case 'segment':
      return `${edit.segment}, ${DIRECTIONS[edit.direction] ?? edit.direction}, ${edit.descriptors} descriptors, ${edit.dataLength} bytes of data`;
    case 'segment-drop':
      return `${edit.segment}`;
    case 'snapshot':
      return `sequence ${edit.sequence} at ${time(edit.at)}, [${time(edit.from)}, ${time(edit.to)}), size ${edit.size}, quality ${edit.quality}, ${edit.extents} extents of segment ${edit.segment} from ${edit.record}: ${edit.bytes} bytes, ${edit.stored} of them stored`;
    case 'mark':
      return `${JSON.stringify(edit.name)}, sequence ${edit.sequence} at ${time(edit.at)}${edit.hold ? ', hold' : ''}`;
    case 'snapshot-drop':
    case 'mark-drop':
      return `sequence ${edit.sequence}`;
    case 'policy':
      return `${edit.key} = ${edit.value}`;
  }
}

export const MAP_HEADER = ['START', 'END', 'SOURCE', 'FILE', 'OFFSET', 'DESCRIPTOR'];

export function mapCells(extent: MapExtent): string[] {
  const { start, end, source, file = '-', offset = '-', sequence, segment, index } = extent;
  const descriptor =
    sequence !== undefined
      ? `sequence ${sequence}`
      : segment !== undefined
        ? `${index} of segment ${segment}`
        : '';
  return [`${start}`, `${end}`, source, file, `${offset}`, descriptor];
}

export const SUMS_HEADER = ['PAGE', 'OFFSET', 'STATE', 'CRC', 'BLOCKS', 'NOT ZERO', 'MISMATCHES'];

export function pageCells(page: SumsPage): string[] {
  const { first, end, summed, mismatches } = page;
  return [
    `${page.page}`,
    `${page.offset}`,
    page.state,
    hex(page.crc),
    `[${first}, ${end})`,
    `${summed}`,
    mismatches === undefined ? '' : `${mismatches}`,
  ];
}

export function blockCells({ block, offset, sum, found, problem }: SumsBlock): string[] {
  const state = problem !== undefined ? 'does not match' : found === undefined ? '' : 'matches';
  return ['', `${offset}`, state, hex(sum), `${block}`];
}
