import { BLOCK } from '../base/range.js';
import type { Executor, Step } from '../file/executor.js';
import {
  FILES,
  SEGMENT_DESCRIPTOR_SIZE,
  SEGMENT_HEADER_SIZE,
  segmentData,
  segmentDescriptors,
} from '../format/layout.js';
import { descriptorSum, pieceSums, sumArrayBytes, sumArrayLength } from '../format/pieces.js';
import { placeData, Ring } from './ring.js';
import {
  encodeExtent,
  encodeMarker,
  encodeSegmentHeader,
  type SegmentExtent,
  type SegmentHeader,
  SegmentKind,
  type SegmentMarker,
} from './segment-format.js';
import { Writeback } from './writeback.js';

/** Descriptors are written in runs of so many. */
const RUN = 4096;
/** Data is written in runs of at least so many bytes. */
const DATA_RUN = 1024 * 1024;
/** A queue without end: segments do not wrap. */
const ENDLESS = 2 ** 52;

/** Where a list lies in its segment, and what it comes to. */
export interface WrittenList {
  /** The index of its first extent. */
  readonly record: number;
  readonly extents: number;
  /** What its extents cover, bytes; of them, those that lie in a data file. */
  readonly bytes: number;
  readonly stored: number;
}

/**
 * Writes a segment from front to back. Nothing that it writes counts before the catalog names it; `finish`
 * makes both files and their names durable.
 */
export class SegmentWriter {
  readonly #queue = new Ring(0, ENDLESS, 0, 0);
  #run = new DataView(new ArrayBuffer(RUN * SEGMENT_DESCRIPTOR_SIZE));
  #runStart = 0;
  /** Data that is not written yet, and where it goes. */
  readonly #data = new Uint8Array(2 * DATA_RUN + 4 * BLOCK);
  #dataStart = 0;
  readonly #writeback: Writeback;
  #count = 0;
  #markerAt = -1;
  #listBytes = 0;
  #listStored = 0;
  #marker: SegmentMarker | undefined;

  constructor(
    readonly executor: Executor,
    readonly segment: number,
    readonly seed: number,
  ) {
    this.#writeback = new Writeback(executor, segmentData(segment));
  }

  /** The number of descriptors so far: the record of the next one. */
  get count(): number {
    return this.#count;
  }

