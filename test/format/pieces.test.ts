import { crc32c } from '@node-rs/crc32';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstBadPiece, pieceSums } from '../../src/format/pieces.js';
import { sys } from '../../src/native.js';
import { sealedBlock } from '../support/model.js';

/** The sum as the format tells it, with the CRC32C of a library over lanes that are really taken apart. */
function plainSum(piece: Uint8Array): number {
  const words = Buffer.alloc(Math.ceil(piece.length / 8) * 8);
  words.set(piece);
  const lanes: Buffer[][] = [[], [], []];
  for (let at = 0; at < words.length; at += 8) lanes[(at / 8) % 3]?.push(words.subarray(at, at + 8));
  const [first = 0, second = 0, third = 0] = lanes.map((lane) => crc32c(Buffer.concat(lane)));
  return (first + Math.imul(second, 0x9e37_79b1) + Math.imul(third, 0x85eb_ca77)) >>> 0;
}

function plainSums(start: number, data: Uint8Array): number[] {
  const sums: number[] = [];
  for (let at = 0; at < data.length; ) {
    const stop = Math.min(data.length, at + 4096 - ((start + at) % 4096));
    sums.push(plainSum(data.subarray(at, stop)));
    at = stop;
  }
  return sums;
}

const data = fc.uint8Array({ minLength: 0, maxLength: 20_000, size: 'max' });

test('sums are those of the format, with the instruction and without, at any place', () => {
  fc.assert(
    fc.property(fc.nat(10_000), data, (start, bytes) => {
      const expected = plainSums(start, bytes);
      expect([...pieceSums(start, bytes)]).toEqual(expected);
      const portable = new Uint32Array(expected.length);
      sys().pieceSums(bytes, start, portable, true);
      expect([...portable]).toEqual(expected);
    }),
  );
});

test('one changed bit is found, in the piece where it is', () => {
  fc.assert(
    fc.property(fc.nat(10_000), data, fc.nat(), fc.nat(7), (start, bytes, place, bit) => {
      fc.pre(bytes.length > 0);
      const sums = pieceSums(start, bytes);
      expect(firstBadPiece(start, bytes, sums, 0)).toBe(-1);
      const at = place % bytes.length;
      bytes[at] = (bytes[at] as number) ^ (1 << bit);
      const piece = Math.floor((start + at) / 4096) - Math.floor(start / 4096);
      expect(firstBadPiece(start, bytes, sums, 0)).toBe(piece);
    }),
  );
});

test('blocks that end in their own CRC32C are told apart', () => {
  const blocks = Array.from({ length: 255 }, (_, at) => sealedBlock(at + 1));
  expect(new Set(blocks.map((block) => crc32c(block))).size, 'by their CRC32C').toBe(1);
  expect(new Set(blocks.map((block) => pieceSums(0, block)[0])).size, 'by their sums').toBe(255);
});

test('an array that is too short is refused', () => {
  expect(() => sys().pieceSums(new Uint8Array(4097), 0, new Uint32Array(1), false)).toThrow(RangeError);
});
