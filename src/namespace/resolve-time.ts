import { AnywhenError } from '../base/errors.js';
import { formatInstant, type Instant } from '../base/instant.js';
import type { Resolution } from '../volume/model.js';
import type { Volume } from '../volume/volume.js';
import { type ParsedTime, parseTimeName } from './time-name.js';

/**
 * The instant that a time name means on a volume, whether or not it can be shown.
 *
 * @throws `not-found` for a mark that does not exist, or `~` where nobody flushed; `usage`
 */
export function instantOf(volume: Volume, text: string): Instant {
  const parsed = parseTimeName(text);
  const at = nameInstant(volume, parsed);
  if (!parsed.toFlush) return at;
  const flushed = volume.lastFlush(at);
  if (flushed === undefined) {
    throw new AnywhenError('not-found', `no client flushed at or before ${formatInstant(at)}`);
  }
  return flushed;
}

export interface ResolvedTime extends Resolution {
  /** The instant that was asked for: `at`, unless that lies between two points. */
  readonly asked: Instant;
}

/** The point that is shown for a time name: the newest at or before it. @throws `not-found`, `usage` */
export function resolveTime(volume: Volume, text: string): ResolvedTime {
  const at = instantOf(volume, text);
  try {
    return { ...volume.resolve(at), asked: at };
  } catch (error) {
    if (!(error instanceof AnywhenError) || text === formatInstant(at)) throw error;
    const { code, message, hint, data } = error;
    throw new AnywhenError(code, `${text}: ${message}`, {
      cause: error,
      data,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

/** The instant that names the oldest point after `at`; undefined when there is none. */
export function nextPoint(volume: Volume, at: Instant): Instant | undefined {
  return volume.points({ from: at + 1n })[0]?.at;
}

function nameInstant(volume: Volume, { name }: ParsedTime): Instant {
  switch (name.kind) {
    case 'instant':
      return name.at;
    case 'age':
      return volume.now() - name.ns;
    case 'word': {
      if (name.word === 'now') return volume.now();
      const points = volume.points();
      const point = name.word === 'oldest' ? points[0] : points[points.length - 1];
      return point?.at ?? volume.now();
    }
    case 'mark': {
      const mark = volume.marks().find((one) => one.name === name.name);
      if (mark !== undefined) return mark.at;
      throw new AnywhenError('not-found', `${name.name} is neither a time nor a mark`, {
        hint: '`anywhen points` lists the marks; a time looks like 2024-01-31T14:00 or -2h.',
      });
    }
  }
}
