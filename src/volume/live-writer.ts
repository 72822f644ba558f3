import { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { ADDRESS_LIMIT, BLOCK } from '../base/range.js';
import { isZero } from '../format/checksum.js';
import { MAX_WRITE } from '../format/layout.js';
import { Flag, Kind } from '../journal/forward-descriptor.js';
import type { ForwardJournal } from '../journal/forward-journal.js';
import type { Engine } from './engine.js';
import type { Done, VolumeEvents } from './events.js';

/** What a writer needs of the volume. */
export interface WriterHost {
  readonly engine: Engine;
  readonly journal: ForwardJournal | undefined;
  readonly events: VolumeEvents;
  /** Why nothing is written any more. */
  readonly failure: AnywhenError | undefined;
  /** Bytes. */
  readonly size: number;
  now(): Instant;
}

/** What clients do to the live volume; each change is an entry of the forward journal. */
export class LiveWriter {
  readonly #host: WriterHost;
  /** Since the volume was opened. */
  readonly written = { writes: 0, bytes: 0, flushes: 0 };

  constructor(host: WriterHost) {
    this.#host = host;
  }

  /** The journal, for whoever is about to change something. @throws `read-only`, and what the volume failed with */
  journal(): ForwardJournal {
    const { failure, journal } = this.#host;
    if (failure !== undefined) throw failure;
    if (journal === undefined) throw readOnly();
    return journal;
  }

  /** Writes at most 1 MiB. `data` must not change before `done`. */
  write(offset: number, data: Uint8Array, done: Done): void {
    const { length } = data;
    const refusal = this.#refuse(offset, length);
    if (refusal !== undefined) return done(refusal);
    if (length > MAX_WRITE) return done(new AnywhenError('usage', `a write of ${length} bytes is too long`));
    if (length === 0) return done(undefined);
    this.#host.engine.traffic.requests += 1;
    this.written.writes += 1;
    this.written.bytes += length;
    // What mkfs and the like write: a range without data says the same.
    if (length >= BLOCK && isZero(data))
      this.#host.journal?.submit({ kind: Kind.zero, start: offset, length, done });
    else this.#host.journal?.submit({ kind: Kind.write, start: offset, data, done });
  }

  /** From here on `[offset, offset + length)` reads as zeros. Costs a descriptor, no data. */
  discard(offset: number, length: number, done: Done): void {
    const refusal = this.#refuse(offset, length);
    if (refusal !== undefined) return done(refusal);
    if (length === 0) return done(undefined);
    this.#host.engine.traffic.requests += 1;
    this.#host.journal?.submit({ kind: Kind.zero, start: offset, length, done });
  }

  /** Makes all that was acknowledged durable, and leaves a sync indicator. */
  async flush(): Promise<void> {
    const { journal } = this.#host;
    if (journal === undefined) return;
    await journal.flush(Flag.client);
    this.written.flushes += 1;
  }

  /** Durable when it returns. @throws `usage`, `read-only` */
  async resize(size: number): Promise<void> {
    const journal = this.journal();
    if (!Number.isSafeInteger(size) || size < 1 || size >= ADDRESS_LIMIT) {
      throw new AnywhenError('usage', `a volume of ${size} bytes is not possible`);
    }
    const length = Math.max(0, this.#host.size - size);
    await journal.enter({ kind: Kind.resize, start: size, length, size });
    await journal.flush();
  }

  /** Follows the wall clock; a jump of a second or more is recorded in the journal and told. */
  async followClock(): Promise<void> {
    const { engine, journal, events } = this.#host;
    const jump = engine.clock.follow();
    if (jump === 0n || journal === undefined) return;
    const milliseconds = Number((jump < 0n ? -jump : jump) / 1_000_000n);
    await journal.enter({ kind: Kind.clock, start: milliseconds, length: jump < 0n ? 1 : 0 });
    events.warning?.(
      `the system clock jumped by ${jump < 0n ? '-' : ''}${milliseconds} ms; stamps go on rising`,
    );
  }

  /** Before a view behind the last stamp: an indicator keeps that instant fixed across a restart with a wrong clock. */
  async fix(at: Instant): Promise<void> {
    const { engine, journal, failure } = this.#host;
    if (journal === undefined || failure !== undefined) return;
    const last = journal.lastStamp ?? engine.meta.superblock.mimStamp;
    if (at > last && at <= this.#host.now()) await journal.enter({ kind: Kind.indicator });
    await journal.settled();
  }

  #refuse(offset: number, length: number): AnywhenError | undefined {
    const { failure, journal, size } = this.#host;
    if (failure !== undefined) return failure;
    if (journal === undefined) return readOnly();
    if (offset >= 0 && offset + length <= size) return undefined;
    return new AnywhenError(
      'no-space',
      `[${offset}, ${offset + length}) goes beyond the end of the volume at ${size}`,
    );
  }
}

function readOnly(): AnywhenError {
  return new AnywhenError('read-only', 'the store is open read-only');
}
