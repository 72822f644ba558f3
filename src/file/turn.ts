/** The longest that plans done on the calling thread may hold one turn of the event loop, ms. */
const LONGEST = 0.25;

/**
 * Steps that need no disk are done at once, and a promise that is settled already is no turn of the event loop: a
 * long chain of such plans would keep every request of the mount waiting until its end. So whoever runs plans asks
 * after each whether the turn has lasted long enough, and if so begins another one.
 */
export class Turn {
  #began: number | undefined;

  /** Undefined while the turn is young; else resolves in the next one. */
  end(): Promise<void> | undefined {
    const now = performance.now();
    if (this.#began === undefined) {
      this.#began = now;
      setImmediate(() => {
        this.#began = undefined;
      });
      return undefined;
    }
    if (now - this.#began < LONGEST) return undefined;
    return new Promise((resolve) => setImmediate(resolve));
  }
}
