import { AnywhenError } from '../base/errors.js';
import { crc32c } from '../format/checksum.js';
import { SUMS_PAGE_HEAD, SUMS_PAGE_SIZE, SUMS_PER_PAGE } from '../format/layout.js';

/*
 * A page of mim.sums: 0 u32 CRC32C of bytes 4..4096 seeded with the store, 4 u32 version (1), 8 u64 page number,
 * 16 zeros, 32 the sums of 1,016 blocks. A page of nothing but zeros was never written: all its blocks are zeros.
 */

/** The sums of a page, all zero: of a page that was never written. */
export function emptySums(): Uint32Array<ArrayBuffer> {
  return new Uint32Array(SUMS_PER_PAGE);
}

export function encodeSumsPage(page: number, sums: Uint32Array, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SUMS_PAGE_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, 1, true);
  view.setUint32(8, page >>> 0, true);
  view.setUint32(12, Math.floor(page / 2 ** 32), true);
  new Uint32Array(bytes.buffer, SUMS_PAGE_HEAD).set(sums);
  view.setUint32(0, crc32c(bytes.subarray(4), seed), true);
  return bytes;
}

/** The CRC that stands in the page's head. */
export function pageCrc(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

/** The sums that stand in the bytes of a page, unchecked. */
export function rawSums(bytes: Uint8Array): Uint32Array<ArrayBuffer> {
  return new Uint32Array(bytes.slice(SUMS_PAGE_HEAD).buffer);
}

/** Whether a page was never written: it is nothing but zeros, and so are its blocks. */
export function neverWritten(bytes: Uint8Array): boolean {
  return pageCrc(bytes) === 0 && bytes.every((byte) => byte === 0);
}

/** What is wrong with a page that was written, or undefined. */
export function sumsPageFault(
  bytes: Uint8Array,
  page: number,
  seed: number,
): 'checksum' | 'place' | 'version' | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (crc32c(bytes.subarray(4), seed) !== pageCrc(bytes)) return 'checksum';
  if (view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32 !== page) return 'place';
  const reserved = bytes.subarray(16, SUMS_PAGE_HEAD).every((byte) => byte === 0);
  return view.getUint32(4, true) === 1 && reserved ? undefined : 'version';
}

/** @throws `damaged` if the page is not intact or stands in the wrong place */
export function decodeSumsPage(bytes: Uint8Array, page: number, seed: number): Uint32Array<ArrayBuffer> {
  if (neverWritten(bytes)) return emptySums();
  const fault = sumsPageFault(bytes, page, seed);
  if (fault !== undefined) {
    throw new AnywhenError('damaged', `mim.sums: page ${page} is damaged (${fault})`, {
      data: { file: 'mim.sums', offset: page * SUMS_PAGE_SIZE },
    });
  }
  return rawSums(bytes);
}
