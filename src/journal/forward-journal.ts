import type { Clock } from '../base/clock.js';
import { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import type { Executor } from '../file/executor.js';
import { type Append, couldFit, type Placed, placeAppend } from './append.js';
import { Arrivals } from './arrivals.js';
import { asIoError, BatchWriter } from './batch-writer.js';
import { Durability } from './durability.js';
import { FirstLap } from './first-lap.js';
import { type ForwardDescriptor, Kind } from './forward-descriptor.js';
import type { ForwardIndex } from './forward-index.js';
import type { ForwardEvents, ForwardState } from './forward-state.js';
import type { Ring } from './ring.js';

/**
 * The forward journal ([0011], [0046], [0058]-[0060]): every accepted change, in order, with its time.
 *
 * An append goes through: *waiting* (no space yet, or paused) -> *placed* (sequence, stamp and space are its
 * own) -> *written* (one batch at a time: data first, then descriptors) -> *committed* (its own and every
 * earlier descriptor are in: index and maps change, `done` is called) -> *durable* (a datasync after it, at a
 * 4 KiB border of both queues). Space comes back with `release`, after a sync event.
 *
 * Invariants: sequences enter without holes (a failed write enters as `void`); stamps rise strictly with
 * sequences; no sector that a flush made durable is written again; `durable` never names a sequence that
 * shares a sector with a later one.
 */
export class ForwardJournal {
  readonly index: ForwardIndex;
  readonly descriptors: Ring;
  readonly data: Ring;
  readonly #firstLap: FirstLap;
  readonly #durability: Durability;
  readonly #writer: BatchWriter;
  #nextSequence: number;
  #waiting: Append[] = [];
  #batch: Placed[] = [];
  #writing = false;
  #paused = 0;
  #gathering = false;
  #failure: AnywhenError | undefined;
  readonly #arrivals = new Arrivals();
  #unflushed = 0;
  #idling: Promise<void> = Promise.resolve();

  constructor(
    readonly executor: Executor,
    readonly clock: Clock,
    readonly state: ForwardState,
    readonly events: ForwardEvents,
  ) {
    this.index = state.index;
    this.descriptors = state.descriptors;
    this.data = state.data;
    this.#firstLap = new FirstLap(executor, state.data);
    this.#nextSequence = state.index.next;
    this.#durability = new Durability(executor, state.index.next - 1);
    this.#writer = new BatchWriter(executor, state);
  }

  /** The highest sequence known durable. */
  get durable(): number {
    return this.#durability.reached;
  }

  /** Bytes placed since the last flush began. */
  get unflushed(): number {
    return this.#unflushed;
  }

  get failure(): AnywhenError | undefined {
    return this.#failure;
  }

  /** Asks for entry. `done` may be called before this returns. */
  submit(append: Append): void {
    if (this.#failure !== undefined) return append.done(this.#failure, 0, 0n);
    if (append.data !== undefined && !couldFit(append.data.length, this.data)) {
      const message = `a write of ${append.data.length} bytes does not fit the forward journal of ${this.data.length} bytes`;
      return append.done(new AnywhenError('no-space', message), 0, 0n);
    }
    if (this.#paused > 0 || this.#waiting.length > 0 || !this.#place(append)) this.#wait(append);
    this.#write();
  }

  /** What `work` submits is written as one batch, after it. Not to be nested. */
  gather(work: () => void): void {
    this.#gathering = true;
    try {
      work();
    } finally {
      this.#gathering = false;
      this.#write();
    }
  }

  /**
   * Makes everything placed so far durable.
   *
   * @param indicator flags of the sync indicator to leave (a client's FSYNC), or undefined for none
   * @returns the highest sequence that is durable at the least
   */
  async flush(indicator?: number): Promise<number> {
    let target: number;
    if (indicator === undefined) {
      target = this.#nextSequence - 1;
      this.#border();
    } else {
      target = await this.enter({ kind: Kind.indicator, flags: indicator });
    }
    await this.committed(target);
    await this.#syncTo(target);
    return target;
  }

  /** Submits an append and waits until it is in. */
  async enter(append: Omit<Append, 'done'>, past: 'pause' | 'queue' = 'queue'): Promise<number> {
    return new Promise((resolve, reject) => {
      const whole: Append = {
        ...append,
        done: (error, sequence) => (error === undefined ? resolve(sequence) : reject(error)),
      };
      if (past === 'queue') return this.submit(whole);
      if (this.#failure !== undefined || !this.#place(whole)) {
        return reject(this.#failure ?? new AnywhenError('no-space', 'the forward journal is full'));
      }
      this.#write();
    });
  }

  /** Resolves when `sequence` is in (or the journal has failed). */
  committed(sequence: number): Promise<void> {
    if (this.index.next > sequence || this.#failure !== undefined) return Promise.resolve();
    return this.#arrivals.wait(sequence);
  }

  /** Resolves when everything that has a stamp by now is in. */
  settled(): Promise<void> {
    return this.committed(this.#nextSequence - 1);
  }

  /** Lets nobody in until `resume`; resolves when all that was placed is in. */
  async pause(): Promise<void> {
    this.#paused += 1;
    await this.settled();
  }

  resume(): void {
    this.#paused -= 1;
    this.#admit();
  }

  /** Admits what waits, as far as there is space; `full` is told again if there is not. */
  retry(): void {
    this.#admit();
  }

  /** For idle time: prepares some of the ring's first lap. */
  async idle(): Promise<void> {
    if (this.#failure !== undefined || this.#firstLap.over) return;
    this.#idling = this.#firstLap.step();
    await this.#idling;
    this.#admit();
  }

  /** Resolves when nothing is being prepared. */
  idled(): Promise<void> {
    return this.#idling;
  }

  /** Gives the space up to these positions back; the second commit of the sync event must be durable. */
  release(firstSequence: number, descriptorTail: number, dataTail: number): void {
    this.index.dropBelow(firstSequence);
    this.descriptors.tail = descriptorTail;
    this.data.tail = dataTail;
    this.#admit();
  }

  /** Fails everything that waits, for a store that is being closed or has failed. */
  fail(error: AnywhenError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    const waiting = [...this.#waiting, ...this.#batch.map((placed) => placed.append)];
    this.#waiting = [];
    this.#batch = [];
    for (const append of waiting) append.done(error, 0, 0n);
    this.#arrivals.reached(Number.POSITIVE_INFINITY);
    this.events.failed(error);
  }

  #wait(append: Append): void {
    this.#waiting.push(append);
    this.#tellFull();
  }

  /** What waits for the zeros of the first lap waits for no space. */
  #tellFull(): void {
    if (this.#paused === 0 && !this.#firstLap.blocks(Number.MAX_SAFE_INTEGER)) this.events.full();
  }

  #admit(): void {
    let admitted = 0;
    while (
      this.#paused === 0 &&
      admitted < this.#waiting.length &&
      this.#place(this.#waiting[admitted] as Append)
    ) {
      admitted += 1;
    }
    this.#waiting.splice(0, admitted);
    if (this.#waiting.length > 0) this.#tellFull();
    this.#write();
  }

  #place(append: Append): boolean {
    const place = placeAppend(append, this.descriptors, this.data);
    if (place === undefined || this.#firstLap.blocks(place.dataEnd)) return false;
    this.descriptors.head = place.position + 128;
    this.data.head = place.dataEnd;
    this.#batch.push({
      append,
      sequence: this.#nextSequence++,
      stamp: this.clock.stamp(),
      ...place,
      failure: undefined,
    });
    this.#unflushed += append.data?.length ?? 0;
    if (append.kind === Kind.indicator) this.#border();
    return true;
  }

  #border(): void {
    this.descriptors.alignHead();
    this.data.alignHead();
    this.#unflushed = 0;
    this.#durability.border(this.#nextSequence - 1);
  }

  /** Writes what is placed, one batch at a time: at once if nothing is being written and it need not wait. */
  #write(): void {
    while (!this.#writing && !this.#gathering && this.#batch.length > 0) {
      const batch = this.#batch;
      this.#batch = [];
      this.#writing = true;
      const entered = this.#writer.writeNow(batch, this.durable);
      if (!Array.isArray(entered)) {
        void this.#writeSlowly(batch, entered === 'failed');
        return;
      }
      this.#commit(batch, entered);
      this.#writing = false;
    }
  }

  async #writeSlowly(batch: readonly Placed[], oneByOne: boolean): Promise<void> {
    const entered = await this.#writer.write(batch, this.durable, oneByOne).catch((cause: unknown) => {
      this.fail(asIoError(cause));
    });
    if (Array.isArray(entered)) this.#commit(batch, entered);
    else for (const placed of batch) placed.append.done(this.#failure, 0, 0n);
    this.#writing = false;
    this.#write();
  }

  #commit(batch: readonly Placed[], descriptors: readonly ForwardDescriptor[]): void {
    batch.forEach((placed, at) => {
      this.index.append(descriptors[at] as ForwardDescriptor, placed.dataEnd);
      this.events.committed(placed.sequence, placed.sums);
    });
    for (const placed of batch) placed.append.done(placed.failure, placed.sequence, placed.stamp);
    this.#arrivals.reached(this.index.next);
  }

  async #syncTo(target: number): Promise<void> {
    while (this.durable < target) {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        await this.#durability.sync(this.index.next);
      } catch (cause) {
        this.fail(asIoError(cause));
        throw this.#failure;
      }
    }
  }

  /** An instant at or above every stamp that is in. */
  get lastStamp(): Instant | undefined {
    return this.index.count > 0 ? this.index.stamp(this.index.next - 1) : undefined;
  }
}
