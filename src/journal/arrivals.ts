/** Those who wait for a sequence to come in. */
export class Arrivals {
  #waiting: { readonly target: number; readonly resolve: () => void }[] = [];

  /** Resolves when `target` is in, or nothing comes in any more. */
  wait(target: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ target, resolve }));
  }

  /** Everything below `next` is in. */
  reached(next: number): void {
    const ready = this.#waiting.filter(({ target }) => target < next);
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter(({ target }) => target >= next);
    for (const { resolve } of ready) resolve();
  }
}
