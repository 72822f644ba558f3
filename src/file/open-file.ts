import { close, closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { promisify } from 'node:util';
import { type AnywhenError, systemCode } from '../base/errors.js';
import { Mutex } from '../base/mutex.js';
import { sys } from '../native.js';
import type { FileName } from './executor.js';
import { syncFailure } from './file-errors.js';
import { checkFile } from './ownership.js';

const closeLater = promisify(close);

/** O_NONBLOCK: opening a pipe in a file's place must not wait for its other end. */
const ALWAYS = constants.O_NOFOLLOW | constants.O_NOCTTY | constants.O_NONBLOCK;

export interface OpenMode {
  readonly writable: boolean;
  /** Makes the file, which must not be there: mode 0600, whatever the umask is. */
  readonly create?: boolean;
}

/** A file of the store that is open and was checked. Closed when nobody uses it any more. */
export class OpenFile {
  readonly #syncs = new Mutex();
  #users = 0;
  #closing = false;
  #failure: AnywhenError | undefined;
  /** Writes that were begun, and how many of them a datasync has made durable. */
  #writes = 0;
  #durable = 0;
  #lent = false;

  private constructor(readonly fd: number) {}

  /** @throws `damaged`, `denied` for what is no file of ours; system errors */
  static open(file: FileName, path: string, mode: OpenMode): OpenFile {
    const fd = openQuietly(path, accessOf(file, path, mode) | ALWAYS);
    try {
      checkFile(file, fstatSync(fd), isAbsolute(file));
      if (mode.create === true) fchmodSync(fd, 0o600);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return new OpenFile(fd);
  }

  /** The descriptor is not closed (nor its number given to another file) before `work` has ended. */
  async use<T>(work: (fd: number) => Promise<T>): Promise<T> {
    this.#users += 1;
    try {
      return await work(this.fd);
    } finally {
      this.#users -= 1;
      if (this.#closing && this.#users === 0) await closeLater(this.fd);
    }
  }

  /** Throws the error of a datasync that failed: nothing that is written after it could be made durable. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Something is about to be written. @throws as `check` */
  beginWrite(): void {
    this.check();
    this.#writes += 1;
  }

  /** The descriptor, for somebody who does not say when he is done with it. */
  lend(): number {
    this.#lent = true;
    return this.fd;
  }

  /** Whether it can be closed and opened again later without a difference. */
  get idle(): boolean {
    return this.#users === 0 && !this.#lent && this.#failure === undefined && this.#durable === this.#writes;
  }

  /**
   * One at a time: the kernel tells a failure of write-back to one caller only, and another one that ran
   * beside it would hear that all is well.
   */
  datasync(file: FileName): Promise<void> {
    return this.#syncs.run(async () => {
      this.check();
      const writes = this.#writes;
      try {
        await this.use((fd) => sys().datasync(fd));
        this.#durable = writes;
      } catch (cause) {
        this.#failure = syncFailure(file, cause);
        throw this.#failure;
      }
    });
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#users === 0) await closeLater(this.fd);
  }
}

function accessOf(file: FileName, path: string, mode: OpenMode): number {
  if (!mode.writable) return constants.O_RDONLY;
  if (mode.create === true) return constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
  // For a device O_EXCL means: not while a filesystem on it is mounted.
  const device = isAbsolute(file) && lstatSync(path).isBlockDevice();
  return device ? constants.O_RDWR | constants.O_EXCL : constants.O_RDWR;
}

/** Leaves no new access time behind, where that is allowed: a store that is only read stays as it is. */
function openQuietly(path: string, flags: number): number {
  if ((flags & constants.O_CREAT) !== 0) return openSync(path, flags, 0o600);
  try {
    return openSync(path, flags | constants.O_NOATIME);
  } catch (error) {
    if (systemCode(error) !== 'EPERM') throw error;
    return openSync(path, flags);
  }
}
