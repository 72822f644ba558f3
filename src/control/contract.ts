import { z } from 'zod';
import { AnywhenError, type ErrorCode, messageOf } from '../base/errors.js';
import {
  activitySchema,
  changedRangeSchema,
  comparedSchema,
  markSchema,
  nextSyncSchema,
  pointSchema,
  policySchema,
  resolutionSchema,
  restoreReportSchema,
  statusSchema,
  syncReportSchema,
  thinReportSchema,
} from './model-schema.js';
import { count, instant, orNull } from './wire.js';

/**
 * The control protocol, version 1: what the daemon of a mounted volume can be asked over its socket. Both ends
 * and the CLI without a daemon use these schemas.
 *
 * On the wire each message is one line of JSON of at most 1 MiB. The server speaks first (hello). A client
 * sends one request, receives any number of events (`progress`, `items`, `data`, `hole`) and then `answer` or
 * `error`, and may then send the next. The line of a `data` event is followed by `length` raw bytes.
 */
export const PROTOCOL = 1;
export const MESSAGE_LIMIT = 1024 * 1024;
/** The longest run of raw bytes behind one `data` event. */
export const DATA_LIMIT = 1024 * 1024;

/** A time as a person wrote it: any form of a time name, or the name of a mark. */
const timeText = z.string().min(1).max(256);
const none = z.strictObject({});

export const contract = {
  ping: { arguments: none, result: z.object({ pid: count, version: z.string() }) },
  /** What phrases such as `2 hours ago` are understood by: the clock of the store and the zone of the daemon. */
  clock: { arguments: none, result: z.object({ now: instant, zone: z.string() }) },
  /** Which instant does this text mean, whether or not it can be shown? */
  instant: { arguments: z.strictObject({ at: timeText }), result: z.object({ at: instant }) },
  status: { arguments: none, result: statusSchema },
  /** The points come as `items`, oldest first. */
  points: {
    arguments: z.strictObject({
      from: orNull(timeText),
      to: orNull(timeText),
      all: z.boolean(),
    }),
    result: z.object({ count, oldest: instant, nearFrom: instant, now: instant }),
    item: pointSchema,
  },
  /** What was written between two times, in at most so many buckets. */
  activity: {
    arguments: z.strictObject({ from: orNull(timeText), to: orNull(timeText), most: count.min(1).max(1000) }),
    result: activitySchema,
  },
  /** Which point is the volume at this time? `next`: the point after it, when it is not exact. */
  resolve: {
    arguments: z.strictObject({ at: timeText }),
    result: resolutionSchema.extend({ asked: instant, next: orNull(instant) }),
  },
  mark: { arguments: z.strictObject({ name: timeText, hold: z.boolean() }), result: markSchema },
  deleteMark: { arguments: z.strictObject({ name: timeText }), result: none },
  sync: { arguments: none, result: syncReportSchema },
  /** Without `before` and `keep` what the policy says. The points that go come as `items`, oldest first. */
  thin: {
    arguments: z.strictObject({
      before: orNull(timeText),
      keep: orNull(z.string().max(256)),
      dryRun: z.boolean(),
    }),
    result: thinReportSchema,
    item: pointSchema,
  },
  policy: {
    arguments: z.strictObject({ set: z.array(z.string().max(256)).max(64).readonly() }),
    result: policySchema.extend({ next: nextSyncSchema }),
  },
  /** The bytes come as `data` and `hole` (a run of zeros), in order. */
  read: {
    arguments: z.strictObject({ at: instant, offset: count, length: orNull(count) }),
    result: z.object({ at: instant, offset: count, length: count }),
  },
  /**
   * What was changed between two exact instants, whichever is the older. The ranges come as `items`, in address order,
   * at most `limit`. `map`: the bytes changed in each `cell` bytes of the volume, in at most `cells` numbers.
   */
  diff: {
    arguments: z.strictObject({
      a: instant,
      b: instant,
      limit: orNull(count),
      cells: count.min(1).max(4096),
    }),
    result: z.object({
      older: comparedSchema,
      younger: comparedSchema,
      size: count,
      bytes: count,
      count,
      cell: count,
      map: z.array(count).readonly(),
    }),
    item: changedRangeSchema,
  },
  /** What changed between two exact instants with the data of the younger, as a stream that comes as `data`. */
  delta: {
    arguments: z.strictObject({ a: instant, b: instant }),
    result: z.object({
      older: comparedSchema,
      younger: comparedSchema,
      bytes: count,
      stored: count,
      extents: count,
      length: count,
    }),
  },
  restore: {
    arguments: z.strictObject({ at: timeText, nearest: z.boolean() }),
    result: restoreReportSchema,
  },
  resize: { arguments: z.strictObject({ size: count }), result: z.object({ before: count, size: count }) },
  /** Flushes, unmounts and ends the daemon; answered when that is done. `lazy`: also when the mount is in use. */
  stop: { arguments: z.strictObject({ lazy: z.boolean() }), result: none },
} as const;

