/**
 * What must be undone when the run ends, however it ends: mounts, processes, folders. Steps run latest first, each
 * of them even when another one failed.
 */
export class Undo {
  readonly #steps: (() => Promise<unknown> | unknown)[] = [];
  #running: Promise<string[]> | undefined;

  /** Adds a step; what is returned runs it now, and never again. */
  add(step: () => Promise<unknown> | unknown): () => Promise<void> {
    this.#steps.push(step);
    return async () => {
      const at = this.#steps.indexOf(step);
      if (at < 0) return;
      this.#steps.splice(at, 1);
      await step();
    };
  }

  /** Whether it is being undone: what fails from here on fails because of that. */
  get began(): boolean {
    return this.#running !== undefined;
  }

  /** Runs what is left, once; resolves with the messages of what failed. */
  run(): Promise<string[]> {
    this.#running ??= this.#all();
    return this.#running;
  }

  async #all(): Promise<string[]> {
    const failures: string[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
    return failures;
  }

  /** Undoes everything and ends the process when it is told to stop. */
  onSignals(): void {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        process.stderr.write(`\nbench: ${signal}, cleaning up\n`);
        void this.run().then(() => process.exit(130));
      });
    }
  }
}
