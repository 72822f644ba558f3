import { AnywhenError } from '../base/errors.js';
import { crc32c } from '../format/checksum.js';
import { Reader, Writer } from '../format/cursor.js';
import { FORMAT_VERSION } from '../format/layout.js';

/*
 * A run: the descriptors of the undo lists of neighbouring snapshots, sorted by address, then by age. Something that
 * can be rebuilt from the segments: nothing needs it, and it is thrown away when in doubt. One file, or the same blocks
 * in memory.
 *
 * The address space is cut into cells, of 64 KiB in class 0, 16 times as large in each next class. An entry lies in one
 * cell: it is an extent, in the class whose cells are at least as long, cut where it crosses into the next cell. The
 * entries stand in the order of class, cell, list, start; a class begins with a block of its own.
 *
 * Blocks of 4 KiB. Block 0, the header: 0 magic "ANYRUN\0\0", 8 u32 CRC32C of bytes 12..4096, 12 u32 format version,
 *   16 store uuid, 32 history uuid, 48 u32 number of the file, 52 u32 reserved, 56 u64 from, 64 u64 to: it covers the
 *   snapshots with sequences in [from, to), 72 u64 entries, 80 u64 blocks of entries, 88 u64 lists, 96 u32 CRC32C of
 *   the fences, 100 u32 CRC32C of the lists, 104 u32 x 11 the first block of each class, zeros.
 * Blocks of entries: 0 u32 CRC32C of bytes 4..4096 seeded with the place, 4 u32 entries, 8 u64 0; then entries of 48
 *   bytes: 0 u64 start, 8 u64 length, 16 u32 list, 20 u32 segment of the data (2^32 - 1: zeros), 24 u64 offset of the
 *   origin's first byte in that data file, 32 u64 origin start, 40 u32 origin length, 44 u32 sum.
 * Fences: for each block a float64, the number of the first entry's cell.
 * Lists, oldest first, 40 bytes: 0 u64 sequence, 8 i64 from, 16 i64 to, 24 u64 record, 32 u32 segment, 36 u32 0: the
 *   snapshot, and where its list lay.
 */

const MAGIC = new TextEncoder().encode('ANYRUN\0\0');

export const RUN_BLOCK = 4096;
/** A block and an entry as words of 32 bits. */
export const BLOCK_WORDS = RUN_BLOCK / 4;
export const HEAD_WORDS = 4;
export const ENTRY_WORDS = 12;
export const BLOCK_ENTRIES = Math.floor((BLOCK_WORDS - HEAD_WORDS) / ENTRY_WORDS);
/** Words of an entry. */
export const START = 0;
export const LENGTH = 2;
export const LIST = 4;
export const SEGMENT = 5;
export const OFFSET = 6;
export const ORIGIN_START = 8;
export const ORIGIN_LENGTH = 10;
export const SUM = 11;

/** The segment of a range that reads as zeros. */
export const NO_SEGMENT = 0xffff_ffff;

export const CLASSES = 11;
/** Bytes of a cell, by class. */
export const CELL_SIZES: readonly number[] = Array.from(
  { length: CLASSES },
  (_, klass) => 2 ** (16 + 4 * klass),
);
export const CELL = 2 ** 16;

const LIST_SIZE = 40;

/** The class of an extent: that of the smallest cells that are as long. */
export function classOf(length: number): number {
  let klass = 0;
  while (klass < CLASSES - 1 && length > (CELL_SIZES[klass] as number)) klass++;
  return klass;
}

/** A number of 64 bits of a block. */
export function wide(words: Uint32Array, at: number): number {
  return (words[at] as number) + (words[at + 1] as number) * 2 ** 32;
}

export function setWide(words: Uint32Array, at: number, value: number): void {
  words[at] = value % 2 ** 32;
  words[at + 1] = value / 2 ** 32;
}

/** The snapshots whose lists are in a run, oldest first. */
export interface RunList {
  readonly sequence: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly segment: number;
  readonly record: number;
}

export interface RunHeader {
  readonly uuid: Uint8Array;
  readonly historyUuid: Uint8Array;
  readonly number: number;
  readonly from: number;
  readonly to: number;
  readonly entries: number;
  readonly blocks: number;
  readonly lists: number;
  readonly fencesCrc: number;
  readonly listsCrc: number;
  readonly classes: readonly number[];
}

