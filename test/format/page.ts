import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/*
 * A reader of structures that knows nothing but what the tables of anywhen-store(5) say. It shares no code with
 * the program, its CRC included.
 */

export interface Field {
  readonly offset: number;
  /** `u32`, `zero`, `journal` ... */
  readonly type: string;
  /** How many; undefined where the type has no brackets. */
  readonly count: number | undefined;
  readonly name: string;
  readonly meaning: string;
}

export interface Table {
  readonly title: string;
  readonly size: number;
  /** Whether more may follow: a text of any length. */
  readonly more: boolean;
  readonly fields: readonly Field[];
}

export type Value = number | bigint | string | Uint8Array | Values | readonly Value[];
export interface Values {
  readonly [name: string]: Value;
}

const TITLE = /^(.+): (\d+) bytes( and more)?$/;
const FIELD = /^ *(\d+|\.) {2}([a-z0-9]+)(?:\[(\d+)\])?(?: +([a-z0-9_]+)(?: +(.*))?)?$/;
const SIZES: Readonly<Record<string, number>> = { u8: 1, u16: 2, u32: 4, u64: 8, i64: 8, text: 2 };

/** The blocks of literal text on the page, as a terminal shows them. */
function blocks(): string[][] {
  const source = readFileSync(join(import.meta.dirname, '../../man/anywhen-store.5'), 'utf8');
  const literal = [...source.matchAll(/^\.EX\n(.*?)^\.EE$/gms)].map((match) => match[1] ?? '');
  return literal.map((text) => text.trimEnd().replaceAll('\\-', '-').replaceAll('\\e', '\\').split('\n'));
}

/** The tables of structures by title. */
export function readTables(): Map<string, Table> {
  const tables = new Map<string, Table>();
  for (const [first = '', head = '', ...rest] of blocks()) {
    const [, title, size, more] = TITLE.exec(first) ?? [];
    if (title === undefined || !head.startsWith('offset')) continue;
    let next = 0;
    const fields = rest.map((line) => {
      const [, offset, type = '', count, name = '', meaning = ''] = FIELD.exec(line) ?? [];
      if (offset === undefined) throw new Error(`${title}: cannot read the row '${line}'`);
      const spare = type === 'zero';
      const words = spare ? { name: '', meaning: `${name} ${meaning}`.trim() } : { name, meaning };
      const field = { type, count: count === undefined ? undefined : Number(count), ...words };
      const at = offset === '.' ? next : Number(offset);
      next = at + (SIZES[type] ?? 0);
      return { ...field, offset: at };
    });
    tables.set(title, { title, size: Number(size), more: more !== undefined, fields });
  }
  return tables;
}

/** The tables of numbers and their names, by title. */
export function readNames(): Map<string, Record<string, number>> {
  const names = new Map<string, Record<string, number>>();
  for (const [title = '', head = '', ...rest] of blocks()) {
    if (!head.startsWith('value')) continue;
    const rows = rest.map((line) => line.trim().split(/ +/));
    names.set(title, Object.fromEntries(rows.map(([value, name = '']) => [name, Number(value)])));
  }
  return names;
}

/** What stands under EXAMPLES: a question, and the number that answers it. */
export function readExamples(): (readonly [question: string, answer: number])[] {
  const lines = blocks().flat();
  return lines.flatMap((line) => {
    const match = /^((?:CRC|sum) of .*?) {2,}([0-9A-F]{8})$/.exec(line);
    return match === null ? [] : [[match[1] as string, Number.parseInt(match[2] as string, 16)] as const];
  });
}

export const tables = readTables();

export function tableOf(title: string): Table {
  const table = tables.get(title);
  if (table === undefined) throw new Error(`the page has no table '${title}'`);
  return table;
}

/** The bytes of one of a field. */
export function unitOf(type: string): number {
  return SIZES[type] ?? (['zero', 'byte', 'char'].includes(type) ? 1 : tableOf(type).size);
}

/** The bytes of a field; a text without brackets is as long as it says. */
export function lengthOf({ type, count }: Field): number {
  return type === 'text' ? (count ?? 2) : unitOf(type) * (count ?? 1);
}

