import {
  boundSum,
  crc,
  decode,
  expectedCrc,
  pieceSum,
  readNames,
  tableOf,
  tables,
  type Values,
} from './page.js';

/*
 * A reader of whole stores, written from anywhen-store(5) alone: it shares no code with the program. It reads
 * everything into memory and is slow; what it reads it verifies.
 */

const KINDS = readNames().get('kinds of descriptors') ?? {};
const BLOCK = 4096;

export type Files = ReadonlyMap<string, Uint8Array>;

type Numbers<K extends string> = { readonly [key in K]: number };
type Descriptor = Numbers<
  | 'kind'
  | 'epoch'
  | 'pieces'
  | 'sequence'
  | 'position'
  | 'start'
  | 'length'
  | 'data_position'
  | 'stored_length'
> &
  Numbers<'sum' | 'durable' | 'segment' | 'size'> & { readonly stamp: bigint };
type Extent = Numbers<'kind' | 'start' | 'length' | 'origin_start' | 'origin_length' | 'data_segment'> &
  Numbers<'offset' | 'sum'>;
type Journal = Numbers<
  'descriptor_offset' | 'descriptor_length' | 'data_offset' | 'data_length' | 'descriptor_tail' | 'data_tail'
> &
  Numbers<'first_sequence'>;

export interface Snapshot
  extends Numbers<'sequence' | 'size' | 'segment' | 'record' | 'extents' | 'bytes' | 'stored' | 'quality'> {
  readonly at: bigint;
  readonly from: bigint;
  readonly to: bigint;
}

export class PageStore {
  readonly superblock: Values;
  readonly uuid: Uint8Array;
  readonly descriptors: Descriptor[];
  readonly snapshots: Snapshot[] = [];
  readonly marks = new Map<number, { readonly name: string; readonly at: bigint }>();
  readonly policy = new Map<string, string>();
  readonly #segments = new Map<number, Values>();
  readonly #droppedMarks = new Set<number>();
  /** Blocks that the move record makes other than the MIM is. */
  readonly #moved = new Map<number, Uint8Array>();
  readonly #sums = new Map<number, number>();
  readonly #mimSequence: number;

  constructor(readonly files: Files) {
    this.superblock = this.#chooseSuperblock();
    this.uuid = this.superblock.uuid as Uint8Array;
    this.#checkHeader('header of forward', this.#file('forward'));
    this.#readCatalog();
    this.descriptors = this.#walk();
    for (const one of this.descriptors) this.#readMark(one);
    this.#mimSequence = this.superblock.mim_sequence as number;
    if (this.superblock.sync_state === 1) this.#mimSequence = this.#finishMove();
  }

  /** The state with every descriptor up to `sequence`, which is near history. */
  near(sequence: number): Uint8Array {
    const size = this.#sizeAt(sequence);
    if (sequence >= this.#mimSequence)
      return this.#apply(this.#mim(), this.#mimSequence, sequence).slice(0, size);
    // Inside the window of a move that was not ended: the lists have what the MIM held.
    const last = this.snapshots.findLast((snapshot) => snapshot.sequence <= sequence) as Snapshot;
    const first = (this.#journal.first_sequence as number) - 1;
    return this.#apply(this.#listed(last), first, sequence).slice(0, size);
  }

  /** The state of a snapshot. */
  snapshot(snapshot: Snapshot): Uint8Array {
    return this.#listed(snapshot).slice(0, snapshot.size);
  }

  /** The last sequence whose stamp is not above an instant. */
  sequenceAt(at: bigint): number {
    return (
      this.descriptors.findLast((one) => one.stamp <= at)?.sequence ??
      (this.superblock.mim_sequence as number)
    );
  }

  get #journal(): Journal {
    return (this.superblock.journal as readonly Values[])[0] as Journal;
  }

  #file(name: string): Uint8Array {
    const bytes = this.files.get(name);
    if (bytes === undefined) throw new Error(`${name} is missing`);
    return bytes;
  }

