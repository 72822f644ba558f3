import { AnywhenError, assert } from '../base/errors.js';
import { alignDown, alignUp, BLOCK } from '../base/range.js';
import type { Executor, FileName } from '../file/executor.js';
import { crc32c } from '../format/checksum.js';
import { FILES, segmentData } from '../format/layout.js';
import { firstBadPiece, sumArrayLength } from '../format/pieces.js';
import type { Mirror } from '../mirror/mirror.js';
import { FIRST_SEGMENT, FORWARD, HISTORY, MIM, type SourceFile, ZERO } from '../vrmo/vrmo.js';
import type { ForwardIndex } from './forward-index.js';
import { Places } from './places.js';
import type { ReadPlan } from './read-plan.js';
import type { Ring } from './ring.js';
import type { SegmentStore } from './segment-store.js';

/** Arrays of sums that are kept in memory. */
const CACHED_SUMS = 8192;

/** What a descriptor says of stored data: enough to read and verify any part of it. */
interface Stored {
  readonly file: string;
  /** The place of the origin's first byte in the file. */
  readonly offset: number;
  readonly start: number;
  readonly length: number;
  readonly sum: number;
}

/**
 * Brings the bytes of physical extents, each piece verified against its sum before anybody sees it. It knows
 * where data lies, and nothing of time: which extent is wanted is the VRMO's answer.
 */
export class Fetcher {
  readonly #sums = new Map<number, Uint32Array>();

  constructor(
    readonly executor: Executor,
    readonly mirror: Mirror,
    readonly index: ForwardIndex,
    readonly data: Ring,
    readonly segments: SegmentStore,
    readonly verify = true,
    readonly places = new Places(),
  ) {}

  /** Remembers the sums of data that was just written. */
  remember(file: SourceFile, record: number, sums: Uint32Array): void {
    if (this.#sums.size >= CACHED_SUMS) this.#sums.clear();
    this.#sums.set(file * 2 ** 32 + record, sums);
  }

  /** Forgets the sums of segments that were dropped: their numbers may be given again. */
  forgetSums(): void {
    this.#sums.clear();
  }

  /** Reads the bytes of `(file, record)` from address `start` on, if no disk need be waited for. */
  readNow(file: SourceFile, record: number, start: number, into: Uint8Array): boolean {
    if (file === ZERO) return zero(into);
    if (file === MIM) {
      if (start % BLOCK === 0 && into.length % BLOCK === 0) return this.mirror.readNow(start / BLOCK, into);
      const first = alignDown(start, BLOCK);
      const blocks = new Uint8Array(alignUp(start + into.length, BLOCK) - first);
      if (!this.mirror.readNow(first / BLOCK, blocks)) return false;
      into.set(blocks.subarray(start - first, start - first + into.length));
      return true;
    }
    const stored = this.#stored(file, record);
    const sums = this.#sumsNow(file, record, stored);
    if (sums === undefined) return false;
    const piece = this.#whole(stored, start, into);
    if (!this.executor.runNow([{ op: 'read', file: stored.file, offset: piece.offset, into: piece.bytes }]))
      return false;
    this.#take(stored, piece, sums, into, start);
    return true;
  }

  /** Adds the bytes of `(file, record)` in `[start, end)` to a plan; false if that takes what is not at hand, or half a piece. */
  plan(file: SourceFile, record: number, start: number, end: number, plan: ReadPlan): boolean {
    if (file === ZERO) return plan.zeros(end - start);
    if (start % BLOCK !== 0) return false;
    if (file === MIM) return end % BLOCK === 0 && this.#planMirror(start / BLOCK, end / BLOCK, plan);
    const stored = this.#stored(file, record);
    if (end % BLOCK !== 0 && end !== stored.start + stored.length) return false;
    const fd = this.executor.descriptor(stored.file);
    const sums = this.#sumsNow(file, record, stored);
    if (sums === undefined || fd === undefined) return false;
    const first = Math.floor(start / BLOCK) - Math.floor(stored.start / BLOCK);
    const offset = stored.offset + start - stored.start;
    return plan.stored(fd, offset, end - start, this.verify ? sums : undefined, first);
  }

  #planMirror(first: number, end: number, plan: ReadPlan): boolean {
    const fd = this.executor.descriptor(this.mirror.name);
    if (fd === undefined) return false;
    const { verify } = this.mirror;
    return this.mirror.eachSum(first, end, (block, sum) =>
      sum === 0 ? plan.zeros(BLOCK) : plan.block(fd, block, BLOCK, sum, verify),
    );
  }

  /**
   * Reads the bytes of `(file, record)` from address `start` on.
   *
   * @throws `damaged` with file and offset if they are not what their sums say, `io`
   */
  async read(file: SourceFile, record: number, start: number, into: Uint8Array): Promise<void> {
    if (file === ZERO) {
      zero(into);
      return;
    }
    if (file === MIM) return this.#readMirror(start, into);
    const stored = this.#stored(file, record);
    const sums = this.#sumsNow(file, record, stored) ?? (await this.#loadSums(file, record, stored));
    const piece = this.#whole(stored, start, into);
    await this.executor.run([{ op: 'read', file: stored.file, offset: piece.offset, into: piece.bytes }]);
    this.#take(stored, piece, sums, into, start);
  }

