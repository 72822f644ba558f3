import { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { crc32c } from '../format/checksum.js';
import { Reader, Writer } from '../format/cursor.js';
import {
  FORMAT_VERSION,
  MAX_SEGMENT_EXTENT,
  SEGMENT_DESCRIPTOR_SIZE,
  SEGMENT_HEADER_SIZE,
  segmentDescriptors,
} from '../format/layout.js';
import { getU53, setU53 } from './forward-descriptor.js';

/*
 * A segment: one format for backward data, bulk, deltas and archives. Two files: NNNNNNNN.descriptors (a header
 * of 4 KiB, then descriptors of 96 bytes: a marker for each point, behind it that point's extents in address
 * order) and NNNNNNNN.data.
 *
 * Header: 0 magic "ANYSEG\0\0", 8 u32 CRC32C of bytes 12..4096, 12 u32 format version, 16 store uuid,
 *   32 history uuid, 48 u32 segment, 52 u16 direction (1 undo, 2 redo, 3 both), 54 u16 reserved,
 *   56 u64 older sequence, 64 i64 older stamp, 72 u64 younger sequence, 80 i64 younger stamp,
 *   88 u64 number of descriptors, 96 u64 length of the data file, zeros.
 *
 * Descriptor: 0 u32 CRC32C of bytes 4..96 seeded with the store, 4 u8 kind, 5 u8 version (1), 6 u8 codec (0),
 *   7 u8 flags (0), 8 u32 own index, 12 u32 own segment;
 *   extent: 16 u64 start, 24 u64 length: the range that it stands for; 32 u64 origin start, 40 u32 origin
 *     length, 44 u32 pieces: the range that was stored as a whole, of which this may be a cut; 48 u32 segment
 *     of the data, 52 u32 stored length, 56 u64 offset of the origin's first byte in that data file,
 *     64 u32 sum, 68 u32 key id (0), zeros;
 *   zero: start and length only;
 *   marker: 16 u64 sequence, 24 u64 number of extents behind it, 32 u64 size, 40 u32 quality, 44 u32 0,
 *     48 i64 at, 56 i64 from, 64 u64 0, 72 i64 to, zeros.
 */

const MAGIC = new TextEncoder().encode('ANYSEG\0\0');

export const Direction = { undo: 1, redo: 2, both: 3 } as const;
export type DirectionValue = (typeof Direction)[keyof typeof Direction];

export const SegmentKind = { extent: 1, zero: 2, marker: 3 } as const;

export interface SegmentHeader {
  readonly uuid: Uint8Array;
  readonly historyUuid: Uint8Array;
  readonly segment: number;
  readonly direction: DirectionValue;
  readonly olderSequence: number;
  readonly olderStamp: Instant;
  readonly youngerSequence: number;
  readonly youngerStamp: Instant;
  readonly descriptors: number;
  readonly dataLength: number;
}

export interface SegmentExtent {
  readonly kind: typeof SegmentKind.extent | typeof SegmentKind.zero;
  readonly start: number;
  readonly length: number;
  readonly originStart: number;
  readonly originLength: number;
  readonly pieces: number;
  readonly dataSegment: number;
  readonly offset: number;
  readonly sum: number;
}

export interface SegmentMarker {
  readonly kind: typeof SegmentKind.marker;
  readonly sequence: number;
  readonly extents: number;
  readonly size: number;
  readonly quality: number;
  readonly at: Instant;
  readonly from: Instant;
  readonly to: Instant;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_SIZE);
  const writer = new Writer(bytes);
  writer.bytes(MAGIC).u32(0).u32(FORMAT_VERSION).bytes(header.uuid).bytes(header.historyUuid);
  writer.u32(header.segment).u16(header.direction).u16(0);
  writer
    .u53(header.olderSequence)
    .i64(header.olderStamp)
    .u53(header.youngerSequence)
    .i64(header.youngerStamp);
  writer.u53(header.descriptors).u53(header.dataLength);
  writer.offset = 8;
  writer.u32(crc32c(bytes.subarray(12)));
  return bytes;
}

/** @throws `damaged`, `unsupported` */
export function decodeSegmentHeader(bytes: Uint8Array, what: string): SegmentHeader {
  const reader = new Reader(bytes, what);
  const magic = reader.bytes(8);
  const crc = reader.u32();
  if (!MAGIC.every((byte, index) => magic[index] === byte) || crc32c(bytes.subarray(12)) !== crc) {
    throw new AnywhenError('damaged', `${what}: the header is damaged`, { data: { file: what, offset: 0 } });
  }
  const version = reader.u32();
  if (version !== FORMAT_VERSION) throw new AnywhenError('unsupported', `${what}: format version ${version}`);
  const uuid = reader.bytes(16).slice();
  const historyUuid = reader.bytes(16).slice();
  const segment = reader.u32();
  const direction = reader.u16();
  if (direction < 1 || direction > 3)
    throw new AnywhenError('unsupported', `${what}: direction ${direction}`);
  reader.reserved(2);
  const header = {
    uuid,
    historyUuid,
    segment,
    direction: direction as DirectionValue,
    olderSequence: reader.u53(),
    olderStamp: reader.i64(),
    youngerSequence: reader.u53(),
    youngerStamp: reader.i64(),
    descriptors: reader.u53(),
    dataLength: reader.u53(),
  };
  reader.reserved(reader.remaining);
  return header;
}

function seal(
  view: DataView<ArrayBuffer>,
  offset: number,
  kind: number,
  index: number,
  segment: number,
  seed: number,
): void {
  view.setUint8(offset + 4, kind);
  view.setUint8(offset + 5, 1);
  view.setUint32(offset + 8, index, true);
  view.setUint32(offset + 12, segment, true);
  const checked = new Uint8Array(view.buffer, view.byteOffset + offset + 4, SEGMENT_DESCRIPTOR_SIZE - 4);
  view.setUint32(offset, crc32c(checked, seed), true);
}

