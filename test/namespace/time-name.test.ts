import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnywhenError } from '../../src/base/errors.js';
import { formatInstant } from '../../src/base/instant.js';
import { checkMarkName, nameOf, parseTimeName } from '../../src/namespace/time-name.js';

const refused = expect.objectContaining({ code: 'usage' });
const SECOND = 1_000_000_000n;
/** 0000-01-01 and 10000-01-01: the years that four digits can write. */
const FIRST = BigInt(Date.parse('0000-01-01T00:00:00Z')) * 1_000_000n;
const END = BigInt(Date.parse('+010000-01-01T00:00:00Z')) * 1_000_000n;

const instant = fc.oneof(
  fc.bigInt({ min: FIRST, max: END - 1n }),
  fc.bigInt({ min: FIRST / SECOND, max: END / SECOND - 1n }).map((seconds) => seconds * SECOND),
  fc.bigInt({ min: 1_600_000_000n * SECOND, max: 1_900_000_000n * SECOND }),
);

/** The instant that a text means, read in UTC. */
function at(text: string, zone = 'UTC'): bigint {
  const { name } = parseTimeName(text, zone);
  if (name.kind !== 'instant') throw new Error(`${text} was read as ${name.kind}`);
  return name.at;
}

/** The same by the platform's own parser; `fraction` in ns is added. */
const platform = (iso: string, fraction = 0n) => BigInt(Date.parse(iso)) * 1_000_000n + fraction;

describe('a canonical name', () => {
  it.each(['extended', 'basic'] as const)(
    'in %s style means its instant, and is the only one of it',
    (style) => {
      fc.assert(
        fc.property(instant, (moment) => {
          const text = nameOf(moment, style);
          const { name, toFlush } = parseTimeName(text, 'Asia/Kolkata');
          expect(name).toEqual({ kind: 'instant', at: moment, canonical: style });
          expect(toFlush).toBe(false);
          expect(text).toMatch(
            style === 'basic' ? /^\d{8}T\d{6}(\.\d{9})?Z$/ : /^\d{4}(-\d\d){2}T\d\d(:\d\d){2}(\.\d{9})?Z$/,
          );
        }),
      );
    },
  );

  it('sorts as its instant does, its Z aside', () => {
    fc.assert(
      fc.property(instant, instant, (one, other) => {
        for (const style of ['extended', 'basic'] as const) {
          const [x, y] = [nameOf(one, style).slice(0, -1), nameOf(other, style).slice(0, -1)];
          expect(x < y).toBe(one < other);
        }
      }),
    );
  });

  it.each([
    ['another offset of the same instant', '2024-01-01T00:00:00+00:00'],
    ['a fraction of zeros', '2024-01-01T00:00:00.000000000Z'],
    ['a fraction cut short', '2024-01-01T00:00:00.5Z'],
    ['no seconds', '2024-01-01T00:00Z'],
    ['a fraction after a comma', '20240101T000000,500000000Z'],
    ['the form of Samba', '@GMT-2024.01.01-00.00.00'],
  ])('is not given to %s', (_what, text) => {
    expect(parseTimeName(text, 'UTC').name).toMatchObject({ kind: 'instant', canonical: undefined });
  });
});

