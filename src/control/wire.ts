import { z } from 'zod';
import { AnywhenError, messageOf } from '../base/errors.js';
import { formatInstant, type Instant } from '../base/instant.js';
import { formatDuration, parseDuration } from '../base/units.js';

/**
 * The types that JSON lacks. Each schema decodes what came over the socket into the model's form and encodes
 * the model's form for the socket and for `--json`: one description for both ends.
 */

const CANONICAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{9}))?Z$/;

/** Reads a canonical name of an instant, as `formatInstant` writes it; undefined for anything else. */
export function parseCanonical(text: string): Instant | undefined {
  const match = CANONICAL.exec(text);
  if (match === null) return undefined;
  const milliseconds = Date.parse(`${text.slice(0, 19)}Z`);
  if (Number.isNaN(milliseconds)) return undefined;
  const instant = BigInt(milliseconds) * 1_000_000n + BigInt(match[1] ?? 0);
  // Excludes the second names of an instant: `.000000000Z`, February 30th, hour 24.
  return formatInstant(instant) === text ? instant : undefined;
}

/** An instant as its canonical name. */
export const instant = z.codec(z.string().regex(CANONICAL), z.bigint(), {
  decode: (text, context) => {
    const value = parseCanonical(text);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: 'not a canonical instant', input: text });
    return z.NEVER;
  },
  encode: formatInstant,
});

/** A duration, ns, as text such as `1h30m`. */
export const duration = z.codec(z.string().max(64), z.bigint(), {
  decode: (text, context) => {
    try {
      return parseDuration(text);
    } catch (error) {
      context.issues.push({ code: 'custom', message: messageOf(error), input: text });
      return z.NEVER;
    }
  },
  encode: formatDuration,
});

/** A number of bytes or of things. */
export const count = z.int().nonnegative();

/** What may be undefined in the model is null in JSON: a field is never missing. */
export function orNull<T extends z.ZodType>(inner: T) {
  return z.codec(z.nullable(inner), z.custom<z.output<T> | undefined>(), {
    decode: (value) => (value === null ? undefined : value) as z.output<T> | undefined,
    encode: (value) => (value === undefined ? null : value) as z.output<T> | null,
  });
}

/** Decodes what the other end sent; throws `code` with the first thing that is wrong. */
export function decodeFrom<T extends z.ZodType>(
  schema: T,
  value: unknown,
  what: string,
  code: 'usage' | 'io' = 'usage',
): z.output<T> {
  const result = z.safeDecode(schema, value as z.input<T>);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const place = issue === undefined || issue.path.length === 0 ? '' : ` at '${issue.path.join('.')}'`;
  throw new AnywhenError(code, `${what} is malformed${place}: ${issue?.message ?? 'unknown'}`);
}
