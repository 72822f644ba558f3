import { Temporal } from 'temporal-polyfill';
import { AnywhenError } from '../base/errors.js';
import { formatInstant, type Instant } from '../base/instant.js';
import { parseDuration } from '../base/units.js';

/** What a time name says, before anybody looks at a volume. */
export type TimeName =
  /** `canonical`: it is the canonical name of that instant, byte for byte, in one of the two styles. */
  | { readonly kind: 'instant'; readonly at: Instant; readonly canonical: NameStyle | undefined }
  | { readonly kind: 'age'; readonly ns: bigint }
  | { readonly kind: 'word'; readonly word: 'latest' | 'oldest' | 'now' }
  | { readonly kind: 'mark'; readonly name: string };

export interface ParsedTime {
  readonly name: TimeName;
  /** A trailing `~`: down to the last instant that a client considered durable. */
  readonly toFlush: boolean;
}

/** How a mount writes canonical names: RFC 3339, or ISO 8601 basic, which has no colons. */
export type NameStyle = 'extended' | 'basic';

const ISO =
  /^(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d\d:?\d\d)?)?)?$/;
const BASIC = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(?:(\d\d)(?:(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d\d:?\d\d)?)?$/;
const SAMBA = /^@?GMT-(\d{4})\.(\d\d)\.(\d\d)-(\d\d)\.(\d\d)\.(\d\d)$/;
const AGE = /^-(?=\d)(\S+)$/;

/** The years that a canonical name can write, as instants: `[0000, 10000)`. */
const FIRST = -62_167_219_200n * 1_000_000_000n;
const END = 253_402_300_800n * 1_000_000_000n;

/** The canonical name of an instant in a style: `2024-01-01T00:00:00Z`, `20240101T000000Z`. */
export function nameOf(at: Instant, style: NameStyle): string {
  const name = formatInstant(at);
  return style === 'extended' ? name : name.replace(/[-:]/g, '');
}

/** The zone of a time that names none. */
export function localZone(): string {
  return Temporal.Now.timeZoneId();
}

/**
 * Parses every form of a time name: RFC 3339 and ISO basic, cut short after any part from the month (basic: the
 * day) on, ages, `latest`, `oldest`, `now`, Samba's form, the name of a mark. A time without a zone is one of
 * `zone`.
 *
 * @throws `usage` for a date that does not exist, or a local time that a change of the clocks makes ambiguous or
 * skips
 */
export function parseTimeName(text: string, zone = localZone()): ParsedTime {
  const toFlush = text.endsWith('~');
  return { name: parseName(toFlush ? text.slice(0, -1) : text, zone), toFlush };
}

function parseName(text: string, zone: string): TimeName {
  if (text === 'latest' || text === 'oldest' || text === 'now') return { kind: 'word', word: text };
  const age = AGE.exec(text);
  if (age !== null) return { kind: 'age', ns: parseDuration(age[1] as string) };
  const samba = SAMBA.exec(text);
  if (samba !== null) {
    const at = instantOf([...samba.slice(1), undefined, 'Z'], zone, text);
    return { kind: 'instant', at, canonical: undefined };
  }
  const match = ISO.exec(text) ?? BASIC.exec(text);
  if (match === null) return { kind: 'mark', name: text };
  const at = instantOf(match.slice(1), zone, text);
  const canonical = (['extended', 'basic'] as const).find((style) => nameOf(at, style) === text);
  return { kind: 'instant', at, canonical };
}

function instantOf(parts: readonly (string | undefined)[], zone: string, text: string): Instant {
  const [year, month, day = '01', hour = '00', minute = '00', second = '00', fraction = '', offset] = parts;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(9, '0')}`;
  // A leap second has no name of its own in the count of the kernel; Temporal would read it as the one before.
  if (second === '60') throw noSuchTime(text);
  let plain: Temporal.PlainDateTime;
  try {
    plain = Temporal.PlainDateTime.from(local);
  } catch (cause) {
    throw noSuchTime(text, cause);
  }
  if (offset === undefined) return localInstant(plain, zone, text);
  try {
    return inYears(Temporal.Instant.from(`${local}${offset}`).epochNanoseconds, text);
  } catch (cause) {
    throw noSuchTime(text, cause);
  }
}

/**
 * The instant of a local time.
 *
 * @param text what the user wrote, for the message
 * @throws `usage` when the clocks of the zone show that time twice or never; the message names both neighbours
 */
export function localInstant(plain: Temporal.PlainDateTime, zone: string, text: string): Instant {
  const early = plain.toZonedDateTime(zone, { disambiguation: 'earlier' });
  const late = plain.toZonedDateTime(zone, { disambiguation: 'later' });
  if (early.epochNanoseconds === late.epochNanoseconds) return inYears(early.epochNanoseconds, text);
  const both = `${formatInstant(early.epochNanoseconds)} and ${formatInstant(late.epochNanoseconds)}`;
  const twice = early.toPlainDateTime().equals(plain);
  throw new AnywhenError(
    'usage',
    twice
      ? `${text} is not one instant: the clocks of ${zone} show that time twice, at ${both}`
      : `${text}: the clocks of ${zone} skip that time; it would be ${both.replace(' and ', ' or ')}`,
    { hint: 'Give the time with Z or an offset.' },
  );
}

function inYears(at: Instant, text: string): Instant {
  if (at < FIRST || at >= END) throw noSuchTime(text);
  return at;
}

function noSuchTime(text: string, cause?: unknown): AnywhenError {
  return new AnywhenError('usage', `${text}: there is no such date or time`, { cause });
}

/** @throws `usage` unless a mark may be named so */
export function checkMarkName(name: string): void {
  const refuse = (why: string) => {
    throw new AnywhenError('usage', `a mark cannot be named ${JSON.stringify(name)}: ${why}`);
  };
  if (name === '') refuse('a name has at least one character');
  // A line that is broken inside a name would break what is printed, and the protocol of the socket.
  if (/[/,\p{Cc}\p{Cs}\u2028\u2029]/u.test(name))
    refuse('slashes, commas and control characters are not allowed');
  if (/^[-.@]/.test(name) || name.endsWith('~')) refuse('it may not begin with - . @ or end with ~');
  if (name.trim() !== name) refuse('it may not begin or end with a space');
  let parsed: TimeName['kind'] | undefined;
  try {
    parsed = parseTimeName(name).name.kind;
  } catch {
    parsed = 'instant';
  }
  if (parsed !== 'mark') refuse('it would be read as a time');
}