  #checkHeader(title: string, bytes: Uint8Array): Values {
    const header = decode(title, bytes);
    const word = /^"([A-Z]+)"/.exec(tableOf(title).fields[0]?.meaning ?? '')?.[1] ?? '';
    const sound =
      header.magic === word.padEnd(8, '\0') && header.crc === expectedCrc(title, bytes, this.uuid);
    if (!sound || header.version !== 1) throw new Error(`${title}: damaged`);
    if (!same(header.uuid as Uint8Array, this.uuid)) throw new Error(`${title}: of another store`);
    return header;
  }

  #chooseSuperblock(): Values {
    const title = 'superblock copy';
    const { size } = tableOf(title);
    const file = this.#file('superblock');
    let chosen: Values | undefined;
    for (const bytes of [file.subarray(0, size), file.subarray(size, 2 * size)]) {
      const copy = decode(title, bytes);
      if (copy.magic !== 'ANYWHEN\0' || copy.crc !== expectedCrc(title, bytes, new Uint8Array(16))) continue;
      if (copy.version !== 1 || copy.features !== 0) throw new Error('a later version');
      if (chosen === undefined || (copy.sequence as number) > (chosen.sequence as number)) chosen = copy;
    }
    if (chosen === undefined) throw new Error('no copy of the superblock is intact');
    return chosen;
  }

  #readCatalog(): void {
    const { superblock } = this;
    const bytes = this.#file('catalog');
    const header = this.#checkHeader('header of catalog', bytes);
    const generation = superblock.catalog_generation as number;
    const replaces =
      header.replaces_generation === generation && header.replaces_length === superblock.catalog_length;
    if (header.generation !== generation && !(header.generation === generation + 1 && replaces))
      throw new Error('catalog: of another generation');
    const end = (header.generation === generation ? superblock.catalog_length : header.own_length) as number;
    for (let at = BLOCK; at < end; ) {
      const border = Math.min(Math.ceil(at / BLOCK) * BLOCK, end);
      if (at % BLOCK !== 0 && bytes.subarray(at, border).every((byte) => byte === 0)) at = border;
      else at += this.#readRecord(bytes, at, header.generation as number);
    }
  }

  #readRecord(bytes: Uint8Array, at: number, generation: number): number {
    const title = 'head of a record';
    const head = decode(title, bytes, at);
    if (head.crc !== expectedCrc(title, bytes, this.uuid, at)) throw new Error(`record at ${at}: damaged`);
    if (head.offset !== at || head.generation !== generation || head.version !== 1)
      throw new Error(`record at ${at}: misplaced`);
    const kind = [...tables.keys()].find((name) => name.startsWith(`record of type ${head.type}, `));
    if (kind === undefined) throw new Error(`record at ${at}: of a later version`);
    this.#applyEdit(kind.split(', ')[1] as string, decode(kind, bytes, at + tableOf(title).size));
    return head.length as number;
  }

  #applyEdit(type: string, edit: Values): void {
    const sequence = edit.sequence as number;
    if (type === 'segment') this.#segments.set(edit.segment as number, edit);
    if (type === 'segment-drop') this.#segments.delete(edit.segment as number);
    if (type === 'snapshot') {
      const known = this.snapshots.findIndex((one) => one.sequence === sequence);
      this.snapshots.splice(known < 0 ? this.snapshots.length : known, 1, edit as unknown as Snapshot);
    }
    if (type === 'snapshot-drop')
      this.snapshots.splice(
        this.snapshots.findIndex((one) => one.sequence === sequence),
        1,
      );
    if (type === 'mark') this.marks.set(sequence, { name: edit.name as string, at: edit.at as bigint });
    if (type === 'mark-drop' && !this.marks.delete(sequence)) this.#droppedMarks.add(sequence);
    if (type === 'policy') this.policy.set(edit.key as string, edit.value as string);
  }

  #walk(): Descriptor[] {
    const found: Descriptor[] = [];
    const { first_sequence: first, descriptor_tail: tail, data_tail: dataTail } = this.#journal;
    let due = first;
    let at = tail;
    let dataEnd = dataTail;
    for (;;) {
      const next = this.#descriptorAt(at, due, dataEnd) ?? this.#descriptorAt(ceil(at), due, dataEnd);
      if (next === undefined) break;
      found.push(next);
      due += 1;
      at = next.position + tableOf('descriptor').size;
      if (next.stored_length > 0) dataEnd = next.data_position + next.stored_length;
    }
    const epochs = this.#epochs();
    const known = [
      (epochs[epochs.length - 1]?.first_sequence ?? first) - 1,
      this.superblock.sync_state === 1 ? ((this.superblock.copied as Values).end_sequence as number) : 0,
      ...found.map((one) => one.durable),
    ];
    const durable = Math.max(...known);
    if (due <= durable) throw new Error(`sequence ${due} is lost`);
    const bad = found.findIndex(
      (one) => one.sequence > durable && one.stored_length > 0 && !this.#dataIsThere(one),
    );
    return bad < 0 ? found : found.slice(0, bad);
  }

  #epochs(): { readonly epoch: number; readonly first_sequence: number }[] {
    const { epochs, epoch_count: count } = this.superblock;
    return (epochs as unknown as { epoch: number; first_sequence: number }[]).slice(0, count as number);
  }

  #descriptorAt(position: number, due: number, dataEnd: number): Descriptor | undefined {
    const title = 'descriptor';
    const { size } = tableOf(title);
    const journal = this.#journal;
    if (position + size > journal.descriptor_tail + journal.descriptor_length) return undefined;
    const offset = journal.descriptor_offset + (position % journal.descriptor_length);
    const bytes = this.#file('forward').subarray(offset, offset + size);
    const found = decode(title, bytes) as unknown as Descriptor & { crc: number };
    if (found.crc !== expectedCrc(title, bytes, this.uuid) || found.position !== position) return undefined;
    const epoch = this.#epochs().findLast((one) => one.first_sequence <= due)?.epoch;
    if (found.sequence !== due || found.epoch !== epoch) return undefined;
    if (found.stored_length === 0) return found;
    const begin = found.data_position - arrayLength(found.start, found.length);
    const end = found.data_position + found.stored_length;
    const lap = Math.floor(begin / journal.data_length);
    const fits = begin >= dataEnd && end <= journal.data_tail + journal.data_length;
    return fits && end <= (lap + 1) * journal.data_length && found.stored_length === found.length
      ? found
      : undefined;
  }

  #dataIsThere(one: Descriptor): boolean {
    try {
      this.#dataOf(one);
      return true;
    } catch {
      return false;
    }
  }

  #dataOf({ start, length, data_position: position, sum }: Descriptor): Uint8Array {
    const { data_offset: offset, data_length: turn } = this.#journal;
    return verified(this.#file('forward'), offset + (position % turn), start, length, sum);
  }

  #readMark(one: Descriptor): void {
    if (one.kind !== KINDS.mark || this.#droppedMarks.has(one.sequence) || this.marks.has(one.sequence))
      return;
    this.marks.set(one.sequence, { name: new TextDecoder().decode(this.#dataOf(one)), at: one.stamp });
  }

  /** The descriptors of a segment, from `from` on. */
  #extents(segment: number, from: number, count: number): Extent[] {
    const bytes = this.#file(`backward/${String(segment).padStart(8, '0')}.descriptors`);
    const header = this.#checkHeader('header of a segment', bytes);
    if (header.segment !== segment) throw new Error(`segment ${segment}: misplaced`);
    const list: Extent[] = [];
    for (let index = from; index < Math.min(from + count, header.descriptors as number); index++) {
      const at = BLOCK + 96 * index;
      const title = [...tables.keys()].find((name) =>
        name.startsWith(`descriptor of kind ${bytes[at + 4]}, `),
      );
      if (title === undefined) throw new Error(`segment ${segment}: of a later version`);
      const found = decode(title, bytes, at);
      if (found.crc !== expectedCrc(title, bytes.subarray(at, at + 96), this.uuid))
        throw new Error('damaged');
      if (found.index !== index || found.own_segment !== segment) throw new Error('misplaced');
      if (title.endsWith('marker')) continue;
      const last = list[list.length - 1];
      if (last !== undefined && (found.start as number) < last.start + last.length)
        throw new Error('out of order');
      list.push(found as unknown as Extent);
    }
    return list;
  }

  #extentData(extent: Extent): Uint8Array {
    if (extent.kind === 2) return new Uint8Array(extent.length);
    const file = this.#file(`backward/${String(extent.data_segment).padStart(8, '0')}.data`);
    const from = extent.start - extent.origin_start;
    const part = [from, from + extent.length] as const;
    const origin = verified(file, extent.offset, extent.origin_start, extent.origin_length, extent.sum, part);
    return origin.subarray(from, from + extent.length);
  }

  /** A snapshot: for each address the first list that has it, then the MIM. */
  #listed(snapshot: Snapshot): Uint8Array {
    const volume = this.#mim();
    const younger = this.snapshots.slice(this.snapshots.indexOf(snapshot)).reverse();
    for (const { segment, record, extents, bytes, stored } of younger) {
      const list = this.#extents(segment, record, extents);
      for (const extent of list) volume.set(this.#extentData(extent), extent.start);
      const sum = (some: readonly Extent[]) => some.reduce((total, { length }) => total + length, 0);
      if (sum(list) !== bytes || sum(list.filter(({ kind }) => kind === 1)) !== stored)
        throw new Error(`segment ${segment}: the list does not have ${bytes} bytes, ${stored} stored`);
    }
    return volume;
  }

  /** Applies the descriptors behind `after`, up to `last`. */
  #apply(volume: Uint8Array, after: number, last: number): Uint8Array {
    for (const one of this.descriptors) {
      if (one.sequence <= after || one.sequence > last) continue;
      if (one.kind === KINDS.write) volume.set(this.#dataOf(one), one.start);
      const zeroes = one.kind === KINDS.zero || one.kind === KINDS.resize || one.kind === KINDS.bulk;
      if (zeroes) volume.fill(0, one.start, one.start + one.length);
      if (one.kind !== KINDS.bulk) continue;
      for (const extent of this.#extents(one.segment, 0, Number.POSITIVE_INFINITY))
        volume.set(this.#extentData(extent), extent.start);
    }
    return volume;
  }

  #sizeAt(sequence: number): number {
    const change = this.descriptors.findLast(
      (one) => one.sequence <= sequence && (one.kind === KINDS.resize || one.kind === KINDS.bulk),
    );
    return change?.size ?? (this.superblock.mim_size as number);
  }

  /** The MIM in a buffer that is large enough for every state. */
  #mim(): Uint8Array {
    const sizes = [this.superblock.mim_size as number, ...this.snapshots.map((one) => one.size)];
    const resized = this.descriptors.map((one) => Math.max(one.size, one.start + one.length));
    const volume = new Uint8Array(ceil(Math.max(...sizes, ...resized)));
    for (let block = 0; block < volume.length / BLOCK; block++) volume.set(this.#block(block), block * BLOCK);
    return volume;
  }

  #block(block: number): Uint8Array {
    const moved = this.#moved.get(block);
    if (moved !== undefined) return moved;
    const sum = this.#sums.get(block) ?? this.#sumOnDisk(block, true);
    if (sum === 0) return new Uint8Array(BLOCK);
    const bytes = this.#file(this.superblock.mim_name as string).subarray(block * BLOCK, (block + 1) * BLOCK);
    if (boundSum(block, bytes) !== sum) throw new Error(`block ${block} is damaged`);
    return bytes;
  }

  #sumOnDisk(block: number, check: boolean): number {
    const title = 'page of sums';
    const page = Math.floor(block / 1016);
    const bytes = this.#file('mim.sums').subarray(page * BLOCK, (page + 1) * BLOCK);
    if (bytes.length < BLOCK || bytes.every((byte) => byte === 0)) return 0;
    const found = decode(title, bytes);
    const sound =
      found.crc === expectedCrc(title, bytes, this.uuid) && found.page === page && found.version === 1;
    if (check && !sound) throw new Error(`page ${page} of sums is damaged`);
    return (found.sums as readonly number[])[block % 1016] as number;
  }

  /** In memory, what the next opening will do to the MIM. Returns where the MIM is then. */
  #finishMove(): number {
    const copied = this.superblock.copied as Values;
    const first = this.#journal.first_sequence - 1;
    const record = this.#file(`backward/${String(copied.segment).padStart(8, '0')}.move`);
    if (record.length < (copied.move_length as number)) throw new Error('the move record is cut short');
    if (crc(record.subarray(0, copied.move_length as number)) !== copied.move_crc)
      throw new Error('the move record is damaged');
    const raw = this.#file(this.superblock.mim_name as string);
    const over = new Uint8Array(ceil(Math.max(raw.length, this.#mimBytesNeeded())));
    over.set(raw);
    this.#apply(over, first, copied.end_sequence as number);
    for (let at = 0; at < (copied.move_length as number); ) {
      const head = decode('head of a page', record, at);
      at += tableOf('head of a page').size;
      const pageFirst = (head.page as number) * 1016;
      for (let index = 0; index < 1016; index++)
        this.#sums.set(pageFirst + index, this.#sumOnDisk(pageFirst + index, false));
      for (let entry = 0; entry < (head.blocks as number); entry++) {
        const one = decode('entry of a block', record, at);
        at += tableOf('entry of a block').size;
        const block = pageFirst + (one.block as number);
        const bytes =
          one.after === 0 ? new Uint8Array(BLOCK) : over.slice(block * BLOCK, (block + 1) * BLOCK);
        if (boundSum(block, bytes) !== one.after) throw new Error(`block ${block} cannot be moved`);
        this.#moved.set(block, bytes);
        this.#sums.set(block, one.after as number);
      }
      this.#checkPageAfter(head);
    }
    return copied.end_sequence as number;
  }

  #checkPageAfter(head: Values): void {
    const page = new DataView(new ArrayBuffer(BLOCK));
    page.setUint32(4, 1, true);
    page.setBigUint64(8, BigInt(head.page as number), true);
    for (let index = 0; index < 1016; index++) {
      page.setUint32(32 + 4 * index, this.#sums.get((head.page as number) * 1016 + index) ?? 0, true);
    }
    const bytes = new Uint8Array(page.buffer);
    if (expectedCrc('page of sums', bytes, this.uuid) !== head.crc_after)
      throw new Error('a page of sums is damaged');
  }

  #mimBytesNeeded(): number {
    return Math.max(
      this.superblock.mim_size as number,
      ...this.descriptors.map((one) => one.start + one.length),
    );
  }
}

