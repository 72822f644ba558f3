import {
  close,
  constants,
  fdatasync,
  fstatSync,
  fsync,
  ftruncateSync,
  mkdirSync,
  openSync,
  read,
  type Stats,
  statfsSync,
  writev,
} from 'node:fs';
import { lstat, readdir, rename, unlink } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { AnywhenError, messageOf, systemCode } from '../base/errors.js';
import { FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE, sys } from '../native.js';
import type { Executor, FileName, Plan, Step } from './executor.js';

const closeFile = promisify(close);
const datasync = promisify(fdatasync);
const syncAll = promisify(fsync);
const readAt = promisify(read);
const writeAt = promisify(writev);

/** Up to so many bytes are written on the calling thread, into the page cache. */
const INLINE = 128 * 1024;

const NOT_THERE: Record<string, true> = { EOPNOTSUPP: true, ENOSYS: true, EINVAL: true };

/** Executes plans on a folder of an ordinary filesystem. */
export class OsExecutor implements Executor {
  readonly #files = new Map<FileName, number>();
  /** Files whose datasync failed: final, never tried again. */
  readonly #failed = new Map<FileName, AnywhenError>();

  constructor(
    readonly folder: string,
    readonly readOnly = false,
  ) {}

  async run(plan: Plan): Promise<void> {
    for (const step of plan) {
      try {
        await this.#step(step);
      } catch (cause) {
        throw translate(step, cause);
      }
    }
  }

  runNow(plan: Plan): boolean {
    let bytes = 0;
    let changed = false;
    for (const step of plan) {
      if (step.op === 'write') for (const part of step.from) bytes += part.length;
      else if (step.op !== 'read') return false;
    }
    if (bytes > INLINE) return false;
    for (const step of plan) {
      try {
        if (step.op === 'write') {
          this.#writeNow(step);
          changed = true;
        } else if (step.op === 'read' && !this.#readNow(step)) {
          if (changed) throw new AnywhenError('io', `${step.file}: a read behind a write must not wait`);
          return false;
        }
      } catch (cause) {
        throw translate(step, cause);
      }
    }
    return true;
  }

  async size(file: FileName): Promise<number | undefined> {
    try {
      const stats = await lstat(this.#path(file));
      const device = isAbsolute(file) && stats.isBlockDevice();
      if (!device && !stats.isFile()) throw notAFile(file);
      return device ? sys().blockDeviceSize(this.#open(file)) : stats.size;
    } catch (cause) {
      if (systemCode(cause) === 'ENOENT') return undefined;
      throw translate({ op: 'datasync', file }, cause);
    }
  }

  async list(folder: FileName): Promise<string[]> {
    try {
      return (await readdir(this.#path(folder))).sort();
    } catch (cause) {
      if (systemCode(cause) === 'ENOENT') return [];
      throw translate({ op: 'syncdir', file: folder }, cause);
    }
  }

  async space(): Promise<{ total: number; free: number }> {
    const stats = statfsSync(this.folder);
    return { total: stats.blocks * stats.bsize, free: stats.bavail * stats.bsize };
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const fd of files) await closeFile(fd);
  }

  #path(file: FileName): string {
    return isAbsolute(file) ? file : join(this.folder, file);
  }

  #open(file: FileName, flags = 0): number {
    const known = this.#files.get(file);
    if (known !== undefined && flags === 0) return known;
    const access = this.readOnly ? constants.O_RDONLY : constants.O_RDWR;
    const fd = openSync(this.#path(file), access | constants.O_NOFOLLOW | flags, 0o600);
    try {
      checkFile(file, fstatSync(fd));
    } catch (error) {
      void closeFile(fd);
      throw error;
    }
    this.#files.set(file, fd);
    return fd;
  }

  #writeNow(step: Step & { op: 'write' }): void {
    this.#mayWrite(step.file);
    sys().pwritev(this.#open(step.file), step.from, step.offset);
  }

  #readNow(step: Step & { op: 'read' }): boolean {
    return sys().preadNowait(this.#open(step.file), step.into, step.offset) === step.into.length;
  }

  #mayWrite(file: FileName): void {
    if (this.readOnly) throw new AnywhenError('read-only', `${file}: the store is open read-only`);
    const failed = this.#failed.get(file);
    if (failed !== undefined) throw failed;
  }

  async #step(step: Step): Promise<void> {
    if (step.op === 'read') return this.#read(step);
    this.#mayWrite(step.file);
    switch (step.op) {
      case 'create':
        return this.#create(step.file, step.size);
      case 'allocate':
        return this.#allocate(step.file, step.offset, step.length);
      case 'write':
        return this.#write(step);
      case 'truncate':
        return ftruncateSync(this.#open(step.file), step.size);
      case 'punch':
        return this.#punch(step.file, step.offset, step.length);
      case 'datasync':
        return this.#datasync(step.file);
      case 'rename':
        await rename(this.#path(step.file), this.#path(step.to));
        await this.#forget(step.file);
        return this.#forget(step.to);
      case 'unlink':
        return this.#unlink(step.file);
      case 'mkdir':
        return makeFolder(this.#path(step.file));
      case 'syncdir':
        return this.#syncFolder(step.file);
    }
  }

  async #read(step: Step & { op: 'read' }): Promise<void> {
    if (this.#readNow(step)) return;
    const fd = this.#open(step.file);
    let done = 0;
    while (done < step.into.length) {
      const { bytesRead } = await readAt(fd, step.into, done, step.into.length - done, step.offset + done);
      if (bytesRead === 0) {
        throw new AnywhenError(
          'damaged',
          `${step.file}: ends before offset ${step.offset + step.into.length}`,
        );
      }
      done += bytesRead;
    }
  }

  async #write(step: Step & { op: 'write' }): Promise<void> {
    const total = step.from.reduce((sum, part) => sum + part.length, 0);
    if (total <= INLINE) return this.#writeNow(step);
    const fd = this.#open(step.file);
    let { offset } = step;
    let rest: readonly Uint8Array[] = step.from;
    while (rest.length > 0) {
      let { bytesWritten } = await writeAt(fd, rest as Uint8Array[], offset);
      offset += bytesWritten;
      const left: Uint8Array[] = [];
      for (const part of rest) {
        if (bytesWritten < part.length) left.push(part.subarray(bytesWritten));
        bytesWritten = Math.max(0, bytesWritten - part.length);
      }
      rest = left;
    }
  }

  #create(file: FileName, size: number): void {
    const fd = this.#open(file, constants.O_CREAT | constants.O_EXCL);
    if (size > 0) ftruncateSync(fd, size);
  }

  #allocate(file: FileName, offset: number, length: number): void {
    const fd = this.#open(file);
    sys().setNoCow(fd);
    try {
      sys().fallocate(fd, 0, offset, length);
    } catch (error) {
      if (NOT_THERE[systemCode(error) ?? ''] !== true) throw error;
      if (fstatSync(fd).size < offset + length) ftruncateSync(fd, offset + length);
    }
  }

