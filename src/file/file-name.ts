import { AnywhenError } from '../base/errors.js';
import type { FileName } from './executor.js';

/** The folder that holds a file; '' is the store's own. */
export function folderOf(name: FileName): FileName {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}

/**
 * Names come from the superblock too, which somebody else may have written: none leads out of the store.
 *
 * @throws `denied` for a name with an empty, `.` or `..` component
 */
export function checkName(name: FileName): void {
  if (name === '') return;
  for (const part of name.split('/')) {
    if (part === '' || part === '.' || part === '..' || part.includes('\0')) {
      throw new AnywhenError('denied', `${JSON.stringify(name)}: is no name of a file in a store`);
    }
  }
}
