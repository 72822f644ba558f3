import { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { readChunks } from '../file/chunks.js';
import { DESCRIPTOR_SIZE, FILES, FORWARD_HEADER_SIZE, MAX_MARK_NAME } from '../format/layout.js';
import type { Epoch, JournalEntry } from '../format/superblock.js';
import { ForwardChain } from '../journal/forward-chain.js';
import {
  descriptorFault,
  type ForwardDescriptor,
  Kind,
  readDescriptor,
} from '../journal/forward-descriptor.js';
import { decodeForwardHeader } from '../journal/forward-header.js';
import { readSlots, type Slot, type SlotState } from '../journal/forward-slots.js';
import { Ring } from '../journal/ring.js';
import { damageIn } from '../journal/stored-data.js';
import { faultOf, type Look, type Problem, problemOf, readHead, sameBytes } from './look.js';

export interface ForwardOptions {
  /** Empty places and descriptors of earlier laps too. */
  readonly all?: boolean;
  /** Verify the data of the descriptors that count. */
  readonly data?: boolean;
  /** Only descriptors from here on, and before there: sequences or instants, half-open. */
  readonly from?: number | Instant;
  readonly to?: number | Instant;
  /** Descriptors at the most. */
  readonly limit?: number;
}

export interface ForwardHead {
  readonly type: 'forward';
  readonly size: number | undefined;
  readonly journal: JournalEntry | undefined;
  readonly epochs: readonly Epoch[];
  readonly problems: readonly Problem[];
}

export interface ForwardRow {
  readonly type: 'descriptor';
  /** Place of the descriptor in the file, bytes. */
  readonly offset: number;
  /** As a slot's; `found`: intact, but nobody knows any more whether it counts. */
  readonly state: SlotState | 'found';
  readonly refusal: Slot['refusal'];
  readonly crc: number;
  readonly descriptor: ForwardDescriptor;
  /** Place of its data in the file, if it has some. */
  readonly dataOffset: number | undefined;
  /** The name of a mark. */
  readonly name: string | undefined;
  /** Whether its data matches its checksums, where that was looked at. */
  readonly data: 'intact' | 'damaged' | undefined;
}

export interface ForwardEnd {
  readonly type: 'end';
  /** False when the limit ended the look. */
  readonly complete: boolean;
  /** How many places are in each state, of those that were looked at. */
  readonly states: Readonly<Partial<Record<ForwardRow['state'], number>>>;
  /** The chain behind its last descriptor; undefined where the superblock does not tell where the chain begins. */
  readonly next: number | undefined;
  readonly durable: number | undefined;
  /** Positions behind the last descriptor and its data. */
  readonly descriptorEnd: number | undefined;
  readonly dataEnd: number | undefined;
  readonly problems: readonly Problem[];
}

export type ForwardItem = ForwardHead | ForwardRow | ForwardEnd;

const CHUNK = 256 * 1024;

const NO_UUID: Problem = {
  message: 'forward: no header tells the uuid that the checksums begin with',
  offset: undefined,
};

/** The forward journal: its regions, its descriptors from the tail on, and where it ends. */
export async function* inspectForward(look: Look, options: ForwardOptions = {}): AsyncGenerator<ForwardItem> {
  const head = await headOf(look);
  yield head;
  const states: Partial<Record<ForwardRow['state'], number>> = {};
  const problems: Problem[] = [];
  let shown = 0;
  const done = (complete: boolean, chain?: ForwardChain): ForwardEnd => ({
    type: 'end',
    complete,
    states,
    next: chain?.next,
    durable: chain?.durable,
    descriptorEnd: chain?.position,
    dataEnd: chain?.dataEnd,
    problems,
  });
  const { journal } = head;
  const chain =
    journal === undefined
      ? undefined
      : new ForwardChain(journal, head.epochs, look.superblock?.copied?.endSequence);
  const rows = chain === undefined ? found(look, head.size ?? 0) : walked(look, chain, problems, options);
  for await (const row of rows) {
    states[row.state] = (states[row.state] ?? 0) + 1;
    if (!wanted(row, options)) continue;
    if (shown === options.limit) return yield done(false, chain);
    yield row;
    shown += 1;
  }
  yield done(true, chain);
}

async function headOf(look: Look): Promise<ForwardHead> {
  const { executor, superblock, identity, distrust } = look;
  const problems: Problem[] = [];
  const tell = (fault: AnywhenError | undefined) => {
    if (fault !== undefined) problems.push(problemOf(fault));
  };
  const sizes: { size?: number | undefined } = {};
  tell(
    await faultOf(async () => {
      sizes.size = await executor.size(FILES.forward);
      const { uuid } = decodeForwardHeader(await readHead(executor, FILES.forward, FORWARD_HEADER_SIZE));
      if (identity !== undefined && !sameBytes(uuid, identity.uuid))
        throw new AnywhenError('damaged', 'forward: belongs to another store');
    }),
  );
  tell(distrust);
  const { size } = sizes;
  let journal = superblock?.journal;
  const epochs = superblock?.epochs ?? [];
  const wrong = journal === undefined ? undefined : misfit(journal, size ?? 0);
  if (wrong !== undefined) {
    problems.push({ message: wrong, offset: undefined });
    journal = undefined;
  }
  if (identity === undefined) problems.push(NO_UUID);
  return { type: 'forward', size, journal: identity === undefined ? undefined : journal, epochs, problems };
}

/** Why the regions cannot be those of the file. */
function misfit(journal: JournalEntry, size: number): string | undefined {
  const { descriptorOffset, descriptorLength, dataOffset, dataLength, descriptorTail } = journal;
  if (descriptorOffset + descriptorLength > size || dataOffset + dataLength > size)
    return `forward: the superblock's regions go beyond its end at ${size}`;
  if (descriptorTail % DESCRIPTOR_SIZE !== 0 || descriptorOffset % DESCRIPTOR_SIZE !== 0)
    return "forward: the superblock's positions are impossible";
  return undefined;
}

/** The descriptors from the tail on, by the superblock. */
async function* walked(
  look: Look,
  chain: ForwardChain,
  problems: Problem[],
  options: ForwardOptions,
): AsyncGenerator<ForwardRow> {
  const { executor, identity } = look;
  const data = new Ring(chain.journal.dataOffset, chain.journal.dataLength, 0, 0);
  const damaged: { readonly sequence: number; readonly offset: number }[] = [];
  const place = (position: number) =>
    chain.journal.descriptorOffset + (position % chain.journal.descriptorLength);
  const slots = readSlots(executor, chain, identity?.seed ?? 0, (message) =>
    problems.push({ message, offset: place(chain.position) }),
  );
  for await (const { offset, state, refusal, crc, descriptor } of slots) {
    const dataOffset = descriptor.storedLength > 0 ? data.place(descriptor.dataPosition) : undefined;
    const stored =
      state === 'counts' && dataOffset !== undefined
        ? { file: FILES.forward, offset: dataOffset, ...only(descriptor) }
        : undefined;
    const named = stored !== undefined && descriptor.kind === Kind.mark;
    const name = named ? await nameAt(look, dataOffset, descriptor) : undefined;
    const verify = stored !== undefined && options.data === true;
    const damage = verify ? await damageIn(executor, stored) : undefined;
    if (damage !== undefined) damaged.push({ sequence: descriptor.sequence, offset: damage });
    const judged = damage !== undefined ? 'damaged' : verify ? 'intact' : undefined;
    yield { type: 'descriptor', offset, state, refusal, crc, descriptor, dataOffset, name, data: judged };
  }
  // Data behind the last durable sequence may be missing after a power cut: there the journal ends.
  for (const { sequence, offset } of damaged.filter((one) => one.sequence <= chain.durable)) {
    const message = `forward: the data of sequence ${sequence} does not match its checksum`;
    problems.push({ message, offset });
  }
}

const only = ({ start, length, sum }: ForwardDescriptor) => ({ start, length, sum });

async function nameAt(
  look: Look,
  dataOffset: number | undefined,
  { storedLength }: ForwardDescriptor,
): Promise<string | undefined> {
  if (dataOffset === undefined || storedLength > MAX_MARK_NAME) return undefined;
  const bytes = new Uint8Array(storedLength);
  const read = { op: 'read', file: FILES.forward, offset: dataOffset, into: bytes } as const;
  const fault = await faultOf(() => look.executor.run([read]));
  return fault === undefined ? new TextDecoder().decode(bytes) : undefined;
}

/** Without a superblock: whatever carries the right checksum, wherever it lies in the file. */
async function* found(look: Look, size: number): AsyncGenerator<ForwardRow> {
  const { executor, identity } = look;
  if (identity === undefined) return;
  const end = size - (size % DESCRIPTOR_SIZE);
  for await (const { offset, bytes } of readChunks(
    executor,
    FILES.forward,
    FORWARD_HEADER_SIZE,
    end,
    CHUNK,
  )) {
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += DESCRIPTOR_SIZE) {
      const descriptor = readDescriptor(view, at);
      if (descriptorFault(view, at, descriptor.position, identity.seed) !== undefined) continue;
      const crc = view.getUint32(at, true);
      const unknown = { refusal: undefined, dataOffset: undefined, name: undefined, data: undefined };
      yield { type: 'descriptor', offset: offset + at, state: 'found', crc, descriptor, ...unknown };
    }
  }
}

function wanted({ state, descriptor }: ForwardRow, { all, from, to }: ForwardOptions): boolean {
  if (all !== true && (state === 'empty' || state === 'passed')) return false;
  if (from === undefined && to === undefined) return true;
  if (state === 'empty' || state === 'damaged') return false;
  const place = (bound: number | Instant) =>
    typeof bound === 'number' ? descriptor.sequence : descriptor.stamp;
  return (from === undefined || place(from) >= from) && (to === undefined || place(to) < to);
}
