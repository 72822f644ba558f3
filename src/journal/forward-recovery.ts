import { AnywhenError } from '../base/errors.js';
import { alignUp, BLOCK } from '../base/range.js';
import type { Executor } from '../file/executor.js';
import { DESCRIPTOR_SIZE, FILES } from '../format/layout.js';
import type { JournalEntry, Superblock } from '../format/superblock.js';
import { ForwardChain } from './forward-chain.js';
import { decodeDescriptor, type ForwardDescriptor, readDescriptor } from './forward-descriptor.js';
import { ForwardIndex } from './forward-index.js';
import { Ring } from './ring.js';
import { damageIn } from './stored-data.js';

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

/**
 * Reads the forward journal from its tail. A descriptor counts only if it is the next in sequence, at its
 * place, and carries the epoch that the superblock names for its sequence. Data above the highest `durable`
 * is verified and the journal ends at the first miss there; a miss at or below it is damage.
 *
 * @throws `unsupported` if the next descriptor is of a later version, `io`
 */
export async function scanForward(
  executor: Executor,
  { journal, epochs, copied }: Pick<Superblock, 'journal' | 'epochs' | 'copied'>,
  seed: number,
): Promise<ForwardScan> {
  const region = new Uint8Array(journal.descriptorLength);
  await executor.run([{ op: 'read', file: FILES.forward, offset: journal.descriptorOffset, into: region }]);
  const walk = new Walk(region, journal, seed, new ForwardChain(journal, epochs, copied?.endSequence));
  walk.run();
  const data = new Ring(journal.dataOffset, journal.dataLength, journal.dataTail, journal.dataTail);
  const lost = walk.lostBelow();
  const durable = Math.max(walk.chain.durable, walk.index.first - 1);
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

  constructor(
    region: Uint8Array,
    readonly journal: JournalEntry,
    readonly seed: number,
    readonly chain: ForwardChain,
  ) {
    this.#view = new DataView(region.buffer, region.byteOffset, region.byteLength);
    this.index = new ForwardIndex(journal.firstSequence);
  }

  run(): void {
    const { chain, index } = this;
    for (;;) {
      const places = [chain.position, alignUp(chain.position, BLOCK)] as const;
      const found = this.#next(places[0]) ?? this.#next(places[1]);
      if (found === undefined) {
        for (const position of places) this.#refuseLater(position);
        return;
      }
      chain.take(found);
      index.append(found, chain.dataEnd);
    }
  }

  #decode(position: number): ReturnType<typeof decodeDescriptor> {
    const { descriptorTail, descriptorLength } = this.journal;
    if (position + DESCRIPTOR_SIZE > descriptorTail + descriptorLength) return 'place';
    return decodeDescriptor(this.#view, position % descriptorLength, position, this.seed);
  }

  #at(position: number): ForwardDescriptor | undefined {
    const found = this.#decode(position);
    return typeof found === 'string' ? undefined : found;
  }

  /** To take a descriptor of a later version for the end of the journal would be to write over it. */
  #refuseLater(position: number): void {
    if (this.#decode(position) !== 'unsupported') return;
    const message = this.chain.beyondUs(readDescriptor(this.#view, position % this.journal.descriptorLength));
    if (message === undefined) return;
    throw new AnywhenError('unsupported', message, {
      hint: 'Open the store with the version of anywhen that wrote it.',
    });
  }

  #next(position: number): ForwardDescriptor | undefined {
    const found = this.#at(position);
    return found !== undefined && this.chain.refusal(found) === undefined ? found : undefined;
  }

  /** Looks behind the end for a descriptor that says that something before it was durable and is now missing. */
  lostBelow(): string | undefined {
    const { chain, journal } = this;
    let lost = chain.lost();
    const end = journal.descriptorTail + journal.descriptorLength;
    for (let position = chain.position; lost === undefined && position < end; position += DESCRIPTOR_SIZE) {
      lost = chain.lost(this.#at(position));
    }
    return lost;
  }
}

/** Whether the data of a descriptor that is in is there and matches its sums. */
export async function dataIntact(
  executor: Executor,
  index: ForwardIndex,
  data: Ring,
  sequence: number,
): Promise<boolean> {
  if (!index.hasData(sequence)) return true;
  const damage = await damageIn(executor, {
    file: FILES.forward,
    offset: data.place(index.dataPosition(sequence)),
    start: index.start(sequence),
    length: index.length(sequence),
    sum: index.sum(sequence),
  });
  return damage === undefined;
}