  /** The list that is being written, or that was written last, as far as it is. */
  get list(): WrittenList {
    const record = this.#markerAt + 1;
    return { record, extents: this.#count - record, bytes: this.#listBytes, stored: this.#listStored };
  }

  /** Bytes in the data file so far. */
  get dataLength(): number {
    return this.#queue.head;
  }

  /** Begins; a left-over of an interrupted event with the same number is removed. */
  async begin(): Promise<void> {
    const names = [segmentDescriptors(this.segment), segmentData(this.segment)];
    const steps: Step[] = [];
    for (const file of names) steps.push({ op: 'unlink', file }, { op: 'create', file, size: 0 });
    await this.executor.run(steps);
  }

  /** Begins the list of a point; its number of extents is filled in when the list ends. */
  async beginList(marker: Omit<SegmentMarker, 'kind' | 'extents'>): Promise<void> {
    await this.#endList();
    this.#marker = { ...marker, kind: SegmentKind.marker, extents: 0 };
    this.#markerAt = this.#count;
    this.#listBytes = 0;
    this.#listStored = 0;
    await this.#next();
  }

  /** Adds an extent with data, at most 1 MiB, which is copied. Returns its record. */
  async extent(start: number, data: Uint8Array): Promise<number> {
    const sums = pieceSums(start, data);
    const before = sumArrayLength(sums.length);
    const offset = placeData(this.#queue, this.#queue.head, start, data.length, before);
    if (before > 0) this.#data.set(sumArrayBytes(sums), offset - before - this.#dataStart);
    this.#data.set(data, offset - this.#dataStart);
    this.#queue.head = offset + data.length;
    if (this.#queue.head - this.#dataStart >= DATA_RUN) await this.#flushData();
    return this.#add({
      kind: SegmentKind.extent,
      start,
      length: data.length,
      originStart: start,
      originLength: data.length,
      pieces: sums.length,
      dataSegment: this.segment,
      offset,
      sum: descriptorSum(sums),
    });
  }

  /** Adds a descriptor of data that another segment holds, or a part of it. */
  cut(extent: SegmentExtent): Promise<number> {
    return this.#add(extent);
  }

  /** Adds a range that reads as zeros. */
  async zero(start: number, length: number): Promise<number> {
    const none = { originStart: 0, originLength: 0, pieces: 0, dataSegment: 0, offset: 0, sum: 0 };
    return this.#add({ kind: SegmentKind.zero, start, length, ...none });
  }

  /** Writes what is left and the header, and makes the segment durable. */
  async finish(header: Omit<SegmentHeader, 'segment' | 'descriptors' | 'dataLength'>): Promise<void> {
    await this.#endList();
    await this.#flushRun();
    await this.#flushData();
    const whole = {
      ...header,
      segment: this.segment,
      descriptors: this.#count,
      dataLength: this.#queue.head,
    };
    const file = segmentDescriptors(this.segment);
    await this.#writeback.finish();
    await this.executor.run([
      { op: 'write', file, offset: 0, from: [encodeSegmentHeader(whole)] },
      { op: 'datasync', file },
      { op: 'syncdir', file: FILES.backward },
    ]);
  }

  async #add(extent: SegmentExtent): Promise<number> {
    const record = this.#count;
    this.#listBytes += extent.length;
    if (extent.kind === SegmentKind.extent) this.#listStored += extent.length;
    encodeExtent(
      this.#run,
      (record - this.#runStart) * SEGMENT_DESCRIPTOR_SIZE,
      extent,
      record,
      this.segment,
      this.seed,
    );
    await this.#next();
    return record;
  }

  async #next(): Promise<void> {
    this.#count += 1;
    if (this.#count - this.#runStart === RUN) await this.#flushRun();
  }

  async #flushRun(): Promise<void> {
    const bytes = new Uint8Array(
      this.#run.buffer,
      0,
      (this.#count - this.#runStart) * SEGMENT_DESCRIPTOR_SIZE,
    );
    const offset = SEGMENT_HEADER_SIZE + this.#runStart * SEGMENT_DESCRIPTOR_SIZE;
    if (bytes.length > 0) {
      await this.executor.run([
        { op: 'write', file: segmentDescriptors(this.segment), offset, from: [bytes] },
      ]);
    }
    this.#run = new DataView(new ArrayBuffer(RUN * SEGMENT_DESCRIPTOR_SIZE));
    this.#runStart = this.#count;
  }

  async #flushData(): Promise<void> {
    const length = this.#queue.head - this.#dataStart;
    if (length === 0) return;
    const from = [this.#data.subarray(0, length)];
    await this.executor.run([
      { op: 'write', file: segmentData(this.segment), offset: this.#dataStart, from },
    ]);
    this.#writeback.wrote(length);
    // What lies between two extents is written too, and is zeros.
    this.#data.fill(0, 0, length);
    this.#dataStart = this.#queue.head;
  }

  async #endList(): Promise<void> {
    if (this.#marker === undefined) return;
    const marker = { ...this.#marker, extents: this.#count - this.#markerAt - 1 };
    if (this.#markerAt >= this.#runStart) {
      const at = (this.#markerAt - this.#runStart) * SEGMENT_DESCRIPTOR_SIZE;
      encodeMarker(this.#run, at, marker, this.#markerAt, this.segment, this.seed);
    } else {
      const bytes = new Uint8Array(SEGMENT_DESCRIPTOR_SIZE);
      encodeMarker(new DataView(bytes.buffer), 0, marker, this.#markerAt, this.segment, this.seed);
      const offset = SEGMENT_HEADER_SIZE + this.#markerAt * SEGMENT_DESCRIPTOR_SIZE;
      await this.executor.run([
        { op: 'write', file: segmentDescriptors(this.segment), offset, from: [bytes] },
      ]);
    }
    this.#marker = undefined;
  }
}