  /** Where the byte of `(file, record)` at address `start` lies; undefined for zeros, which lie nowhere. */
  placeOf(file: SourceFile, record: number, start: number): { file: FileName; offset: number } | undefined {
    if (file === ZERO) return undefined;
    if (file === MIM) return { file: this.mirror.name, offset: start };
    const stored = this.#stored(file, record);
    return { file: stored.file, offset: stored.offset + start - stored.start };
  }

  async #readMirror(start: number, into: Uint8Array): Promise<void> {
    if (start % BLOCK === 0 && into.length % BLOCK === 0) return this.mirror.read(start / BLOCK, into);
    const first = alignDown(start, BLOCK);
    const blocks = new Uint8Array(alignUp(start + into.length, BLOCK) - first);
    await this.mirror.read(first / BLOCK, blocks);
    into.set(blocks.subarray(start - first, start - first + into.length));
  }

  #stored(file: SourceFile, record: number): Stored {
    if (file === FORWARD) {
      const { index } = this;
      const sequence = index.sequenceOf(record);
      assert(index.has(sequence), 'the sequence is in the forward journal');
      const offset = this.data.place(index.dataPosition(sequence));
      return {
        file: FILES.forward,
        offset,
        start: index.start(sequence),
        length: index.length(sequence),
        sum: index.sum(sequence),
      };
    }
    if (file === HISTORY) {
      const place = this.places.get(record);
      assert(place !== undefined, 'the place is in use');
      const { segment, offset, originStart: start, originLength: length, sum } = place;
      return { file: segmentData(segment), offset, start, length, sum };
    }
    const table = this.segments.get(file - FIRST_SEGMENT);
    assert(table !== undefined, 'the segment is loaded');
    return {
      file: segmentData(table.dataSegment[record] as number),
      offset: table.offset[record] as number,
      start: table.originStart[record] as number,
      length: table.originLength[record] as number,
      sum: table.sum[record] as number,
    };
  }

  #sumsNow(file: SourceFile, record: number, stored: Stored): Uint32Array | undefined {
    const pieces = Math.ceil((stored.start + stored.length) / BLOCK) - Math.floor(stored.start / BLOCK);
    if (pieces === 1) return Uint32Array.of(stored.sum);
    return this.#sums.get(file * 2 ** 32 + record);
  }

  async #loadSums(file: SourceFile, record: number, stored: Stored): Promise<Uint32Array> {
    const pieces = Math.ceil((stored.start + stored.length) / BLOCK) - Math.floor(stored.start / BLOCK);
    const bytes = new Uint8Array(sumArrayLength(pieces));
    const offset = stored.offset - bytes.length;
    await this.executor.run([{ op: 'read', file: stored.file, offset, into: bytes }]);
    if (crc32c(bytes) !== stored.sum) throw damaged(stored.file, offset);
    const sums = new Uint32Array(bytes.buffer);
    this.remember(file, record, sums);
    return sums;
  }

  /** The whole pieces around `[start, start + into.length)`: into the buffer itself where it is just those. */
  #whole(
    stored: Stored,
    start: number,
    into: Uint8Array,
  ): { bytes: Uint8Array; from: number; offset: number } {
    const end = start + into.length;
    const from = Math.max(stored.start, alignDown(start, BLOCK));
    const to = Math.min(stored.start + stored.length, alignUp(end, BLOCK));
    assert(
      start >= stored.start && end <= stored.start + stored.length,
      'an extent lies within its descriptor',
    );
    const bytes = from === start && to === end ? into : new Uint8Array(to - from);
    return { bytes, from, offset: stored.offset + from - stored.start };
  }

  #take(
    stored: Stored,
    piece: { bytes: Uint8Array; from: number; offset: number },
    sums: Uint32Array,
    into: Uint8Array,
    start: number,
  ): void {
    const first = Math.floor(piece.from / BLOCK) - Math.floor(stored.start / BLOCK);
    const bad = this.verify ? firstBadPiece(piece.from, piece.bytes, sums, first) - first : -1;
    if (bad >= 0)
      throw damaged(
        stored.file,
        piece.offset + Math.max(0, alignDown(piece.from, BLOCK) + bad * BLOCK - piece.from),
      );
    if (piece.bytes !== into)
      into.set(piece.bytes.subarray(start - piece.from, start - piece.from + into.length));
  }
}

function zero(into: Uint8Array): true {
  into.fill(0);
  return true;
}

function damaged(file: string, offset: number): AnywhenError {
  return new AnywhenError('damaged', `${file}: data at offset ${offset} does not match its checksum`, {
    data: { file, offset },
    hint: '`anywhen check --data STORE` shows what else is damaged.',
  });
}
