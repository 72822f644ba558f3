import { DESCRIPTOR_SIZE } from '../format/layout.js';
import { sumArrayLength } from '../format/pieces.js';
import type { Epoch, JournalEntry } from '../format/superblock.js';
import type { ForwardDescriptor } from './forward-descriptor.js';

/** The epoch that the superblock names for a sequence, or undefined. */
export function epochOf(epochs: readonly Epoch[], sequence: number): number | undefined {
  for (let index = epochs.length - 1; index >= 0; index--) {
    const epoch = epochs[index] as Epoch;
    if (sequence >= epoch.firstSequence) return epoch.epoch;
  }
  return undefined;
}

/** Why an intact descriptor does not count: another sequence or epoch is due, or its data lies where none can. */
export type Refusal = 'sequence' | 'epoch' | 'data';

/**
 * The rule by which descriptors count: from the tail on, each the next in sequence, of the epoch that the
 * superblock names for it, at the place right behind the last one or at the next 4 KiB border. Pure: whoever
 * reads the ring brings what stands at a place.
 */
export class ForwardChain {
  /** The sequence that is to come. */
  next: number;
  /** Where it may stand; it may also stand at the next 4 KiB border. */
  position: number;
  /** The position in the data queue behind everything so far. */
  dataEnd: number;
  /** The highest sequence that a descriptor which counts, or the superblock, says was durable. */
  durable: number;

  /** @param copied the end of a sync event between its commits, which was durable before the first */
  constructor(
    readonly journal: JournalEntry,
    readonly epochs: readonly Epoch[],
    copied = 0,
  ) {
    this.next = journal.firstSequence;
    this.position = journal.descriptorTail;
    this.dataEnd = journal.dataTail;
    this.durable = Math.max(copied, (epochs[epochs.length - 1]?.firstSequence ?? journal.firstSequence) - 1);
  }

  /** Why an intact descriptor is not the next one, or undefined if it is. */
  refusal(found: ForwardDescriptor): Refusal | undefined {
    if (found.sequence !== this.next) return 'sequence';
    if (found.epoch !== epochOf(this.epochs, found.sequence)) return 'epoch';
    return this.#sound(found) ? undefined : 'data';
  }

  take(found: ForwardDescriptor): void {
    if (found.storedLength > 0) this.dataEnd = found.dataPosition + found.storedLength;
    this.durable = Math.max(this.durable, found.durable);
    this.position = found.position + DESCRIPTOR_SIZE;
    this.next += 1;
  }

  /**
   * Whether what should come next was durable and is missing: by what counts so far, or by an intact descriptor
   * that was found behind the end. Says what is lost.
   */
  lost(behind?: ForwardDescriptor): string | undefined {
    const missing = this.next;
    if (this.durable >= missing)
      return `forward: the descriptor of sequence ${missing} is lost, though it was durable`;
    if (behind === undefined || behind.sequence < missing || behind.durable < missing) return undefined;
    if (behind.epoch !== epochOf(this.epochs, behind.sequence)) return undefined;
    return `forward: the descriptor of sequence ${missing} is lost, though sequence ${behind.sequence} says it was durable`;
  }

  /**
   * Whether an intact descriptor that this version does not know is the next one: then the journal does not end
   * here, and whoever does not know it must not go on.
   */
  beyondUs(found: ForwardDescriptor): string | undefined {
    if (found.sequence !== this.next || found.epoch !== epochOf(this.epochs, found.sequence))
      return undefined;
    return `forward: the descriptor of sequence ${found.sequence} is of a later version`;
  }

  /** Its numbers are possible: what carries the right checksum was written by us, but bounds are checked all the same. */
  #sound(found: ForwardDescriptor): boolean {
    if (found.storedLength === 0) return true;
    const { dataTail, dataLength } = this.journal;
    const begin = found.dataPosition - sumArrayLength(found.pieces);
    const end = found.dataPosition + found.storedLength;
    const lap = Math.floor(begin / dataLength);
    if (begin < this.dataEnd || end > dataTail + dataLength) return false;
    return end <= (lap + 1) * dataLength && found.storedLength === found.length;
  }
}
