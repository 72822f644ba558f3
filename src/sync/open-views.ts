import type { Vrmo } from '../vrmo/vrmo.js';
import type { LazyLists } from './lazy-lists.js';

/** A view that is open: its map is kept right when the MIM moves. */
export interface MappedView {
  map: Vrmo;
  /** The state that it shows. */
  readonly sequence: number;
  /** Its bytes are needed no longer, for want of space: whoever reads gets an error. */
  giveUp?(): void;
  /** Of a view of a snapshot: what is not resolved yet. Its map is right only where it is. */
  lists?: LazyLists | undefined;
}

/** The states of a sync event's window, `(after, last)`, of which only the kept ones become snapshots. */
export interface Leaving {
  readonly after: number;
  readonly last: number;
  readonly kept: ReadonlySet<number>;
}

/**
 * The views that are open, and the reads that are under way. Before physical bytes are overwritten or reused,
 * every map is switched to their new place, and every read that was resolved before the switch has ended
 * (`drain`).
 */
export class OpenViews {
  readonly views = new Set<MappedView>();
  /** While a sync event works on its window. */
  leaving: Leaving | undefined;
  /** The snapshots that a thinning is about to drop. */
  dropping: ReadonlySet<number> = new Set();
  #phase = 0;
  readonly #running = [0, 0];
  #idle: (() => void) | undefined;

  /** Whether a state is about to be gone, so that no view of it may be opened any more. */
  isLeaving(sequence: number): boolean {
    const { leaving } = this;
    if (leaving === undefined || sequence <= leaving.after || sequence >= leaving.last) return false;
    return !leaving.kept.has(sequence);
  }

  /** Whether a read is under way. */
  get busy(): boolean {
    return this.#running.some((count) => count > 0);
  }

  /** A read begins; give what it returns to `leave`. */
  enter(): number {
    this.#running[this.#phase] = (this.#running[this.#phase] as number) + 1;
    return this.#phase;
  }

  leave(phase: number): void {
    const left = (this.#running[phase] as number) - 1;
    this.#running[phase] = left;
    if (left === 0 && phase !== this.#phase) this.#idle?.();
  }

  /** Resolves when every read that began before this call has ended. One call at a time. */
  async drain(): Promise<void> {
    const old = this.#phase;
    this.#phase = 1 - old;
    if (this.#running[old] === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
    this.#idle = undefined;
  }
}
