import { Temporal } from 'temporal-polyfill';
import { AnywhenError } from '../base/errors.js';
import { formatInstant, type Instant } from '../base/instant.js';
import type { ResultOf } from '../control/contract.js';
import type { Target } from '../control/locate.js';
import { inexact } from '../control/operations.js';
import { parseTimeName } from '../namespace/time-name.js';
import type { OutputOptions } from './output.js';
import { type Clock, parsePhrase } from './phrase.js';

/** The longest text of a time that the protocol carries. */
const LONGEST = 256;
const HINT =
  '`anywhen points` lists the marks; a time looks like 2024-01-31T14:00, -2h, or `yesterday 17:00` in quotes.';

/**
 * The point that is shown at a time of the command line: every form of a time name, and phrases. What was
 * understood is told on stderr, unless it was written so.
 *
 * @param between what happens to a time that is no point: the older point is shown, or it is refused
 * @throws `usage` for a time that is ambiguous, impossible or in the future, `not-found` for one before the oldest
 * point and for a name that is neither a time nor a mark
 */
export async function timePoint(
  target: Target,
  text: string,
  flags: OutputOptions,
  between: 'older' | 'refuse' = 'older',
): Promise<ResultOf<'resolve'>> {
  const clock = () => target.call('clock', {});
  const resolution = await understood(text, clock, (at) => target.call('resolve', { at }));
  const { asked, at, exact } = resolution;
  if (!exact && between === 'refuse') throw inexact(text, resolution);
  const instead = exact ? '' : `; showing ${formatInstant(at)}, the newest point before it`;
  await tell(target, text, asked, instead, flags);
  return resolution;
}

/** A border of a range. */
export interface Border {
  /** Canonical. */
  readonly at: string;
  /** Tells what was understood. */
  tell(): Promise<void>;
}

/** The instant that a time of the command line means, whether or not it can be shown. @throws as `timePoint` */
export async function timeBorder(target: Target, text: string, flags: OutputOptions): Promise<Border> {
  const clock = () => target.call('clock', {});
  const { at } = await understood(text, clock, (name) => target.call('instant', { at: name }));
  return { at: formatInstant(at), tell: () => tell(target, text, at, '', flags) };
}

/**
 * Calls with the time name that the text means. A mark comes before a phrase: its owner chose the name.
 *
 * @param call throws `not-found` for a name that is neither a time nor a mark
 */
export async function understood<T>(
  text: string,
  clock: () => Promise<Clock>,
  call: (name: string) => Promise<T>,
): Promise<T> {
  const name = isoForm(text);
  if (name === '' || name.length > LONGEST)
    throw new AnywhenError('usage', `a time has from 1 to ${LONGEST} characters`);
  if (!mayBePhrase(name)) return call(name);
  try {
    return await call(name);
  } catch (error) {
    if (!(error instanceof AnywhenError) || error.code !== 'not-found') throw error;
    const tail = name.endsWith('~') ? '~' : '';
    const words = tail === '' ? name : name.slice(0, -1);
    const at = await parsePhrase(words, await clock());
    if (at === undefined) throw new AnywhenError('not-found', error.message, { cause: error, hint: HINT });
    return await call(formatInstant(at) + tail).catch((refusal: unknown) => {
      throw named(text, refusal);
    });
  }
}

/** RFC 3339 allows a space for the T, and small letters; names under the mount do not. */
function isoForm(text: string): string {
  const match = /^(\d{4}-?\d\d-?\d\d)(?: +|t)(\d\d[\d:.,]*)(?: ?(z|[+-]\d\d:?\d\d))?(~?)$/i.exec(text.trim());
  if (match === null) return text.trim();
  const [, date, time, offset = '', tail] = match;
  return `${date}T${time}${offset.toUpperCase()}${tail}`;
}

/** Whether the daemon would take it for the name of a mark. */
function mayBePhrase(name: string): boolean {
  try {
    return parseTimeName(name).name.kind === 'mark';
  } catch {
    return false;
  }
}

/** The same error, which begins with what the user wrote. */
function named(text: string, error: unknown): unknown {
  if (!(error instanceof AnywhenError)) return error;
  const { code, message, hint, data } = error;
  const details = { cause: error, data, ...(hint === undefined ? {} : { hint }) };
  return new AnywhenError(code, `${text}: ${message}`, details);
}

async function tell(
  target: Target,
  text: string,
  at: Instant,
  more: string,
  flags: OutputOptions,
): Promise<void> {
  const name = formatInstant(at);
  if (flags.quiet === true || (name === text && more === '')) return;
  const { zone } = await target.call('clock', {});
  const local = new Temporal.ZonedDateTime(at, zone);
  const there = local.offsetNanoseconds === 0 ? '' : ` (${local.toString({ timeZoneName: 'never' })})`;
  process.stderr.write(`anywhen: ${name === text ? name : `${text} is ${name}`}${there}${more}\n`);
}
