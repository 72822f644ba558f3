import { AnywhenError } from '../base/errors.js';
import { type Instant, later } from '../base/instant.js';
import { Pacer } from '../base/pacer.js';
import { alignUp, BLOCK, pieceCount } from '../base/range.js';
import { MAX_SEGMENT_EXTENT, SEGMENT_DESCRIPTOR_SIZE } from '../format/layout.js';
import { descriptorSum, pieceSums, sumArrayBytes, sumArrayLength } from '../format/pieces.js';
import { zeroRuns } from '../format/zero-runs.js';
import { placeData, Ring } from '../journal/ring.js';
import {
  Direction,
  encodeExtent,
  encodeMarker,
  encodeSegmentHeader,
  type SegmentExtent,
  SegmentKind,
} from '../journal/segment-format.js';
import { QualityCode } from '../sync/window.js';
import { type Difference, diffPoints } from './diff.js';
import type { Point, View } from './model.js';
import type { Volume } from './volume.js';

/** The number of a segment that lies in no store. */
const NO_SEGMENT = 0;
/** A queue without end: the data of a segment does not wrap. */
const ENDLESS = 2 ** 52;

export interface DeltaReport {
  readonly older: Point;
  readonly younger: Point;
  /** What its extents cover, bytes; of them, those that have data. */
  readonly bytes: number;
  readonly stored: number;
  readonly extents: number;
  /** Of the stream, bytes. */
  readonly length: number;
}

/**
 * Writes what changed between two exact instants, whichever is the older, with the data of the younger, in address order
 * (D1): a segment whose two files stand one behind the other. Its header names both points, and says how much follows.
 *
 * The data is read twice, because the sums stand before it; what is held in memory is some 30 bytes an extent.
 *
 * @param sink gets the bytes in order, at most 1 MiB at a time, and may keep them
 * @throws as `diffPoints` and `Volume.openView`; `damaged`, `io`
 */
export async function writeDelta(
  volume: Volume,
  a: Instant,
  b: Instant,
  sink: (bytes: Uint8Array) => Promise<void>,
): Promise<DeltaReport> {
  const view = await volume.openView(later(a, b));
  try {
    const difference = await diffPoints(volume, a, b);
    const delta = new Delta(volume, difference, view);
    await delta.plan();
    const stream = new Stream(sink);
    await delta.write(stream);
    await stream.flush();
    const { older, younger } = difference;
    const { bytes, stored, extents } = delta;
    return { older, younger, bytes, stored, extents, length: stream.length };
  } finally {
    view.close();
  }
}

class Delta {
  bytes = 0;
  stored = 0;
  /** Extents: a column each. One of zeros has an offset below 0. */
  readonly #start: number[] = [];
  readonly #length: number[] = [];
  readonly #offset: number[] = [];
  readonly #sum: number[] = [];
  readonly #queue = new Ring(0, ENDLESS, 0, 0);
  readonly #buffer = new Uint8Array(MAX_SEGMENT_EXTENT);
  readonly #pacer = new Pacer(1);

  constructor(
    readonly volume: Volume,
    readonly difference: Difference,
    readonly view: View,
  ) {}

  get extents(): number {
    return this.#start.length;
  }

  /** Finds the extents, where their data goes, and its sums. */
  async plan(): Promise<void> {
    for (const { start, length, kind } of this.difference.ranges()) {
      // What lies behind the end of the younger one is told by its size.
      const end = Math.min(start + length, this.view.size);
      if (kind === 'zeros' && end > start) this.#addZeros(start, end);
      else await this.#planRange(start, end);
    }
  }

