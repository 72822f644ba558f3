import { constants } from 'node:os';
import { AnywhenError, type ErrorCode } from '../base/errors.js';

const { errno } = constants;

/** The only table from our errors to the kernel's. */
export const ERRNO: Readonly<Record<ErrorCode, number>> = {
  usage: errno.EINVAL,
  'no-store': errno.ENOENT,
  'store-in-use': errno.EBUSY,
  damaged: errno.EIO,
  unsupported: errno.EOPNOTSUPP,
  'not-found': errno.ENOENT,
  exists: errno.EEXIST,
  busy: errno.EBUSY,
  'read-only': errno.EROFS,
  'no-space': errno.ENOSPC,
  denied: errno.EPERM,
  io: errno.EIO,
  interrupted: errno.EINTR,
};

/** The negative errno that answers a request. A fault of ours is EIO. */
export function errnoOf(error: unknown): number {
  return -(error instanceof AnywhenError ? ERRNO[error.code] : errno.EIO);
}
