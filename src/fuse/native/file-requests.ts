import { constants } from 'node:os';
import { ReadPlan } from '../../journal/read-plan.js';
import type { Handle } from '../../namespace/handles.js';
import {
  FALLOC_KEEP_SIZE,
  FALLOC_PUNCH_HOLE,
  FALLOC_ZERO_RANGE,
  SEEK_DATA,
  SEEK_HOLE,
} from '../../native.js';
import { errnoOf } from '../errno.js';
import { type Exchange, Field, MAX_TRANSFER, Op, Outcome, type Session } from './session.js';

const { errno } = constants;

/** Reads of so many bytes are carried out by another thread, also when no disk need be waited for. */
const ON_POOL = 512 * 1024;

/** The requests to open files: the ones that count. */
export class FileRequests {
  readonly #open: (Handle | undefined)[] = [undefined];
  readonly #free: number[] = [];
  /** For a read that is answered at once. */
  readonly #into = new Uint8Array(MAX_TRANSFER);
  readonly plan = new ReadPlan();
  session: Session | undefined;

  constructor(readonly exchange: Exchange) {}

  /** The number of an open file. */
  add(handle: Handle): number {
    const number = this.#free.pop() ?? this.#open.length;
    this.#open[number] = handle;
    return number;
  }

  async remove(number: number): Promise<void> {
    const handle = this.#open[number];
    this.#open[number] = undefined;
    this.#free.push(number);
    await handle?.close();
  }

  /** Answers the request at `at` of the batch; false if it is none to an open file. */
  serve(at: number): boolean {
    const { batch } = this.exchange;
    const slot = batch[at + Field.slot] as number;
    const op = batch[at + Field.op] as number;
    const isOurs = op >= Op.read && op <= Op.release;
    if (!isOurs && op !== Op.fallocate && op !== Op.lseek) return false;
    const number = batch[at + Field.handle] as number;
    const handle = this.#open[number];
    if (handle === undefined) this.#session.replyError(slot, errno.EBADF);
    else if (op === Op.read) this.#read(slot, handle, at);
    else if (op === Op.write) this.#write(slot, handle, at);
    else if (op === Op.fsync) this.#finish(slot, handle.flush());
    else if (op === Op.release) this.#finish(slot, this.remove(number));
    else if (op === Op.fallocate) this.#allocate(slot, handle, at);
    else this.#seek(slot, handle, at);
    return true;
  }

  get #session(): Session {
    return this.session as Session;
  }

  #finish(slot: number, work: Promise<void>): void {
    work.then(
      () => this.#session.replyError(slot, 0),
      (error: unknown) => this.#session.replyError(slot, -errnoOf(error)),
    );
  }

  #read(slot: number, handle: Handle, at: number): void {
    const { batch } = this.exchange;
    const offset = batch[at + Field.offset] as number;
    const length = batch[at + Field.length] as number;
    const { plan } = this;
    const count = handle.plan(offset, length, plan);
    if (count <= 0) return this.#readHere(slot, handle, offset, length);
    if (count < ON_POOL) {
      const outcome = this.#session.replyRead(slot, plan.parts, plan.count, plan.sums, count);
      if (outcome === Outcome.replied) return;
      if (outcome === Outcome.failed) return this.#readHere(slot, handle, offset, length);
    }
    this.#readOnPool(slot, handle, offset, length, count);
  }

  /** By another thread, whose copying goes on beside ours. */
  #readOnPool(slot: number, handle: Handle, offset: number, length: number, count: number): void {
    const { plan } = this;
    const release = handle.hold();
    const sums = plan.sums.subarray(0, plan.sumCount);
    this.#session.readOnPool(slot, plan.parts, plan.count, sums, count).then(
      (outcome) => {
        release();
        if (outcome !== Outcome.replied) this.#readHere(slot, handle, offset, length);
      },
      () => {
        release();
        this.#session.replyError(slot, errno.EIO);
      },
    );
  }

  /** The way that can wait for anything, and that says what is wrong. */
  #readHere(slot: number, handle: Handle, offset: number, length: number): void {
    const into = this.#into.subarray(0, length);
    let now: number;
    try {
      now = handle.readNow(offset, into);
    } catch (error) {
      return this.#session.replyError(slot, -errnoOf(error));
    }
    if (now >= 0) return this.#session.replyBytes(slot, now === length ? into : into.subarray(0, now));
    const later = new Uint8Array(length);
    handle.read(offset, later, (error, count) => {
      if (error !== undefined) this.#session.replyError(slot, -errnoOf(error));
      else this.#session.replyBytes(slot, count === length ? later : later.subarray(0, count));
    });
  }

  #write(slot: number, handle: Handle, at: number): void {
    const { batch, buffers } = this.exchange;
    const length = batch[at + Field.length] as number;
    const place = batch[at + Field.place] as number;
    const data = (buffers[batch[at + Field.flags] as number] as Uint8Array).subarray(place, place + length);
    handle.write(batch[at + Field.offset] as number, data, (error) => {
      if (error !== undefined) this.#session.replyError(slot, -errnoOf(error));
      else this.#session.replyWritten(slot, length);
    });
  }

  /** What a block device knows: to punch a hole and to write zeros; both read as zeros afterwards. */
  #allocate(slot: number, handle: Handle, at: number): void {
    const { batch } = this.exchange;
    const mode = (batch[at + Field.flags] as number) & ~FALLOC_KEEP_SIZE;
    if (mode !== FALLOC_PUNCH_HOLE && mode !== FALLOC_ZERO_RANGE) {
      return this.#session.replyError(slot, errno.EOPNOTSUPP);
    }
    handle.discard(batch[at + Field.offset] as number, batch[at + Field.length] as number, (error) =>
      this.#session.replyError(slot, error === undefined ? 0 : -errnoOf(error)),
    );
  }

  #seek(slot: number, handle: Handle, at: number): void {
    const { batch } = this.exchange;
    const whence = batch[at + Field.flags] as number;
    if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return this.#session.replyError(slot, errno.EINVAL);
    handle.seek(batch[at + Field.offset] as number, whence === SEEK_DATA).then(
      (found) =>
        found === undefined
          ? this.#session.replyError(slot, errno.ENXIO)
          : this.#session.replySeek(slot, found),
      (error: unknown) => this.#session.replyError(slot, -errnoOf(error)),
    );
  }
}
