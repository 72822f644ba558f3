import { AnywhenError } from '../base/errors.js';
import type { Executor } from '../file/executor.js';
import { crc32c } from '../format/checksum.js';
import { FILES, moveRecord, SUMS_PER_PAGE } from '../format/layout.js';
import type { CopiedState } from '../format/superblock.js';

/*
 * The move record of a sync event, backward/NNNNNNNN.move: the blocks of the MIM that it changes and their sums
 * before and after. Its length and CRC32C stand in the superblock. For each page of sums, in order:
 *   u64 page, u32 CRC32C of the page before (0: never written), u32 after, u32 number of blocks, u32 0,
 *   then for each block: u32 index in the page, u32 sum before, u32 sum after.
 */
const PAGE_HEAD = 24;
const ENTRY = 12;
/** Bytes of the record for each page of sums, and for each block. */
export const PAGE_COST = PAGE_HEAD;
export const RECORD_COST = ENTRY;
/** Bytes that are written or read at a time. */
const CHUNK = 256 * 1024;

/** The blocks of one page of sums that move. */
export interface MovePage {
  readonly page: number;
  readonly crcBefore: number;
  readonly crcAfter: number;
  readonly blocks: Uint32Array;
  readonly before: Uint32Array;
  readonly after: Uint32Array;
}

/** The bytes of a page. */
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

/** Writes a move record page by page, and makes it durable. */
export class MoveRecordWriter {
  readonly #file: string;
  #length = 0;
  #crc = 0;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  constructor(
    readonly executor: Executor,
    segment: number,
  ) {
    this.#file = moveRecord(segment);
  }

  /** Begins; a left-over of an interrupted event is removed. */
  async begin(): Promise<void> {
    await this.executor.run([
      { op: 'unlink', file: this.#file },
      { op: 'create', file: this.#file, size: 0 },
    ]);
  }

  async add(page: MovePage): Promise<void> {
    const bytes = encodeMovePage(page);
    this.#crc = crc32c(bytes, this.#crc);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= CHUNK) await this.#write();
  }

  /** Its length and checksum, for the superblock. */
  async finish(): Promise<Pick<CopiedState, 'moveCrc' | 'moveLength'>> {
    await this.#write();
    await this.executor.run([
      { op: 'datasync', file: this.#file },
      { op: 'syncdir', file: FILES.backward },
    ]);
    return { moveCrc: this.#crc, moveLength: this.#length };
  }

  async #write(): Promise<void> {
    const from = this.#waiting;
    const offset = this.#length;
    this.#waiting = [];
    this.#length += this.#waitingBytes;
    this.#waitingBytes = 0;
    if (from.length > 0) await this.executor.run([{ op: 'write', file: this.#file, offset, from }]);
  }
}

/** Reads a move record page by page: it may be larger than memory. */
export class MoveRecordReader {
  constructor(
    readonly executor: Executor,
    readonly copied: CopiedState,
  ) {}

  /** @throws `damaged` unless the record is whole and the one that the superblock names */
  async verify(): Promise<void> {
    const file = moveRecord(this.copied.segment);
    const size = await this.executor.size(file);
    if (size === undefined) throw new AnywhenError('damaged', `${file}: is missing`);
    if (size < this.copied.moveLength) throw new AnywhenError('damaged', `${file}: is cut short`);
    let crc = 0;
    for (let at = 0; at < this.copied.moveLength; at += CHUNK) crc = crc32c(await this.#read(at, CHUNK), crc);
    if (crc !== this.copied.moveCrc) throw damaged(this.copied.segment);
  }

  /** @throws `damaged` */
  async *pages(): AsyncGenerator<MovePage> {
    const length = this.copied.moveLength;
    let chunk = new Uint8Array(0);
    let chunkAt = 0;
    for (let at = 0; at < length; ) {
      let here = at - chunkAt;
      if (here + PAGE_HEAD + SUMS_PER_PAGE * ENTRY > chunk.length && chunkAt + chunk.length < length) {
        chunk = await this.#read(at, CHUNK);
        chunkAt = at;
        here = 0;
      }
      const page = decodeMovePage(chunk, here);
      yield page;
      at += PAGE_HEAD + page.blocks.length * ENTRY;
    }
  }

  async #read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const into = new Uint8Array(Math.min(length, this.copied.moveLength - offset));
    await this.executor.run([{ op: 'read', file: moveRecord(this.copied.segment), offset, into }]);
    return into;
  }
}

/** The page whose bytes begin at `at`. Any bytes are survived. @throws `damaged` */
export function decodeMovePage(bytes: Uint8Array, at: number): MovePage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (at + PAGE_HEAD > bytes.length) throw damaged();
  const count = view.getUint32(at + 16, true);
  if (
    view.getUint32(at + 20, true) !== 0 ||
    count > SUMS_PER_PAGE ||
    at + PAGE_HEAD + count * ENTRY > bytes.length
  )
    throw damaged();
  const column = (offset: number) =>
    Uint32Array.from({ length: count }, (_, row) =>
      view.getUint32(at + PAGE_HEAD + row * ENTRY + offset, true),
    );
  const blocks = column(0);
  if (blocks.some((block, row) => block >= SUMS_PER_PAGE || block <= (blocks[row - 1] ?? -1)))
    throw damaged();
  return {
    page: view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32,
    crcBefore: view.getUint32(at + 8, true),
    crcAfter: view.getUint32(at + 12, true),
    blocks,
    before: column(4),
    after: column(8),
  };
}

function damaged(segment?: number): AnywhenError {
  return new AnywhenError(
    'damaged',
    'the move record of the interrupted sync event is damaged',
    segment === undefined ? {} : { data: { file: moveRecord(segment), offset: 0 } },
  );
}
