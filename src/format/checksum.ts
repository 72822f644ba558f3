import { sys } from '../native.js';

/** CRC32C (Castagnoli) of `bytes`, going on from `initial`: for the structures of a store. Data has `pieceSums`. */
export function crc32c(bytes: Uint8Array, initial = 0): number {
  return sys().crc32c(bytes, initial, false);
}

/**
 * Binds a block's sum to its place, so that a block that was written in another's place never passes. Never
 * 0, which is kept for "all zeros".
 *
 * @param block the block's number (address / 4096)
 */
export function bindToPlace(block: number, sum: number): number {
  const low = Math.imul(block >>> 0, 0x9e37_79b1);
  const high = Math.imul(Math.floor(block / 2 ** 32) + 1, 0x85eb_ca6b);
  return (sum ^ low ^ (high >>> 7) ^ high) >>> 0 || 1;
}

const ZEROS = new Uint8Array(1024 * 1024);

/** Whether all of at most 1 MiB of bytes are zero. */
export function isZero(bytes: Uint8Array): boolean {
  // Nearly everything that is not zeros shows it at one end.
  if (bytes.length === 0 || bytes[0] !== 0 || bytes[bytes.length - 1] !== 0) return bytes.length === 0;
  return Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0;
}
