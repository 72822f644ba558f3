import { AnywhenError } from '../base/errors.js';
import { Mutex } from '../base/mutex.js';
import { FILES } from '../format/layout.js';
import type { Executor, FileName, Plan, Space, Step } from './executor.js';

export function isNoSpace(error: unknown): error is AnywhenError {
  return error instanceof AnywhenError && error.code === 'no-space';
}

/** Whether the filesystem is full, and not only a queue or the volume. */
export function isFull(error: unknown): error is AnywhenError {
  return isNoSpace(error) && (error.data.system !== undefined || error.data.needed !== undefined);
}

/**
 * Keeps a file of real blocks, the *reserve*, and gives it up when a step finds the filesystem full: then the step is
 * done once more. So descriptors, catalog and superblock can be written on a full disk, and a thinning, which gives
 * space back, can run there.
 */
export class ReserveExecutor implements Executor {
  readonly #turns = new Mutex();
  /** Bytes that the reserve holds now. */
  #held = 0;

  constructor(readonly below: Executor) {}

  get readOnly(): boolean {
    return this.below.readOnly;
  }

  /** Bytes that the reserve holds. */
  get held(): number {
    return this.#held;
  }

  /** Looks at what there is; must be called before anything else. */
  async begin(): Promise<void> {
    this.#held = (await this.below.size(FILES.reserve)) ?? 0;
  }

  /**
   * Makes the reserve hold `bytes`, or less where the filesystem is full. It takes nothing unless as much again is free.
   *
   * @returns whether it holds them now
   * @throws `io`
   */
  hold(bytes: number): Promise<boolean> {
    return this.#turns.run(async () => {
      const file = FILES.reserve;
      const size = await this.below.size(file);
      this.#held = size ?? 0;
      if (this.#held === bytes) return true;
      try {
        if (this.#held > bytes) await this.below.run([{ op: 'truncate', file, size: bytes }]);
        else {
          const length = bytes - this.#held;
          if ((await this.below.space()).free < 2 * length) return false;
          if (size === undefined) await this.below.run([{ op: 'create', file, size: 0 }]);
          await this.below.run([{ op: 'allocate', file, offset: this.#held, length }]);
        }
        this.#held = bytes;
        return true;
      } catch (error) {
        // A part may have been got.
        this.#held = (await this.below.size(file)) ?? 0;
        if (isNoSpace(error)) return false;
        throw error;
      }
    });
  }

  async run(plan: Plan): Promise<void> {
    for (const step of plan) {
      try {
        await this.below.run([step]);
      } catch (error) {
        if (!isNoSpace(error) || isPatient(step) || !(await this.#release())) throw error;
        await this.below.run([step]);
      }
    }
  }

  runNow(plan: Plan): boolean {
    return this.below.runNow(plan);
  }

  size(file: FileName): Promise<number | undefined> {
    return this.below.size(file);
  }

  list(folder: FileName): Promise<string[]> {
    return this.below.list(folder);
  }

  space(): Promise<Space> {
    return this.below.space();
  }

  close(): Promise<void> {
    return this.below.close();
  }

  /** Whether there was something to give up, now or since the step began. */
  #release(): Promise<boolean> {
    const before = this.#held;
    return this.#turns.run(async () => {
      const file = FILES.reserve;
      if (this.#held > 0) {
        // The datasync: some filesystems hand blocks out again only when it is durable that they are free.
        await this.below.run([
          { op: 'truncate', file, size: 0 },
          { op: 'datasync', file },
        ]);
        this.#held = 0;
      }
      return before > 0;
    });
  }
}

/**
 * A step that need not be done at any price: what takes most of the space, and what is asked for ahead. The rest is
 * small, and with it space is given back.
 */
function isPatient({ op, file }: Step): boolean {
  return op === 'allocate' || (op === 'write' && file.endsWith('.data')) || file.startsWith('scratch.');
}
