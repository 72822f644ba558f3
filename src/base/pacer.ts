import type { Traffic } from './traffic.js';

/** A computation that holds the event loop for longer is felt by every client: a write takes a fifth of it, ms. */
const STRETCH = 0.25;
/** While clients are at work, ms. A loop that sleeps hears of a request at once, also where it has no core of its own. */
const SLEEP = 1;
/** The clock is asked once in so many steps that only compute. */
const STEPS = 32;

/**
 * Cuts a long computation into short stretches: `if (pacer.due()) await pacer.rest();` after each
 * small step.
 */
export class Pacer {
  #steps = 0;
  #since = performance.now();

  #seen: number;

  /**
   * @param steps ask the clock once in so many; 1 where a step reads or writes
   * @param traffic to give way to: while there is some, the work sleeps four fifths of its time, unless it is pressing
   */
  constructor(
    readonly steps = STEPS,
    readonly traffic?: Traffic,
  ) {
    this.#seen = traffic?.requests ?? 0;
  }

  /** Whether others have waited long enough. */
  due(): boolean {
    this.#steps += 1;
    return this.#steps % this.steps === 0 && performance.now() - this.#since >= STRETCH;
  }

  /** Lets everybody else have their turn. */
  async rest(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#giveWay()) await new Promise((resolve) => setTimeout(resolve, SLEEP));
    this.#since = performance.now();
  }

  /** Whether requests came in since the last rest. */
  #giveWay(): boolean {
    const { traffic } = this;
    if (traffic === undefined || traffic.requests === this.#seen) return false;
    this.#seen = traffic.requests;
    return !traffic.pressing;
  }
}
