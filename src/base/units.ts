import { AnywhenError } from './errors.js';

/**
 * Sizes and durations as people write them. Whatever cannot be understood exactly is refused: a size that is
 * silently something else loses data.
 */

const LETTERS: readonly string[] = ['', 'K', 'M', 'G', 'T', 'P', 'E'];
const SIZE = /^(\d{1,20})(?:\.(\d{1,20}))?\s?([KMGTPE]?)(I?B?)$/i;

/**
 * A size in bytes: `4096`, `512B`, `64MiB`, `64M`, `1.5T` (powers of 1024), `10GB` (powers of 1000). Case does
 * not matter. Throws `usage` for anything else, for a fraction of a byte and for 2^53 bytes and more.
 */
export function parseSize(text: string): number {
  const match = SIZE.exec(text.trim());
  if (match === null) throw badSize(text, 'it is not a size');
  const [, whole = '', fraction = '', letter = '', suffix = ''] = match;
  const power = LETTERS.indexOf(letter.toUpperCase());
  const binary = suffix.toUpperCase() !== 'B';
  if (power === 0 && suffix.toUpperCase().startsWith('I')) throw badSize(text, 'it is not a size');
  const unit = (binary ? 1024n : 1000n) ** BigInt(power);
  const scaled = BigInt(whole + fraction) * unit;
  const divisor = 10n ** BigInt(fraction.length);
  if (scaled % divisor !== 0n) throw badSize(text, 'it is not a whole number of bytes');
  const bytes = scaled / divisor;
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER)) throw badSize(text, 'it is 2^53 bytes or more');
  return Number(bytes);
}

function badSize(text: string, why: string): AnywhenError {
  return new AnywhenError('usage', `size '${text}' is refused: ${why}`, {
    hint: 'write it as 4096, 64MiB, 1.5T (powers of 1024) or 10GB (powers of 1000)',
  });
}

/** The shortest text that `parseSize` reads back as exactly `bytes`: `64MiB`, `4097`. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let power = 0;
  while (value > 0 && value % 1024 === 0 && power < LETTERS.length - 1) {
    value /= 1024;
    power++;
  }
  return power === 0 ? `${value}` : `${value}${LETTERS[power]}iB`;
}

/** A size for reading, rounded to three digits: `1.50 GiB`. */
export function describeSize(bytes: number): string {
  let value = bytes;
  let power = 0;
  while (value >= 1024 && power < LETTERS.length - 1) {
    value /= 1024;
    power++;
  }
  return power === 0 ? `${Math.round(value)} B` : `${threeDigits(value)} ${LETTERS[power]}iB`;
}

/** Units of duration, ns, the largest first. */
const DURATIONS: readonly (readonly [unit: string, length: bigint])[] = [
  ['w', 604_800_000_000_000n],
  ['d', 86_400_000_000_000n],
  ['h', 3_600_000_000_000n],
  ['m', 60_000_000_000n],
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['us', 1_000n],
  ['ns', 1n],
];
const DURATION_PART = /(\d{1,20})(?:\.(\d{1,20}))?(w|d|h|ms|m|s|us|ns)/y;
/** About 292 years: what 64 bits hold. */
const DURATION_LIMIT = 2n ** 63n;

/**
 * A duration in ns: `90s`, `10m`, `1h30m`, `1.5h`, `1d`, `250ms`; the larger units first, each once; `0` too.
 * A day is 24 h. Throws `usage` for anything else, for a fraction of a ns and for 2^63 ns and more.
 */
export function parseDuration(text: string): bigint {
  const trimmed = text.trim();
  if (trimmed === '0') return 0n;
  if (trimmed === '') throw badDuration(text, 'it is empty');
  let total = 0n;
  let previous = -1;
  DURATION_PART.lastIndex = 0;
  while (DURATION_PART.lastIndex < trimmed.length) {
    const match = DURATION_PART.exec(trimmed);
    if (match === null) throw badDuration(text, 'it is not a duration');
    const [, whole = '', fraction = '', name = ''] = match;
    const index = DURATIONS.findIndex(([unit]) => unit === name);
    const length = DURATIONS[index]?.[1];
    if (length === undefined || index <= previous) throw badDuration(text, 'its units are not in order');
    previous = index;
    const scaled = BigInt(whole + fraction) * length;
    const divisor = 10n ** BigInt(fraction.length);
    if (scaled % divisor !== 0n) throw badDuration(text, 'it is not a whole number of nanoseconds');
    total += scaled / divisor;
  }
  if (total >= DURATION_LIMIT) throw badDuration(text, 'it is 2^63 nanoseconds or more');
  return total;
}

function badDuration(text: string, why: string): AnywhenError {
  return new AnywhenError('usage', `duration '${text}' is refused: ${why}`, {
    hint: 'write it as 90s, 10m, 1h30m or 1d',
  });
}

/** The text that `parseDuration` reads back as exactly `duration` ns (not negative): `1h30m`, `1s500ms`, `0s`. */
export function formatDuration(duration: bigint): string {
  if (duration === 0n) return '0s';
  let rest = duration;
  let text = '';
  for (const [unit, length] of DURATIONS) {
    // Weeks are understood but not written: 10 days read better than 1w3d.
    if (unit === 'w' || rest < length) continue;
    text += `${rest / length}${unit}`;
    rest %= length;
  }
  return text;
}

/** A duration in ns for reading, rounded to three digits: `2.50 h`. */
export function describeDuration(duration: bigint): string {
  const magnitude = duration < 0n ? -duration : duration;
  const sign = duration < 0n ? '-' : '';
  for (const [unit, length] of DURATIONS) {
    if (unit === 'w' || magnitude < length) continue;
    const value = Number(magnitude) / Number(length);
    if (unit === 'd' && value >= 730) return `${sign}${threeDigits(value / 365.25)} years`;
    return `${sign}${threeDigits(value)} ${unit}`;
  }
  return '0 s';
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
