import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnywhenError } from '../../src/base/errors.js';
import { crc32c } from '../../src/format/checksum.js';
import * as layout from '../../src/format/layout.js';
import { pieceSums } from '../../src/format/pieces.js';
import {
  decodeSuperblock,
  encodeSuperblock,
  type Superblock,
  superblockIntact,
} from '../../src/format/superblock.js';
import {
  type CatalogEdit,
  decodeCatalogHeader,
  encodeCatalogHeader,
  encodeEdits,
  RECORD_HEAD,
} from '../../src/journal/catalog-format.js';
import {
  decodeDescriptor,
  encodeDescriptor,
  Flag,
  type ForwardDescriptor,
  Kind,
} from '../../src/journal/forward-descriptor.js';
import { checkForwardHeader, encodeForwardHeader } from '../../src/journal/forward-header.js';
import {
  decodeSegmentDescriptor,
  decodeSegmentHeader,
  encodeExtent,
  encodeMarker,
  encodeSegmentHeader,
  type SegmentExtent,
  SegmentKind,
  type SegmentMarker,
} from '../../src/journal/segment-format.js';
import { storeSeed } from '../../src/journal/store-meta.js';
import { blockSums } from '../../src/mirror/block-sum.js';
import { decodeSumsPage, encodeSumsPage, sumsPageFault } from '../../src/mirror/sums-page.js';
import { decodeMovePage, encodeMovePage } from '../../src/sync/move-record.js';
import {
  boundSum,
  crc,
  decode,
  expectedCrc,
  lengthOf,
  pieceSum,
  readExamples,
  readNames,
  tableOf,
  tables,
  type Value,
  type Values,
} from './page.js';

/*
 * anywhen-store(5) against the code: structures that the code wrote, from random contents, are decoded by the
 * tables of the page alone; and whatever the page calls reserved is refused by the code.
 */

const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const u64 = fc.maxSafeNat();
const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const uuid = fc.uint8Array({ minLength: 16, maxLength: 16 });
const border = fc.nat(2 ** 40).map((block) => block * 4096);
const region = fc.integer({ min: 1, max: 2 ** 40 }).map((block) => block * 4096);
const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });

const journal = fc.record({
  volumeId: fc.constant(0),
  portId: fc.constant(0),
  kind: fc.constant(0),
  descriptorOffset: u64,
  descriptorLength: region,
  dataOffset: border,
  dataLength: region,
  descriptorTail: u64,
  dataTail: u64,
  firstSequence: u64,
});
const copied = fc.record({
  segment: u32,
  moveCrc: u32,
  moveLength: u64,
  endSequence: u64,
  endStamp: i64,
  endSize: u64,
  endDescriptor: u64,
  endData: u64,
  endQuality: fc.nat(2),
});
const epochs = fc
  .array(
    fc.record({
      epoch: fc.integer({ min: 1, max: 1000 }),
      firstSequence: fc.integer({ min: 1, max: 2 ** 40 }),
    }),
    {
      maxLength: layout.MAX_EPOCHS,
    },
  )
  .map((steps) => {
    let last = { epoch: 0, firstSequence: 0 };
    return steps.map((step) => {
      last = { epoch: last.epoch + step.epoch, firstSequence: last.firstSequence + step.firstSequence };
      return last;
    });
  });
const superblock: fc.Arbitrary<Superblock> = fc.record({
  sequence: u64,
  uuid,
  historyUuid: uuid,
  createdAt: i64,
  mimSize: u64,
  mimSequence: u64,
  mimStamp: i64,
  mimQuality: fc.nat(2),
  mimName: name,
  catalogGeneration: u32,
  catalogLength: u64,
  copied: fc.option(copied, { nil: undefined }),
  journal,
  epochs,
});
const descriptor: fc.Arbitrary<ForwardDescriptor> = fc.record({
  kind: fc.constantFrom(...Object.values(Kind)),
  flags: u16,
  epoch: u32,
  pieces: u32,
  sequence: u64,
  position: u64,
  stamp: i64,
  start: u64,
  length: u64,
  dataPosition: u64,
  storedLength: u32,
  sum: u32,
  durable: u64,
  segment: u32,
  size: u64,
});
const segmentHeader = fc.record({
  uuid,
  historyUuid: uuid,
  segment: u32,
  direction: fc.constantFrom(1 as const, 2 as const, 3 as const),
  olderSequence: u64,
  olderStamp: i64,
  youngerSequence: u64,
  youngerStamp: i64,
  descriptors: u64,
  dataLength: u64,
});
const extent: fc.Arbitrary<SegmentExtent> = fc
  .record({
    originStart: fc.nat(2 ** 50),
    originLength: fc.integer({ min: 3, max: layout.MAX_SEGMENT_EXTENT }),
    pieces: u32,
    dataSegment: u32,
    offset: u64,
    sum: u32,
  })
  .map((origin) => ({
    ...origin,
    kind: SegmentKind.extent,
    start: origin.originStart + 1,
    length: origin.originLength - 2,
  }));
