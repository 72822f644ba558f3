import { fstatSync, ftruncate, read, statfs, writev } from 'node:fs';
import { lstat, readdir, rename, unlink } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { promisify } from 'node:util';
import { systemCode } from '../base/errors.js';
import { FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE, sys } from '../native.js';
import type { Executor, FileName, Plan, Space, Step } from './executor.js';
import { errorOf, fileError, notWritable, shortFile, wrongKind } from './file-errors.js';
import { HeldFolders } from './held-folders.js';
import { bytesOf, fitsNow, INLINE } from './immediate.js';
import { OpenFile } from './open-file.js';
import { OpenFiles } from './open-files.js';
import { Turn } from './turn.js';

const readAt = promisify(read);
const writeAt = promisify(writev);
const truncate = promisify(ftruncate);
const spaceOf = promisify(statfs);

/** Answers of filesystems that cannot reserve or punch. */
const CANNOT = new Set(['EOPNOTSUPP', 'ENOTSUP', 'ENOSYS']);

type WriteStep = Extract<Step, { op: 'write' }>;
type ReadStep = Extract<Step, { op: 'read' }>;
type RangeStep = Extract<Step, { op: 'allocate' | 'punch' }>;
type RenameStep = Extract<Step, { op: 'rename' }>;

export interface OsOptions {
  /** Opens nothing for writing and writes not one byte. */
  readonly readOnly?: boolean;
}

/** Executes plans on a folder of an ordinary filesystem. */
export class OsExecutor implements Executor {
  readonly #folders: HeldFolders;
  readonly #files = new OpenFiles();
  readonly #turn = new Turn();

  /** Opens the folder, and each file, when it is needed; see `open`. */
  constructor(
    readonly folder: string,
    readonly readOnly = false,
  ) {
    this.#folders = new HeldFolders(folder);
  }

  /**
   * Opens the folder of a store, which must be there and be ours.
   *
   * @throws `no-store`, `damaged`, `denied`, `io`
   */
  static async open(folder: string, options: OsOptions = {}): Promise<OsExecutor> {
    const executor = new OsExecutor(folder, options.readOnly);
    try {
      executor.#folders.open();
    } catch (cause) {
      throw fileError({ op: 'open', file: '' }, cause);
    }
    return executor;
  }

  async run(plan: Plan): Promise<void> {
    for (const step of plan) {
      try {
        await this.#step(step);
      } catch (cause) {
        throw fileError(step, cause);
      }
      const pause = this.#turn.end();
      if (pause !== undefined) await pause;
    }
  }

  runNow(plan: Plan): boolean {
    if (!fitsNow(plan)) return false;
    for (const step of plan) {
      try {
        if (step.op === 'read' && !this.#readNow(step)) return false;
        if (step.op === 'write') this.#writeNow(step);
      } catch (cause) {
        throw fileError(step, cause);
      }
    }
    return true;
  }

  descriptor(file: FileName): number {
    try {
      return this.#open(file).lend();
    } catch (cause) {
      throw fileError({ op: 'open', file }, cause);
    }
  }

  async size(file: FileName): Promise<number | undefined> {
    try {
      const stats = await lstat(this.#folders.resolve(file));
      if (stats.isFile()) return stats.size;
      if (!isAbsolute(file) || !stats.isBlockDevice()) throw wrongKind(file);
      return sys().blockDeviceSize(this.#open(file).fd);
    } catch (cause) {
      if (systemCode(cause) === 'ENOENT') return undefined;
      throw fileError({ op: 'size', file }, cause);
    }
  }

  async list(folder: FileName): Promise<string[]> {
    try {
      return (await readdir(this.#folders.resolveFolder(folder))).sort();
    } catch (cause) {
      if (systemCode(cause) === 'ENOENT') return [];
      throw fileError({ op: 'list', file: folder }, cause);
    }
  }

  async space(): Promise<Space> {
    try {
      const stats = await spaceOf(this.#folders.resolveFolder(''));
      return { total: stats.blocks * stats.bsize, free: stats.bavail * stats.bsize };
    } catch (cause) {
      throw fileError({ op: 'space', file: '' }, cause);
    }
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const file of files) await file.close();
    this.#folders.close();
  }

  #open(file: FileName, create = false): OpenFile {
    const known = this.#files.get(file);
    if (known !== undefined && !create) return known;
    const opened = OpenFile.open(file, this.#folders.resolve(file), { writable: !this.readOnly, create });
    this.#files.add(file, opened);
    return opened;
  }

  /** A file that may be written: not when the store is read-only, nor after a datasync of the file failed. */
  #openToWrite(file: FileName): OpenFile {
    const opened = this.#open(file);
    opened.beginWrite();
    return opened;
  }

  #writeNow(step: WriteStep): void {
    if (this.readOnly) throw notWritable(step.file);
    sys().pwritev(this.#openToWrite(step.file).fd, step.from, step.offset);
  }

  #readNow(step: ReadStep): boolean {
    return sys().preadNowait(this.#open(step.file).fd, step.into, step.offset) === step.into.length;
  }

  #step(step: Step): Promise<unknown> | unknown {
    if (step.op === 'read') return this.#read(step);
    if (this.readOnly) throw notWritable(step.file);
    switch (step.op) {
      case 'create':
        return this.#create(step.file, step.size);
      case 'allocate':
        return this.#allocate(step);
      case 'write':
        return this.#write(step);
      case 'truncate':
        return this.#openToWrite(step.file).use((fd) => truncate(fd, step.size));
      case 'punch':
        return this.#punch(step);
      case 'datasync':
        return this.#open(step.file).datasync(step.file);
      case 'rename':
        return this.#rename(step);
      case 'unlink':
        return this.#unlink(step.file);
      case 'mkdir':
        return this.#folders.make(step.file);
      case 'syncdir':
        return this.#folders.sync(step.file);
    }
  }

  #read(step: ReadStep): Promise<void> | undefined {
    if (step.into.length <= INLINE && this.#readNow(step)) return undefined;
    return this.#open(step.file).use(async (fd) => {
      const { into, offset } = step;
      for (let done = 0; done < into.length; ) {
        const count = await this.#readSome(fd, into, done, offset + done);
        if (count === 0) throw shortFile(step.file, offset + done, offset + into.length);
        done += count;
      }
    });
  }

  async #readSome(fd: number, into: Uint8Array, done: number, offset: number): Promise<number> {
    try {
      return (await readAt(fd, into, done, into.length - done, offset)).bytesRead;
    } catch (error) {
      // Some network filesystems can be interrupted.
      if (systemCode(error) === 'EINTR') return this.#readSome(fd, into, done, offset);
      throw error;
    }
  }

