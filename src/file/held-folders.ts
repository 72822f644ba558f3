import { chmodSync, closeSync, constants, fstatSync, fsync, mkdirSync, openSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { promisify } from 'node:util';
import { AnywhenError, systemCode } from '../base/errors.js';
import type { FileName } from './executor.js';
import { syncFailure, wrongKind } from './file-errors.js';
import { checkName, folderOf } from './file-name.js';
import { checkOwner } from './ownership.js';

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const syncAll = promisify(fsync);

interface HeldFolder {
  readonly fd: number;
  /** Final, once a sync has failed. */
  failure: AnywhenError | undefined;
}

/**
 * The folder of a store and those inside it, each held by a descriptor. A file is reached through the
 * descriptor of its folder (`/proc/self/fd/N/name`), so that no link that is slipped in, and no folder that is
 * exchanged later, leads outside the store.
 */
export class HeldFolders {
  readonly #held = new Map<FileName, HeldFolder>();

  /** @param path the store's own, which is opened when it is needed */
  constructor(readonly path: string) {}

  /** @throws `no-store`, `damaged`, `denied` */
  open(): void {
    this.#folder('');
  }

  /** A path for system calls. An absolute name is taken as it is: it means a file outside, by intention. */
  resolve(file: FileName): string {
    if (isAbsolute(file)) return file;
    checkName(file);
    const folder = folderOf(file);
    const name = folder === '' ? file : file.slice(folder.length + 1);
    return `${this.#at(folder)}/${name}`;
  }

  /** A path to the folder itself, for listing. */
  resolveFolder(folder: FileName): string {
    checkName(folder);
    return this.#at(folder);
  }

  /** Makes a folder, mode 0700 whatever the umask is, if it isn't there. */
  make(folder: FileName): void {
    const path = this.resolve(folder);
    try {
      mkdirSync(path, { mode: 0o700 });
      chmodSync(path, 0o700);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    }
    this.#folder(folder);
  }

  /** Makes the names in a folder durable. */
  async sync(folder: FileName): Promise<void> {
    checkName(folder);
    const held = this.#folder(folder);
    if (held.failure !== undefined) throw held.failure;
    try {
      await syncAll(held.fd);
    } catch (cause) {
      // Some network filesystems cannot sync a folder and keep its names durable without it.
      if (systemCode(cause) === 'EINVAL') return;
      held.failure ??= syncFailure(folder, cause);
      throw held.failure;
    }
    if (held.failure !== undefined) throw held.failure;
  }

  close(): void {
    for (const { fd } of this.#held.values()) closeSync(fd);
    this.#held.clear();
  }

  #at(folder: FileName): string {
    return `/proc/self/fd/${this.#folder(folder).fd}`;
  }

  #folder(folder: FileName): HeldFolder {
    const held = this.#held.get(folder);
    if (held !== undefined) return held;
    if (folder !== '') return this.#hold(folder, this.resolve(folder));
    try {
      return this.#hold('', this.path);
    } catch (cause) {
      if (systemCode(cause) !== 'ENOENT' && systemCode(cause) !== 'ENOTDIR') throw cause;
      throw new AnywhenError('no-store', `${this.path}: there is no such folder`, { cause });
    }
  }

  #hold(folder: FileName, path: string): HeldFolder {
    // The last component of a path that a user typed may be a link; inside the store none may.
    const fd = openSync(path, folder === '' ? FOLDER & ~constants.O_NOFOLLOW : FOLDER);
    try {
      const stats = fstatSync(fd);
      if (!stats.isDirectory()) throw wrongKind(folder);
      checkOwner(folder === '' ? path : folder, stats);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    const held = { fd, failure: undefined };
    this.#held.set(folder, held);
    return held;
  }
}
