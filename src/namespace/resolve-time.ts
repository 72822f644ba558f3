import { AnywhenError } from '../base/errors.js';
import { formatInstant, type Instant } from '../base/instant.js';
import type { Resolution } from '../volume/model.js';
import type { Volume } from '../volume/volume.js';
import { type ParsedTime, parseTimeName } from './time-name.js';

/** What a time name means on a volume: the point that will be shown. @throws `not-found`, `usage` */
export function resolveTime(volume: Volume, text: string): Resolution {
  const parsed = parseTimeName(text);
  const at = instantOf(volume, parsed);
  if (!parsed.toFlush) return volume.resolve(at);
  const flushed = volume.lastFlush(at);
  if (flushed === undefined) {
    throw new AnywhenError('not-found', `no client flushed at or before ${formatInstant(at)}`);
  }
  return volume.resolve(flushed);
}

function instantOf(volume: Volume, { name }: ParsedTime): Instant {
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
