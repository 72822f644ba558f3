import { AnywhenError } from '../base/errors.js';
import { Pacer } from '../base/pacer.js';
import { BLOCK } from '../base/range.js';
import type { Executor } from '../file/executor.js';
import { FILES, SUMS_PAGE_SIZE, SUMS_PER_PAGE } from '../format/layout.js';
import type { Fetcher } from '../journal/fetch.js';
import { readMap, readMapNow } from '../journal/read-map.js';
import { Writeback } from '../journal/writeback.js';
import { blockSums } from '../mirror/block-sum.js';
import type { Mirror } from '../mirror/mirror.js';
import { encodeSumsPage, pageCrc, rawSums } from '../mirror/sums-page.js';
import { MIM, type Vrmo } from '../vrmo/vrmo.js';
import { type BlockRun, blockRuns, movedRuns } from './block-runs.js';
import type { MovePage, MoveRecordReader, MoveRecordWriter } from './move-record.js';
import type { SyncParts } from './sync-event.js';

/** Blocks that are read, checked and written at a time: 256 KiB, which hold the event loop for a tenth of a ms. */
const RUN = 64;

/**
 * Moves the MIM to the state of a map ([0048], [0065]): first `plan`, which computes the sums of every block
 * that will change, then - when that is durable - `apply`. `apply` may be repeated after a crash anywhere in
 * it: what it writes depends only on the journal, the untouched parts of blocks, and the planned sums.
 */
export class Mover {
  readonly #buffer = new Uint8Array(RUN * BLOCK);
  readonly #pacer: Pacer;
  readonly executor: Executor;
  readonly mirror: Mirror;
  readonly fetcher: Fetcher;
  readonly seed: number;

  constructor({ executor, mirror, fetcher, meta, traffic }: SyncParts) {
    this.executor = executor;
    this.mirror = mirror;
    this.fetcher = fetcher;
    this.seed = meta.seed;
    this.#pacer = new Pacer(1, traffic);
  }

  /** Writes down the blocks of the pages of sums that change. Verifies the untouched part of each by its old sum. */
  async plan(map: Vrmo, pages: ReadonlySet<number>, record: MoveRecordWriter): Promise<void> {
    for (const page of Float64Array.from(pages).sort()) {
      const planned = await this.#planPage(map, page);
      if (planned !== undefined) await record.add(planned);
      if (this.#pacer.due()) await this.#pacer.rest();
    }
  }

  async #planPage(map: Vrmo, page: number): Promise<MovePage | undefined> {
    const sums = await this.mirror.sums(page);
    const blocks: number[] = [];
    const after: number[] = [];
    const add = (block: number, sum: number) => {
      const at = block % SUMS_PER_PAGE;
      // Equal sums do not mean equal blocks, so only zeros, which have a sum of their own, may stay where they are.
      if (sum === 0 && sums[at] === 0) return;
      blocks.push(at);
      after.push(sum);
    };
    for (const run of blockRuns(map, page)) {
      if (run.zero) for (let block = run.first; block < run.end; block++) add(block, 0);
      else await this.#planRun(run, map, add);
    }
    if (blocks.length === 0) return undefined;
    const moved = sums.slice();
    blocks.forEach((block, at) => {
      moved[block] = after[at] as number;
    });
    return {
      page,
      crcBefore: pageCrc(encodeSumsPage(page, sums, this.seed)),
      crcAfter: pageCrc(encodeSumsPage(page, moved, this.seed)),
      blocks: Uint32Array.from(blocks),
      before: Uint32Array.from(blocks, (block) => sums[block] as number),
      after: Uint32Array.from(after),
    };
  }

  async #planRun(run: BlockRun, map: Vrmo, add: (block: number, after: number) => void): Promise<void> {
    for (let first = run.first; first < run.end; first += RUN) {
      const count = Math.min(RUN, run.end - first);
      const bytes = this.#buffer.subarray(0, count * BLOCK);
      await this.#readMap(map, first * BLOCK, bytes);
      const sums = blockSums(first, bytes);
      for (let at = 0; at < count; at++) add(first + at, sums[at] as number);
      if (this.#pacer.due()) await this.#pacer.rest();
    }
  }

  /**
   * Writes the planned blocks and their sums, and makes them durable.
   *
   * @param redo the MIM may be anywhere between before and after: what is on it is taken as it is and judged by
   *   the sum of the result
   * @returns bytes written to the MIM
   */
  async apply(record: MoveRecordReader, map: Vrmo, redo: boolean): Promise<number> {
    let moved = 0;
    const writeback = new Writeback(this.executor, this.mirror.name);
    for await (const page of record.pages()) {
      const bytes = await this.#applyPage(page, map, redo);
      moved += bytes;
      writeback.wrote(bytes);
    }
    if (moved > 0) {
      await writeback.finish();
      await this.executor.run([{ op: 'datasync', file: FILES.sums }]);
    }
    return moved;
  }

