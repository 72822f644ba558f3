import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describeDuration,
  describeSize,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
} from '../../src/base/units.js';

describe('parseSize', () => {
  it.each([
    ['0', 0],
    ['4096', 4096],
    ['512B', 512],
    ['1K', 1024],
    ['1KiB', 1024],
    ['1Ki', 1024],
    ['1KB', 1000],
    ['1kb', 1000],
    ['64MiB', 64 * 1024 ** 2],
    ['10GiB', 10 * 1024 ** 3],
    ['10 GiB', 10 * 1024 ** 3],
    ['10GB', 10_000_000_000],
    ['1.5T', 1.5 * 1024 ** 4],
    ['0.5K', 512],
    ['1.0009765625K', 1025],
    ['7P', 7 * 1024 ** 5],
    ['9007199254740991', 9007199254740991],
  ])('reads %s as %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([
    '',
    '-1',
    '1.5',
    '1.3K',
    '1x',
    '1 0',
    '1iB',
    '1i',
    '0x10',
    '1e3',
    '1,5G',
    '9007199254740992',
    '8P',
    '1E',
    'NaN',
    '1KK',
    '.5K',
    '5.K',
  ])("refuses '%s' as usage", (text) => {
    expect(() => parseSize(text)).toThrowError(expect.objectContaining({ code: 'usage' }));
  });

  it('reads back exactly what formatSize wrote', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.maxSafeNat(),
          fc.nat(4095).chain((n) => fc.integer({ min: 0, max: 4 }).map((p) => n * 1024 ** p)),
        ),
        (bytes) => {
          expect(parseSize(formatSize(bytes))).toBe(bytes);
        },
      ),
    );
  });

  it('writes whole multiples with their unit', () => {
    expect(formatSize(64 * 1024 ** 2)).toBe('64MiB');
    expect(formatSize(4097)).toBe('4097');
    expect(formatSize(0)).toBe('0');
  });
});

describe('parseDuration', () => {
  const second = 1_000_000_000n;
  it.each([
    ['0', 0n],
    ['0s', 0n],
    ['90s', 90n * second],
    ['10m', 600n * second],
    ['1h30m', 5400n * second],
    ['1.5h', 5400n * second],
    ['1d', 86_400n * second],
    ['2w', 14n * 86_400n * second],
    ['250ms', second / 4n],
    ['1m500ms', 60n * second + second / 2n],
    ['7us', 7_000n],
    ['3ns', 3n],
    ['0.5us', 500n],
  ])('reads %s as %d ns', (text, duration) => {
    expect(parseDuration(text)).toBe(duration);
  });

  it.each(['', '5', '-1s', '1s1s', '1m1h', '1h 30m', '1.5ns', '1y', 'h', '1h30', '300000d'])(
    "refuses '%s' as usage",
    (text) => {
      expect(() => parseDuration(text)).toThrowError(expect.objectContaining({ code: 'usage' }));
    },
  );

  it('reads back exactly what formatDuration wrote', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (duration) => {
        expect(parseDuration(formatDuration(duration))).toBe(duration);
      }),
    );
  });

  it('writes the larger units first', () => {
    expect(formatDuration(5400n * second)).toBe('1h30m');
    expect(formatDuration(10n * 86_400n * second)).toBe('10d');
  });
});

describe('describing for people', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [1536 * 1024 ** 2, '1.50 GiB'],
    [100 * 1024, '100 KiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(describeSize(bytes)).toBe(text);
  });

  it.each([
    [0n, '0 s'],
    [1_500_000_000n, '1.50 s'],
    [9_000_000_000_000n, '2.50 h'],
    [-60_000_000_000n, '-1.00 m'],
    [86_400_000_000_000n * 1461n, '4.00 years'],
  ])('%d ns are %s', (duration, text) => {
    expect(describeDuration(duration)).toBe(text);
  });
});
