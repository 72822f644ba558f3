import { crc32c as known } from '@node-rs/crc32';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { crc32c } from '../../src/format/checksum.js';
import { sys } from '../../src/native.js';

it('is the CRC32C that everybody else computes, with the instruction and without', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(8), fc.nat(0xffff_ffff), (bytes, from, initial) => {
      // Not always at a multiple of eight in memory.
      const part = bytes.subarray(Math.min(from, bytes.length));
      const expected = known(Buffer.from(part), initial);
      expect(crc32c(part, initial)).toBe(expected);
      expect(sys().crc32c(part, initial, true)).toBe(expected);
    }),
  );
});

it('goes on from where another ended', () => {
  const bytes = Buffer.from('123456789');
  expect(crc32c(bytes)).toBe(0xe306_9283);
  expect(crc32c(bytes.subarray(4), crc32c(bytes.subarray(0, 4)))).toBe(0xe306_9283);
});
