import { AnywhenError, messageOf } from '../base/errors.js';
import type { Executor } from '../file/executor.js';
import { FILES } from '../format/layout.js';

/** Up to where the forward journal is durable: datasyncs, one at a time, each for all that came in before it. */
export class Durability {
  readonly #executor: Executor;
  #reached: number;
  /** Sequences after which both heads went to a 4 KiB border, not yet durable. */
  #borders: number[] = [];
  #syncing: Promise<void> | undefined;

  constructor(executor: Executor, reached: number) {
    this.#executor = executor;
    this.#reached = reached;
  }

  /** The highest sequence known durable. */
  get reached(): number {
    return this.#reached;
  }

  /** Behind `sequence` both heads went to a border: it shares no sector with a later one. */
  border(sequence: number): void {
    if (this.#borders[this.#borders.length - 1] !== sequence) this.#borders.push(sequence);
  }

  /** A datasync, or the end of the one that runs. `next` is the sequence that comes in next. @throws `io` */
  sync(next: number): Promise<void> {
    this.#syncing ??= this.#sync(next).finally(() => {
      this.#syncing = undefined;
    });
    return this.#syncing;
  }

  async #sync(next: number): Promise<void> {
    let reached = this.#reached;
    while (this.#borders.length > 0 && (this.#borders[0] as number) < next) {
      reached = this.#borders.shift() as number;
    }
    try {
      await this.#executor.run([{ op: 'datasync', file: FILES.forward }]);
    } catch (cause) {
      throw new AnywhenError('io', `the forward journal could not be made durable: ${messageOf(cause)}`, {
        cause,
        hint: 'The store is read-only from here on; what was flushed before is safe.',
      });
    }
    this.#reached = Math.max(this.#reached, reached);
  }
}