const zero = fc.record({
  kind: fc.constant(SegmentKind.zero),
  start: fc.nat(2 ** 50),
  length: fc.integer({ min: 1, max: 2 ** 50 }),
});
const NO_ORIGIN = { originStart: 0, originLength: 0, pieces: 0, dataSegment: 0, offset: 0, sum: 0 };
const marker: fc.Arbitrary<SegmentMarker> = fc.record({
  kind: fc.constant(SegmentKind.marker),
  sequence: u64,
  extents: u64,
  size: u64,
  quality: u32,
  at: i64,
  from: i64,
  to: i64,
});
const catalogHeader = fc.record({
  uuid,
  generation: u32,
  replacesGeneration: u32,
  replacesLength: u64,
  ownLength: u64,
});
const edits: Readonly<Record<string, fc.Arbitrary<CatalogEdit>>> = {
  'record of type 1, segment': fc.record({
    type: fc.constant('segment'),
    segment: u32,
    direction: u32,
    descriptors: u64,
    dataLength: u64,
  }),
  'record of type 2, segment-drop': fc.record({ type: fc.constant('segment-drop'), segment: u32 }),
  'record of type 3, snapshot': fc.record({
    type: fc.constant('snapshot'),
    sequence: u64,
    at: i64,
    from: i64,
    to: i64,
    quality: u32,
    size: u64,
    segment: u32,
    record: u64,
    extents: u64,
    bytes: u64,
    stored: u64,
  }),
  'record of type 4, snapshot-drop': fc.record({ type: fc.constant('snapshot-drop'), sequence: u64 }),
  'record of type 5, mark': fc.record({
    type: fc.constant('mark'),
    name,
    sequence: u64,
    at: i64,
    hold: fc.boolean(),
  }),
  'record of type 6, mark-drop': fc.record({ type: fc.constant('mark-drop'), sequence: u64 }),
  'record of type 7, policy': fc.record({ type: fc.constant('policy'), key: name, value: name }),
};

const seedOf = storeSeed;
const inBytes = (size: number, write: (view: DataView<ArrayBuffer>) => void): Uint8Array => {
  const bytes = new Uint8Array(size);
  write(new DataView(bytes.buffer));
  return bytes;
};
const extentBytes = (one: SegmentExtent, id: Uint8Array) =>
  inBytes(layout.SEGMENT_DESCRIPTOR_SIZE, (view) => encodeExtent(view, 0, one, INDEX, SEGMENT, seedOf(id)));
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** How the program writes and reads each structure that has a checksum of its own. */
interface Codec {
  readonly contents: fc.Arbitrary<object>;
  encode(contents: never, uuid: Uint8Array): Uint8Array;
  decode(bytes: Uint8Array, uuid: Uint8Array, contents: never): unknown;
}
const INDEX = 7;
const SEGMENT = 9;
const GENERATION = 3;
const OFFSET = 8192;
const PAGE = 2 ** 33 + 5;