describe('a time name', () => {
  it('that is cut short means its first nanosecond', () => {
    expect(at('2024-03')).toBe(platform('2024-03-01T00:00:00Z'));
    expect(at('2024-03-05')).toBe(platform('2024-03-05T00:00:00Z'));
    expect(at('2024-03-05T14')).toBe(platform('2024-03-05T14:00:00Z'));
    expect(at('2024-03-05T14:07')).toBe(platform('2024-03-05T14:07:00Z'));
    expect(at('2024-03-05T14:07:09')).toBe(platform('2024-03-05T14:07:09Z'));
    expect(at('2024-03-05T14:07:09.5')).toBe(platform('2024-03-05T14:07:09Z', 500_000_000n));
    expect(at('2024-03-05T14:07:09,000000001Z')).toBe(platform('2024-03-05T14:07:09Z', 1n));
    expect(at('20240305')).toBe(platform('2024-03-05T00:00:00Z'));
    expect(at('20240305T14')).toBe(platform('2024-03-05T14:00:00Z'));
    expect(at('20240305T1407')).toBe(platform('2024-03-05T14:07:00Z'));
    expect(at('20240305T140709.25Z')).toBe(platform('2024-03-05T14:07:09Z', 250_000_000n));
  });

  it('means the same instant however its offset is written', () => {
    const moment = platform('2024-03-05T14:07:09Z');
    for (const text of [
      '2024-03-05T19:37:09+05:30',
      '2024-03-05T19:37:09+0530',
      '20240305T193709+05:30',
      '2024-03-05T06:07:09-08:00',
      '@GMT-2024.03.05-14.07.09',
      'GMT-2024.03.05-14.07.09',
    ]) {
      expect(at(text, 'America/New_York'), text).toBe(moment);
    }
  });

  it('without an offset is one of the zone', () => {
    expect(at('2024-07-01T12:00', 'Europe/Berlin')).toBe(platform('2024-07-01T10:00:00Z'));
    expect(at('2024-01-01T12:00', 'Europe/Berlin')).toBe(platform('2024-01-01T11:00:00Z'));
    expect(at('20240101', 'Asia/Kolkata')).toBe(platform('2023-12-31T18:30:00Z'));
  });

  it('that the clocks of the zone show twice is refused with both instants', () => {
    const act = () => parseTimeName('2024-10-27T02:30', 'Europe/Berlin');
    expect(act).toThrowError(refused);
    expect(act).toThrowError(/2024-10-27T00:30:00Z and 2024-10-27T01:30:00Z/);
    expect(at('2024-10-27T02:30+01:00', 'Europe/Berlin')).toBe(platform('2024-10-27T01:30:00Z'));
  });

  it('that the clocks of the zone skip is refused with what it could have been', () => {
    const act = () => parseTimeName('2024-03-31T02:30', 'Europe/Berlin');
    expect(act).toThrowError(refused);
    expect(act).toThrowError(/skip.*2024-03-31T00:30:00Z or 2024-03-31T01:30:00Z/);
  });

  it.each([
    '2024-02-30',
    '2023-02-29',
    '2024-13',
    '2024-00-01',
    '2024-01-00',
    '2024-01-01T24:00',
    '2024-01-01T00:60',
    '2024-01-01T00:00:60Z',
    '2016-12-31T23:59:60Z',
    '2024-01-01T00:00:00+25:00',
    '20240230T000000Z',
    '@GMT-2024.02.30-00.00.00',
    '0000-01-01T00:00+12:00',
    '9999-12-31T23:00-12:00',
  ])('that looks like a time but is none is refused by its own text: %s', (text) => {
    expect(() => parseTimeName(text, 'UTC')).toThrowError(refused);
    expect(() => parseTimeName(text, 'UTC')).toThrowError(`${text}: there is no such date or time`);
  });

  it('is an age when it begins with a minus and a digit', () => {
    const age = (text: string) => parseTimeName(text).name;
    expect(age('-90s')).toEqual({ kind: 'age', ns: 90n * SECOND });
    expect(age('-1h30m')).toEqual({ kind: 'age', ns: 5400n * SECOND });
    expect(age('-0')).toEqual({ kind: 'age', ns: 0n });
    for (const text of ['-2', '-2x', '-2m1h', '-1.5ns', '-99999999999w'])
      expect(() => age(text), text).toThrowError(refused);
    for (const text of ['-', '--2h', '-h', '+2h', '- 2h', '-2h 5m'])
      expect(age(text), text).toMatchObject({ kind: 'mark' });
  });

  it('is a word only when it is written so', () => {
    for (const word of ['latest', 'oldest', 'now'] as const)
      expect(parseTimeName(word).name).toEqual({ kind: 'word', word });
    for (const text of ['Latest', 'now ', 'NOW'])
      expect(parseTimeName(text).name).toEqual({ kind: 'mark', name: text });
  });

  it('with ~ asks for the last flush, whatever form it has', () => {
    for (const text of ['2024-01-01T00:00', '-2h', 'latest', 'before-upgrade', '20240101T000000Z']) {
      expect(parseTimeName(`${text}~`, 'UTC')).toEqual({ ...parseTimeName(text, 'UTC'), toFlush: true });
    }
  });

  it('is never a phrase: those are for the command line', () => {
    for (const text of ['yesterday 17:00', '2 hours ago', 'yesterday', '17:00', '2024-01-01 14:00'])
      expect(parseTimeName(text).name).toEqual({ kind: 'mark', name: text });
  });

  it('is understood or refused with one line, whatever it is', () => {
    const shaped = fc
      .tuple(
        fc.constantFrom('', '@', '-', '@GMT-', 'GMT-'),
        fc.string({ unit: fc.constantFrom(...'0123456789-:TZ.,+~ ') }),
      )
      .map(([head, tail]) => head + tail);
    fc.assert(
      fc.property(fc.oneof(fc.string(), shaped), (text) => {
        try {
          const { name } = parseTimeName(text, 'Europe/Berlin');
          if (name.kind === 'instant') {
            expect(at(formatInstant(name.at))).toBe(name.at);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(AnywhenError);
          expect(error).toMatchObject({ code: 'usage' });
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the name of a mark', () => {
  it.each(['before-upgrade', 'v1.2', '2024', 'größer', 'two words', 'a:b', 'a@b', '1', 'yesterday'])(
    'may be %s',
    (name) => checkMarkName(name),
  );

  it.each([
    '',
    'latest',
    'oldest',
    'now',
    '2024-01',
    '2024-01-01',
    '20240101',
    '2024-02-30',
    'GMT-2024.01.01-00.00.00',
    '-2h',
    '-x',
    '.',
    '..',
    '.hidden',
    '@x',
    'x~',
    'a/b',
    'a,b',
    'a\nb',
    'a\u0000b',
    'a\u007fb',
    'a\u0085b',
    'a\u2028b',
    'a\ud800b',
    ' a',
    'a ',
  ])('may not be %j', (name) => {
    expect(() => checkMarkName(name)).toThrowError(refused);
  });

  it('is read back as that mark, with or without ~', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        try {
          checkMarkName(name);
        } catch {
          return;
        }
        expect(parseTimeName(name)).toEqual({ name: { kind: 'mark', name }, toFlush: false });
        expect(parseTimeName(`${name}~`)).toEqual({ name: { kind: 'mark', name }, toFlush: true });
      }),
      { numRuns: 1000 },
    );
  });
});
