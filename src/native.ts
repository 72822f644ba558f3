import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AnywhenError, messageOf } from './base/errors.js';

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
  /** The CRC32C (Castagnoli) of the bytes, going on from that of what stands before them. `portable`: as above. */
  crc32c(bytes: Uint8Array, initial: number, portable: boolean): number;
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

/** Where addons lie, seen from here: what was built here, then what came with the package. */
const FOLDERS = ['../native/build', `../native/prebuilt/${process.platform}-${process.arch}`];

let loaded: Sys | undefined;

/**
 * The addon.
 *
 * @throws `unsupported` if it was not built
 */
export function sys(): Sys {
  loaded ??= load(
    'sys',
    'the system calls',
    'Build it with `make -C native`, which needs g++ and make.',
  ) as Sys;
  return loaded;
}

/**
 * The addon of the native driver, whose interface stands beside that.
 *
 * @throws `unsupported` if it was not built, or its library is not there
 */
export function loadFuse(): unknown {
  const mend =
    'Install libfuse 3 and build it: `apt-get install g++ make libfuse3-dev && make -C native fuse`.';
  return load('fuse', 'the native driver', mend);
}

/** Loads an addon. `ANYWHEN_ADDONS` names another folder, for builds with sanitizers. */
function load(name: string, what: string, hint: string): unknown {
  const folders = process.env.ANYWHEN_ADDONS === undefined ? FOLDERS : [process.env.ANYWHEN_ADDONS];
  const here = dirname(fileURLToPath(import.meta.url));
  const paths = folders.map((folder) => resolve(here, folder, `${name}.node`));
  const path = paths.find((one) => existsSync(one)) ?? (paths[0] as string);
  try {
    return createRequire(import.meta.url)(path);
  } catch (cause) {
    const reason = messageOf(cause).split('\n')[0];
    throw new AnywhenError('unsupported', `the addon with ${what} could not be loaded: ${reason}`, {
      cause,
      hint,
    });
  }
}
