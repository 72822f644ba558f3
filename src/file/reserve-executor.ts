import { AnywhenError } from '../base/errors.js';
import { Mutex } from '../base/mutex.js';
import { alignUp, BLOCK } from '../base/range.js';
import { FILES } from '../format/layout.js';
import type { Executor, FileName, Plan, Space, Step } from './executor.js';

export function isNoSpace(error: unknown): error is AnywhenError {
  return error instanceof AnywhenError && error.code === 'no-space';
}

/** Whether the filesystem is full, and not only a queue or the volume. */
export function isFull(error: unknown): error is AnywhenError {
  return isNoSpace(error) && (error.data.system !== undefined || error.data.needed !== undefined);
}

/** The reserve is given up in so many parts, so that little of it goes to others. */
const PARTS = 4;

/**
 * Keeps a file of real blocks, the *reserve*, and gives it up, part by part, when a step finds the filesystem full:
 * then the step is done once more. So descriptors, catalog and superblock can be written on a full disk, and a thinning, which gives
 * space back, can run there.
 */
export class ReserveExecutor implements Executor {
  readonly #turns = new Mutex();
  /** Bytes that the reserve holds now, and those that it is to hold. */
  #held = 0;
  #wanted = 0;
  #urgent = 0;

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
    this.#wanted = this.#held;
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
      this.#wanted = bytes;
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

  /** Work that may use up the reserve; other steps leave half of it. */
  async urgently<T>(work: () => Promise<T>): Promise<T> {
    this.#urgent += 1;
    try {
      return await work();
    } finally {
      this.#urgent -= 1;
    }
  }

  async run(plan: Plan): Promise<void> {
    for (const step of plan) await this.#insist(step);
  }

  async #insist(step: Step): Promise<void> {
    for (;;) {
      const held = this.#held;
      try {
        return await this.below.run([step]);
      } catch (error) {
        if (!isNoSpace(error) || isPatient(step) || !(await this.#release(held))) throw error;
      }
    }
  }

  runNow(plan: Plan): boolean {
    return this.below.runNow(plan);
  }

  descriptor(file: FileName): number | undefined {
    return this.below.descriptor(file);
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

  /**
   * Gives up a part, unless some is gone since it held `before`.
   *
   * @returns whether there may be more space now
   */
  #release(before: number): Promise<boolean> {
    return this.#turns.run(async () => {
      if (this.#held < before) return true;
      const least = this.#urgent > 0 ? 0 : alignUp(this.#wanted / 2, BLOCK);
      const size = Math.max(least, this.#held - alignUp(Math.max(this.#wanted / PARTS, 1), BLOCK));
      if (size >= this.#held) return false;
      const file = FILES.reserve;
      // The datasync: some filesystems hand blocks out again only when it is durable that they are free.
      await this.below.run([
        { op: 'truncate', file, size },
        { op: 'datasync', file },
      ]);
      this.#held = size;
      return true;
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
