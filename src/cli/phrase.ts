import type { ParsedResult } from 'chrono-node/en';
import { Temporal } from 'temporal-polyfill';
import { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { localInstant } from '../namespace/time-name.js';

/** What a phrase is understood by. */
export interface Clock {
  readonly now: Instant;
  /** The zone of a time that names none. */
  readonly zone: string;
}

/** Without a number or one of these words, a text is rather the name of a mark: `may`, `sun`, `second`. */
const TELLING = /\d|\b(yesterday|today|tomorrow|ago|last|noon|midnight)\b/i;
const VAGUE = /^casualReference\/(morning|afternoon|evening|night|tonight)$/;
/** `3/4`, `3/4/2024`, `3.4.2024`, `3-4-2024`: day or month first? */
const NUMERIC = /(?<![\d.:/-])(\d{1,2})(?:\/(\d{1,2})(?:\/\d{2,4})?|([.-])(\d{1,2})\3\d{2,4})(?![\d:])/;
/** `CST` is a zone of America, of China and of Cuba. UTC and GMT are not meant. */
const ZONE_LETTERS = /\b(?!GMT$)[A-Z]{1,4}T$/i;
/** A bare number for an hour: in the morning, or in the afternoon? */
const BARE_HOUR = /(?:^|\s)(1[0-2]|[1-9])$/;

/**
 * The instant that a phrase such as `yesterday 17:00` or `2 hours ago` means; undefined when it is no phrase.
 * What leaves something open is refused rather than guessed, since a restore may follow. Only whole phrases count:
 * of `just before 9am` nothing is understood.
 *
 * @throws `usage` when the phrase is ambiguous
 */
export async function parsePhrase(text: string, clock: Clock): Promise<Instant | undefined> {
  const phrase = text.trim();
  if (!TELLING.test(phrase)) return undefined;
  // 3 MB that no other command needs.
  const { parse } = await import('chrono-node/en');
  const now = Temporal.Instant.fromEpochMilliseconds(Number(clock.now / 1_000_000n)).toZonedDateTimeISO(
    clock.zone,
  );
  const reference = { instant: new Date(now.epochMilliseconds), timezone: now.offsetNanoseconds / 60e9 };
  const [found, more] = parse(phrase, reference);
  if (found === undefined || more !== undefined || found.index !== 0 || found.text.length !== phrase.length)
    return undefined;
  refuseAmbiguous(phrase, found);
  return instantOf(phrase, found, now, clock.zone);
}

function refuseAmbiguous(phrase: string, found: ParsedResult): void {
  const { start, end } = found;
  const refuse = (why: string, hint: string) => {
    throw new AnywhenError('usage', `${phrase}: ${why}`, { hint });
  };
  const [, one, slashed, , dotted] = NUMERIC.exec(phrase) ?? [];
  const other = slashed ?? dotted;
  if (one !== undefined && other !== undefined && Number(one) <= 12 && Number(other) <= 12 && one !== other)
    refuse(`day and month could be either way round: is ${one} the day?`, 'Write the date as 2024-01-31.');
  if (end) refuse('that is a span of time, not an instant', 'Name one end of it.');
  if (start.isCertain('timezoneOffset') && ZONE_LETTERS.test(phrase))
    refuse('the letters of a zone have more than one meaning', 'Write the offset, as in 17:00 +01:00.');
  const bare = BARE_HOUR.exec(phrase)?.[1];
  if (start.isCertain('hour') && !start.isCertain('meridiem') && bare !== undefined)
    refuse('that hour could be before or after noon', `Write ${bare}am or ${bare}pm, or the time as 17:00.`);
  const vague = !start.isCertain('hour') && [...found.tags()].some((tag) => VAGUE.test(tag));
  if (vague) refuse('that is no time of day', 'Add the time, as in `yesterday 17:00`.');
}

function instantOf(phrase: string, found: ParsedResult, now: Temporal.ZonedDateTime, zone: string): Instant {
  const { start } = found;
  const relative = found.tags().has('result/relativeDate');
  const wholeDay = !relative && !start.isCertain('hour');
  if (wholeDay && !start.isCertain('day') && !start.isCertain('weekday')) {
    throw new AnywhenError('usage', `${phrase}: that names no day`, {
      hint: 'Write the date as 2024-01-31.',
    });
  }
  const plain = plainOf(start, wholeDay);
  const at = (when: Temporal.PlainDateTime) => {
    if (!start.isCertain('timezoneOffset')) return localInstant(when, zone, phrase);
    const offset = BigInt(start.get('timezoneOffset') ?? 0) * 60_000_000_000n;
    return when.toZonedDateTime('UTC').epochNanoseconds - offset;
  };
  const instant = at(plain);
  if (relative || instant <= now.epochNanoseconds) return instant;
  // The past is meant: `monday 9:00` was, `5 January` was.
  if (start.isCertain('day')) return start.isCertain('year') ? instant : at(plain.subtract({ years: 1 }));
  return start.isCertain('weekday') ? at(plain.subtract({ days: 7 })) : instant;
}

/** `wholeDay`: its first nanosecond, as of a date that is cut short. */
function plainOf(start: ParsedResult['start'], wholeDay: boolean): Temporal.PlainDateTime {
  const part = (name: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'millisecond') =>
    start.get(name) ?? 0;
  const date = { year: part('year'), month: part('month'), day: part('day') };
  if (wholeDay) return Temporal.PlainDateTime.from(date, { overflow: 'reject' });
  const time = { hour: part('hour'), minute: part('minute'), second: part('second') };
  return Temporal.PlainDateTime.from(
    { ...date, ...time, millisecond: part('millisecond') },
    { overflow: 'reject' },
  );
}
