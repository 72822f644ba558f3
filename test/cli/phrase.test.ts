import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnywhenError } from '../../src/base/errors.js';
import { formatInstant } from '../../src/base/instant.js';
import { parsePhrase } from '../../src/cli/phrase.js';

const instant = (iso: string) => BigInt(Date.parse(iso)) * 1_000_000n;
/** A Saturday, 08:40:12 in Berlin. */
const NOW = instant('2026-11-21T07:40:12.345Z') + 678_901n;

async function means(text: string, zone = 'UTC', now = NOW): Promise<string | undefined> {
  const at = await parsePhrase(text, { now, zone });
  return at === undefined ? undefined : formatInstant(at);
}

describe('a phrase', () => {
  it.each([
    ['2 hours ago', '2026-11-21T05:40:12.345000000Z'],
    ['5 minutes ago', '2026-11-21T07:35:12.345000000Z'],
    ['an hour ago', '2026-11-21T06:40:12.345000000Z'],
    ['1.5 hours ago', '2026-11-21T06:10:12.345000000Z'],
    ['2h ago', '2026-11-21T05:40:12.345000000Z'],
    ['one hour and 20 minutes ago', '2026-11-21T06:20:12.345000000Z'],
    ['2 days ago', '2026-11-19T07:40:12.345000000Z'],
    ['last week', '2026-11-14T07:40:12.345000000Z'],
    ['1 year ago', '2025-11-21T07:40:12.345000000Z'],
    ['in 2 hours', '2026-11-21T09:40:12.345000000Z'],
  ])('that counts from now keeps the time of day: %s', async (text, expected) => {
    expect(await means(text)).toBe(expected);
  });

  it.each([
    ['yesterday 17:00', '2026-11-20T16:00:00Z'],
    ['yesterday at 5pm', '2026-11-20T16:00:00Z'],
    ['yesterday at 17', '2026-11-20T16:00:00Z'],
    ['yesterday noon', '2026-11-20T11:00:00Z'],
    ['today 03:00', '2026-11-21T02:00:00Z'],
    ['03:00', '2026-11-21T02:00:00Z'],
    ['2 weeks ago at 10:00', '2026-11-07T09:00:00Z'],
    ['5 July 2026 at 17:30:15', '2026-07-05T15:30:15Z'],
    ['31.12.2025 10:00', '2025-12-31T09:00:00Z'],
    ['  yesterday 17:00 ', '2026-11-20T16:00:00Z'],
  ])('with a time of day is one of the zone: %s', async (text, expected) => {
    expect(await means(text, 'Europe/Berlin')).toBe(expected);
  });

  it.each([
    ['yesterday', '2026-11-20T00:00:00Z'],
    ['today', '2026-11-21T00:00:00Z'],
    ['tomorrow', '2026-11-22T00:00:00Z'],
    ['last friday', '2026-11-20T00:00:00Z'],
    ['31.12.2025', '2025-12-31T00:00:00Z'],
    ['5/5/2024', '2024-05-05T00:00:00Z'],
  ])('that names a day means its first nanosecond: %s', async (text, expected) => {
    expect(await means(text)).toBe(expected);
  });

  it.each([
    ['monday 9:00', '2026-11-16T09:00:00Z'],
    ['friday 9:00', '2026-11-20T09:00:00Z'],
    ['saturday 7:00', '2026-11-21T07:00:00Z'],
    ['saturday 9:00', '2026-11-14T09:00:00Z'],
    ['5 January', '2026-01-05T00:00:00Z'],
    ['24 December 18:00', '2025-12-24T18:00:00Z'],
  ])('that leaves the week or the year open means the past: %s', async (text, expected) => {
    expect(await means(text)).toBe(expected);
  });

  it('may say its offset, UTC or GMT', async () => {
    for (const zone of ['UTC', 'Asia/Kolkata']) {
      expect(await means('yesterday 17:00 +02:00', zone)).toBe('2026-11-20T15:00:00Z');
      expect(await means('20 November 2026 17:00 UTC', zone)).toBe('2026-11-20T17:00:00Z');
      expect(await means('20 November 2026 17:00 GMT', zone)).toBe('2026-11-20T17:00:00Z');
    }
  });

  it('counts true hours across a change of the clocks', async () => {
    const second = instant('2026-10-25T01:30:00Z');
    expect(await means('1 hour ago', 'Europe/Berlin', second)).toBe('2026-10-25T00:30:00Z');
    expect(await means('3 hours ago', 'Europe/Berlin', second)).toBe('2026-10-24T22:30:00Z');
    const spring = instant('2026-03-29T01:30:00Z');
    expect(await means('1 hour ago', 'Europe/Berlin', spring)).toBe('2026-03-29T00:30:00Z');
  });

  it.each([
    ['3/4/2026', /day and month/],
    ['3/4', /day and month/],
    ['3.4.2026 10:00', /day and month/],
    ['11-12-2025', /day and month/],
    ['yesterday at 5', /before or after noon/],
    ['5 days ago at 12', /before or after noon/],
    ['10:00 EST', /letters of a zone/],
    ['yesterday 10:00 cst', /letters of a zone/],
    ['from 9 to 10', /span of time/],
    ['yesterday evening', /no time of day/],
    ['25 October 2026 02:30', /twice, at 2026-10-25T00:30:00Z and 2026-10-25T01:30:00Z/],
    ['29 March 2026 02:30', /skip that time; it would be 2026-03-29T00:30:00Z or 2026-03-29T01:30:00Z/],
    ['99999 years ago', /no such date/],
  ])('that is ambiguous or impossible is refused in one line: %s', async (text, message) => {
    const refusal = expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) });
    await expect(means(text, 'Europe/Berlin')).rejects.toEqual(refusal);
    await expect(means(text, 'Europe/Berlin')).rejects.toThrowError(/^[^\n]+$/);
    await expect(means(text, 'Europe/Berlin')).rejects.toThrowError(text);
  });

  it.each([
    '',
    'before-upgrade',
    'may',
    'sun',
    'second',
    'monday',
    'friday-release',
    'v1.2',
    '12',
    'just before 9am',
    '2 hours ago and something',
    'yesterday 25:00',
    '25:00',
    '10 minutes before yesterday 17:00',
    'ago',
    'last',
  ])('is only what is understood whole: not %j', async (text) => {
    expect(await means(text)).toBeUndefined();
  });

  it('is an instant, nothing, or a refusal, whatever it is', async () => {
    const words = fc.constantFrom(
      ...'yesterday today last ago hours days 5 17:00 3/4 2026 at noon from to +02:00 UTC - , . May'.split(
        ' ',
      ),
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(words, { maxLength: 6 }).map((all) => all.join(' ')),
    );
    await fc.assert(
      fc.asyncProperty(text, async (phrase) => {
        try {
          const at = await parsePhrase(phrase, { now: NOW, zone: 'America/New_York' });
          expect(['bigint', 'undefined']).toContain(typeof at);
        } catch (error) {
          expect(error).toBeInstanceOf(AnywhenError);
          expect(error).toMatchObject({ code: 'usage' });
        }
      }),
      { numRuns: 500 },
    );
  });
});
