import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AnywhenError, type ErrorCode } from '../../src/base/errors.js';
import { formatInstant } from '../../src/base/instant.js';
import { EXIT } from '../../src/cli/exit-codes.js';
import {
  contract,
  decodeError,
  encodeError,
  errorSchema,
  messageSchema,
  type OperationName,
  requestSchema,
} from '../../src/control/contract.js';
import { count, decodeFrom, duration, instant, orNull, parseCanonical } from '../../src/control/wire.js';

const moment = fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n });
const codes = Object.keys(EXIT) as ErrorCode[];

describe('the types of the wire', () => {
  it('carry an instant without losing a nanosecond', () => {
    fc.assert(
      fc.property(moment, (at) => {
        const text = z.encode(instant, at);
        expect(text).toBe(formatInstant(at));
        expect(z.decode(instant, text)).toBe(at);
        expect(parseCanonical(text)).toBe(at);
      }),
    );
  });

  it.each([
    '2024-01-01T00:00:00.000000000Z',
    '2024-01-01T00:00:00.5Z',
    '2024-02-30T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T00:00:60Z',
    '2024-01-01T00:00:00+00:00',
    '2024-01-01',
    '',
    1,
    null,
  ])('refuse an instant that is not canonical: %j', (value) => {
    expect(() => decodeFrom(instant, value, 'it')).toThrowError(expect.objectContaining({ code: 'usage' }));
  });

  it('carry a duration exactly', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (ns) => {
        expect(z.decode(duration, z.encode(duration, ns))).toBe(ns);
      }),
    );
    expect(() => decodeFrom(duration, '1x', 'it', 'io')).toThrowError(
      expect.objectContaining({ code: 'io' }),
    );
  });

  it('carry what is undefined as null, never as a missing field', () => {
    const schema = z.object({ a: orNull(count), b: orNull(instant) });
    expect(JSON.stringify(z.encode(schema, { a: undefined, b: 0n }))).toBe(
      '{"a":null,"b":"1970-01-01T00:00:00Z"}',
    );
    expect(z.decode(schema, { a: 1, b: null })).toEqual({ a: 1, b: undefined });
    expect(() => decodeFrom(schema, { a: 1 }, 'it')).toThrowError(/at 'b'/);
  });

  it.each([-1, 1.5, 2 ** 53, Number.NaN, '1', null])('refuse %j as a number of bytes', (value) => {
    expect(() => decodeFrom(count, value, 'it')).toThrowError(expect.objectContaining({ code: 'usage' }));
  });
});

describe('errors', () => {
  it('arrive as the same error, whatever they say', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...codes),
        fc.string(),
        fc.option(fc.string(), { nil: undefined }),
        fc.dictionary(fc.stringMatching(/^[a-z]\w*$/), fc.oneof(fc.string(), fc.integer(), fc.boolean())),
        (code, message, hint, data) => {
          const error = new AnywhenError(code, message, { data, ...(hint === undefined ? {} : { hint }) });
          const wire = JSON.parse(JSON.stringify(encodeError(error)));
          const back = decodeError(decodeFrom(errorSchema, wire, 'it', 'io'));
          expect(back).toBeInstanceOf(AnywhenError);
          expect([back.code, back.message, back.hint]).toEqual([code, message, hint]);
          expect({ ...back.data }).toEqual({ ...data });
        },
      ),
    );
  });

  it('that are faults of ours promise nothing', () => {
    expect(encodeError(new TypeError('x is not a function'))).toMatchObject({
      code: 'io',
      message: 'internal error: x is not a function',
    });
    expect(encodeError('thrown')).toMatchObject({ code: 'io' });
  });
});

describe('the contract', () => {
  it('refuses a request that is anything else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => decodeFrom(requestSchema, value, 'the request')).toThrowError(
          expect.objectContaining({ code: 'usage', message: expect.stringMatching(/^[^\n]+$/) }),
        );
      }),
    );
    for (const operation of ['__proto__', 'constructor', 'toString', 'Status', '', 7])
      expect(() => decodeFrom(requestSchema, { operation, arguments: {} }, 'it')).toThrowError(
        /unknown operation/,
      );
  });

  it.each(Object.keys(contract) as OperationName[])(
    'refuses arguments of %s that it does not know',
    (name) => {
      expect(() => decodeFrom(contract[name].arguments as z.ZodType, { surprise: 1 }, 'it')).toThrowError(
        expect.objectContaining({ code: 'usage' }),
      );
    },
  );

  it('refuses a message that is none', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => decodeFrom(messageSchema, value, 'it', 'io')).toThrowError(
          expect.objectContaining({ code: 'io' }),
        );
      }),
    );
  });
});
