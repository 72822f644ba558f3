import { alignUp, BLOCK } from '../base/range.js';
import { readChunks } from '../file/chunks.js';
import { FILES, PAGE_SPAN, SUMS_PAGE_SIZE, SUMS_PER_PAGE } from '../format/layout.js';
import { blockSums } from '../mirror/block-sum.js';
import { neverWritten, pageCrc, rawSums, sumsPageFault } from '../mirror/sums-page.js';
import { MoveRecordReader } from '../sync/move-record.js';
import { faultOf, type Look, type Problem, problemOf } from './look.js';

export interface SumsOptions {
  /** Only the pages that cover `[from, to)` of the volume, bytes. */
  readonly from?: number;
  readonly to?: number;
  /** Each block that is not all zeros, too. */
  readonly blocks?: boolean;
  /** Read the MIM and verify its blocks. */
  readonly data?: boolean;
  /** Pages at the most. */
  readonly limit?: number;
}

export interface SumsHead {
  readonly type: 'sums';
  readonly size: number | undefined;
  readonly mim: string | undefined;
  readonly mimSize: number | undefined;
  /** Pages, and blocks of the MIM. */
  readonly pages: number;
  readonly blocks: number | undefined;
  /** A sync event moves the MIM, or was interrupted in it: until it has ended, blocks of these pages are of before or after. */
  readonly moving: readonly number[];
  readonly problems: readonly Problem[];
}

export interface SumsPage {
  readonly type: 'page';
  readonly page: number;
  /** Place in `mim.sums`, bytes. */
  readonly offset: number;
  readonly state: 'intact' | 'never written' | 'damaged';
  readonly crc: number;
  /** Blocks that it covers, `[first, end)`, and how many have a sum, which is: are not all zeros. */
  readonly first: number;
  readonly end: number;
  readonly summed: number;
  /** Blocks that do not match their sums, where that was looked at. */
  readonly mismatches: number | undefined;
  readonly problem: string | undefined;
}

export interface SumsBlock {
  readonly type: 'block';
  readonly block: number;
  /** Place in the MIM, bytes. */
  readonly offset: number;
  readonly sum: number;
  /** What the block's bytes come to, where that was looked at; undefined also where they cannot be read. */
  readonly found: number | undefined;
  readonly problem: string | undefined;
}

export interface SumsEnd {
  readonly type: 'end';
  readonly complete: boolean;
  readonly pages: number;
}

export type SumsItem = SumsHead | SumsPage | SumsBlock | SumsEnd;

/** The checksums of the MIM, page by page. */
export async function* inspectSums(look: Look, options: SumsOptions = {}): AsyncGenerator<SumsItem> {
  const head = await headOf(look);
  yield head;
  const first = Math.floor((options.from ?? 0) / PAGE_SPAN);
  const end = Math.min(head.pages, Math.ceil((options.to ?? Number.MAX_SAFE_INTEGER) / PAGE_SPAN));
  const span = [first * SUMS_PAGE_SIZE, end * SUMS_PAGE_SIZE] as const;
  const moving = new Set(head.moving);
  let pages = 0;
  for await (const { offset, bytes } of readChunks(look.executor, FILES.sums, ...span, SUMS_PAGE_SIZE)) {
    if (pages === options.limit) return yield { type: 'end', complete: false, pages };
    pages += 1;
    const page = offset / SUMS_PAGE_SIZE;
    yield* pageOf(look, head, { page, bytes, moves: moving.has(page) }, options);
  }
  yield { type: 'end', complete: true, pages };
}