  async #applyPage(page: MovePage, map: Vrmo, redo: boolean): Promise<number> {
    if (redo) this.mirror.keep(page.page, await this.rawPage(page.page));
    const live = await this.mirror.pin(page.page);
    const bytes = this.pageAfter(page, live);
    for (const { first, end, zero } of movedRuns(page.blocks, page.after, RUN)) {
      await this.#applyRun(page, first, end, zero, live, map, redo);
      if (this.#pacer.due()) await this.#pacer.rest();
    }
    const offset = page.page * SUMS_PAGE_SIZE;
    await this.executor.run([{ op: 'write', file: FILES.sums, offset, from: [bytes] }]);
    this.mirror.grew(page.page);
    return page.blocks.length * BLOCK;
  }

  /** The page of sums behind the move. @throws `damaged` unless it is what the move record says */
  pageAfter(page: MovePage, live: Uint32Array): Uint8Array {
    const sums = live.slice();
    page.blocks.forEach((block, at) => {
      sums[block] = page.after[at] as number;
    });
    const bytes = encodeSumsPage(page.page, sums, this.seed);
    if (pageCrc(bytes) === page.crcAfter) return bytes;
    throw new AnywhenError('damaged', `mim.sums: page ${page.page} is not what the move record says`, {
      data: { file: FILES.sums, offset: page.page * SUMS_PAGE_SIZE },
    });
  }

  async #applyRun(
    page: MovePage,
    from: number,
    to: number,
    zeros: boolean,
    live: Uint32Array,
    map: Vrmo,
    redo: boolean,
  ): Promise<void> {
    const first = page.page * SUMS_PER_PAGE + (page.blocks[from] as number);
    const offset = first * BLOCK;
    const length = (to - from) * BLOCK;
    const after = page.after.subarray(from, to);
    const bytes = this.#buffer.subarray(0, length);
    if (!zeros) await this.content(first, after, map, redo, bytes);
    await this.mirror.whileMoving(first, first + to - from, async () => {
      if (zeros) await this.executor.run([{ op: 'punch', file: this.mirror.name, offset, length }]);
      else await this.executor.run([{ op: 'write', file: this.mirror.name, offset, from: [bytes] }]);
      for (let at = from; at < to; at++) live[page.blocks[at] as number] = page.after[at] as number;
    });
  }

  /** Reads blocks from `first` on in the state of the map, each checked against its sum. @throws `damaged`, `io` */
  async content(
    first: number,
    after: Uint32Array,
    map: Vrmo,
    redo: boolean,
    bytes: Uint8Array,
  ): Promise<void> {
    if (redo) await this.#readOver(first * BLOCK, bytes, map);
    else await this.#readMap(map, first * BLOCK, bytes);
    const sums = blockSums(first, bytes);
    after.forEach((sum, at) => {
      if (sums[at] === sum) return;
      const place = { file: this.mirror.name, offset: (first + at) * BLOCK };
      throw new AnywhenError(
        'damaged',
        `${place.file}: block ${first + at} cannot be moved: its bytes do not match the move record`,
        {
          data: place,
        },
      );
    });
  }

  async #readMap(map: Vrmo, start: number, into: Uint8Array): Promise<void> {
    if (!readMapNow(this.fetcher, map, start, into)) await readMap(this.fetcher, map, start, into);
  }

  /** What the journals hold, over what is on the MIM, whatever that is. */
  async #readOver(start: number, bytes: Uint8Array, map: Vrmo): Promise<void> {
    const size = (await this.executor.size(this.mirror.name)) ?? 0;
    const there = Math.max(0, Math.min(bytes.length, size - start));
    if (there > 0) {
      await this.executor.run([
        { op: 'read', file: this.mirror.name, offset: start, into: bytes.subarray(0, there) },
      ]);
    }
    bytes.fill(0, there);
    const parts: { from: number; to: number; file: number; record: number }[] = [];
    map.lookup(start, start + bytes.length, (from, to, file, record) => {
      if (file !== MIM) parts.push({ from, to, file, record });
    });
    for (const part of parts) {
      await this.fetcher.read(
        part.file,
        part.record,
        part.from,
        bytes.subarray(part.from - start, part.to - start),
      );
    }
  }

  /** The sums of a page as they stand on the disk, torn or not. */
  async rawPage(page: number): Promise<Uint32Array> {
    const size = (await this.executor.size(FILES.sums)) ?? 0;
    const bytes = new Uint8Array(SUMS_PAGE_SIZE);
    const there = Math.max(0, Math.min(SUMS_PAGE_SIZE, size - page * SUMS_PAGE_SIZE));
    if (there > 0) {
      const into = bytes.subarray(0, there);
      await this.executor.run([{ op: 'read', file: FILES.sums, offset: page * SUMS_PAGE_SIZE, into }]);
    }
    return rawSums(bytes);
  }
}
