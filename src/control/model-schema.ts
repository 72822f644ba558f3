import { z } from 'zod';
import { count, duration, instant, orNull } from './wire.js';

/** The facts of the volume, as the socket carries them and `--json` prints them. The model is `volume/model.ts`. */

export const pointSchema = z.object({
  sequence: count,
  at: instant,
  from: instant,
  to: orNull(instant),
  place: z.enum(['near', 'snapshot']),
  quality: z.enum(['write', 'flush', 'frozen']),
  size: count,
  marks: z.array(z.string()).readonly(),
});

export const markSchema = z.object({
  name: z.string(),
  at: instant,
  sequence: count,
  hold: z.boolean(),
});

export const resolutionSchema = z.object({
  point: pointSchema,
  at: instant,
  exact: z.boolean(),
});

export const syncReportSchema = z.object({
  trigger: z.string(),
  moved: z.boolean(),
  sequence: count,
  at: instant,
  writes: count,
  snapshots: count,
  bytesMoved: count,
  bytesSaved: count,
  milliseconds: z.number(),
});

export const restoreReportSchema = z.object({
  at: instant,
  before: instant,
  done: instant,
  bytesCompared: count,
  bytesWritten: count,
  ranges: count,
});

export const thinReportSchema = z.object({
  dryRun: z.boolean(),
  /** How many snapshots went, and how many are left. */
  dropped: count,
  kept: count,
  /** Those that were to go and stay: they have a mark, or a view of them is open. */
  marked: count,
  pinned: count,
  bytesFreed: count,
  milliseconds: z.number(),
});

/** One of the two points of a difference. */
export const comparedSchema = z.object({ at: instant, sequence: count, size: count });

/** `[start, start + length)` was changed. */
export const changedRangeSchema = z.object({
  start: count,
  length: count,
  kind: z.enum(['written', 'zeros', 'size']),
});

/** What happened in a part of time; null: not known. */
const activityBucketSchema = z.object({
  at: instant,
  /** Changes, the bytes that they changed, of them those that were set to zeros, distinct blocks of 4 KiB. */
  writes: orNull(count),
  bytes: count,
  zeros: orNull(count),
  blocks: orNull(count),
  /** It has a share of what is known only for a longer time. */
  shared: z.boolean(),
  flushes: count,
  marks: count,
  snapshots: count,
});

export const activitySchema = z.object({
  from: instant,
  to: instant,
  step: duration,
  /** In all buckets. */
  blocks: orNull(count),
  buckets: z.array(activityBucketSchema).readonly(),
});

export const policySchema = z.object({
  granularity: z.union([z.literal('all'), duration]),
  highWater: z.number(),
  syncInterval: duration,
  syncTimes: z.string(),
  flushInterval: duration,
  flushBytes: count,
  syncOnUnmount: z.boolean(),
  syncOnMark: z.boolean(),
  syncOnSignal: z.boolean(),
  retention: z.string(),
});

/** What will start the next sync event. */
export const nextSyncSchema = z.object({
  /** When the interval will have passed, and the next time of day; null: never, or there is no daemon. */
  interval: orNull(instant),
  time: orNull(instant),
  /** The zone of times of day; null without a daemon. */
  zone: orNull(z.string()),
  /** How full the forward journal is, data or descriptors, percent; `highWater` is the limit. */
  journalUsed: z.number(),
});

const volumeStatusSchema = z.object({
  uuid: z.string(),
  historyUuid: z.string(),
  readOnly: z.boolean(),
  size: count,
  createdAt: instant,
  oldest: instant,
  nearFrom: instant,
  now: instant,
  lastWrite: instant,
  sequence: count,
  durableSequence: count,
  forward: z.object({
    dataBytes: count,
    dataUsed: count,
    descriptors: count,
    descriptorsUsed: count,
    zeros: count,
  }),
  backward: z.object({ segments: count, bytes: count, zeros: count, snapshots: count }),
  marks: count,
  openViews: count,
  written: z.object({ writes: count, bytes: count, flushes: count }),
  syncEvents: count,
  lastSync: orNull(syncReportSchema),
  syncRunning: z.boolean(),
  space: z.object({ total: count, free: count }),
  warnings: z.array(z.string()).readonly(),
});

/** How far history will reach when clients go on writing as they did; null where nothing was written yet. */
export const reachSchema = z.object({
  /** Bytes a second that entered the forward journal. */
  journalRate: orNull(z.number()),
  /** Near history when the forward journal is full, ns. */
  near: orNull(duration),
  /** Bytes a second that entered the backward journal. */
  historyRate: orNull(z.number()),
  /** History when the filesystem of the store is full, ns. */
  history: orNull(duration),
});

export const statusSchema = volumeStatusSchema.extend({
  /** The folder of the store. */
  store: z.string(),
  /** Where the volume is mounted. */
  mountPoint: orNull(z.string()),
  driver: orNull(z.string()),
  policy: policySchema,
  reach: reachSchema,
  /** `ok`, or `warning` when there is a line in `warnings`. */
  health: z.enum(['ok', 'warning']),
});

export type Reach = z.output<typeof reachSchema>;
export type NextSync = z.output<typeof nextSyncSchema>;
export type Status = z.output<typeof statusSchema>;
