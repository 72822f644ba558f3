/** A computation that holds the event loop for longer is felt by every client: a write takes a fifth of it, ms. */
const STRETCH = 0.25;
/** The clock is asked once in so many steps that only compute. */
const STEPS = 32;

/**
 * Cuts a long computation into short stretches: `if (pacer.due()) await pacer.rest();` after each
 * small step.
 */
export class Pacer {
  #steps = 0;
  #since = performance.now();

  /** @param steps ask the clock once in so many; 1 where a step reads or writes */
  constructor(readonly steps = STEPS) {}

  /** Whether others have waited long enough. */
  due(): boolean {
    this.#steps += 1;
    return this.#steps % this.steps === 0 && performance.now() - this.#since >= STRETCH;
  }

  /** Lets everybody else have their turn. */
  async rest(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#since = performance.now();
  }
}
