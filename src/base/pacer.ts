/** A computation that holds the event loop for longer is felt by every client, ms. */
const STRETCH = 1;
/** The clock is asked once in so many steps. */
const STEPS = 32;

/**
 * Cuts a long computation into stretches of about a millisecond: `if (pacer.due()) await pacer.rest();` after each
 * small step.
 */
export class Pacer {
  #steps = 0;
  #since = performance.now();

  /** Whether others have waited long enough. */
  due(): boolean {
    this.#steps += 1;
    return this.#steps % STEPS === 0 && performance.now() - this.#since >= STRETCH;
  }

  /** Lets everybody else have their turn. */
  async rest(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#since = performance.now();
  }
}
