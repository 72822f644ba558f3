import { AnywhenError, messageOf } from '../base/errors.js';
import type { Executor, Step } from '../file/executor.js';
import { dataStep, descriptorOf, descriptorSteps, type Placed, type WriteStep } from './append.js';
import type { ForwardDescriptor } from './forward-descriptor.js';
import type { Ring } from './ring.js';

/** Where the forward journal lies, and how its descriptors are bound to it. */
export interface BatchPlace {
  readonly descriptors: Ring;
  readonly data: Ring;
  readonly epoch: number;
  readonly seed: number;
}

/** Up to so many bytes of data are written on the calling thread, into the page cache. */
const INLINE = 128 * 1024;

/** Writes batches of appends that have their places: first all data, then the descriptors. */
export class BatchWriter {
  readonly #executor: Executor;
  readonly #place: BatchPlace;

  constructor(executor: Executor, place: BatchPlace) {
    this.#executor = executor;
    this.#place = place;
  }

  /**
   * Writes a small batch on the calling thread.
   *
   * @param durable the highest sequence known durable
   * @returns what entered; or `later`: not small or it would have to wait, `failed`: some of it may be written
   */
  writeNow(batch: readonly Placed[], durable: number): ForwardDescriptor[] | 'later' | 'failed' {
    const bytes = batch.reduce((sum, placed) => sum + (placed.append.data?.length ?? 0), 0);
    if (bytes > INLINE) return 'later';
    const { steps, descriptors } = this.#plan(batch, durable);
    try {
      return this.#executor.runNow(steps) ? descriptors : 'later';
    } catch {
      return 'failed';
    }
  }

  /**
   * An append whose data can't be written enters as `void`.
   *
   * @param failed it did not go all at once: each write on its own
   * @throws `io`, `no-space` when the descriptors can't be written
   */
  async write(batch: readonly Placed[], durable: number, failed: boolean): Promise<ForwardDescriptor[]> {
    if (failed) return this.#writeOneByOne(batch, durable);
    try {
      const { steps, descriptors } = this.#plan(batch, durable);
      await this.#executor.run(steps);
      return descriptors;
    } catch {
      return this.#writeOneByOne(batch, durable);
    }
  }

  async #writeOneByOne(batch: readonly Placed[], durable: number): Promise<ForwardDescriptor[]> {
    for (const placed of batch) {
      const step = dataStep(placed, this.#place.data);
      if (step === undefined) continue;
      try {
        await this.#executor.run([step]);
      } catch (cause) {
        placed.failure = asIoError(cause);
      }
    }
    const descriptors = this.#descriptors(batch, durable);
    try {
      await this.#executor.run(descriptorSteps(descriptors, this.#place.descriptors, this.#place.seed));
    } catch (cause) {
      throw asIoError(cause);
    }
    return descriptors;
  }

  #plan(batch: readonly Placed[], durable: number): { steps: Step[]; descriptors: ForwardDescriptor[] } {
    const steps: Step[] = [];
    let last: WriteStep | undefined;
    let end = 0;
    for (const placed of batch) {
      const step = placed.failure === undefined ? dataStep(placed, this.#place.data) : undefined;
      if (step === undefined) continue;
      // What lies side by side goes with one system call.
      if (last !== undefined && step.offset === end) last.from.push(...step.from);
      else {
        last = step;
        steps.push(step);
        end = step.offset;
      }
      for (const part of step.from) end += part.length;
    }
    const descriptors = this.#descriptors(batch, durable);
    steps.push(...descriptorSteps(descriptors, this.#place.descriptors, this.#place.seed));
    return { steps, descriptors };
  }

  #descriptors(batch: readonly Placed[], durable: number): ForwardDescriptor[] {
    return batch.map((placed) => descriptorOf(placed, this.#place.epoch, durable));
  }
}

/** An error of the executor as it is; any other as `io`. */
export function asIoError(cause: unknown): AnywhenError {
  return cause instanceof AnywhenError ? cause : new AnywhenError('io', messageOf(cause), { cause });
}