export type OperationName = keyof typeof contract;
export type ArgumentsOf<K extends OperationName> = z.output<(typeof contract)[K]['arguments']>;
export type ResultOf<K extends OperationName> = z.output<(typeof contract)[K]['result']>;
/** What comes as `items` before the result. */
export type ItemOf<K extends OperationName> = (typeof contract)[K] extends {
  readonly item: infer S extends z.ZodType;
}
  ? z.output<S>
  : never;
export type PointItem = ItemOf<'points'>;

const operationName = z.custom<OperationName>(
  (value) => typeof value === 'string' && Object.hasOwn(contract, value),
  'unknown operation',
);

/** The schema of the `items` of an operation that has some. */
export function itemSchema(operation: OperationName): z.ZodType {
  const entry = contract[operation];
  return 'item' in entry ? entry.item : z.never();
}

export const requestSchema = z.strictObject({ operation: operationName, arguments: z.unknown() });

const errorCodes = [
  'usage',
  'no-store',
  'store-in-use',
  'damaged',
  'unsupported',
  'not-found',
  'exists',
  'busy',
  'read-only',
  'no-space',
  'denied',
  'io',
  'interrupted',
] as const satisfies readonly ErrorCode[];

const facts = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

export const errorSchema = z.object({
  code: z.enum(errorCodes),
  message: z.string(),
  hint: orNull(z.string()),
  data: facts,
});

const hello = z.object({
  type: z.literal('hello'),
  protocol: z.int(),
  version: z.string(),
  pid: count,
  uuid: z.string(),
  /** The folder of the store, absolute. */
  folder: z.string(),
  mountPoint: orNull(z.string()),
  /** Every store of this mount: more than one when they are shown as `MNT/<name>/`. */
  stores: z.array(z.object({ name: z.string(), uuid: z.string(), folder: z.string() })).readonly(),
});

/** What the server sends. */
export const messageSchema = z.discriminatedUnion('type', [
  hello,
  z.object({ type: z.literal('progress'), done: z.number(), total: z.number() }),
  z.object({ type: z.literal('items'), items: z.array(z.unknown()) }),
  z.object({ type: z.literal('data'), length: count.max(DATA_LIMIT) }),
  z.object({ type: z.literal('hole'), length: count }),
  z.object({ type: z.literal('answer'), result: z.unknown() }),
  z.object({ type: z.literal('error'), error: errorSchema }),
]);

export type Hello = z.output<typeof hello>;
export type ServerMessage = z.output<typeof messageSchema>;
export type WireError = z.input<typeof errorSchema>;

/** An error in the form that the wire and `--json` carry. A fault of ours is `io`, which promises nothing. */
export function encodeError(error: unknown): WireError {
  if (error instanceof AnywhenError) {
    return { code: error.code, message: error.message, hint: error.hint ?? null, data: { ...error.data } };
  }
  return { code: 'io', message: `internal error: ${messageOf(error)}`, hint: null, data: {} };
}

export function decodeError(error: z.output<typeof errorSchema>): AnywhenError {
  return new AnywhenError(error.code, error.message, {
    data: error.data,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
