import type { ErrorCode } from '../base/errors.js';

/** The exit status of the program for each kind of error; documented in anywhen(1). */
export const EXIT: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  'no-store': 10,
  'store-in-use': 11,
  damaged: 4,
  unsupported: 1,
  'not-found': 1,
  exists: 1,
  busy: 1,
  'read-only': 1,
  'no-space': 1,
  denied: 1,
  io: 1,
  interrupted: 130,
};

/** What was asked for was done in part. */
export const PARTLY = 3;
