import { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { crc32c } from '../format/checksum.js';
import { Reader, Writer } from '../format/cursor.js';
import { CATALOG_HEADER_SIZE, FILES, FORMAT_VERSION, MAX_CATALOG_RECORD } from '../format/layout.js';

/*
 * catalog: a header of 4 KiB, then records, append-only. The superblock says how long it is; what lies behind
 * that does not count. Compaction writes a new file with the next generation and renames it into place.
 *
 * Header: 0 magic "ANYCAT\0\0", 8 u32 CRC32C of bytes 12..4096, 12 u32 format version, 16 store uuid,
 *   32 u32 generation, 36 u32 generation that it replaces, 40 u64 length of that one, 48 u64 own length when it
 *   was made, zeros. A catalog whose generation is one above the superblock's counts if it replaces just what
 *   the superblock names: then the compaction was cut between the rename and the superblock.
 *
 * The records of a commit begin at a 4 KiB border; zeros stand before it. Record: u32 CRC32C of the rest seeded with the store, u32 length of all, u16 type, u16 version (1),
 *   u32 generation, u64 own offset, payload.
 */

const MAGIC = new TextEncoder().encode('ANYCAT\0\0');
export const RECORD_HEAD = 24;

const Type = {
  segment: 1,
  'segment-drop': 2,
  snapshot: 3,
  'snapshot-drop': 4,
  mark: 5,
  'mark-drop': 6,
  policy: 7,
} as const;

/** A segment, or what is left of one that is known. */
export interface SegmentEdit {
  readonly type: 'segment';
  readonly segment: number;
  readonly direction: number;
  /** 0: only its data is there, for lists in other segments. */
  readonly descriptors: number;
  readonly dataLength: number;
}

/** A point kept in the backward journal, or where the list of a known one is now. Its undo list: `extents` descriptors of `segment` from `record` on. */
export interface SnapshotEdit {
  readonly type: 'snapshot';
  readonly sequence: number;
  readonly at: Instant;
  readonly from: Instant;
  readonly to: Instant;
  readonly quality: number;
  readonly size: number;
  readonly segment: number;
  readonly record: number;
  readonly extents: number;
  /** What its list covers, bytes. */
  readonly bytes: number;
  /** Of them, those that lie in a data file; the rest was zeros and needs no data. */
  readonly stored: number;
}

export interface MarkEdit {
  readonly type: 'mark';
  readonly name: string;
  readonly sequence: number;
  readonly at: Instant;
  readonly hold: boolean;
}

export type CatalogEdit =
  | SegmentEdit
  | { readonly type: 'segment-drop'; readonly segment: number }
  | SnapshotEdit
  | { readonly type: 'snapshot-drop'; readonly sequence: number }
  | MarkEdit
  /** A mark is gone, be it in the catalog or still in the forward journal. */
  | { readonly type: 'mark-drop'; readonly sequence: number }
  | { readonly type: 'policy'; readonly key: string; readonly value: string };

export interface CatalogHeader {
  readonly uuid: Uint8Array;
  readonly generation: number;
  readonly replacesGeneration: number;
  readonly replacesLength: number;
  readonly ownLength: number;
}

export function encodeCatalogHeader(header: CatalogHeader): Uint8Array {
  const bytes = new Uint8Array(CATALOG_HEADER_SIZE);
  const writer = new Writer(bytes);
  writer.bytes(MAGIC).u32(0).u32(FORMAT_VERSION).bytes(header.uuid);
  writer
    .u32(header.generation)
    .u32(header.replacesGeneration)
    .u53(header.replacesLength)
    .u53(header.ownLength);
  writer.offset = 8;
  writer.u32(crc32c(bytes.subarray(12)));
  return bytes;
}

/** @throws `damaged`, `unsupported` */
export function decodeCatalogHeader(bytes: Uint8Array): CatalogHeader {
  const reader = new Reader(bytes, 'catalog');
  const magic = reader.bytes(8);
  const crc = reader.u32();
  if (!MAGIC.every((byte, index) => magic[index] === byte) || crc32c(bytes.subarray(12)) !== crc) {
    throw new AnywhenError('damaged', 'catalog: the header is damaged', {
      data: { file: FILES.catalog, offset: 0 },
    });
  }
  const version = reader.u32();
  if (version !== FORMAT_VERSION) throw new AnywhenError('unsupported', `catalog: format version ${version}`);
  const header = {
    uuid: reader.bytes(16).slice(),
    generation: reader.u32(),
    replacesGeneration: reader.u32(),
    replacesLength: reader.u53(),
    ownLength: reader.u53(),
  };
  reader.reserved(reader.remaining);
  return header;
}

/** The bytes of records that stand one after another from `offset` on. */
export function encodeEdits(
  edits: readonly CatalogEdit[],
  generation: number,
  offset: number,
  seed: number,
): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = offset;
  for (const edit of edits) {
    const bytes = encodeEdit(edit, generation, at, seed);
    parts.push(bytes);
    at += bytes.length;
  }
  const all = new Uint8Array(at - offset);
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}

