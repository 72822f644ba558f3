import { setImmediate } from 'node:timers/promises';
import type { Executor, FileName, Plan, Space } from './executor.js';
import { seededRandom } from './seeded-random.js';

/**
 * Passes everything on, but late: each step of `run` after a random number of turns of the event loop, and
 * `runNow` only now and then. Shows what happens when plans overtake each other. The same seed waits the same.
 */
export class DelayingExecutor implements Executor {
  readonly #random: () => number;

  /** @param turns the most turns of the event loop that a step waits */
  constructor(
    readonly below: Executor,
    seed: number,
    readonly turns = 5,
  ) {
    this.#random = seededRandom(seed);
  }

  get readOnly(): boolean {
    return this.below.readOnly;
  }

  async run(plan: Plan): Promise<void> {
    for (const step of plan) {
      await this.#wait();
      await this.below.run([step]);
    }
    await this.#wait();
  }

  runNow(plan: Plan): boolean {
    return this.#random() < 0.5 && this.below.runNow(plan);
  }

  /** Reads are done here and nowhere else. */
  descriptor(): undefined {
    return undefined;
  }

  async size(file: FileName): Promise<number | undefined> {
    await this.#wait();
    return this.below.size(file);
  }

  async list(folder: FileName): Promise<string[]> {
    await this.#wait();
    return this.below.list(folder);
  }

  async space(): Promise<Space> {
    await this.#wait();
    return this.below.space();
  }

  close(): Promise<void> {
    return this.below.close();
  }

  async #wait(): Promise<void> {
    for (let turns = Math.floor(this.#random() * (this.turns + 1)); turns > 0; turns--) await setImmediate();
  }
}
