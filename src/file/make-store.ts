import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AnywhenError, systemCode } from '../base/errors.js';
import { FILES } from '../format/layout.js';

/** Makes the folder of a new store, mode 0700, or takes an empty one. Returns whether it was made. */
export function makeStoreFolder(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (cause) {
    const code = systemCode(cause);
    if (code !== 'EEXIST') {
      throw new AnywhenError(
        code === 'EACCES' ? 'denied' : 'io',
        `${folder}: cannot be made (${code ?? 'unknown error'})`,
        { cause },
      );
    }
  }
  if (existsSync(join(folder, FILES.superblock))) {
    throw new AnywhenError('exists', `${folder}: there is a store already`);
  }
  if (readdirSync(folder).length > 0) {
    throw new AnywhenError('exists', `${folder}: is not empty`, {
      hint: 'Give a folder that is empty or not there yet.',
    });
  }
  return false;
}

/** Removes what a failed creation left. */
export function removeStoreFiles(folder: string, made: boolean): void {
  for (const name of [FILES.forward, FILES.mim, FILES.sums, FILES.catalog, FILES.superblock]) {
    rmSync(join(folder, name), { force: true });
  }
  rmSync(join(folder, FILES.backward), { force: true, recursive: true });
  if (made) rmdirSync(folder);
}
