import type { Instant } from '../base/instant.js';
import { crc32c } from '../format/checksum.js';
import { DESCRIPTOR_SIZE } from '../format/layout.js';

/*
 * A descriptor of the forward journal ([0059]), 128 bytes, never across a 4 KiB border:
 *
 *   0  u32 CRC32C of bytes 4..128, seeded with the store     4  u8 kind     5  u8 version (1)    6  u16 flags
 *   8  u32 epoch        12  u32 number of pieces            16  u64 sequence
 *  24  u64 own position (lap x region length + offset)      32  i64 stamp (ns)
 *  40  u64 logical start                                    48  u64 logical length
 *  56  u64 position of the data in the data queue           64  u32 stored length   68  u32 sum
 *  72  u64 durable: the highest sequence known durable when this was written
 *  80  u32 volume id   84  u16 port id   86  u8 group   87  u8 codec   88  u32 key id   (reserved, zero)
 *  92  u32 segment (bulk)
 *  96  u64 size of the volume from here on (resize, bulk)   104  24 reserved
 *
 * `sum` is the sum of the data (pieces.ts) if it is one piece; if more, the CRC32C of the array of u32 sums right
 * before the data. Pieces are cut at multiples of 4 KiB of the volume address.
 */

export const Kind = {
  write: 1,
  /** A range without data that reads as zeros (discard). */
  zero: 2,
  /** A write that failed: keeps the sequence whole. */
  void: 3,
  indicator: 4,
  /** A named sync indicator; its data is the name in UTF-8. */
  mark: 5,
  /** The wall clock jumped; `start` = how many ms, `length` 1 = backward. */
  clock: 6,
  /** Stands for all extents of a segment, at one instant. */
  bulk: 7,
  resize: 8,
} as const;
export type KindValue = (typeof Kind)[keyof typeof Kind];

export const KIND_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(Kind).map(([name, value]) => [value, name]),
);

export const Flag = {
  /** indicator: a client's FSYNC asked for it. */
  client: 1,
  /** mark: kept when space runs out. */
  hold: 2,
  /** indicator, mark: the filesystem on the volume was frozen. */
  frozen: 4,
} as const;

export interface ForwardDescriptor {
  readonly kind: KindValue;
  readonly flags: number;
  readonly epoch: number;
  readonly pieces: number;
  readonly sequence: number;
  readonly position: number;
  readonly stamp: Instant;
  readonly start: number;
  readonly length: number;
  readonly dataPosition: number;
  readonly storedLength: number;
  readonly sum: number;
  readonly durable: number;
  readonly segment: number;
  readonly size: number;
}

/** Writes `descriptor` at `offset` of `view`, with its checksum. */
export function encodeDescriptor(
  view: DataView<ArrayBuffer>,
  offset: number,
  descriptor: ForwardDescriptor,
  seed: number,
): void {
  view.setUint8(offset + 4, descriptor.kind);
  view.setUint8(offset + 5, 1);
  view.setUint16(offset + 6, descriptor.flags, true);
  view.setUint32(offset + 8, descriptor.epoch, true);
  view.setUint32(offset + 12, descriptor.pieces, true);
  setU53(view, offset + 16, descriptor.sequence);
  setU53(view, offset + 24, descriptor.position);
  view.setBigInt64(offset + 32, descriptor.stamp, true);
  setU53(view, offset + 40, descriptor.start);
  setU53(view, offset + 48, descriptor.length);
  setU53(view, offset + 56, descriptor.dataPosition);
  view.setUint32(offset + 64, descriptor.storedLength, true);
  view.setUint32(offset + 68, descriptor.sum, true);
  setU53(view, offset + 72, descriptor.durable);
  for (let at = 80; at < 92; at += 4) view.setUint32(offset + at, 0, true);
  view.setUint32(offset + 92, descriptor.segment, true);
  setU53(view, offset + 96, descriptor.size);
  for (let at = 104; at < DESCRIPTOR_SIZE; at += 4) view.setUint32(offset + at, 0, true);
  const checked = new Uint8Array(view.buffer, view.byteOffset + offset + 4, DESCRIPTOR_SIZE - 4);
  view.setUint32(offset, crc32c(checked, seed), true);
}

/** Why bytes are no descriptor that counts here. */
export type NotADescriptor = 'checksum' | 'place' | 'unsupported';

/** Why the descriptor at `offset` does not count there, or undefined if it does. */
export function descriptorFault(
  view: DataView,
  offset: number,
  position: number,
  seed: number,
): NotADescriptor | undefined {
  const checked = new Uint8Array(view.buffer, view.byteOffset + offset + 4, DESCRIPTOR_SIZE - 4);
  if (crc32c(checked, seed) !== view.getUint32(offset, true)) return 'checksum';
  if (getU53(view, offset + 24) !== position) return 'place';
  const kind = view.getUint8(offset + 4);
  if (view.getUint8(offset + 5) !== 1 || KIND_NAMES[kind] === undefined) return 'unsupported';
  for (let at = 80; at < 92; at += 4) if (view.getUint32(offset + at, true) !== 0) return 'unsupported';
  for (let at = 104; at < DESCRIPTOR_SIZE; at += 4)
    if (view.getUint32(offset + at, true) !== 0) return 'unsupported';
  return undefined;
}

/** The fields that stand at `offset`, whatever they are: unchecked, so that the kind may be none that is known. */
export function readDescriptor(view: DataView, offset: number): ForwardDescriptor {
  return {
    kind: view.getUint8(offset + 4) as KindValue,
    flags: view.getUint16(offset + 6, true),
    epoch: view.getUint32(offset + 8, true),
    pieces: view.getUint32(offset + 12, true),
    sequence: getU53(view, offset + 16),
    position: getU53(view, offset + 24),
    stamp: view.getBigInt64(offset + 32, true),
    start: getU53(view, offset + 40),
    length: getU53(view, offset + 48),
    dataPosition: getU53(view, offset + 56),
    storedLength: view.getUint32(offset + 64, true),
    sum: view.getUint32(offset + 68, true),
    durable: getU53(view, offset + 72),
    segment: view.getUint32(offset + 92, true),
    size: getU53(view, offset + 96),
  };
}

/**
 * Decodes the descriptor at `offset`, which must carry the checksum of this store and the position at which it
 * was found. Any bytes are survived.
 */
export function decodeDescriptor(
  view: DataView,
  offset: number,
  position: number,
  seed: number,
): ForwardDescriptor | NotADescriptor {
  return descriptorFault(view, offset, position, seed) ?? readDescriptor(view, offset);
}

/** Two u32 halves: no BigInt on the write path. A value beyond 2^53 comes back inexact and is caught by range checks. */
export function setU53(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}

export function getU53(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 2 ** 32 + view.getUint32(offset, true);
}
