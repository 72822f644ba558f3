import type { Executor } from '../file/executor.js';

/** Bytes that are written before the disk is asked for them. */
const EACH = 32 * 1024 * 1024;

/**
 * A long run of writes into a file that ends in a datasync: the disk is kept busy while more is written, and the end
 * has little left to wait for.
 */
export class Writeback {
  #bytes = 0;
  #running: Promise<void> | undefined;
  #failure: unknown;

  constructor(
    readonly executor: Executor,
    readonly file: string,
  ) {}

  /** So many more bytes were written. @throws what an earlier datasync failed with: that is final */
  wrote(bytes: number): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#bytes += bytes;
    if (this.#bytes < EACH || this.#running !== undefined) return;
    this.#bytes = 0;
    this.#running = this.#datasync();
  }

  /** Makes everything durable. */
  async finish(): Promise<void> {
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
    await this.executor.run([{ op: 'datasync', file: this.file }]);
  }

  async #datasync(): Promise<void> {
    try {
      await this.executor.run([{ op: 'datasync', file: this.file }]);
    } catch (error) {
      this.#failure = error;
    }
    this.#running = undefined;
  }
}
