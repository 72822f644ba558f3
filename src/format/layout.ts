import { assert } from '../base/errors.js';
import { BLOCK } from '../base/range.js';

/** Sizes and limits of the disk format, version 1. `anywhen-store(5)` tells them to the reader. */
export const FORMAT_VERSION = 1;

/** A superblock copy; two of them make the file. */
export const SUPERBLOCK_SIZE = 4096;
export const MAX_EPOCHS = 128;
export const MAX_JOURNALS = 4;
export const MAX_MIM_NAME = 510;

/** The header of `forward`; the descriptor region begins behind it. */
export const FORWARD_HEADER_SIZE = 4096;
/** A descriptor of the forward journal. */
export const DESCRIPTOR_SIZE = 128;
/** The most one write may carry: one FUSE request. */
export const MAX_WRITE = 1024 * 1024;

/** The header of a segment's descriptor file. */
export const SEGMENT_HEADER_SIZE = 4096;
/** A descriptor of a segment. */
export const SEGMENT_DESCRIPTOR_SIZE = 96;
/** The most bytes one descriptor of a segment may stand for with data. */
export const MAX_SEGMENT_EXTENT = 1024 * 1024;

/** A page of `mim.sums`: its head, then one sum for each block. */
export const SUMS_PAGE_SIZE = 4096;
export const SUMS_PAGE_HEAD = 32;
export const SUMS_PER_PAGE = (SUMS_PAGE_SIZE - SUMS_PAGE_HEAD) / 4;
/** The bytes of the volume that a page of sums covers. */
export const PAGE_SPAN = SUMS_PER_PAGE * BLOCK;

export const CATALOG_HEADER_SIZE = 4096;
/** The most bytes of one record of the catalog. */
export const MAX_CATALOG_RECORD = 4096;

/** The most bytes of UTF-8 in the name of a mark. */
export const MAX_MARK_NAME = 200;

assert(4096 % DESCRIPTOR_SIZE === 0, 'a descriptor never crosses a 4 KiB border');
assert(SUMS_PER_PAGE === 1016, 'the format says 1,016 sums a page');
assert(1232 + MAX_EPOCHS * 16 <= SUPERBLOCK_SIZE, 'the epochs fit the superblock');

/** The names of the files of a store. */
export const FILES = {
  superblock: 'superblock',
  mim: 'mim',
  sums: 'mim.sums',
  forward: 'forward',
  backward: 'backward',
  catalog: 'catalog',
  catalogNew: 'catalog.new',
  reserve: 'reserve',
  runs: 'runs',
} as const;

/** The descriptor file of a segment. */
export function segmentDescriptors(segment: number): string {
  return `${FILES.backward}/${String(segment).padStart(8, '0')}.descriptors`;
}

/** The data file of a segment. */
export function segmentData(segment: number): string {
  return `${FILES.backward}/${String(segment).padStart(8, '0')}.data`;
}

/** The move record of the sync event that wrote a segment. */
export function moveRecord(segment: number): string {
  return `${FILES.backward}/${String(segment).padStart(8, '0')}.move`;
}

/** A run: what undo lists of neighbouring snapshots say, sorted by address. */
export function runFile(number: number): string {
  return `${FILES.runs}/${String(number).padStart(8, '0')}.run`;
}
