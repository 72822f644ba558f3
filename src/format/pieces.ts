import { pieceCount } from '../base/range.js';
import { sys } from '../native.js';
import { crc32c } from './checksum.js';

/*
 * Data in the journals is summed per piece, cut at multiples of 4 KiB of the volume address: one piece, and the
 * sum stands in the descriptor; more, and an array of u32 stands right before the data, whose CRC32C the
 * descriptor carries. Cutting and merging extents never recomputes a sum.
 *
 * The sum of a piece: its 8-byte words (the last one filled up with zeros) are dealt to three lanes in turn; with
 * c0, c1, c2 the CRC32C of the lanes it is c0 + 0x9E3779B1 c1 + 0x85EBCA77 c2 modulo 2^32. One CRC32C over the
 * piece is not enough: all blocks that end in their own CRC32C have the same one, and ext4 is full of them.
 */

/** The sum of each piece of `data`, whose first byte has the volume address `start`. */
export function pieceSums(start: number, data: Uint8Array): Uint32Array<ArrayBuffer> {
  const sums = new Uint32Array(pieceCount(start, start + data.length));
  sys().pieceSums(data, start, sums, false);
  return sums;
}

let scratch = new Uint32Array(257);

/** Like `pieceSums`, without an allocation; what it gives is good until the next call. */
export function pieceSumsHere(start: number, data: Uint8Array): Uint32Array {
  const pieces = pieceCount(start, start + data.length);
  if (pieces > scratch.length) scratch = new Uint32Array(2 * pieces);
  sys().pieceSums(data, start, scratch, false);
  return scratch;
}

/** The bytes that stand before the data: 4 for each piece, none for a single one. */
export function sumArrayLength(pieces: number): number {
  return pieces > 1 ? pieces * 4 : 0;
}

/** The bytes of an array of sums, little-endian. */
export function sumArrayBytes(sums: Uint32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(sums.buffer, sums.byteOffset, sums.byteLength);
}

/** The sum that the descriptor carries. */
export function descriptorSum(sums: Uint32Array<ArrayBuffer>): number {
  return sums.length === 1 ? (sums[0] as number) : crc32c(sumArrayBytes(sums));
}

/** The index of the first piece of `data` that does not match, or -1. `sums[first]` belongs to the piece at `start`. */
export function firstBadPiece(start: number, data: Uint8Array, sums: Uint32Array, first: number): number {
  const found = pieceSumsHere(start, data);
  const pieces = pieceCount(start, start + data.length);
  for (let at = 0; at < pieces; at++) if (found[at] !== sums[first + at]) return first + at;
  return -1;
}
