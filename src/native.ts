import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { AnywhenError } from './base/errors.js';

/**
 * The system calls that Node lacks. Errors are as Node's own, with `code`, `errno` and `syscall`; an argument that is no
 * descriptor, offset or buffer is a `TypeError`. Offsets and lengths are safe integers, in bytes. What gives a promise runs on libuv's pool: the
 * descriptor must stay open until it is settled. The rest runs on the calling thread.
 */
export interface Sys {
  /** `LOCK_SH`, `LOCK_EX` or `LOCK_UN`. False if another holds it; never waits. */
  flock(fd: number, operation: number): boolean;
  /** Bytes. */
  blockDeviceSize(fd: number): number;
  /** Asks btrfs to write a file in place; the file must be empty. False where there is no such flag. */
  setNoCow(fd: number): boolean;
  /** Marks the process as one that write-back depends on (`PR_SET_IO_FLUSHER`). False where that is not allowed. */
  setIoFlusher(): boolean;
  /** On threads of its own, so that slow ones let nothing else wait. */
  datasync(fd: number): Promise<void>;
  fallocate(fd: number, mode: number, offset: number, length: number): Promise<number>;
  /** `SEEK_DATA` or `SEEK_HOLE`: the next one at or after `offset`; -1 if there is none. */
  seek(fd: number, offset: number, whence: number): number;
  /** Bytes copied, which may be fewer than asked for; 0 at the end of the file. */
  copyFileRange(
    from: number,
    fromOffset: number,
    to: number,
    toOffset: number,
    length: number,
  ): Promise<number>;
  /** Shares the blocks of two files; offsets and length are multiples of the filesystem's block size. */
  cloneRange(from: number, fromOffset: number, to: number, toOffset: number, length: number): Promise<number>;
  /**
   * The sum of each piece of `data`, whose first byte has the volume address `start`; `src/format/pieces.ts` says what
   * a piece is, `native/sums.cc` how the sum is made. Throws a RangeError if `into` is too short.
   *
   * @param portable do without the processor's instruction
   */
  pieceSums(data: Uint8Array, start: number, into: Uint32Array, portable: boolean): void;
  /** Bytes read, fewer at the end of the file or of what is in memory; -1 if a disk would have to be waited for. */
  preadNowait(fd: number, into: Uint8Array, offset: number): number;
  /** Writes all of the buffers, one after another. When it throws, some of them may be written. */
  pwritev(fd: number, from: readonly Uint8Array[], offset: number): void;
}

export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_UN = 8;
export const FALLOC_KEEP_SIZE = 1;
export const FALLOC_PUNCH_HOLE = 2;
export const FALLOC_ZERO_RANGE = 16;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

let loaded: Sys | undefined;

/**
 * The addon.
 *
 * @throws `unsupported` if it was not built
 */
export function sys(): Sys {
  loaded ??= load(fileURLToPath(new URL('../native/build/sys.node', import.meta.url)));
  return loaded;
}

/** Loads an addon from a place of its own. */
export function load(path: string): Sys {
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

/**
 * The addon of the native driver, whose interface stands beside that.
 *
 * @throws `unsupported` if it was not built, or its library is not there
 */
export function loadFuse(): unknown {
  const path = fileURLToPath(new URL('../native/build/fuse.node', import.meta.url));
  try {
    return createRequire(import.meta.url)(path);
  } catch (cause) {
    throw new AnywhenError('unsupported', `the native driver could not be loaded from ${path}`, {
      cause,
      hint: 'Install libfuse 3 and build it: `apt-get install libfuse3-dev && make -C native fuse`.',
    });
  }
}
