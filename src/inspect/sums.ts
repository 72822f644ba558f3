import { alignUp, BLOCK } from '../base/range.js';
import { readChunks } from '../file/chunks.js';
import { FILES, PAGE_SPAN, SUMS_PAGE_SIZE, SUMS_PER_PAGE } from '../format/layout.js';
import { blockSums } from '../mirror/block-sum.js';
import { neverWritten, pageCrc, rawSums, sumsPageFault } from '../mirror/sums-page.js';
import { faultOf, type Look } from './look.js';

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
  /** A sync event was interrupted: pages and blocks may be of before or after it until the next opening. */
  readonly moving: boolean;
  readonly problems: readonly string[];
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
  let pages = 0;
  for await (const { offset, bytes } of readChunks(look.executor, FILES.sums, ...span, SUMS_PAGE_SIZE)) {
    if (pages === options.limit) return yield { type: 'end', complete: false, pages };
    pages += 1;
    yield* pageOf(look, head, offset / SUMS_PAGE_SIZE, bytes, options);
  }
  yield { type: 'end', complete: true, pages };
}

async function headOf(look: Look): Promise<SumsHead> {
  const { executor, superblock, distrust, identity } = look;
  const problems: string[] = [];
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
    if (fault !== undefined) problems.push(fault.message);
  }
  const { size, mimSize } = found;
  if (size === undefined && problems.length === 0) problems.push(`${FILES.sums}: is missing`);
  if (mimSize === undefined && problems.length === 0) problems.push(`${mim}: is missing`);
  if (identity === undefined) problems.push('no header tells the uuid that the checksums begin with');
  const pages = Math.floor((size ?? 0) / SUMS_PAGE_SIZE);
  const blocks = superblock === undefined ? undefined : alignUp(superblock.mimSize, BLOCK) / BLOCK;
  const moving = distrust === undefined && superblock?.copied !== undefined;
  return { type: 'sums', size, mim, mimSize, pages, blocks, moving, problems };
}

async function* pageOf(
  look: Look,
  head: SumsHead,
  page: number,
  bytes: Uint8Array,
  options: SumsOptions,
): AsyncGenerator<SumsItem> {
  const seed = look.identity?.seed;
  const sums = rawSums(bytes);
  const fault = seed === undefined || neverWritten(bytes) ? undefined : sumsPageFault(bytes, page, seed);
  const state = neverWritten(bytes) ? 'never written' : fault === undefined ? 'intact' : 'damaged';
  const first = page * SUMS_PER_PAGE;
  const told: SumsBlock[] = [];
  let mismatches = 0;
  // Sums of a page that is damaged say nothing about the blocks.
  const verify = options.data === true && fault === undefined;
  for (const [at, sum] of sums.entries()) {
    if (sum === 0 || !(verify || options.blocks === true)) continue;
    const found = verify ? await foundSum(look, head, first + at) : undefined;
    const wrong = verify && found !== sum;
    if (wrong) mismatches += 1;
    if (wrong || options.blocks === true) told.push(blockItem(head, first + at, sum, found, wrong));
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
    problem: fault === undefined ? undefined : `${FILES.sums}: page ${page} is damaged (${fault})`,
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

async function foundSum(look: Look, { mim }: SumsHead, block: number): Promise<number | undefined> {
  if (mim === undefined) return undefined;
  const into = new Uint8Array(BLOCK);
  const read = { op: 'read', file: mim, offset: block * BLOCK, into } as const;
  const fault = await faultOf(() => look.executor.run([read]));
  return fault === undefined ? blockSums(block, into)[0] : undefined;
}
