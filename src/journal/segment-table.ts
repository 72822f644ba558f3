import { AnywhenError } from '../base/errors.js';
import type { Executor } from '../file/executor.js';
import { SEGMENT_DESCRIPTOR_SIZE, SEGMENT_HEADER_SIZE, segmentDescriptors } from '../format/layout.js';
import {
  decodeSegmentDescriptor,
  decodeSegmentHeader,
  type SegmentHeader,
  SegmentKind,
  type SegmentMarker,
} from './segment-format.js';

/** The descriptors of one segment in memory: a column each. A record is the index of its descriptor. */
export class SegmentTable {
  readonly start: Float64Array;
  readonly length: Float64Array;
  readonly originStart: Float64Array;
  readonly originLength: Uint32Array;
  readonly pieces: Uint32Array;
  readonly offset: Float64Array;
  readonly dataSegment: Uint32Array;
  readonly sum: Uint32Array;
  readonly kind: Uint8Array;
  /** Markers by record. */
  readonly markers = new Map<number, SegmentMarker>();

  constructor(
    readonly header: SegmentHeader,
    readonly count: number,
  ) {
    this.start = new Float64Array(count);
    this.length = new Float64Array(count);
    this.originStart = new Float64Array(count);
    this.originLength = new Uint32Array(count);
    this.pieces = new Uint32Array(count);
    this.offset = new Float64Array(count);
    this.dataSegment = new Uint32Array(count);
    this.sum = new Uint32Array(count);
    this.kind = new Uint8Array(count);
  }

  /** Fills row `record` from the bytes of its descriptor. */
  decode(view: DataView, offset: number, record: number, seed: number): void {
    const found = decodeSegmentDescriptor(view, offset, record, this.header.segment, seed);
    this.kind[record] = found.kind;
    if (found.kind === SegmentKind.marker) {
      this.markers.set(record, found);
      return;
    }
    this.start[record] = found.start;
    this.length[record] = found.length;
    this.originStart[record] = found.originStart;
    this.originLength[record] = found.originLength;
    this.pieces[record] = found.pieces;
    this.offset[record] = found.offset;
    this.dataSegment[record] = found.dataSegment;
    this.sum[record] = found.sum;
  }
}

const CHUNK = 8192;

/**
 * Loads a segment's descriptors. Bounded: the count comes from the catalog and is checked against the file.
 *
 * @throws `damaged` if anything does not match its checksum or its place
 */
export async function loadSegment(
  executor: Executor,
  segment: number,
  uuid: Uint8Array,
  seed: number,
): Promise<SegmentTable> {
  const file = segmentDescriptors(segment);
  const size = await executor.size(file);
  if (size === undefined) throw new AnywhenError('damaged', `${file} is missing`, { data: { file } });
  const head = new Uint8Array(SEGMENT_HEADER_SIZE);
  await executor.run([{ op: 'read', file, offset: 0, into: head }]);
  const header = decodeSegmentHeader(head, file);
  const foreign = header.segment !== segment || !uuid.every((byte, index) => header.uuid[index] === byte);
  if (foreign)
    throw new AnywhenError('damaged', `${file}: belongs to another store or place`, { data: { file } });
  if (SEGMENT_HEADER_SIZE + header.descriptors * SEGMENT_DESCRIPTOR_SIZE > size) {
    throw new AnywhenError('damaged', `${file}: is cut short`, { data: { file } });
  }
  const table = new SegmentTable(header, header.descriptors);
  for (let from = 0; from < table.count; from += CHUNK) {
    const count = Math.min(CHUNK, table.count - from);
    const bytes = new Uint8Array(count * SEGMENT_DESCRIPTOR_SIZE);
    await executor.run([
      { op: 'read', file, offset: SEGMENT_HEADER_SIZE + from * SEGMENT_DESCRIPTOR_SIZE, into: bytes },
    ]);
    const view = new DataView(bytes.buffer);
    for (let row = 0; row < count; row++) table.decode(view, row * SEGMENT_DESCRIPTOR_SIZE, from + row, seed);
  }
  return table;
}