function encodeEdit(edit: CatalogEdit, generation: number, offset: number, seed: number): Uint8Array {
  const buffer = new Uint8Array(MAX_CATALOG_RECORD);
  const writer = new Writer(buffer);
  writer.offset = RECORD_HEAD;
  encodePayload(writer, edit);
  const bytes = buffer.slice(0, writer.offset);
  const head = new Writer(bytes);
  head.u32(0).u32(bytes.length).u16(Type[edit.type]).u16(1).u32(generation).u53(offset);
  head.offset = 0;
  head.u32(crc32c(bytes.subarray(4), seed));
  return bytes;
}

function encodePayload(writer: Writer, edit: CatalogEdit): void {
  switch (edit.type) {
    case 'segment':
      writer.u32(edit.segment).u32(edit.direction).u53(edit.descriptors).u53(edit.dataLength);
      return;
    case 'segment-drop':
      writer.u32(edit.segment);
      return;
    case 'snapshot':
      writer.u53(edit.sequence).i64(edit.at).i64(edit.from).i64(edit.to);
      writer.u32(edit.quality).u53(edit.size).u32(edit.segment).u53(edit.record).u53(edit.extents);
      writer.u53(edit.bytes).u53(edit.stored);
      return;
    case 'snapshot-drop':
    case 'mark-drop':
      writer.u53(edit.sequence);
      return;
    case 'mark':
      writer
        .u53(edit.sequence)
        .i64(edit.at)
        .u8(edit.hold ? 1 : 0)
        .text(edit.name);
      return;
    case 'policy':
      writer.text(edit.key).text(edit.value);
  }
}

/**
 * Decodes the record at `offset` of the file (`at` of `bytes`).
 *
 * @throws `damaged`, `unsupported`
 */
export function decodeEdit(
  bytes: Uint8Array,
  at: number,
  generation: number,
  offset: number,
  seed: number,
): { edit: CatalogEdit; length: number } {
  const damaged = (why: string) =>
    new AnywhenError('damaged', `catalog, offset ${offset}: ${why}`, {
      data: { file: FILES.catalog, offset },
    });
  const head = new Reader(bytes.subarray(at), 'catalog');
  const crc = head.u32();
  const length = head.u32();
  if (length < RECORD_HEAD || length > MAX_CATALOG_RECORD || at + length > bytes.length)
    throw damaged('cut short');
  if (crc32c(bytes.subarray(at + 4, at + length), seed) !== crc) throw damaged('checksum');
  const type = head.u16();
  const version = head.u16();
  if (head.u32() !== generation || head.u53() !== offset) throw damaged('stands in the wrong place');
  if (version !== 1)
    throw new AnywhenError('unsupported', `catalog, offset ${offset}: record version ${version}`);
  const reader = new Reader(bytes.subarray(at + RECORD_HEAD, at + length), `catalog, offset ${offset}`);
  const edit = decodePayload(reader, type);
  reader.reserved(reader.remaining);
  return { edit, length };
}

function decodePayload(reader: Reader, type: number): CatalogEdit {
  switch (type) {
    case Type.segment:
      return {
        type: 'segment',
        segment: reader.u32(),
        direction: reader.u32(),
        descriptors: reader.u53(),
        dataLength: reader.u53(),
      };
    case Type['segment-drop']:
      return { type: 'segment-drop', segment: reader.u32() };
    case Type.snapshot:
      return {
        type: 'snapshot',
        sequence: reader.u53(),
        at: reader.i64(),
        from: reader.i64(),
        to: reader.i64(),
        quality: reader.u32(),
        size: reader.u53(),
        segment: reader.u32(),
        record: reader.u53(),
        extents: reader.u53(),
        bytes: reader.u53(),
        stored: reader.u53(),
      };
    case Type['snapshot-drop']:
      return { type: 'snapshot-drop', sequence: reader.u53() };
    case Type.mark: {
      const sequence = reader.u53();
      const at = reader.i64();
      const hold = reader.u8() === 1;
      return { type: 'mark', sequence, at, hold, name: reader.text() };
    }
    case Type['mark-drop']:
      return { type: 'mark-drop', sequence: reader.u53() };
    case Type.policy:
      return { type: 'policy', key: reader.text(), value: reader.text() };
    default:
      throw new AnywhenError('unsupported', `${reader.what}: record type ${type}`, {
        hint: 'Open the store with the version of anywhen that wrote it.',
      });
  }
}
