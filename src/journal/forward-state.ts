import type { AnywhenError } from '../base/errors.js';
import type { ForwardIndex } from './forward-index.js';
import type { Ring } from './ring.js';

/** What the journal tells its owner. */
export interface ForwardEvents {
  /** A descriptor is in, with every earlier one: the maps may change now. Called in order of sequence. */
  committed(sequence: number, sums: Uint32Array): void;
  /** Appends are waiting for space. */
  full(): void;
  /** The journal can no longer be written. Called once. */
  failed(error: AnywhenError): void;
}

export interface ForwardState {
  readonly index: ForwardIndex;
  readonly descriptors: Ring;
  readonly data: Ring;
  readonly epoch: number;
  readonly seed: number;
}
