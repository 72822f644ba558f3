import { BLOCK, pieceCount } from '../base/range.js';
import { crc32c } from './checksum.js';

/*
 * Data in the journals is summed per piece, cut at multiples of 4 KiB of the volume address: one piece, and the
 * sum stands in the descriptor; more, and an array of u32 stands right before the data, whose CRC32C the
 * descriptor carries. Cutting and merging extents never recomputes a sum.
 */

/** The CRC32C of each piece of `data`, whose first byte has the volume address `start`. */
export function pieceSums(start: number, data: Uint8Array): Uint32Array<ArrayBuffer> {
  const sums = new Uint32Array(pieceCount(start, start + data.length));
  let offset = 0;
  for (let piece = 0; piece < sums.length; piece++) {
    const length = Math.min(BLOCK - ((start + offset) % BLOCK), data.length - offset);
    sums[piece] = crc32c(data.subarray(offset, offset + length));
    offset += length;
  }
  return sums;
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
  let offset = 0;
  for (let piece = first; offset < data.length; piece++) {
    const length = Math.min(BLOCK - ((start + offset) % BLOCK), data.length - offset);
    if (crc32c(data.subarray(offset, offset + length)) !== sums[piece]) return piece;
    offset += length;
  }
  return -1;
}
