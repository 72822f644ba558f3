import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AnywhenError, systemCode } from '../base/errors.js';
import { FILES } from '../format/layout.js';
import { LOCK_EX, LOCK_SH, sys } from '../native.js';

/** Held as long as a store is open; `release` when everything else is closed. */
export interface StoreLock {
  release(): void;
}

/**
 * Locks a store: one writer, or any number of readers.
 *
 * @throws `store-in-use` naming the process that has it, `no-store`
 */
export function lockStore(folder: string, mode: 'exclusive' | 'shared'): StoreLock {
  const path = join(folder, FILES.superblock);
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    const code = systemCode(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new AnywhenError('no-store', `${folder}: there is no store here`, {
        cause,
        hint: 'Create one with `anywhen create STORE --size SIZE`.',
      });
    }
    throw new AnywhenError(
      code === 'EACCES' ? 'denied' : 'io',
      `${path}: cannot be opened (${code ?? 'unknown error'})`,
      { cause },
    );
  }
  if (sys().flock(fd, mode === 'exclusive' ? LOCK_EX : LOCK_SH)) return { release: () => closeSync(fd) };
  const holder = lockHolder(fd);
  closeSync(fd);
  const by = holder === undefined ? 'another process' : `process ${holder}`;
  throw new AnywhenError('store-in-use', `${folder}: the store is open in ${by}`, {
    hint: 'If it is mounted, use the mount point in place of the store, or unmount it first.',
    data: holder === undefined ? {} : { pid: holder },
  });
}

/** The process that holds a flock on the file, by /proc/locks. */
function lockHolder(fd: number): number | undefined {
  const { ino } = fstatSync(fd);
  let table: string;
  try {
    table = readFileSync('/proc/locks', 'utf8');
  } catch {
    return undefined;
  }
  for (const line of table.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (fields[1] === 'FLOCK' && fields[5]?.split(':')[2] === String(ino)) return Number(fields[4]);
  }
  return undefined;
}
