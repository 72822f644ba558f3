import type { Instant } from '../base/instant.js';
import { type ForwardDescriptor, Kind, type KindValue } from './forward-descriptor.js';

const INITIAL = 1024;

/**
 * The descriptors of the forward journal that are in, in memory: a column each, no object per descriptor.
 * Sequences `[first, next)`; a sequence's row is `sequence % capacity`.
 */
export class ForwardIndex {
  #capacity = INITIAL;
  #stamp = new BigInt64Array(INITIAL);
  #start = new Float64Array(INITIAL);
  #length = new Float64Array(INITIAL);
  #dataPosition = new Float64Array(INITIAL);
  #dataEnd = new Float64Array(INITIAL);
  #position = new Float64Array(INITIAL);
  #size = new Float64Array(INITIAL);
  #sum = new Uint32Array(INITIAL);
  #segment = new Uint32Array(INITIAL);
  #kind = new Uint8Array(INITIAL);
  #flags = new Uint8Array(INITIAL);

  /** Sequences that set the size of the volume, rising. */
  #sizeChanges: number[] = [];

  /** @param first the sequence of the oldest descriptor, in or yet to come */
  constructor(public first: number) {
    this.next = first;
  }

  /** One more than the last sequence that is in. */
  next: number;

  get count(): number {
    return this.next - this.first;
  }

  /** @param dataEnd the data queue's position behind everything up to this descriptor */
  append(descriptor: ForwardDescriptor, dataEnd: number): void {
    if (this.count === this.#capacity) this.#grow();
    const row = this.next % this.#capacity;
    this.#stamp[row] = descriptor.stamp;
    this.#start[row] = descriptor.start;
    this.#length[row] = descriptor.length;
    this.#dataPosition[row] = descriptor.dataPosition;
    this.#dataEnd[row] = dataEnd;
    this.#position[row] = descriptor.position;
    this.#size[row] = descriptor.size;
    this.#sum[row] = descriptor.sum;
    this.#segment[row] = descriptor.segment;
    this.#kind[row] = descriptor.kind;
    this.#flags[row] = descriptor.flags;
    if (descriptor.kind === Kind.resize || descriptor.kind === Kind.bulk) this.#sizeChanges.push(this.next);
    this.next += 1;
  }

  /** The last sequence up to `sequence` that set the size of the volume, or -1. */
  lastSizeChange(sequence: number): number {
    for (let at = this.#sizeChanges.length - 1; at >= 0; at--) {
      const change = this.#sizeChanges[at] as number;
      if (change <= sequence) return change >= this.first ? change : -1;
    }
    return -1;
  }

  /** Forgets the sequences below `sequence`. */
  dropBelow(sequence: number): void {
    this.first = Math.max(this.first, Math.min(sequence, this.next));
    this.#sizeChanges = this.#sizeChanges.filter((change) => change >= this.first);
  }

  /** Forgets `sequence` and all above. */
  dropFrom(sequence: number): void {
    this.next = Math.max(this.first, Math.min(sequence, this.next));
    this.#sizeChanges = this.#sizeChanges.filter((change) => change < this.next);
  }

  has(sequence: number): boolean {
    return sequence >= this.first && sequence < this.next;
  }

  stamp(sequence: number): Instant {
    return this.#stamp[sequence % this.#capacity] as Instant;
  }
  start(sequence: number): number {
    return this.#start[sequence % this.#capacity] as number;
  }
  length(sequence: number): number {
    return this.#length[sequence % this.#capacity] as number;
  }
  dataPosition(sequence: number): number {
    return this.#dataPosition[sequence % this.#capacity] as number;
  }
  dataEnd(sequence: number): number {
    return this.#dataEnd[sequence % this.#capacity] as number;
  }
  position(sequence: number): number {
    return this.#position[sequence % this.#capacity] as number;
  }
  /** The size of the volume from here on, for resize and bulk. */
  size(sequence: number): number {
    return this.#size[sequence % this.#capacity] as number;
  }
  sum(sequence: number): number {
    return this.#sum[sequence % this.#capacity] as number;
  }
  segment(sequence: number): number {
    return this.#segment[sequence % this.#capacity] as number;
  }
  kind(sequence: number): KindValue {
    return this.#kind[sequence % this.#capacity] as KindValue;
  }
  flags(sequence: number): number {
    return this.#flags[sequence % this.#capacity] as number;
  }

  /** Whether the descriptor changes the volume. */
  changes(sequence: number): boolean {
    const kind = this.kind(sequence);
    return kind === Kind.write || kind === Kind.zero || kind === Kind.bulk || kind === Kind.resize;
  }

  /** Whether data in the data queue belongs to it. */
  hasData(sequence: number): boolean {
    const kind = this.kind(sequence);
    return kind === Kind.write || kind === Kind.mark;
  }

  /** The last sequence that is in with a stamp at or below `at`; `first - 1` if there is none. Logarithmic. */
  lastAt(at: Instant): number {
    let low = this.first;
    let high = this.next;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.stamp(middle) <= at) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The full sequence of a VRMO record, which keeps its low 32 bits. */
  sequenceOf(record: number): number {
    return this.first + ((record - this.first) >>> 0);
  }

  #grow(): void {
    const from = this.#capacity;
    const to = from * 2;
    this.#stamp = this.#spread(this.#stamp, new BigInt64Array(to));
    this.#start = this.#spread(this.#start, new Float64Array(to));
    this.#length = this.#spread(this.#length, new Float64Array(to));
    this.#dataPosition = this.#spread(this.#dataPosition, new Float64Array(to));
    this.#dataEnd = this.#spread(this.#dataEnd, new Float64Array(to));
    this.#position = this.#spread(this.#position, new Float64Array(to));
    this.#size = this.#spread(this.#size, new Float64Array(to));
    this.#sum = this.#spread(this.#sum, new Uint32Array(to));
    this.#segment = this.#spread(this.#segment, new Uint32Array(to));
    this.#kind = this.#spread(this.#kind, new Uint8Array(to));
    this.#flags = this.#spread(this.#flags, new Uint8Array(to));
    this.#capacity = to;
  }

  #spread<T extends { [index: number]: number | bigint; readonly length: number }>(from: T, to: T): T {
    for (let sequence = this.first; sequence < this.next; sequence++) {
      to[sequence % to.length] = from[sequence % from.length] as number | bigint;
    }
    return to;
  }
}