const codecs: Readonly<Record<string, Codec>> = {
  'superblock copy': {
    contents: superblock,
    encode: (contents) => encodeSuperblock(contents),
    decode: (bytes) => (superblockIntact(bytes) ? decodeSuperblock(bytes) : 'not intact'),
  },
  'header of forward': {
    contents: fc.record({ uuid }),
    encode: (contents: { uuid: Uint8Array }) => encodeForwardHeader(contents.uuid),
    decode: (bytes, _uuid, contents: { uuid: Uint8Array }) => checkForwardHeader(bytes, contents.uuid),
  },
  descriptor: {
    contents: descriptor,
    encode: (contents, id) =>
      inBytes(layout.DESCRIPTOR_SIZE, (view) => encodeDescriptor(view, 0, contents, seedOf(id))),
    decode: (bytes, id, contents: ForwardDescriptor) =>
      decodeDescriptor(viewOf(bytes), 0, contents.position, seedOf(id)),
  },
  'header of catalog': {
    contents: catalogHeader,
    encode: (contents) => encodeCatalogHeader(contents),
    decode: (bytes) => decodeCatalogHeader(bytes),
  },
  'header of a segment': {
    contents: segmentHeader,
    encode: (contents) => encodeSegmentHeader(contents),
    decode: (bytes) => decodeSegmentHeader(bytes, 'it'),
  },
  'descriptor of kind 1, extent': {
    contents: extent,
    encode: (contents, id) => extentBytes(contents, id),
    decode: (bytes, id) => decodeSegmentDescriptor(viewOf(bytes), 0, INDEX, SEGMENT, seedOf(id)),
  },
  'descriptor of kind 2, zero': {
    contents: zero,
    encode: (contents: object, id) => extentBytes({ ...contents, ...NO_ORIGIN } as SegmentExtent, id),
    decode: (bytes, id) => decodeSegmentDescriptor(viewOf(bytes), 0, INDEX, SEGMENT, seedOf(id)),
  },
  'descriptor of kind 3, marker': {
    contents: marker,
    encode: (contents, id) =>
      inBytes(layout.SEGMENT_DESCRIPTOR_SIZE, (view) =>
        encodeMarker(view, 0, contents, INDEX, SEGMENT, seedOf(id)),
      ),
    decode: (bytes, id) => decodeSegmentDescriptor(viewOf(bytes), 0, INDEX, SEGMENT, seedOf(id)),
  },
  'page of sums': {
    contents: fc.record({
      sums: fc.array(u32, { minLength: 1016, maxLength: 1016 }),
    }),
    encode: (contents: { sums: number[] }, id) =>
      encodeSumsPage(PAGE, Uint32Array.from(contents.sums), seedOf(id)),
    decode: (bytes, id) =>
      sumsPageFault(bytes, PAGE, seedOf(id)) === 'version'
        ? 'unsupported'
        : decodeSumsPage(bytes, PAGE, seedOf(id)),
  },
};

const camel = (text: string) => text.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Fields of the page that say nothing of the contents: they follow from place and version, or count. */
const FRAME = new Set([
  'magic',
  'crc',
  'version',
  'features',
  'index',
  'ownSegment',
  'journals',
  'syncState',
  'storedLength',
]);

/** What the page found, in the words of the code. */
function inWordsOfCode(values: Values): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [camel(key), plain(value)]));
}

function plain(value: Value): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value instanceof Uint8Array) return value;
  return inWordsOfCode(value as Values);
}

/** Compares what the page found with what the code has, field by field; no field of either may be left over. */
function compare(found: Values, contents: object): void {
  const words = inWordsOfCode(found);
  const left = new Set(Object.keys(words).filter((key) => !FRAME.has(key)));
  for (const [key, value] of Object.entries(contents)) {
    expect(words[key], key).toEqual(value);
    left.delete(key);
  }
  expect([...left], 'fields that only the page knows').toEqual([]);
}

/** As the page lays a superblock out: one journal of four, epochs behind a count, zeros where nothing is copied. */
function superblockByPage(bytes: Uint8Array): Values {
  const {
    journal: journals,
    epochs: all,
    epoch_count: count,
    copied: event,
    ...rest
  } = decode('superblock copy', bytes);
  const state = rest.sync_state === 1 ? { copied: event as Values } : {};
  const used = (all as readonly Value[]).slice(0, count as number);
  return { ...rest, ...state, journal: (journals as readonly Value[])[0] as Value, epochs: used };
}

