import { constants, type FileHandle, open } from 'node:fs/promises';
import { putSector, SECTOR, sectorsOf } from './sectors.js';

/** A numbered write to sectors `[first, first + count)`. */
interface Record {
  readonly number: number;
  readonly first: number;
  readonly count: number;
}

/** How far each writer was at a moment: the number of its last record, 0 before the first. */
export type Progress = readonly number[];

/** A record has at most so many sectors: one request of FUSE, which is in wholly or not at all. */
const RECORD_SECTORS = 32;
/** One in so many records is followed by an fsync. */
const FSYNC_EACH = 24;

/**
 * Writers of numbered records at random places, each in a part of the volume of its own, half of them with
 * O_DIRECT. A record whose call returned is acknowledged; of each writer at most one is not. What the volume must
 * hold is recomputed from the numbers.
 */
export class RecordWriters {
  readonly sectors: number;
  readonly #written: Record[][];
  /** The records that were asked for when the daemon died: there or not, nobody knows yet. */
  readonly #unknown: (Record | undefined)[];
  #next = 1;
  #running: Promise<void>[] = [];
  #stopped = true;
  #dying = false;
  /** Acknowledged ones. */
  records = 0;

  constructor(
    readonly size: number,
    readonly writers: number,
    readonly random: () => number,
  ) {
    this.sectors = size / SECTOR / writers;
    this.#written = Array.from({ length: writers }, () => []);
    this.#unknown = Array.from({ length: writers }, () => undefined);
  }

  start(path: string): void {
    this.#stopped = false;
    this.#dying = false;
    this.#running = this.#written.map((_, writer) => this.#write(writer, path));
  }

  /** The daemon is about to be killed: from here on calls may fail. */
  expectDeath(): void {
    this.#dying = true;
  }

  /** Ends when every writer has stopped, by itself or because the volume is gone; how many were in a call. */
  async stop(): Promise<number> {
    this.#stopped = true;
    await Promise.all(this.#running);
    return this.#unknown.filter((record) => record !== undefined).length;
  }

  /** The last acknowledged record of each writer. */
  get acknowledged(): Progress {
    return this.#written.map((records) => records[records.length - 1]?.number ?? 0);
  }

  /** The last record that each writer has begun. */
  get begun(): Progress {
    return this.acknowledged.map((number, writer) => this.#unknown[writer]?.number ?? number);
  }

  /** The volume after these records. */
  image(progress: Progress): Buffer {
    const numbers = new Uint32Array(this.size / SECTOR);
    for (const [writer, records] of this.#written.entries()) {
      const last = progress[writer] ?? 0;
      for (const { number, first, count } of [...records, ...this.#begunBy(writer)])
        if (number <= last) numbers.fill(number, first, first + count);
    }
    const image = Buffer.alloc(this.size);
    for (const [at, number] of numbers.entries()) if (number > 0) putSector(image, at * SECTOR, number, at);
    return image;
  }

  /**
   * How far each writer was by what an image shows: the highest number in its part. `image(progressOf(bytes))` is
   * `bytes` if the image is a state that once was.
   */
  progressOf(bytes: Buffer): Progress {
    return this.#written.map((_, writer) => {
      let last = 0;
      for (let at = writer * this.sectors; at < (writer + 1) * this.sectors; at++)
        last = Math.max(last, bytes.readUInt32LE(at * SECTOR));
      return last;
    });
  }

  /** The volume was found again: what was unknown is known now. */
  settle(progress: Progress): void {
    for (const [writer, record] of this.#unknown.entries()) {
      if (record !== undefined && record.number <= (progress[writer] ?? 0))
        this.#written[writer]?.push(record);
      this.#unknown[writer] = undefined;
    }
  }

  #begunBy(writer: number): Record[] {
    const record = this.#unknown[writer];
    return record === undefined ? [] : [record];
  }

  async #write(writer: number, path: string): Promise<void> {
    let file: FileHandle | undefined;
    try {
      file = await open(path, constants.O_RDWR | (isDirect(writer) ? constants.O_DIRECT : 0));
      while (!this.#stopped) {
        const record = this.#newRecord(writer);
        this.#unknown[writer] = record;
        const data = sectorsOf(record.number, record.first, record.count);
        const { bytesWritten } = await file.write(data, 0, data.length, record.first * SECTOR);
        if (bytesWritten !== data.length) throw new Error(`${bytesWritten} of ${data.length} bytes written`);
        this.#written[writer]?.push(record);
        this.#unknown[writer] = undefined;
        this.records += 1;
        if (this.random() * FSYNC_EACH < 1) await file.datasync();
      }
    } catch (error) {
      if (!this.#dying || !GONE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    } finally {
      await file?.close().catch(() => undefined);
    }
  }

  #newRecord(writer: number): Record {
    const unit = unitOf(writer);
    const count = unit * (1 + Math.floor((this.random() * RECORD_SECTORS) / unit));
    const first = unit * Math.floor((this.random() * (this.sectors - count)) / unit);
    return { number: this.#next++, first: writer * this.sectors + first, count };
  }
}

/** Sectors. Through the page cache the kernel makes a request of its own of a part of a page. */
function unitOf(writer: number): number {
  return isDirect(writer) ? 1 : 8;
}

function isDirect(writer: number): boolean {
  return writer % 2 === 0;
}

/** What a call says when the daemon dies under it, or has died. */
const GONE = new Set(['ENOTCONN', 'ECONNABORTED', 'EIO']);