/** The fields of a structure whose bytes begin at `at`; zeros are left out. */
export function decode(title: string, bytes: Uint8Array, at = 0): Values {
  const values: Record<string, Value> = {};
  let shift = 0;
  for (const field of tableOf(title).fields) {
    if (field.name === '') continue;
    const value = fieldAt(field, bytes, at + field.offset + shift);
    values[field.name] = value;
    // Behind a text without brackets everything stands later.
    if (field.type === 'text' && field.count === undefined && typeof value === 'string')
      shift += new TextEncoder().encode(value).length;
  }
  return values;
}

function fieldAt({ type, count }: Field, bytes: Uint8Array, at: number): Value {
  if (type === 'byte') return bytes.slice(at, at + (count ?? 1));
  if (type === 'char') return String.fromCharCode(...bytes.subarray(at, at + (count ?? 1)));
  if (type === 'text') return textAt(bytes, at);
  const one = (index: number) => unitAt(type, bytes, at + index * unitOf(type));
  return count === undefined ? one(0) : Array.from({ length: count }, (_, index) => one(index));
}

function textAt(bytes: Uint8Array, at: number): string {
  const length = unitAt('u16', bytes, at) as number;
  return new TextDecoder().decode(bytes.subarray(at + 2, at + 2 + length));
}

function unitAt(type: string, bytes: Uint8Array, at: number): Value {
  const size = SIZES[type];
  if (size === undefined) return decode(type, bytes, at);
  let value = 0n;
  for (let index = size - 1; index >= 0; index--) value = value * 256n + BigInt(bytes[at + index] as number);
  if (type === 'i64') return BigInt.asIntN(64, value);
  return Number(value);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ ((value & 1) === 1 ? 0x82f63b78 : 0);
  return value >>> 0;
});

/** CRC-32C. `initial`: the CRC of what stands before. */
export function crc(bytes: Uint8Array, initial = 0): number {
  let value = ~initial >>> 0;
  for (const byte of bytes) value = (value >>> 8) ^ (CRC_TABLE[(value ^ byte) & 255] as number);
  return ~value >>> 0;
}

/** The checksum that a structure should have, by what the page says of its field `crc`. */
export function expectedCrc(title: string, bytes: Uint8Array, uuid: Uint8Array, at = 0): number {
  const { size, fields } = tableOf(title);
  const meaning = fields.find((field) => field.name === 'crc')?.meaning ?? '';
  const [, kind, from, to] =
    /^(S?CRC) of (?:bytes (\d+) to (\d+)|the rest of the record)$/.exec(meaning) ?? [];
  if (kind === undefined) throw new Error(`${title}: the page does not say what its crc is of`);
  const end = to !== undefined ? Number(to) : (decode(title, bytes, at).length as number);
  if (to !== undefined && end !== size) throw new Error(`${title}: the crc ends at ${end}`);
  const checked = bytes.subarray(at + Number(from ?? 4), at + end);
  return kind === 'SCRC' ? crc(checked, crc(uuid)) : crc(checked);
}

/** The sum of a piece. */
export function pieceSum(piece: Uint8Array): number {
  const words = Math.ceil(piece.length / 8);
  const filled = new Uint8Array(words * 8);
  filled.set(piece);
  const lanes: number[][] = [[], [], []];
  for (let word = 0; word < words; word++) {
    lanes[word % 3]?.push(...filled.subarray(word * 8, word * 8 + 8));
  }
  const [c0, c1, c2] = lanes.map((lane) => BigInt(crc(Uint8Array.from(lane)))) as [bigint, bigint, bigint];
  return Number((c0 + 0x9e3779b1n * c1 + 0x85ebca77n * c2) % 2n ** 32n);
}

/** The sum of a block of the MIM. */
export function boundSum(block: number, bytes: Uint8Array): number {
  if (bytes.every((byte) => byte === 0)) return 0;
  const number = BigInt(block);
  const word = 2n ** 32n;
  const low = ((number % word) * 0x9e3779b1n) % word;
  const high = ((number / word + 1n) * 0x85ebca6bn) % word;
  return Number(BigInt(pieceSum(bytes)) ^ low ^ (high >> 7n) ^ high) || 1;
}
