import { alignUp, BLOCK } from '../base/range.js';
import type { Executor } from '../file/executor.js';
import { FILES } from '../format/layout.js';
import type { Ring } from './ring.js';

/** Bytes that are written at a time. */
const CHUNK = 4 * 1024 * 1024;

/**
 * The ring is reserved when the store is made, but until a block of it was written once, the first flush over it has
 * to convert its extent. So in idle time zeros are written ahead of the head, in its first lap only.
 */
export class FirstLap {
  /** Everything before this position was written. */
  #from = 0;
  #writing = false;
  readonly #zeros = new Uint8Array(64 * 1024);

  constructor(
    readonly executor: Executor,
    readonly data: Ring,
  ) {}

  /** Whether there is nothing left to do. */
  get over(): boolean {
    return Math.max(this.#from, this.data.head) >= this.data.length;
  }

  /** Whether zeros are on their way to what lies before `end`: data must not be placed there now. */
  blocks(end: number): boolean {
    return this.#writing && end > this.#from;
  }

  /** Writes some zeros. When it fails the rest of the lap stays as it is: that costs speed, nothing else. */
  async step(): Promise<void> {
    if (this.#writing || this.over) return;
    const from = alignUp(Math.max(this.#from, this.data.head), BLOCK);
    const to = Math.min(from + CHUNK, this.data.length);
    if (from >= to) return;
    this.#from = from;
    this.#writing = true;
    let reached = this.data.length;
    try {
      const parts = Array.from({ length: Math.ceil((to - from) / this.#zeros.length) }, (_, at) =>
        this.#zeros.subarray(0, Math.min(this.#zeros.length, to - from - at * this.#zeros.length)),
      );
      await this.executor.run([
        { op: 'write', file: FILES.forward, offset: this.data.place(from), from: parts },
      ]);
      reached = to;
    } catch {
      // A full disk or a bad sector: whoever writes there for a reason will say so.
    }
    this.#from = reached;
    this.#writing = false;
  }
}