export function encodeRunHeader(header: RunHeader): Uint8Array {
  const bytes = new Uint8Array(RUN_BLOCK);
  const writer = new Writer(bytes);
  writer.bytes(MAGIC).u32(0).u32(FORMAT_VERSION).bytes(header.uuid).bytes(header.historyUuid);
  writer.u32(header.number).u32(0).u53(header.from).u53(header.to);
  writer.u53(header.entries).u53(header.blocks).u53(header.lists);
  writer.u32(header.fencesCrc).u32(header.listsCrc);
  for (const first of header.classes) writer.u32(first);
  writer.offset = 8;
  writer.u32(crc32c(bytes.subarray(12)));
  return bytes;
}

/** @throws `damaged`, `unsupported` */
export function decodeRunHeader(bytes: Uint8Array, what: string): RunHeader {
  const damaged = (why: string) => new AnywhenError('damaged', `${what}: ${why}`);
  const reader = new Reader(bytes, what);
  const magic = reader.bytes(8);
  const crc = reader.u32();
  if (!MAGIC.every((byte, at) => magic[at] === byte) || crc32c(bytes.subarray(12)) !== crc)
    throw damaged('the header is damaged');
  if (reader.u32() !== FORMAT_VERSION)
    throw new AnywhenError('unsupported', `${what}: another format version`);
  const uuid = reader.bytes(16).slice();
  const historyUuid = reader.bytes(16).slice();
  const number = reader.u32();
  reader.reserved(4);
  const [from, to, entries, blocks, lists] = [
    reader.u53(),
    reader.u53(),
    reader.u53(),
    reader.u53(),
    reader.u53(),
  ];
  const [fencesCrc, listsCrc] = [reader.u32(), reader.u32()];
  const classes = Array.from({ length: CLASSES }, () => reader.u32());
  reader.reserved(reader.remaining);
  const ordered = classes.every((first, at) => first >= (classes[at - 1] ?? 0) && first <= blocks);
  if (!ordered || classes[0] !== 0 || from > to || entries > blocks * BLOCK_ENTRIES)
    throw damaged('impossible numbers');
  return { uuid, historyUuid, number, from, to, entries, blocks, lists, fencesCrc, listsCrc, classes };
}

export function encodeRunLists(lists: readonly RunList[]): Uint8Array {
  const bytes = new Uint8Array(lists.length * LIST_SIZE);
  const writer = new Writer(bytes);
  for (const { sequence, from, to, segment, record } of lists)
    writer.u53(sequence).i64(from).i64(to).u53(record).u32(segment).u32(0);
  return bytes;
}

/** @throws `damaged` */
export function decodeRunLists(bytes: Uint8Array, what: string): RunList[] {
  const reader = new Reader(bytes, what);
  const lists: RunList[] = [];
  while (reader.remaining > 0) {
    const [sequence, from, to] = [reader.u53(), reader.i64(), reader.i64()];
    const [record, segment] = [reader.u53(), reader.u32()];
    reader.reserved(4);
    lists.push({ sequence, from, to, segment, record });
  }
  return lists;
}

/** Bytes of so many lists. */
export function runListsSize(lists: number): number {
  return lists * LIST_SIZE;
}

function blockSum(words: Uint32Array, seed: number, block: number): number {
  const bytes = new Uint8Array(words.buffer, words.byteOffset + 4, RUN_BLOCK - 4);
  return crc32c(bytes, (seed ^ Math.imul(block + 1, 0x9e37_79b1)) >>> 0);
}

/** Ends a block of entries. `seed`: what all blocks of the run begin with. */
export function sealBlock(words: Uint32Array, entries: number, seed: number, block: number): void {
  words[1] = entries;
  words[0] = blockSum(words, seed, block);
}

/** Whether a block is whole and stands in its place, and its entries make sense. */
export function isSound(words: Uint32Array, seed: number, block: number, lists: number): boolean {
  if (words[0] !== blockSum(words, seed, block)) return false;
  const entries = words[1] as number;
  if (entries === 0 || entries > BLOCK_ENTRIES) return false;
  for (let entry = 0; entry < entries; entry++) {
    const at = HEAD_WORDS + entry * ENTRY_WORDS;
    const end = wide(words, at + START) + wide(words, at + LENGTH);
    if (!(end <= Number.MAX_SAFE_INTEGER) || (words[at + LIST] as number) >= lists) return false;
  }
  return true;
}
