import { AnywhenError } from '../base/errors.js';
import { alignUp, BLOCK } from '../base/range.js';
import type { Executor } from '../file/executor.js';
import { crc32c } from '../format/checksum.js';
import { DESCRIPTOR_SIZE, FILES } from '../format/layout.js';
import { firstBadPiece, sumArrayLength } from '../format/pieces.js';
import type { Epoch, JournalEntry } from '../format/superblock.js';
import { decodeDescriptor, type ForwardDescriptor } from './forward-descriptor.js';
import { ForwardIndex } from './forward-index.js';
import { Ring } from './ring.js';

/** What was found in the forward journal. */
export interface ForwardScan {
  readonly index: ForwardIndex;
  readonly descriptors: Ring;
  readonly data: Ring;
  /** The highest sequence that some intact descriptor or the superblock says was durable. */
  readonly durable: number;
  /** Descriptors at the end that were dropped, because they or their data were not wholly there. */
  readonly dropped: number;
  /** A descriptor that was durable is lost: the store must not be written. */
  readonly damage: string | undefined;
}

/** The epoch that the superblock names for a sequence, or undefined. */
export function epochOf(epochs: readonly Epoch[], sequence: number): number | undefined {
  for (let index = epochs.length - 1; index >= 0; index--) {
    const epoch = epochs[index] as Epoch;
    if (sequence >= epoch.firstSequence) return epoch.epoch;
  }
  return undefined;
}

/**
 * Reads the forward journal from its tail. A descriptor counts only if it is the next in sequence, at its
 * place, and carries the epoch that the superblock names for its sequence. Data above the highest `durable`
 * is verified and the journal ends at the first miss there; a miss at or below it is damage.
 */
export async function scanForward(
  executor: Executor,
  journal: JournalEntry,
  epochs: readonly Epoch[],
  seed: number,
): Promise<ForwardScan> {
  const region = new Uint8Array(journal.descriptorLength);
  await executor.run([{ op: 'read', file: FILES.forward, offset: journal.descriptorOffset, into: region }]);
  const walk = new Walk(region, journal, epochs, seed);
  walk.run();
  const data = new Ring(journal.dataOffset, journal.dataLength, journal.dataTail, journal.dataTail);
  const lost = walk.lostBelow();
  const durable = Math.max(walk.durable, walk.index.first - 1);
  let end = walk.index.next;
  for (let sequence = durable + 1; sequence < end; sequence++) {
    if (!(await dataIntact(executor, walk.index, data, sequence))) end = sequence;
  }
  const dropped = walk.index.next - end;
  walk.index.dropFrom(end);
  const descriptors = new Ring(
    journal.descriptorOffset,
    journal.descriptorLength,
    journal.descriptorTail,
    journal.descriptorTail,
  );
  if (end > walk.index.first) {
    descriptors.head = walk.index.position(end - 1) + DESCRIPTOR_SIZE;
    data.head = walk.index.dataEnd(end - 1);
  }
  descriptors.alignHead();
  data.alignHead();
  return { index: walk.index, descriptors, data, durable: Math.min(durable, end - 1), dropped, damage: lost };
}

class Walk {
  readonly index: ForwardIndex;
  readonly #view: DataView;
  #position: number;
  #dataEnd: number;
  durable: number;

  constructor(
    region: Uint8Array,
    readonly journal: JournalEntry,
    readonly epochs: readonly Epoch[],
    readonly seed: number,
  ) {
    this.#view = new DataView(region.buffer, region.byteOffset, region.byteLength);
    this.index = new ForwardIndex(journal.firstSequence);
    this.#position = journal.descriptorTail;
    this.#dataEnd = journal.dataTail;
    this.durable = (epochs[epochs.length - 1]?.firstSequence ?? journal.firstSequence) - 1;
  }

  run(): void {
    for (;;) {
      const found = this.#next(this.#position) ?? this.#next(alignUp(this.#position, BLOCK));
      if (found === undefined) return;
      if (found.storedLength > 0) this.#dataEnd = found.dataPosition + found.storedLength;
      this.index.append(found, this.#dataEnd);
      this.durable = Math.max(this.durable, found.durable);
      this.#position = found.position + DESCRIPTOR_SIZE;
    }
  }

  #at(position: number): ForwardDescriptor | undefined {
    if (position + DESCRIPTOR_SIZE > this.journal.descriptorTail + this.journal.descriptorLength)
      return undefined;
    const found = decodeDescriptor(this.#view, position % this.journal.descriptorLength, position, this.seed);
    return typeof found === 'string' ? undefined : found;
  }

  #next(position: number): ForwardDescriptor | undefined {
    const found = this.#at(position);
    if (found === undefined || found.sequence !== this.index.next) return undefined;
    if (found.epoch !== epochOf(this.epochs, found.sequence)) return undefined;
    return this.#sound(found) ? found : undefined;
  }

  /** Its numbers are possible: what carries the right checksum was written by us, but bounds are checked all the same. */
  #sound(found: ForwardDescriptor): boolean {
    if (found.storedLength === 0) return true;
    const begin = found.dataPosition - sumArrayLength(found.pieces);
    const end = found.dataPosition + found.storedLength;
    const lap = Math.floor(begin / this.journal.dataLength);
    if (begin < this.#dataEnd || end > this.journal.dataTail + this.journal.dataLength) return false;
    return end <= (lap + 1) * this.journal.dataLength && found.storedLength === found.length;
  }

  /** Looks behind the end for a descriptor that says that something before it was durable and is now missing. */
  lostBelow(): string | undefined {
    const missing = this.index.next;
    if (this.durable >= missing)
      return `forward: the descriptor of sequence ${missing} is lost, though it was durable`;
    const end = this.journal.descriptorTail + this.journal.descriptorLength;
    for (let position = this.#position; position < end; position += DESCRIPTOR_SIZE) {
      const found = this.#at(position);
      if (found === undefined || found.sequence < missing || found.durable < missing) continue;
      if (found.epoch !== epochOf(this.epochs, found.sequence)) continue;
      return `forward: the descriptor of sequence ${missing} is lost, though sequence ${found.sequence} says it was durable`;
    }
    return undefined;
  }
}

/** Whether the data of a descriptor is there and matches its sums. */
export async function dataIntact(
  executor: Executor,
  index: ForwardIndex,
  data: Ring,
  sequence: number,
): Promise<boolean> {
  if (!index.hasData(sequence)) return true;
  const length = index.length(sequence);
  const start = index.start(sequence);
  const pieces = Math.ceil((start + length) / BLOCK) - Math.floor(start / BLOCK);
  const before = sumArrayLength(pieces);
  const bytes = new Uint8Array(before + length);
  const offset = data.place(index.dataPosition(sequence) - before);
  try {
    await executor.run([{ op: 'read', file: FILES.forward, offset, into: bytes }]);
  } catch (error) {
    if (error instanceof AnywhenError && error.code === 'io') throw error;
    return false;
  }
  const sums =
    before === 0 ? Uint32Array.of(index.sum(sequence)) : new Uint32Array(bytes.slice(0, before).buffer);
  if (before > 0 && crc32c(bytes.subarray(0, before)) !== index.sum(sequence)) return false;
  return firstBadPiece(start, bytes.subarray(before), sums, 0) < 0;
}