  async #punch(file: FileName, offset: number, length: number): Promise<void> {
    const fd = this.#open(file);
    const end = Math.min(offset + length, fstatSync(fd).size);
    if (end <= offset) return;
    try {
      sys().fallocate(fd, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, offset, end - offset);
    } catch (error) {
      if (NOT_THERE[systemCode(error) ?? ''] !== true) throw error;
      const zeros = new Uint8Array(Math.min(1024 * 1024, end - offset));
      for (let at = offset; at < end; at += zeros.length) {
        await this.#write({
          op: 'write',
          file,
          offset: at,
          from: [zeros.subarray(0, Math.min(zeros.length, end - at))],
        });
      }
    }
  }

  async #datasync(file: FileName): Promise<void> {
    try {
      await datasync(this.#open(file));
    } catch (cause) {
      const failure = new AnywhenError(
        'io',
        `${file}: could not be made durable (${systemCode(cause) ?? messageOf(cause)})`,
        { cause },
      );
      this.#failed.set(file, failure);
      throw failure;
    }
  }

  async #unlink(file: FileName): Promise<void> {
    await this.#forget(file);
    try {
      await unlink(this.#path(file));
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
  }

  async #syncFolder(folder: FileName): Promise<void> {
    const fd = openSync(
      this.#path(folder),
      constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
    );
    try {
      await syncAll(fd);
    } finally {
      await closeFile(fd);
    }
  }

  async #forget(file: FileName): Promise<void> {
    const fd = this.#files.get(file);
    this.#files.delete(file);
    if (fd !== undefined) await closeFile(fd);
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
}

function notAFile(file: FileName): AnywhenError {
  return new AnywhenError('damaged', `${file}: is not a regular file`, {
    hint: 'A store has no links, pipes or devices in it.',
  });
}

/** What a store file must be; a device may serve as the MIM under its absolute name. */
function checkFile(file: FileName, stats: Stats): void {
  if (isAbsolute(file) && stats.isBlockDevice()) return;
  if (!stats.isFile()) throw notAFile(file);
  if (stats.nlink > 1) throw new AnywhenError('damaged', `${file}: has ${stats.nlink} names (hard links)`);
  if (stats.uid !== process.geteuid?.()) {
    throw new AnywhenError('denied', `${file}: belongs to user ${stats.uid}`, {
      hint: 'Open a store as the user who owns it.',
    });
  }
  if ((stats.mode & 0o022) !== 0) {
    throw new AnywhenError('denied', `${file}: others may write it`, {
      hint: `chmod go-w on the files of the store.`,
    });
  }
}

/** A system error as one of ours, with the file and the place. */
function translate(step: Step, cause: unknown): AnywhenError {
  if (cause instanceof AnywhenError) return cause;
  const code = systemCode(cause) ?? 'unknown error';
  const place =
    'offset' in step ? `${step.file}, offset ${step.offset}` : step.file || 'the folder of the store';
  const data = { file: step.file, system: code };
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new AnywhenError('no-space', `${place}: no space left (${code})`, { cause, data });
    case 'ENOENT':
      return new AnywhenError('not-found', `${place}: no such file`, { cause, data });
    case 'EEXIST':
      return new AnywhenError('exists', `${place}: is there already`, { cause, data });
    case 'EROFS':
      return new AnywhenError('read-only', `${place}: the filesystem is read-only`, { cause, data });
    case 'EACCES':
    case 'EPERM':
      return new AnywhenError('denied', `${place}: ${code}`, { cause, data });
    case 'ELOOP':
    case 'EISDIR':
      return notAFile(step.file);
    default:
      return new AnywhenError('io', `${place}: ${step.op} failed (${code})`, { cause, data });
  }
}