describe('a table of anywhen-store(5)', () => {
  it.each([...tables.keys()])('%s covers every byte once, up to its size', (title) => {
    const { fields, size } = tableOf(title);
    let next = 0;
    for (const field of fields) {
      expect(field.offset, field.name || field.type).toBe(next);
      next += lengthOf(field);
    }
    // Texts of any length are told as empty ones.
    expect(next).toBe(size);
  });

  it.each(Object.keys(codecs))('decodes what the code writes: %s', (title) => {
    const codec = codecs[title] as Codec;
    fc.assert(
      fc.property(codec.contents, uuid, (contents, id) => {
        const bytes = codec.encode(contents as never, id);
        expect(bytes.length).toBe(tableOf(title).size);
        const found = title === 'superblock copy' ? superblockByPage(bytes) : decode(title, bytes);
        const { page = PAGE, ...rest } = found;
        expect(page).toBe(PAGE);
        const { copied: event, ...plainContents } = contents as { copied?: object };
        compare(rest, event === undefined ? plainContents : contents);
        expect(found.version).toBe(1);
        expect(found.crc).toBe(expectedCrc(title, bytes, id));
        if ('originLength' in contents && 'stored_length' in found)
          expect(found.stored_length).toBe(contents.originLength);
        if (found.index !== undefined) expect([found.index, found.own_segment]).toEqual([INDEX, SEGMENT]);
      }),
      { numRuns: 60 },
    );
  });

  it.each(Object.keys(codecs))('tells what is reserved, and the code refuses another value: %s', (title) => {
    const codec = codecs[title] as Codec;
    const reserved = tableOf(title).fields.filter(({ type }) => type === 'zero');
    fc.assert(
      fc.property(codec.contents, uuid, fc.nat(), (contents, id, at) => {
        const bytes = codec.encode(contents as never, id);
        for (const field of reserved) {
          const place = field.offset + (at % lengthOf(field));
          expect(refusal(title, contents, id, place, 1), `${field.offset}`).toBe('unsupported');
        }
        expect(outcome(() => codec.decode(bytes, id, contents as never))).not.toBe('unsupported');
      }),
      { numRuns: 40 },
    );
  });

  it('tells of numbers that are always the same, and the code refuses others', () => {
    const [contents] = fc.sample(superblock, 1);
    const id = new Uint8Array(16);
    const { fields } = tableOf('superblock copy');
    const offset = (name: string) => fields.find((field) => field.name === name)?.offset ?? 0;
    const journals = tableOf('journal').fields.filter(({ meaning }) => meaning === '0');
    expect(journals.map((field) => field.name)).toEqual(['volume_id', 'port_id', 'kind']);
    for (const { offset: at } of journals) {
      expect(refusal('superblock copy', contents, id, offset('journal') + at, 1)).toBe('unsupported');
    }
    for (const name of ['version', 'features', 'sync_state', 'journals']) {
      expect(refusal('superblock copy', contents, id, offset(name), 2), name).toBe('unsupported');
    }
    const end = offset('mim_name') + 511;
    expect(refusal('superblock copy', { ...contents, mimName: 'm' }, id, end, 1)).toBe('unsupported');
  });

  it.each(Object.keys(edits))('decodes what the code writes: %s', (title) => {
    fc.assert(
      fc.property(edits[title] as fc.Arbitrary<CatalogEdit>, uuid, (edit, id) => {
        const bytes = encodeEdits([edit], GENERATION, OFFSET, seedOf(id));
        const head = decode('head of a record', bytes);
        expect(head).toMatchObject({
          length: bytes.length,
          generation: GENERATION,
          offset: OFFSET,
          version: 1,
        });
        expect(title).toContain(`type ${head.type}, ${edit.type}`);
        expect(head.crc).toBe(expectedCrc('head of a record', bytes, id));
        const found = decode(title, bytes, RECORD_HEAD);
        const { type: _, ...contents } = edit;
        compare(
          typeof found.hold === 'number' ? { ...found, hold: (found.hold === 1) as never } : found,
          contents,
        );
        const { size, more } = tableOf(title);
        const texts = Object.values(found).filter((value) => typeof value === 'string');
        const length = texts.reduce((sum, text) => sum + new TextEncoder().encode(text as string).length, 0);
        expect(bytes.length - RECORD_HEAD).toBe(more ? size + length : size);
      }),
      { numRuns: 60 },
    );
  });

  it('decodes a move record', () => {
    const { block, page } = { block: 'entry of a block', page: 'head of a page' };
    const one = { page: 2 ** 34 + 1, crcBefore: 0x11223344, crcAfter: 0x99aabbcc };
    const blocks = Uint32Array.of(3, 1015);
    const bytes = encodeMovePage({
      ...one,
      blocks,
      before: Uint32Array.of(1, 2),
      after: Uint32Array.of(3, 4),
    });
    compare(decode(page, bytes), { ...one, blocks: 2 });
    const size = tableOf(page).size;
    compare(decode(block, bytes, size), { block: 3, before: 1, after: 3 });
    compare(decode(block, bytes, size + tableOf(block).size), { block: 1015, before: 2, after: 4 });
    expect(bytes.length).toBe(size + 2 * tableOf(block).size);
    expect(decodeMovePage(bytes, 0).page).toBe(one.page);
  });
});