  #write(step: WriteStep): Promise<void> | void {
    if (bytesOf(step) <= INLINE) return this.#writeNow(step);
    return this.#openToWrite(step.file).use(async (fd) => {
      let { offset } = step;
      let rest: readonly Uint8Array[] = step.from;
      while (rest.some((part) => part.length > 0)) {
        const { bytesWritten } = await writeAt(fd, rest, offset);
        if (bytesWritten === 0) throw errorOf({ op: 'write', file: step.file, offset }, 'EIO');
        offset += bytesWritten;
        rest = behind(rest, bytesWritten);
      }
    });
  }

  async #create(file: FileName, size: number): Promise<void> {
    const created = this.#open(file, true);
    // Journal and mirror are written in place for ever; on btrfs that takes a flag, which only an empty file takes.
    sys().setNoCow(created.fd);
    if (size > 0) await created.use((fd) => truncate(fd, size));
  }

  async #allocate(step: RangeStep): Promise<void> {
    const { file, offset, length } = step;
    const opened = this.#openToWrite(file);
    if (length === 0) return;
    await opened.use(async (fd) => {
      try {
        await sys().fallocate(fd, 0, offset, length);
      } catch (error) {
        if (!CANNOT.has(systemCode(error) ?? '')) throw error;
        if (fstatSync(fd).size < offset + length) await truncate(fd, offset + length);
      }
    });
  }

  async #punch(step: RangeStep): Promise<void> {
    const { file, offset } = step;
    const opened = this.#openToWrite(file);
    const device = isAbsolute(file) && fstatSync(opened.fd).isBlockDevice();
    const size = device ? sys().blockDeviceSize(opened.fd) : fstatSync(opened.fd).size;
    const end = Math.min(offset + step.length, size);
    if (end <= offset) return;
    try {
      const mode = FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE;
      await opened.use((fd) => sys().fallocate(fd, mode, offset, end - offset));
    } catch (error) {
      // A device takes whole sectors only (EINVAL), and some take none.
      if (!CANNOT.has(systemCode(error) ?? '') && !(device && systemCode(error) === 'EINVAL')) throw error;
      await this.#writeZeros(file, offset, end);
    }
  }

  async #writeZeros(file: FileName, start: number, end: number): Promise<void> {
    const zeros = new Uint8Array(Math.min(1024 * 1024, end - start));
    for (let offset = start; offset < end; offset += zeros.length) {
      await this.#write({ op: 'write', file, offset, from: [zeros.subarray(0, end - offset)] });
    }
  }

  /** The open file keeps its descriptor under the new name: with it goes what the kernel knows of its failures. */
  async #rename(step: RenameStep): Promise<void> {
    this.#files.get(step.file)?.check();
    const path = this.#folders.resolve(step.file);
    if (!(await lstat(path)).isFile()) throw wrongKind(step.file);
    await rename(path, this.#folders.resolve(step.to));
    if (step.file === step.to) return;
    const replaced = this.#files.get(step.to);
    const moved = this.#files.get(step.file);
    this.#files.delete(step.file);
    if (moved === undefined) this.#files.delete(step.to);
    else this.#files.set(step.to, moved);
    await replaced?.close();
  }

  async #unlink(file: FileName): Promise<void> {
    try {
      await unlink(this.#folders.resolve(file));
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
    const opened = this.#files.get(file);
    this.#files.delete(file);
    await opened?.close();
  }
}

/** What is left of some buffers behind their first `count` bytes. */
function behind(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = count;
  for (const part of buffers) {
    if (skip < part.length) left.push(skip === 0 ? part : part.subarray(skip));
    skip = Math.max(0, skip - part.length);
  }
  return left;
}