async function headOf(look: Look): Promise<SumsHead> {
  const { executor, superblock, distrust, identity } = look;
  const problems: Problem[] = [];
  const say = (message: string) => problems.push({ message, offset: undefined });
  const found: { size?: number | undefined; mimSize?: number | undefined } = {};
  // A name that nothing vouches for is not followed.
  const mim = distrust === undefined ? superblock?.mimName : FILES.mim;
  for (const fault of [
    await faultOf(async () => {
      found.size = await executor.size(FILES.sums);
    }),
    await faultOf(async () => {
      if (mim !== undefined) found.mimSize = await executor.size(mim);
    }),
    distrust,
  ]) {
    if (fault !== undefined) problems.push(problemOf(fault));
  }
  const { size, mimSize } = found;
  if (size === undefined && problems.length === 0) say(`${FILES.sums}: is missing`);
  if (mimSize === undefined && problems.length === 0) say(`${mim}: is missing`);
  if (identity === undefined) say('no header tells the uuid that the checksums begin with');
  const pages = Math.floor((size ?? 0) / SUMS_PAGE_SIZE);
  const blocks = superblock === undefined ? undefined : alignUp(superblock.mimSize, BLOCK) / BLOCK;
  const moving: number[] = [];
  const copied = distrust === undefined ? superblock?.copied : undefined;
  if (copied !== undefined) {
    // What is wrong with the move record is told where the backward journal is.
    await faultOf(async () => {
      for await (const { page } of new MoveRecordReader(executor, copied).pages()) moving.push(page);
    });
  }
  return { type: 'sums', size, mim, mimSize, pages, blocks, moving, problems };
}

async function* pageOf(
  look: Look,
  head: SumsHead,
  { page, bytes, moves }: { readonly page: number; readonly bytes: Uint8Array; readonly moves: boolean },
  options: SumsOptions,
): AsyncGenerator<SumsItem> {
  const seed = look.identity?.seed;
  const sums = rawSums(bytes);
  const fault = seed === undefined || neverWritten(bytes) ? undefined : sumsPageFault(bytes, page, seed);
  const written = fault === undefined ? 'intact' : 'damaged';
  const state = neverWritten(bytes) ? 'never written' : written;
  const first = page * SUMS_PER_PAGE;
  const told: SumsBlock[] = [];
  let mismatches = 0;
  // Sums of a page that is damaged, or on its way, say nothing about the blocks.
  const verify = options.data === true && fault === undefined && !moves;
  const all = verify ? await foundSums(look, head, first, sums) : [];
  for (const [at, sum] of sums.entries()) {
    const wrong = verify && sum !== 0 && all[at] !== sum;
    if (wrong) mismatches += 1;
    if (wrong || (sum !== 0 && options.blocks === true))
      told.push(blockItem(head, first + at, sum, all[at], wrong));
  }
  yield {
    type: 'page',
    page,
    offset: page * SUMS_PAGE_SIZE,
    state,
    crc: pageCrc(bytes),
    first,
    end: first + SUMS_PER_PAGE,
    summed: sums.reduce((count, sum) => count + (sum === 0 ? 0 : 1), 0),
    mismatches: verify ? mismatches : undefined,
    problem: fault === undefined || moves ? undefined : `${FILES.sums}: page ${page} is damaged (${fault})`,
  };
  yield* told;
}

function blockItem(
  head: SumsHead,
  block: number,
  sum: number,
  found: number | undefined,
  wrong: boolean,
): SumsBlock {
  const offset = block * BLOCK;
  const message = `${head.mim}: block ${block} (offset ${offset}) does not match its checksum`;
  return { type: 'block', block, offset, sum, found, problem: wrong ? message : undefined };
}

/** Blocks that are read at a time. */
const RUN = 256;

/** What the blocks of a page that are not all zeros come to; undefined where they cannot be read. */
async function foundSums(
  look: Look,
  head: SumsHead,
  first: number,
  sums: Uint32Array,
): Promise<(number | undefined)[]> {
  const found: (number | undefined)[] = [];
  for (let at = 0; at < sums.length; ) {
    let end = at;
    while (end < sums.length && end - at < RUN && sums[end] !== 0) end += 1;
    const run = await sumsOfBlocks(look, head, first + at, end - at);
    for (let block = at; block < end; block++) {
      // Where a run can't be read as a whole, perhaps most of its blocks can.
      const one = run ?? (await sumsOfBlocks(look, head, first + block, 1));
      found[block] = run === undefined ? one?.[0] : run[block - at];
    }
    at = Math.max(end, at + 1);
  }
  return found;
}

async function sumsOfBlocks(
  { executor }: Look,
  { mim }: SumsHead,
  first: number,
  count: number,
): Promise<Uint32Array | undefined> {
  if (mim === undefined || count === 0) return undefined;
  const into = new Uint8Array(count * BLOCK);
  const read = { op: 'read', file: mim, offset: first * BLOCK, into } as const;
  const fault = await faultOf(() => executor.run([read]));
  return fault === undefined ? blockSums(first, into) : undefined;
}
