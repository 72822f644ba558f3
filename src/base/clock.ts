import type { Instant } from './instant.js';

/** A step of the wall clock of at least this many ns is reported; smaller ones are followed silently. */
const JUMP = 1_000_000_000n;
const MILLISECOND = 1_000_000n;

/** The time sources, exchangeable so that a trace can be replayed and a test can turn the clock. ns. */
export interface TimeSource {
  wall(): Instant;
  monotonic(): bigint;
}

export const systemTime: TimeSource = {
  wall: () => BigInt(Date.now()) * MILLISECOND,
  monotonic: () => process.hrtime.bigint(),
};

/**
 * The stamps of a store: ns since the epoch, strictly increasing, never set back, also when the system clock
 * is (B2; distributed journaling: "time stamps ... never set backward"). Between two looks at the wall clock
 * time is the monotonic clock's.
 */
export class Clock {
  readonly #source: TimeSource;
  #offset: bigint;
  #last: Instant;

  /** @param last the highest stamp that the store has given out. */
  constructor(last: Instant, source: TimeSource = systemTime) {
    this.#source = source;
    this.#offset = source.wall() - source.monotonic();
    this.#last = last;
  }

  /** The highest instant that was given out, as a stamp or as `now`. */
  get last(): Instant {
    return this.#last;
  }

  /** Now: `max(clock, last)`. No later stamp will be at or below it. */
  now(): Instant {
    const time = this.#source.monotonic() + this.#offset;
    if (time > this.#last) this.#last = time;
    return this.#last;
  }

  /** Now, for a look at what is over: it is not given out, and a later stamp may be at or below it. */
  peek(): Instant {
    const time = this.#source.monotonic() + this.#offset;
    if (time > this.#last) return time;
    return this.#last;
  }

  /** A new stamp, above every instant given out before. */
  stamp(): Instant {
    const time = this.#source.monotonic() + this.#offset;
    this.#last = time > this.#last ? time : this.#last + 1n;
    return this.#last;
  }

  /**
   * Follows the wall clock. Returns the jump in ns when the wall clock was stepped by a second or more
   * against the monotonic clock since the last look, else 0n.
   */
  follow(): bigint {
    const jump = this.#source.wall() - this.#source.monotonic() - this.#offset;
    if (jump > MILLISECOND || jump < -MILLISECOND) this.#offset += jump;
    return jump >= JUMP || jump <= -JUMP ? jump : 0n;
  }
}

/** The wall clock, for what is not in any store yet. */
export function wallNow(): Instant {
  return systemTime.wall();
}
