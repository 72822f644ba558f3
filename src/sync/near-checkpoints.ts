import type { Vrmo } from '../vrmo/vrmo.js';

export interface CheckpointOptions {
  /** A checkpoint each so many sequences at the closest: at most so many are replayed to open a near view. */
  readonly every: number;
  /** Bytes of memory that all of them may take together. */
  readonly bytes: number;
}

/** Replaying 16k entries takes 20 ms or so; half a million extents take 25 MB at the most. */
export const CHECKPOINTS: CheckpointOptions = { every: 16_384, bytes: 208 * 1024 * 1024 };

/** Of a large map so many fit, if that. */
const MOST = 32;

/** The map of the state after `sequence`. Not to be changed: clone it. */
export interface Checkpoint {
  readonly sequence: number;
  readonly map: Vrmo;
}

/**
 * Maps of states in the forward journal, kept so that a view of a near instant costs the entries since the one
 * before it, not all since the MIM. They share memory with the live map and with each other, copy-on-write. A cache:
 * dropped as a whole when the MIM moves, made again behind it (`refill-checkpoints.ts`), and thinned when it grows too
 * large.
 */
export class NearCheckpoints {
  /** Oldest first. */
  #kept: Checkpoint[] = [];
  #spacing: number;

  constructor(readonly options: CheckpointOptions = CHECKPOINTS) {
    this.#spacing = options.every;
  }

  /** Their distance now, in sequences. */
  get spacing(): number {
    return this.#spacing;
  }

  /** The number of checkpoints. */
  get count(): number {
    return this.#kept.length;
  }

  /** Oldest first. Not to be changed. */
  get all(): readonly Checkpoint[] {
    return this.#kept;
  }

  /** Bytes of memory, shared ones once. What is shared with a map that is in use counts too. */
  get bytes(): number {
    const buffers = new Set<SharedArrayBuffer>();
    for (const { map } of this.#kept) map.memory(buffers);
    let bytes = 0;
    for (const buffer of buffers) bytes += buffer.byteLength;
    return bytes;
  }

  /** So many entries are about to be replayed: copies that would be dropped again on the way are not made. */
  expect(entries: number): void {
    while (this.#kept.length === 0 && entries / this.#spacing > MOST) this.#spacing *= 2;
  }

  /** Takes a copy of the map of the state after `sequence` when its turn has come. */
  offer(sequence: number, map: Vrmo): void {
    if (sequence % this.#spacing !== 0) return;
    const at = this.#after(sequence);
    if (this.#kept[at - 1]?.sequence === sequence) return;
    this.#kept.splice(at, 0, { sequence, map: map.clone() });
    if (this.bytes > this.options.bytes) this.#thin();
  }

  /** The newest checkpoint at or before `sequence`. */
  newestUpTo(sequence: number): Checkpoint | undefined {
    return this.#kept[this.#after(sequence) - 1];
  }

  /** The MIM has moved: every map refers to what is gone. */
  drop(): void {
    for (const { map } of this.#kept.splice(0)) map.dispose();
    this.#spacing = this.options.every;
  }

  /** The index of the first checkpoint after `sequence`. */
  #after(sequence: number): number {
    let at = this.#kept.length;
    while (at > 0 && (this.#kept[at - 1] as Checkpoint).sequence > sequence) at--;
    return at;
  }

  /** Doubles the distance until the rest fits: openings take longer, memory stays bounded. */
  #thin(): void {
    while (this.#kept.length > 0 && this.bytes > this.options.bytes) {
      this.#spacing *= 2;
      const stays = ({ sequence }: Checkpoint) => sequence % this.#spacing === 0;
      for (const one of this.#kept) if (!stays(one)) one.map.dispose();
      this.#kept = this.#kept.filter(stays);
    }
  }
}
