import type { Stats } from 'node:fs';
import { AnywhenError } from '../base/errors.js';
import type { FileName } from './executor.js';
import { wrongKind } from './file-errors.js';

/**
 * A file or folder of a store is ours alone: whoever else could write it could make the daemon serve, or
 * overwrite, what they like.
 *
 * @throws `denied` naming it and how to mend it
 */
export function checkOwner(file: FileName, stats: Stats): void {
  const user = process.geteuid?.();
  if (stats.uid !== user) {
    throw new AnywhenError('denied', `${file}: belongs to user ${stats.uid}, not to user ${user}`, {
      hint: `Work as the user who owns the store, or give it away whole: chown -R ${user} STORE`,
      data: { file, owner: stats.uid },
    });
  }
  if ((stats.mode & 0o022) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    throw new AnywhenError('denied', `${file}: others may write it (mode ${mode})`, {
      hint: 'chmod -R go-w STORE, when nobody did so by intention.',
      data: { file, mode },
    });
  }
}

/**
 * What a file must be, by its open descriptor: regular, ours, under one name only. A block device may be
 * there under an absolute name: a MIM that was adopted.
 *
 * @throws `damaged`, `denied`
 */
export function checkFile(file: FileName, stats: Stats, absolute: boolean): void {
  if (absolute && stats.isBlockDevice()) return;
  if (!stats.isFile()) throw wrongKind(file);
  checkOwner(file, stats);
  if (stats.nlink > 1) {
    throw new AnywhenError('damaged', `${file}: has ${stats.nlink} names (hard links)`, {
      hint: `Remove the other names: find / -xdev -inum ${stats.ino}`,
      data: { file, links: stats.nlink },
    });
  }
}
