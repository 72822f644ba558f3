import { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { crc32c } from './checksum.js';
import { Reader, Writer } from './cursor.js';
import { FORMAT_VERSION, MAX_EPOCHS, MAX_JOURNALS, MAX_MIM_NAME, SUPERBLOCK_SIZE } from './layout.js';

/*
 * superblock: two copies of 4 KiB, written alternately; the valid one with the higher sequence counts.
 *
 *    0  magic "ANYWHEN\0"            8  CRC32C of bytes 12..4096      12  u32 format version
 *   16  u64 sequence of this copy   24  u64 features (0)             32  uuid     48  history uuid
 *   64  i64 created (ns)            72  u64 size at the MIM's point  80  u64 sequence of the MIM
 *   88  i64 stamp of the MIM        96  u32 catalog generation      100  u32 sync state (0 idle, 1 copied)
 *  104  u64 catalog length
 *  112  sync event: u32 segment, u32 CRC32C of the move record, u64 its length, u64 end sequence,
 *       i64 end stamp, u64 size at the end, u64 end of descriptors, u64 end of data; zeros to 192
 *  192  u16 number of journals, 6 reserved
 *  200  4 x 128: u32 volume id, u16 port id, u16 kind, u64 offset and u64 length of the descriptor region,
 *       u64 offset and u64 length of the data region, u64 tail of descriptors, u64 tail of data,
 *       u64 first sequence; zeros to 128
 *  712  u16 length and up to 510 bytes: name of the MIM
 * 1224  u16 number of epochs, 6 reserved
 * 1232  128 x 16: u32 epoch, 4 reserved, u64 first sequence; zeros to 4096
 */

const MAGIC = new TextEncoder().encode('ANYWHEN\0');
const CHECKED_FROM = 12;
const SYNC_AT = 112;
const JOURNALS_AT = 192;
const MIM_NAME_AT = 712;
const EPOCHS_AT = 1224;

/** An opening of the store for writing: descriptors from `firstSequence` on carry `epoch`. */
export interface Epoch {
  readonly epoch: number;
  readonly firstSequence: number;
}

/** A forward journal: two circular queues in one file ([0058]). Positions count bytes since the journal began and never wrap; the place in the file is `offset + position % length`. */
export interface JournalEntry {
  readonly volumeId: number;
  readonly portId: number;
  readonly kind: number;
  readonly descriptorOffset: number;
  readonly descriptorLength: number;
  readonly dataOffset: number;
  readonly dataLength: number;
  readonly descriptorTail: number;
  readonly dataTail: number;
  readonly firstSequence: number;
}

/** A sync event whose first commit (`copied`) is durable and whose second (`moved`) is not. */
export interface CopiedState {
  readonly segment: number;
  readonly moveCrc: number;
  readonly moveLength: number;
  readonly endSequence: number;
  readonly endStamp: Instant;
  readonly endSize: number;
  readonly endDescriptor: number;
  readonly endData: number;
  /** The quality of the state at the end. */
  readonly endQuality: number;
}

export interface Superblock {
  readonly sequence: number;
  readonly uuid: Uint8Array;
  readonly historyUuid: Uint8Array;
  readonly createdAt: Instant;
  /** The point at which the MIM is. */
  readonly mimSize: number;
  readonly mimSequence: number;
  readonly mimStamp: Instant;
  /** The quality of the point at which the MIM is: 0 write, 1 flush, 2 frozen. */
  readonly mimQuality: number;
  readonly mimName: string;
  readonly catalogGeneration: number;
  readonly catalogLength: number;
  readonly copied: CopiedState | undefined;
  readonly journal: JournalEntry;
  readonly epochs: readonly Epoch[];
}

/** The place of the copy with this sequence in the file. */
export function superblockOffset(sequence: number): number {
  return (sequence % 2) * SUPERBLOCK_SIZE;
}

export function encodeSuperblock(superblock: Superblock): Uint8Array {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  const writer = new Writer(bytes);
  writer.bytes(MAGIC).u32(0).u32(FORMAT_VERSION).u53(superblock.sequence).u53(0);
  writer.bytes(superblock.uuid).bytes(superblock.historyUuid).i64(superblock.createdAt);
  writer.u53(superblock.mimSize).u53(superblock.mimSequence).i64(superblock.mimStamp);
  writer.u32(superblock.catalogGeneration).u16(superblock.copied === undefined ? 0 : 1);
  writer.u8(superblock.mimQuality).reserved(1);
  writer.u53(superblock.catalogLength);
  if (superblock.copied !== undefined) encodeCopied(writer, superblock.copied);
  encodeJournal(writer, superblock.journal);
  writer.offset = MIM_NAME_AT;
  writer.text(superblock.mimName);
  writer.offset = EPOCHS_AT;
  writer.u16(superblock.epochs.length).reserved(6);
  for (const epoch of superblock.epochs) writer.u32(epoch.epoch).u32(0).u53(epoch.firstSequence);
  writer.offset = MAGIC.length;
  writer.u32(crc32c(bytes.subarray(CHECKED_FROM)));
  return bytes;
}

function encodeCopied(writer: Writer, copied: CopiedState): void {
  writer.offset = SYNC_AT;
  writer.u32(copied.segment).u32(copied.moveCrc).u53(copied.moveLength);
  writer.u53(copied.endSequence).i64(copied.endStamp).u53(copied.endSize);
  writer.u53(copied.endDescriptor).u53(copied.endData).u8(copied.endQuality);
}

function encodeJournal(writer: Writer, journal: JournalEntry): void {
  writer.offset = JOURNALS_AT;
  writer.u16(1).reserved(6);
  writer.u32(journal.volumeId).u16(journal.portId).u16(journal.kind);
  writer.u53(journal.descriptorOffset).u53(journal.descriptorLength);
  writer.u53(journal.dataOffset).u53(journal.dataLength);
  writer.u53(journal.descriptorTail).u53(journal.dataTail).u53(journal.firstSequence);
}

/** Whether a copy carries the magic and its checksum is right. */
export function superblockIntact(bytes: Uint8Array): boolean {
  if (bytes.length !== SUPERBLOCK_SIZE) return false;
  if (!MAGIC.every((byte, index) => bytes[index] === byte)) return false;
  const stored = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  return crc32c(bytes.subarray(CHECKED_FROM)) === stored;
}

/** Decodes one copy; its checksum is not looked at. @throws `damaged`, `unsupported` */
export function decodeSuperblock(bytes: Uint8Array): Superblock {
  const reader = new Reader(bytes, 'superblock');
  reader.offset = CHECKED_FROM;
  const version = reader.u32();
  if (version !== FORMAT_VERSION) {
    throw new AnywhenError(
      'unsupported',
      `superblock: format version ${version}, this program knows ${FORMAT_VERSION}`,
      {
        hint: 'Open the store with the version of anywhen that wrote it.',
      },
    );
  }
  const sequence = reader.u53();
  reader.reserved(8);
  const uuid = reader.bytes(16).slice();
  const historyUuid = reader.bytes(16).slice();
  const createdAt = reader.i64();
  const mimSize = reader.u53();
  const mimSequence = reader.u53();
  const mimStamp = reader.i64();
  const catalogGeneration = reader.u32();
  const state = reader.u16();
  if (state > 1)
    throw new AnywhenError('unsupported', `superblock: unknown state ${state} of the sync event`);
  const mimQuality = decodeQuality(reader);
  reader.reserved(1);
  const catalogLength = reader.u53();
  const copied = decodeCopied(reader, state === 1);
  const journal = decodeJournal(reader);
  reader.offset = MIM_NAME_AT;
  const mimName = reader.text();
  if (mimName.length === 0 || reader.offset > MIM_NAME_AT + 2 + MAX_MIM_NAME) {
    throw new AnywhenError('damaged', 'superblock: the name of the MIM is wrong');
  }
  reader.reserved(EPOCHS_AT - reader.offset);
  return {
    sequence,
    uuid,
    historyUuid,
    createdAt,
    mimSize,
    mimSequence,
    mimStamp,
    mimQuality,
    mimName,
    catalogGeneration,
    catalogLength,
    copied,
    journal,
    epochs: decodeEpochs(reader),
  };
}

function decodeCopied(reader: Reader, present: boolean): CopiedState | undefined {
  reader.offset = SYNC_AT;
  if (!present) {
    reader.reserved(JOURNALS_AT - SYNC_AT);
    return undefined;
  }
  const copied = {
    segment: reader.u32(),
    moveCrc: reader.u32(),
    moveLength: reader.u53(),
    endSequence: reader.u53(),
    endStamp: reader.i64(),
    endSize: reader.u53(),
    endDescriptor: reader.u53(),
    endData: reader.u53(),
    endQuality: decodeQuality(reader),
  };
  reader.reserved(JOURNALS_AT - reader.offset);
  return copied;
}

function decodeQuality(reader: Reader): number {
  const quality = reader.u8();
  if (quality > 2) throw new AnywhenError('unsupported', `superblock: unknown quality ${quality} of a point`);
  return quality;
}

function decodeJournal(reader: Reader): JournalEntry {
  reader.offset = JOURNALS_AT;
  const count = reader.u16();
  if (count !== 1)
    throw new AnywhenError('unsupported', `superblock: ${count} journals, this program knows one`);
  reader.reserved(6);
  const journal = {
    volumeId: reader.u32(),
    portId: reader.u16(),
    kind: reader.u16(),
    descriptorOffset: reader.u53(),
    descriptorLength: reader.u53(),
    dataOffset: reader.u53(),
    dataLength: reader.u53(),
    descriptorTail: reader.u53(),
    dataTail: reader.u53(),
    firstSequence: reader.u53(),
  };
  reader.reserved(JOURNALS_AT + 8 + MAX_JOURNALS * 128 - reader.offset);
  if (journal.volumeId !== 0 || journal.portId !== 0 || journal.kind !== 0) {
    throw new AnywhenError(
      'unsupported',
      'superblock: a journal of a volume, port or kind that this program does not know',
    );
  }
  const wrong = journal.descriptorLength % 4096 !== 0 || journal.dataLength % 4096 !== 0;
  if (
    wrong ||
    journal.descriptorLength === 0 ||
    journal.dataLength === 0 ||
    journal.dataOffset % 4096 !== 0
  ) {
    throw new AnywhenError('damaged', 'superblock: the regions of the forward journal are wrong');
  }
  return journal;
}

function decodeEpochs(reader: Reader): Epoch[] {
  reader.offset = EPOCHS_AT;
  const count = reader.u16();
  reader.reserved(6);
  if (count > MAX_EPOCHS) throw new AnywhenError('damaged', `superblock: ${count} epochs`);
  const epochs: Epoch[] = [];
  for (let index = 0; index < count; index++) {
    const epoch = reader.u32();
    reader.reserved(4);
    const firstSequence = reader.u53();
    const last = epochs[index - 1];
    if (last !== undefined && (last.epoch >= epoch || last.firstSequence >= firstSequence)) {
      throw new AnywhenError('damaged', 'superblock: the epochs are out of order');
    }
    epochs.push({ epoch, firstSequence });
  }
  reader.reserved(reader.remaining);
  return epochs;
}
