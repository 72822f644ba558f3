import { constants } from 'node:fs';
import { type FileHandle, open, realpath, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { AnywhenError, messageOf, systemCode } from '../base/errors.js';
import { describeSize } from '../base/units.js';
import { isZero } from '../format/checksum.js';
import { sys } from '../native.js';

/** Runs of zeros of this many bytes, at multiples of it, are left as holes. */
const GRAIN = 64 * 1024;

/**
 * A file or block device that receives the bytes of a volume in order. A file is new, sparse where the volume
 * reads as zeros, and gets its name only when it is whole: until then it is called `FILE.part`. A block device
 * must not be in use and must be large enough; it gets the zeros too.
 */
export class ImageFile {
  readonly #handle: FileHandle;
  /** Undefined for a block device. */
  readonly #names: { readonly part: string; readonly final: string } | undefined;
  #position = 0;

  private constructor(handle: FileHandle, names: { part: string; final: string } | undefined) {
    this.#handle = handle;
    this.#names = names;
  }

  /**
   * @param size bytes that will be written
   * @param store the folder of the store, which the file must not lie in
   * @throws `exists`, `usage`, `busy`, `no-space`, `denied`, `not-found`, `io`
   */
  static async create(path: string, size: number, store: string): Promise<ImageFile> {
    try {
      const device = await openDevice(path, size);
      if (device !== undefined) return new ImageFile(device, undefined);
      const folder = await realpath(dirname(path));
      if (folder === store || folder.startsWith(store + sep)) {
        throw new AnywhenError('usage', `${path}: an image inside the store is refused`);
      }
      const final = join(folder, basename(path));
      const part = `${final}.part`;
      const handle = await open(part, 'wx', 0o600);
      const file = new ImageFile(handle, { part, final });
      try {
        await handle.truncate(size);
      } catch (error) {
        await file.discard();
        throw error;
      }
      return file;
    } catch (error) {
      throw explain(path, error);
    }
  }

  /** Writes the next bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    const end = this.#position + bytes.length;
    const start = this.#position;
    for (let at = start; at < end; ) {
      const border = Math.min(end, at - (at % GRAIN) + GRAIN);
      const grain = bytes.subarray(at - start, border - start);
      if (this.#names === undefined || !isZero(grain)) await this.#put(grain, at);
      at = border;
    }
    this.#position = end;
  }

  /** The next `length` bytes are zeros. */
  async hole(length: number): Promise<void> {
    if (this.#names !== undefined) {
      this.#position += length;
      return;
    }
    const zeros = new Uint8Array(Math.min(length, 16 * GRAIN));
    for (let left = length; left > 0; left -= zeros.length) {
      await this.write(zeros.subarray(0, Math.min(left, zeros.length)));
    }
  }

  /** Makes it durable and gives it its name. */
  async finish(): Promise<void> {
    try {
      await this.#handle.sync();
      await this.#handle.close();
      if (this.#names === undefined) return;
      const { part, final } = this.#names;
      await rename(part, final);
      await syncFolder(dirname(final));
    } catch (error) {
      throw explain(this.#names?.final ?? 'the device', error);
    }
  }

  /** Gives up: a file is removed, a device keeps what was written. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    if (this.#names !== undefined) await unlink(this.#names.part).catch(() => undefined);
  }

  async #put(bytes: Uint8Array, position: number): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, position + done);
        done += bytesWritten;
      }
    } catch (error) {
      throw explain(this.#names?.final ?? 'the device', error);
    }
  }
}

/** The block device at this path, opened alone; undefined if nothing is there. */
async function openDevice(path: string, size: number): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    // O_EXCL without O_CREAT: the kernel refuses a device that is mounted or has another owner.
    handle = await open(path, constants.O_WRONLY | constants.O_EXCL | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const facts = await handle.stat();
    if (!facts.isBlockDevice()) {
      throw new AnywhenError('exists', `${path}: is there already`, {
        hint: 'Give a name that is not taken yet.',
      });
    }
    const there = sys().blockDeviceSize(handle.fd);
    if (there < size) {
      const wanted = `${describeSize(size)} do not fit on ${describeSize(there)}`;
      throw new AnywhenError('no-space', `${path}: the device is too small: ${wanted}`);
    }
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function explain(path: string, error: unknown): AnywhenError {
  if (error instanceof AnywhenError) return error;
  const cause = { cause: error };
  switch (systemCode(error)) {
    case 'EEXIST':
      return new AnywhenError('exists', `${path}.part: is there already`, {
        ...cause,
        hint: 'It is what an interrupted restore left; remove it when none is running.',
      });
    case 'EBUSY':
      return new AnywhenError('busy', `${path}: the device is in use`, {
        ...cause,
        hint: 'Unmount it first.',
      });
    case 'EISDIR':
      return new AnywhenError('exists', `${path}: is a folder`, cause);
    case 'ENOENT':
      return new AnywhenError('not-found', `${path}: its folder is not there`, cause);
    case 'ENOSPC':
    case 'EDQUOT':
      return new AnywhenError('no-space', `${path}: no space left`, cause);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new AnywhenError('denied', `${path}: cannot be written`, cause);
    default:
      return new AnywhenError('io', `${path}: ${messageOf(error)}`, cause);
  }
}
