import { crc32c as nodeCrc32c } from '@node-rs/crc32';

/** CRC32C (Castagnoli) of `bytes`, going on from `initial`. */
export function crc32c(bytes: Uint8Array, initial = 0): number {
  return nodeCrc32c(bytes, initial);
}

/** CRC32C of a block of 4,096 zeros. */
export const ZERO_BLOCK_CRC = crc32c(new Uint8Array(4096));

/**
 * The sum of a MIM block, bound to its place: the block's CRC32C mixed with its number, so that a block that
 * was written in another's place never passes. 0 is kept for "all zeros"; a sum that would be 0 becomes 1.
 * Going from a piece's CRC to a MIM sum and back costs no pass over the bytes.
 *
 * @param block the block's number (address / 4096)
 * @param crc the CRC32C of its 4,096 bytes
 */
export function bindToPlace(block: number, crc: number): number {
  if (crc === ZERO_BLOCK_CRC) return 0;
  const low = Math.imul(block >>> 0, 0x9e37_79b1);
  const high = Math.imul(Math.floor(block / 2 ** 32) + 1, 0x85eb_ca6b);
  return (crc ^ low ^ (high >>> 7) ^ high) >>> 0 || 1;
}
