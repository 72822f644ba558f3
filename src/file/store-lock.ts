import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { AnywhenError, systemCode } from '../base/errors.js';
import { FILES } from '../format/layout.js';
import { LOCK_EX, LOCK_SH, sys } from '../native.js';
import { fileError } from './file-errors.js';
import { checkFile } from './ownership.js';

/** Held as long as a store is open; `release` when everything else is closed. A process that dies releases it. */
export interface StoreLock {
  release(): void;
}

/**
 * Locks a store: one writer, or any number of readers. Never waits.
 *
 * @throws `store-in-use` naming the process that has it, `no-store`, `damaged`, `denied`, `io`
 */
export function lockStore(folder: string, mode: 'exclusive' | 'shared'): StoreLock {
  const path = join(folder, FILES.superblock);
  const fd = openSuperblock(folder, path, mode);
  try {
    const stats = fstatSync(fd);
    checkFile(path, stats, false);
    if (!sys().flock(fd, mode === 'exclusive' ? LOCK_EX : LOCK_SH)) throw inUse(folder, lockHolder(stats));
    return { release: () => closeSync(fd) };
  } catch (cause) {
    closeSync(fd);
    throw fileError({ op: 'locking', file: path }, cause);
  }
}

function openSuperblock(folder: string, path: string, mode: 'exclusive' | 'shared'): number {
  // NFS grants an exclusive lock only to those who may write.
  const access = mode === 'exclusive' ? constants.O_RDWR : constants.O_RDONLY;
  try {
    return openSync(path, access | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    const code = systemCode(cause);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw fileError({ op: 'locking', file: path }, cause);
    throw new AnywhenError('no-store', `${folder}: there is no store here`, {
      cause,
      hint: 'Create one with `anywhen create STORE --size SIZE`.',
    });
  }
}

function inUse(folder: string, holder: number | undefined): AnywhenError {
  const by =
    holder === undefined
      ? 'another process'
      : holder === process.pid
        ? 'this process already'
        : `process ${holder}`;
  return new AnywhenError('store-in-use', `${folder}: the store is open in ${by}`, {
    hint: 'If it is mounted, use the mount point in place of the store, or unmount it first.',
    data: holder === undefined ? {} : { pid: holder },
  });
}

/** The process that holds a flock on the file; undefined when the system does not tell. */
function lockHolder(file: Stats): number | undefined {
  try {
    return holderIn(readFileSync('/proc/locks', 'utf8'), file);
  } catch {
    return undefined;
  }
}

/**
 * Finds a file in the text of /proc/locks, whose lines are such as
 * `1: FLOCK  ADVISORY  WRITE 4711 fe:01:131078 0 EOF` (process, then device and inode).
 */
export function holderIn(
  locks: string,
  file: { readonly dev: number; readonly ino: number },
): number | undefined {
  let sameInode: number | undefined;
  for (const line of locks.split('\n')) {
    const [, kind, , , process, place] = line.trim().split(/\s+/);
    const [major = '', minor = '', inode] = place?.split(':') ?? [];
    // A waiter's line has `->` in the place of the kind; a process of another namespace has no number.
    if (kind !== 'FLOCK' || inode !== String(file.ino) || !(Number(process) > 0)) continue;
    if (
      Number.parseInt(major, 16) === majorOf(file.dev) &&
      Number.parseInt(minor, 16) === minorOf(file.dev)
    ) {
      return Number(process);
    }
    sameInode = Number(process);
  }
  // The files of a btrfs subvolume have a device number of their own, which /proc/locks does not use.
  return sameInode;
}

/** The parts of a device number, as the kernel packs them for `stat`. */
function majorOf(dev: number): number {
  return Number((BigInt(dev) >> 8n) & 0xfffn);
}

function minorOf(dev: number): number {
  const bits = BigInt(dev);
  return Number((bits & 0xffn) | ((bits >> 12n) & 0xfff00n));
}