const ceil = (value: number) => Math.ceil(value / BLOCK) * BLOCK;

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.every((byte, index) => other[index] === byte);
}

function piecesOf(start: number, length: number): number {
  return Math.ceil((start + length) / BLOCK) - Math.floor(start / BLOCK);
}

function arrayLength(start: number, length: number): number {
  const pieces = piecesOf(start, length);
  return pieces > 1 ? 4 * pieces : 0;
}

/** Data that lies at `offset` of a file and stands for [start, start + length), every piece of a part of it verified. */
export function verified(
  file: Uint8Array,
  offset: number,
  start: number,
  length: number,
  sum: number,
  [from, to]: readonly [from: number, to: number] = [0, length],
): Uint8Array {
  const data = file.subarray(offset, offset + length);
  if (data.length < length) throw new Error('data is cut short');
  const array = file.subarray(offset - arrayLength(start, length), offset);
  if (array.length > 0 && crc(array) !== sum) throw new Error('an array of sums is damaged');
  const sums = new DataView(array.buffer, array.byteOffset, array.length);
  let piece = 0;
  for (let at = 0; at < length; piece++) {
    const end = Math.min(length, at + BLOCK - ((start + at) % BLOCK));
    const expected = array.length === 0 ? sum : sums.getUint32(4 * piece, true);
    const counts = at < to && end > from;
    if (counts && pieceSum(data.subarray(at, end)) !== expected)
      throw new Error('data does not match its sum');
    at = end;
  }
  return data;
}