/** Writes the descriptor of an extent as number `index` of `segment`; the bytes there must be zero. */
export function encodeExtent(
  view: DataView<ArrayBuffer>,
  offset: number,
  extent: SegmentExtent,
  index: number,
  segment: number,
  seed: number,
): void {
  setU53(view, offset + 16, extent.start);
  setU53(view, offset + 24, extent.length);
  if (extent.kind === SegmentKind.extent) {
    setU53(view, offset + 32, extent.originStart);
    view.setUint32(offset + 40, extent.originLength, true);
    view.setUint32(offset + 44, extent.pieces, true);
    view.setUint32(offset + 48, extent.dataSegment, true);
    view.setUint32(offset + 52, extent.originLength, true);
    setU53(view, offset + 56, extent.offset);
    view.setUint32(offset + 64, extent.sum, true);
  }
  seal(view, offset, extent.kind, index, segment, seed);
}

export function encodeMarker(
  view: DataView<ArrayBuffer>,
  offset: number,
  marker: SegmentMarker,
  index: number,
  segment: number,
  seed: number,
): void {
  setU53(view, offset + 16, marker.sequence);
  setU53(view, offset + 24, marker.extents);
  setU53(view, offset + 32, marker.size);
  view.setUint32(offset + 40, marker.quality, true);
  view.setBigInt64(offset + 48, marker.at, true);
  view.setBigInt64(offset + 56, marker.from, true);
  view.setBigInt64(offset + 72, marker.to, true);
  seal(view, offset, SegmentKind.marker, index, segment, seed);
}

/**
 * Decodes descriptor number `index` of `segment`.
 *
 * @throws `damaged` when the checksum, the place or a number is wrong, `unsupported` for a later format
 */
export function decodeSegmentDescriptor(
  view: DataView,
  offset: number,
  index: number,
  segment: number,
  seed: number,
): SegmentExtent | SegmentMarker {
  const checked = new Uint8Array(view.buffer, view.byteOffset + offset + 4, SEGMENT_DESCRIPTOR_SIZE - 4);
  const damaged = (why: string) =>
    new AnywhenError('damaged', `segment ${segment}, descriptor ${index}: ${why}`, {
      data: {
        file: segmentDescriptors(segment),
        offset: SEGMENT_HEADER_SIZE + index * SEGMENT_DESCRIPTOR_SIZE,
      },
    });
  if (crc32c(checked, seed) !== view.getUint32(offset, true)) throw damaged('checksum');
  if (view.getUint32(offset + 8, true) !== index || view.getUint32(offset + 12, true) !== segment) {
    throw damaged('stands in the wrong place');
  }
  const known = view.getUint8(offset + 5) === 1 && view.getUint16(offset + 6, true) === 0;
  if (!known || !reservedIsZero(view, offset)) {
    throw new AnywhenError('unsupported', `segment ${segment}, descriptor ${index}: of a later format`);
  }
  const found = readSegmentDescriptor(view, offset);
  if (found.kind === SegmentKind.marker) return found;
  if (found.kind !== SegmentKind.extent && found.kind !== SegmentKind.zero) {
    throw new AnywhenError('unsupported', `segment ${segment}, descriptor ${index}: kind ${found.kind}`);
  }
  const end = found.start + found.length;
  if (found.length === 0 || !Number.isSafeInteger(end)) throw damaged('an impossible range');
  if (found.kind === SegmentKind.zero) return found;
  const inside = found.start >= found.originStart && end <= found.originStart + found.originLength;
  if (!inside || found.originLength > MAX_SEGMENT_EXTENT) throw damaged('an impossible origin');
  return found;
}

/** Bytes that must be zero, by kind: a later version may give them a meaning. */
const RESERVED: Readonly<Record<number, readonly (readonly [from: number, to: number])[]>> = {
  [SegmentKind.extent]: [[68, 96]],
  [SegmentKind.zero]: [[32, 96]],
  [SegmentKind.marker]: [
    [44, 48],
    [64, 72],
    [80, 96],
  ],
};

function reservedIsZero(view: DataView, offset: number): boolean {
  for (const [from, to] of RESERVED[view.getUint8(offset + 4)] ?? []) {
    for (let at = from; at < to; at += 4) if (view.getUint32(offset + at, true) !== 0) return false;
  }
  return true;
}

/** The fields that stand at `offset`, whatever they are: unchecked, so that the kind may be none that is known. */
export function readSegmentDescriptor(view: DataView, offset: number): SegmentExtent | SegmentMarker {
  const kind = view.getUint8(offset + 4);
  if (kind === SegmentKind.marker) return readMarker(view, offset);
  return {
    kind: kind as SegmentExtent['kind'],
    start: getU53(view, offset + 16),
    length: getU53(view, offset + 24),
    originStart: getU53(view, offset + 32),
    originLength: view.getUint32(offset + 40, true),
    pieces: view.getUint32(offset + 44, true),
    dataSegment: view.getUint32(offset + 48, true),
    offset: getU53(view, offset + 56),
    sum: view.getUint32(offset + 64, true),
  };
}

function readMarker(view: DataView, offset: number): SegmentMarker {
  return {
    kind: SegmentKind.marker,
    sequence: getU53(view, offset + 16),
    extents: getU53(view, offset + 24),
    size: getU53(view, offset + 32),
    quality: view.getUint32(offset + 40, true),
    at: view.getBigInt64(offset + 48, true),
    from: view.getBigInt64(offset + 56, true),
    to: view.getBigInt64(offset + 72, true),
  };
}