  async #planRange(from: number, to: number): Promise<void> {
    /** Where the zeros begin that were found last and are not added yet. */
    let zerosFrom = from;
    for (let start = from; start < to; ) {
      const end = Math.min(to, start - (start % BLOCK) + MAX_SEGMENT_EXTENT);
      const bytes = await this.#read(start, end);
      for (const run of zeroRuns(start, bytes)) {
        if (run.zero) continue;
        this.#addZeros(zerosFrom, run.start);
        this.#addData(run.start, bytes.subarray(run.start - start, run.end - start));
        zerosFrom = run.end;
      }
      start = end;
    }
    this.#addZeros(zerosFrom, to);
  }

  async #read(start: number, end: number): Promise<Uint8Array> {
    const bytes = this.#buffer.subarray(0, end - start);
    await this.view.read(start, bytes);
    if (this.#pacer.due()) await this.#pacer.rest();
    return bytes;
  }

  #addZeros(start: number, end: number): void {
    if (end > start) this.#add(start, end - start, -1, 0);
  }

  #addData(start: number, bytes: Uint8Array): void {
    const sums = pieceSums(start, bytes);
    const queue = this.#queue;
    const offset = placeData(queue, queue.head, start, bytes.length, sumArrayLength(sums.length));
    queue.head = offset + bytes.length;
    this.stored += bytes.length;
    this.#add(start, bytes.length, offset, descriptorSum(sums));
  }

  #add(start: number, length: number, offset: number, sum: number): void {
    this.#start.push(start);
    this.#length.push(length);
    this.#offset.push(offset);
    this.#sum.push(sum);
    this.bytes += length;
  }

  async write(stream: Stream): Promise<void> {
    const { older, younger } = this.difference;
    const { uuid, historyUuid } = this.volume.engine.meta.superblock;
    const header = {
      uuid,
      historyUuid,
      segment: NO_SEGMENT,
      direction: Direction.redo,
      olderSequence: older.sequence,
      olderStamp: older.from,
      youngerSequence: younger.sequence,
      youngerStamp: younger.from,
      descriptors: this.extents + 1,
      dataLength: this.#queue.head,
    };
    await stream.put(encodeSegmentHeader(header));
    await this.#writeDescriptors(stream);
    await stream.pad(alignUp(stream.length, BLOCK));
    await this.#writeData(stream, stream.length);
  }

  async #writeDescriptors(stream: Stream): Promise<void> {
    const { seed } = this.volume.engine.meta;
    const bytes = new Uint8Array(SEGMENT_DESCRIPTOR_SIZE);
    const view = new DataView(bytes.buffer);
    const { sequence, at, from, to, size, quality } = this.difference.younger;
    const marker = {
      kind: SegmentKind.marker,
      sequence,
      extents: this.extents,
      size,
      quality: QualityCode[quality],
      at,
      from,
      // The newest point has no end yet.
      to: to ?? later(at, from) + 1n,
    };
    encodeMarker(view, 0, marker, 0, NO_SEGMENT, seed);
    await stream.put(bytes);
    for (let row = 0; row < this.extents; row++) {
      bytes.fill(0);
      encodeExtent(view, 0, this.#extent(row), row + 1, NO_SEGMENT, seed);
      await stream.put(bytes);
      if (this.#pacer.due()) await this.#pacer.rest();
    }
  }

  #extent(row: number): SegmentExtent {
    const start = this.#start[row] as number;
    const length = this.#length[row] as number;
    const offset = this.#offset[row] as number;
    const none = { originStart: 0, originLength: 0, pieces: 0, dataSegment: NO_SEGMENT, offset: 0, sum: 0 };
    if (offset < 0) return { kind: SegmentKind.zero, start, length, ...none };
    const pieces = pieceCount(start, start + length);
    const origin = { originStart: start, originLength: length, pieces, dataSegment: NO_SEGMENT };
    return { kind: SegmentKind.extent, start, length, ...origin, offset, sum: this.#sum[row] as number };
  }

  /** @param base where the data begins in the stream */
  async #writeData(stream: Stream, base: number): Promise<void> {
    for (let row = 0; row < this.extents; row++) {
      const offset = this.#offset[row] as number;
      if (offset < 0) continue;
      const start = this.#start[row] as number;
      const bytes = await this.#read(start, start + (this.#length[row] as number));
      const sums = pieceSums(start, bytes);
      if (descriptorSum(sums) !== this.#sum[row])
        throw new AnywhenError(
          'io',
          `the bytes at ${start} of the younger point changed while they were read`,
        );
      await stream.pad(base + offset - sumArrayLength(sums.length));
      if (sums.length > 1) await stream.put(sumArrayBytes(sums));
      await stream.put(bytes);
    }
  }
}

/** Bytes on their way out, gathered to be few. */
class Stream {
  #held = new Uint8Array(MAX_SEGMENT_EXTENT);
  #count = 0;
  /** Bytes so far. */
  length = 0;

  constructor(readonly sink: (bytes: Uint8Array) => Promise<void>) {}

  async put(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + this.#held.length - this.#count);
      this.#held.set(part, this.#count);
      this.#count += part.length;
      this.length += part.length;
      at += part.length;
      if (this.#count === this.#held.length) await this.flush();
    }
  }

  /** Zeros up to a place. */
  async pad(to: number): Promise<void> {
    if (to > this.length) await this.put(new Uint8Array(to - this.length));
  }

  async flush(): Promise<void> {
    const bytes = this.#held.subarray(0, this.#count);
    this.#count = 0;
    this.#held = new Uint8Array(MAX_SEGMENT_EXTENT);
    if (bytes.length > 0) await this.sink(bytes);
  }
}
