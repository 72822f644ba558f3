import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { AnywhenError } from './base/errors.js';

/** The system calls that Node lacks. They throw errors as Node's own do, with `code` and `syscall`. Offsets in bytes. */
export interface Sys {
  /** True if the lock was taken, false if another holds it; never waits. */
  flock(fd: number, operation: number): boolean;
  blockDeviceSize(fd: number): number;
  /** False where the filesystem has no such flag. */
  setNoCow(fd: number): boolean;
  fallocate(fd: number, mode: number, offset: number, length: number): void;
  /** The next data or hole at or after `offset`; -1 if there is none. */
  seek(fd: number, offset: number, whence: number): number;
  copyFileRange(from: number, fromOffset: number, to: number, toOffset: number, length: number): number;
  cloneRange(from: number, fromOffset: number, to: number, toOffset: number, length: number): void;
  /** Bytes read, or -1 if a disk would have to be waited for. */
  preadNowait(fd: number, into: Uint8Array, offset: number): number;
  /** Writes all of at most 256 buffers. */
  pwritev(fd: number, from: readonly Uint8Array[], offset: number): void;
}

export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const FALLOC_KEEP_SIZE = 1;
export const FALLOC_PUNCH_HOLE = 2;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

let loaded: Sys | undefined;

/** @throws `unsupported` if the addon was not built */
export function sys(): Sys {
  loaded ??= load();
  return loaded;
}

function load(): Sys {
  const path = fileURLToPath(new URL('../native/build/sys.node', import.meta.url));
  try {
    return createRequire(import.meta.url)(path) as Sys;
  } catch (cause) {
    throw new AnywhenError(
      'unsupported',
      `the addon with the system calls could not be loaded from ${path}`,
      {
        cause,
        hint: 'Build it with `npm run setup`.',
      },
    );
  }
}
