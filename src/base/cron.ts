import { Cron } from 'croner';
import { AnywhenError, messageOf } from './errors.js';

/** No times of day. */
export const NEVER = 'never';

/** What a policy can hold. */
const LONGEST = 256;

function parse(line: string, zone: string): Cron {
  // Fixed times that the clocks skip are run behind the gap, and those that they show twice are run once.
  return new Cron(line, { mode: '5-part', paused: true, timezone: zone, fixedTimeRule: 'no-wildcard' });
}

function linesOf(times: string): string[] {
  return times === NEVER ? [] : times.split(';');
}

/** Times of day as a person writes them, in the form that is kept. @throws `usage` */
export function normalTimes(text: string): string {
  const times = text
    .split(';')
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .join(';');
  checkTimes(times);
  return times;
}

/** @throws `usage` if these are not cron lines, or if one of them never comes */
export function checkTimes(times: string): void {
  if (times.length > LONGEST) throw new AnywhenError('usage', `times of day: at most ${LONGEST} characters`);
  for (const line of linesOf(times)) {
    const hint = 'Five fields as in cron: minute, hour, day of the month, month, day of the week.';
    // An instant, which is no pattern, would be understood as well.
    if (!/^(@\w+|[^ ]+( [^ ]+){4})$/.test(line)) {
      throw new AnywhenError('usage', `times of day: '${line}' is not a cron line`, { hint });
    }
    try {
      if (parse(line, 'UTC').nextRun(new Date()) !== null) continue;
    } catch (cause) {
      throw new AnywhenError('usage', `times of day: '${line}': ${messageOf(cause)}`, { hint, cause });
    }
    throw new AnywhenError('usage', `times of day: '${line}' never comes`);
  }
}

/**
 * The first of these times of day after an instant, both in ms since the epoch; undefined when there is none.
 * A time without a wildcard that a DST change skips comes when the gap ends; one that it repeats comes once. What
 * has a wildcard in its minute or hour follows the time that passes.
 */
export function nextTime(times: string, after: number, zone: string): number | undefined {
  const next = linesOf(times).map((line) => parse(line, zone).nextRun(new Date(after))?.getTime());
  const known = next.filter((at) => at !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
