import { alignUp, BLOCK } from '../base/range.js';
import { readChunks } from '../file/chunks.js';
import type { Executor } from '../file/executor.js';
import { DESCRIPTOR_SIZE, FILES } from '../format/layout.js';
import type { ForwardChain, Refusal } from './forward-chain.js';
import { descriptorFault, type ForwardDescriptor, readDescriptor } from './forward-descriptor.js';

/**
 * What stands at a place of the descriptor queue.
 *
 * `counts`: a descriptor of the journal. `empty`: zeros. `passed`: an intact descriptor of an earlier lap, whose
 * space was given back. `refused`: intact and of this lap, and yet not the next one in the chain: what an earlier
 * opening left behind its end. `damaged`: its checksum is wrong; at the end of the journal that may be a write
 * that the power cut tore. `misplaced`: intact, but written for another place. `unsupported`: of a later version.
 */
export type SlotState = 'counts' | 'empty' | 'passed' | 'refused' | 'damaged' | 'misplaced' | 'unsupported';

export interface Slot {
  /** Its place in the file, bytes. */
  readonly offset: number;
  /** The position that a descriptor of this lap has here. */
  readonly position: number;
  readonly state: SlotState;
  /** Why a descriptor is `refused`. */
  readonly refusal: Refusal | 'place' | undefined;
  /** The checksum that stands there. */
  readonly crc: number;
  /** The fields that stand there, not to be trusted where the state is `damaged`. */
  readonly descriptor: ForwardDescriptor;
}

const CHUNK = 256 * 1024;

/**
 * Every place of the descriptor queue, from the tail on, once around; never more than a chunk of it in memory.
 * `chain` walks along. The regions of the journal must lie in the file.
 *
 * @param lost told, once, when something behind the end says that what comes next was durable, or when that is of a
 *   later version
 * @throws `damaged` if the file is too short, `io`
 */
export async function* readSlots(
  executor: Executor,
  chain: ForwardChain,
  seed: number,
  lost: (message: string) => void = () => undefined,
): AsyncGenerator<Slot> {
  const { descriptorOffset, descriptorLength, descriptorTail } = chain.journal;
  const turn = descriptorOffset + (descriptorTail % descriptorLength);
  const spans = [
    { from: turn, to: descriptorOffset + descriptorLength, lap: descriptorTail - (turn - descriptorOffset) },
    { from: descriptorOffset, to: turn, lap: descriptorTail - (turn - descriptorOffset) + descriptorLength },
  ];
  const judge = new Judge(chain, seed, lost);
  for (const { from, to, lap } of spans) {
    for await (const { offset, bytes } of readChunks(executor, FILES.forward, from, to, CHUNK)) {
      const view = new DataView(bytes.buffer);
      for (let at = 0; at < bytes.length; at += DESCRIPTOR_SIZE) {
        yield judge.slot(view, at, offset + at, lap + offset + at - descriptorOffset);
      }
    }
  }
  judge.end();
}

class Judge {
  #ended = false;
  #lost = false;
  /** What was refused since the last one that counts, until it is known whether the journal goes on at the border. */
  #behind: ForwardDescriptor[] = [];

  constructor(
    readonly chain: ForwardChain,
    readonly seed: number,
    readonly lost: (message: string) => void,
  ) {}

  slot(view: DataView, at: number, offset: number, position: number): Slot {
    const descriptor = readDescriptor(view, at);
    const told = { offset, position, crc: view.getUint32(at, true), descriptor };
    const { state, refusal } = this.#judge(view, at, position, descriptor);
    if (state === 'counts') {
      this.chain.take(descriptor);
      this.#behind = [];
    } else {
      if (state === 'refused') this.#behind.push(descriptor);
      if (state === 'unsupported' && this.#isDue(position)) this.#tell(this.chain.beyondUs(descriptor));
      if (position === alignUp(this.chain.position, BLOCK)) this.#ended = true;
      if (this.#ended) this.end();
    }
    return { ...told, state, refusal };
  }

  /** Tells once what is lost, if something is. */
  end(): void {
    const { chain } = this;
    const message =
      chain.lost() ?? this.#behind.map((one) => chain.lost(one)).find((one) => one !== undefined);
    this.#behind = [];
    this.#tell(message);
  }

  #tell(message: string | undefined): void {
    if (message === undefined || this.#lost) return;
    this.#lost = true;
    this.lost(message);
  }

  #isDue(position: number): boolean {
    return (
      !this.#ended && (position === this.chain.position || position === alignUp(this.chain.position, BLOCK))
    );
  }

  #judge(
    view: DataView,
    at: number,
    position: number,
    found: ForwardDescriptor,
  ): Pick<Slot, 'state' | 'refusal'> {
    const { chain } = this;
    if (isEmpty(view, at)) return { state: 'empty', refusal: undefined };
    const fault = descriptorFault(view, at, found.position, this.seed);
    if (fault === 'unsupported') return { state: 'unsupported', refusal: undefined };
    if (fault !== undefined) return { state: 'damaged', refusal: undefined };
    const laps = (position - found.position) / chain.journal.descriptorLength;
    if (laps !== 0) {
      return { state: laps > 0 && Number.isInteger(laps) ? 'passed' : 'misplaced', refusal: undefined };
    }
    const refusal = chain.refusal(found) ?? (this.#isDue(position) ? undefined : 'place');
    return { state: refusal === undefined ? 'counts' : 'refused', refusal };
  }
}

function isEmpty(view: DataView, at: number): boolean {
  for (let word = 0; word < DESCRIPTOR_SIZE; word += 4)
    if (view.getUint32(at + word, true) !== 0) return false;
  return true;
}