/** What the code says when a byte is another, under a right checksum. */
function refusal(title: string, contents: unknown, id: Uint8Array, place: number, byte: number): unknown {
  const codec = codecs[title] as Codec;
  const changed = codec.encode(contents as never, id).slice();
  changed[place] = byte;
  const crcAt = tableOf(title).fields.find((one) => one.name === 'crc')?.offset ?? 0;
  viewOf(changed).setUint32(crcAt, expectedCrc(title, changed, id), true);
  return outcome(() => codec.decode(changed, id, contents as never));
}

function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error instanceof AnywhenError ? error.code : error;
  }
}

describe('anywhen-store(5)', () => {
  it('names the kinds and flags of descriptors as the code does', () => {
    expect(readNames().get('kinds of descriptors')).toEqual(Kind);
    expect(readNames().get('flags of descriptors')).toEqual(Flag);
  });

  it('has tables as large as the code says', () => {
    const sizes = Object.fromEntries([...tables.values()].map(({ title, size }) => [title, size]));
    expect(sizes).toMatchObject({
      'superblock copy': layout.SUPERBLOCK_SIZE,
      'header of forward': layout.FORWARD_HEADER_SIZE,
      descriptor: layout.DESCRIPTOR_SIZE,
      'page of sums': layout.SUMS_PAGE_SIZE,
      'header of catalog': layout.CATALOG_HEADER_SIZE,
      'head of a record': RECORD_HEAD,
      'header of a segment': layout.SEGMENT_HEADER_SIZE,
      'descriptor of kind 1, extent': layout.SEGMENT_DESCRIPTOR_SIZE,
    });
  });

  it('has the magics of the code', () => {
    const magics = ['superblock copy', 'header of forward', 'header of catalog', 'header of a segment'].map(
      (title) => {
        const codec = codecs[title] as Codec;
        const [contents] = fc.sample(codec.contents, 1);
        const { magic } = decode(title, codec.encode(contents as never, new Uint8Array(16)));
        const meaning = tableOf(title).fields.find((field) => field.name === 'magic')?.meaning ?? '';
        const [, word = ''] = /^"([A-Z]+)", then (a|two) zero bytes?$/.exec(meaning) ?? [];
        return [magic, word.padEnd(8, '\0')];
      },
    );
    for (const [found, told] of magics) expect(found).toBe(told);
  });

  it('gives examples that the code agrees with, and the independent reader too', () => {
    const examples = readExamples();
    expect(examples.length).toBe(8);
    for (const [question, answer] of examples) {
      const { code, reader } = answerOf(question);
      expect(code, question).toBe(answer);
      expect(reader, question).toBe(answer);
    }
  });

  it('says how sums are computed, for any piece', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.nat(2 ** 40), (bytes, block) => {
        expect(pieceSum(bytes)).toBe(pieceSums(0, bytes)[0]);
        const whole = new Uint8Array(4096);
        whole.set(bytes);
        expect(boundSum(block, whole)).toBe(blockSums(block, whole)[0]);
      }),
      { numRuns: 60 },
    );
  });
});

/** `CRC of 31 32`, `sum of the piece 24*41`, `sum of block 5, 4096*01`. */
function answerOf(question: string): { code: number | undefined; reader: number } {
  const [, what, block, text = ''] =
    /^(CRC of|sum of the piece|sum of block (\d+),) (.*)$/.exec(question) ?? [];
  const bytes = Uint8Array.from(
    text.split(' ').flatMap((part) => {
      const [byte = '', count = '1'] = part.split('*').reverse();
      return Array.from({ length: Number(count) }, () => Number.parseInt(byte, 16));
    }),
  );
  if (what === 'CRC of') return { code: crc32c(bytes), reader: crc(bytes) };
  if (block === undefined) return { code: pieceSums(0, bytes)[0], reader: pieceSum(bytes) };
  return { code: blockSums(Number(block), bytes)[0], reader: boundSum(Number(block), bytes) };
}
