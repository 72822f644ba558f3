import { AnywhenError } from '../base/errors.js';
import { crc32c } from '../format/checksum.js';
import { SUMS_PER_PAGE } from '../format/layout.js';

/*
 * The move record of a sync event, backward/NNNNNNNN.move: the blocks of the MIM that it changes and their sums
 * before and after. Its length and CRC32C stand in the superblock. For each page of sums, in order:
 *   u64 page, u32 CRC32C of the page before (0: never written), u32 after, u32 number of blocks, u32 0,
 *   then for each block: u32 index in the page, u32 sum before, u32 sum after.
 */
const PAGE_HEAD = 24;
const ENTRY = 12;

/** The blocks of one page of sums that move. */
export interface MovePage {
  readonly page: number;
  readonly crcBefore: number;
  readonly crcAfter: number;
  readonly blocks: Uint32Array;
  readonly before: Uint32Array;
  readonly after: Uint32Array;
}

export function encodeMovePage(page: MovePage): Uint8Array {
  const bytes = new Uint8Array(PAGE_HEAD + ENTRY * page.blocks.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, page.page >>> 0, true);
  view.setUint32(4, Math.floor(page.page / 2 ** 32), true);
  view.setUint32(8, page.crcBefore, true);
  view.setUint32(12, page.crcAfter, true);
  view.setUint32(16, page.blocks.length, true);
  page.blocks.forEach((block, at) => {
    view.setUint32(PAGE_HEAD + at * ENTRY, block, true);
    view.setUint32(PAGE_HEAD + at * ENTRY + 4, page.before[at] as number, true);
    view.setUint32(PAGE_HEAD + at * ENTRY + 8, page.after[at] as number, true);
  });
  return bytes;
}

/** @throws `damaged` unless the bytes are a whole move record with this CRC32C */
export function decodeMoveRecord(bytes: Uint8Array, crc: number): MovePage[] {
  const damaged = () =>
    new AnywhenError('damaged', 'the move record of the interrupted sync event is damaged');
  if (crc32c(bytes) !== crc) throw damaged();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pages: MovePage[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + PAGE_HEAD > bytes.length) throw damaged();
    const count = view.getUint32(at + 16, true);
    if (count > SUMS_PER_PAGE || at + PAGE_HEAD + count * ENTRY > bytes.length) throw damaged();
    const column = (offset: number) =>
      Uint32Array.from({ length: count }, (_, row) =>
        view.getUint32(at + PAGE_HEAD + row * ENTRY + offset, true),
      );
    pages.push({
      page: view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32,
      crcBefore: view.getUint32(at + 8, true),
      crcAfter: view.getUint32(at + 12, true),
      blocks: column(0),
      before: column(4),
      after: column(8),
    });
    at += PAGE_HEAD + count * ENTRY;
  }
  return pages;
}
