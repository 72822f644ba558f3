import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AnywhenError, systemCode } from '../base/errors.js';
import { FILES } from '../format/layout.js';
import { fileError } from './file-errors.js';
import { checkOwner } from './ownership.js';

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY;
/** What mkfs leaves in the folder that a new filesystem is mounted on. */
const HARMLESS = new Set(['lost+found']);

/**
 * Makes the folder of a new store, mode 0700, or takes one that is there and empty. Its name is durable then.
 *
 * @returns whether the folder was made
 * @throws `exists` if something is in it, `denied` if it is not ours, `not-found` if its parent is not there
 */
export function makeStoreFolder(folder: string): boolean {
  try {
    const made = makeFolder(folder);
    takeFolder(folder);
    if (made) syncFolder(dirname(resolve(folder)));
    return made;
  } catch (cause) {
    throw fileError({ op: 'making the folder', file: folder }, cause);
  }
}

/** Removes the files of a store that could not be made, and its folder when that was made for it. Best effort. */
export function removeStoreFiles(folder: string, made: boolean): void {
  try {
    for (const name of Object.values(FILES)) rmSync(join(folder, name), { recursive: true, force: true });
    if (made) rmdirSync(folder);
  } catch {
    // What made the store fail is what the user has to know.
  }
}

function makeFolder(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    // The umask may have taken too much away to open it.
    chmodSync(folder, 0o700);
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    if (statSync(folder).isDirectory()) return false;
    throw new AnywhenError('exists', `${folder}: is there already, and no folder`, { cause: error });
  }
}

function takeFolder(folder: string): void {
  const fd = openSync(folder, FOLDER);
  try {
    checkOwner(folder, fstatSync(fd));
    const names = readdirSync(folder).filter((name) => !HARMLESS.has(name));
    if (names.length > 0) {
      throw new AnywhenError('exists', `${folder}: is not empty`, {
        hint: 'A store is made in a new or empty folder.',
        data: { file: folder },
      });
    }
    fchmodSync(fd, 0o700);
  } finally {
    closeSync(fd);
  }
}

/** Where the parent may not be opened, or folders can't be synced, the system has to see to it. */
function syncFolder(folder: string): void {
  let fd: number;
  try {
    fd = openSync(folder, FOLDER);
  } catch {
    return;
  }
  try {
    fsyncSync(fd);
  } catch (error) {
    if (systemCode(error) !== 'EINVAL') throw error;
  } finally {
    closeSync(fd);
  }
}
