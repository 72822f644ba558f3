import { Temporal } from 'temporal-polyfill';
import { AnywhenError } from '../base/errors.js';
import { formatInstant, type Instant } from '../base/instant.js';
import { parseDuration } from '../base/units.js';

/** What a time name says, before anybody looks at a volume. */
export type TimeName =
  /** `canonical`: it is the canonical name of that instant, byte for byte. */
  | { readonly kind: 'instant'; readonly at: Instant; readonly canonical: boolean }
  | { readonly kind: 'age'; readonly ns: bigint }
  | { readonly kind: 'word'; readonly word: 'latest' | 'oldest' | 'now' }
  | { readonly kind: 'mark'; readonly name: string };

export interface ParsedTime {
  readonly name: TimeName;
  /** A trailing `~`: down to the last instant that a client considered durable. */
  readonly toFlush: boolean;
}

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d\d:?\d\d)?)?$/;
const BASIC = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(?:[.,]?(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/;
const SAMBA = /^@?GMT-(\d{4})\.(\d\d)\.(\d\d)-(\d\d)\.(\d\d)\.(\d\d)$/;
const AGE = /^-(?=\d)(.+)$/;

/**
 * Parses every form of a time name: RFC 3339 cut short anywhere, ISO basic, ages, `latest`, `oldest`, `now`,
 * Samba's form, the name of a mark. A time without a zone is one of `zone`.
 *
 * @throws `usage` for a date that does not exist, or a local time that a change of the clocks makes ambiguous
 */
export function parseTimeName(text: string, zone = Temporal.Now.timeZoneId()): ParsedTime {
  const toFlush = text.endsWith('~');
  return { name: parseName(toFlush ? text.slice(0, -1) : text, zone), toFlush };
}

function parseName(text: string, zone: string): TimeName {
  if (text === 'latest' || text === 'oldest' || text === 'now') return { kind: 'word', word: text };
  const age = AGE.exec(text);
  if (age !== null) return { kind: 'age', ns: parseDuration(age[1] as string) };
  const samba = SAMBA.exec(text);
  if (samba !== null)
    return {
      kind: 'instant',
      at: instantOf([...samba.slice(1), undefined, 'Z'], zone, text),
      canonical: false,
    };
  const match = ISO.exec(text) ?? BASIC.exec(text);
  if (match === null) return { kind: 'mark', name: text };
  const at = instantOf(match.slice(1), zone, text);
  return { kind: 'instant', at, canonical: formatInstant(at) === text };
}

function instantOf(parts: readonly (string | undefined)[], zone: string, text: string): Instant {
  const [year, month, day, hour = '00', minute = '00', second = '00', fraction = '', offset] = parts;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(9, '0')}`;
  try {
    if (offset !== undefined) return Temporal.Instant.from(`${local}${offset}`).epochNanoseconds;
    const plain = Temporal.PlainDateTime.from(local);
    const early = plain.toZonedDateTime(zone, { disambiguation: 'earlier' });
    const late = plain.toZonedDateTime(zone, { disambiguation: 'later' });
    if (early.epochNanoseconds === late.epochNanoseconds) return early.epochNanoseconds;
    const both = `${formatInstant(early.epochNanoseconds)} and ${formatInstant(late.epochNanoseconds)}`;
    throw new AnywhenError('usage', `${text} is not one instant in ${zone}: it could be ${both}`, {
      hint: 'Give the time with Z or an offset.',
    });
  } catch (cause) {
    if (cause instanceof AnywhenError) throw cause;
    throw new AnywhenError('usage', `${text}: there is no such date or time`, { cause });
  }
}

/** @throws `usage` unless a mark may be named so */
export function checkMarkName(name: string): void {
  const refuse = (why: string) => {
    throw new AnywhenError('usage', `a mark cannot be named ${JSON.stringify(name)}: ${why}`);
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is refused
  if (/[/,\u0000-\u001f\u007f]/.test(name)) refuse('slashes, commas and control characters are not allowed');
  if (/^[-.@]/.test(name) || name.endsWith('~')) refuse('it may not begin with - . @ or end with ~');
  let parsed: TimeName['kind'] | undefined;
  try {
    parsed = parseTimeName(name).name.kind;
  } catch {
    parsed = 'instant';
  }
  if (parsed !== 'mark' || name.length === 0) refuse('it would be read as a time');
}
