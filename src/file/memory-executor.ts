import type { AnywhenError } from '../base/errors.js';
import type { Executor, FileName, Plan, Space, Step } from './executor.js';
import { errorOf, notWritable, shortFile, wrongKind } from './file-errors.js';
import { checkName, folderOf } from './file-name.js';
import { MemoryFile } from './memory-file.js';

/** A terabyte, half of it free. */
const SPACE: Space = { total: 2 ** 40, free: 2 ** 39 };

/** A store that lives in memory, sparse: for tests, and as the disk of the crash harness. */
export class MemoryExecutor implements Executor {
  readonly #folders: Set<FileName>;

  /** Begins with these files, and with the folders that hold them. */
  constructor(
    readonly files: Map<FileName, MemoryFile> = new Map(),
    readonly readOnly = false,
  ) {
    this.#folders = new Set(['', ...[...files.keys()].map(folderOf)]);
  }

  /** The folders, '' among them. */
  get folders(): ReadonlySet<FileName> {
    return this.#folders;
  }

  /** An independent copy of everything in it: a snapshot to keep, or a state to start from. Shares what it can. */
  copy(readOnly = this.readOnly): MemoryExecutor {
    const files = new Map([...this.files].map(([name, file]) => [name, file.copy()] as const));
    const copied = new MemoryExecutor(files, readOnly);
    for (const folder of this.#folders) copied.#folders.add(folder);
    return copied;
  }

  async run(plan: Plan): Promise<void> {
    this.runNow(plan);
  }

  runNow(plan: Plan): true {
    for (const step of plan) this.#step(step);
    return true;
  }

  /** Reads are done here and nowhere else. */
  descriptor(): undefined {
    return undefined;
  }

  async size(file: FileName): Promise<number | undefined> {
    this.#checkName(file);
    if (this.#folders.has(file)) throw wrongKind(file);
    return this.files.get(file)?.size;
  }

  async list(folder: FileName): Promise<string[]> {
    this.#checkName(folder);
    if (this.files.has(folder)) throw wrongKind(folder);
    const names = [...this.files.keys(), ...this.#folders].filter((name) => name !== '');
    const inside = names.filter((name) => folderOf(name) === folder);
    return inside.map((name) => (folder === '' ? name : name.slice(folder.length + 1))).sort();
  }

  async space(): Promise<Space> {
    return SPACE;
  }

  async close(): Promise<void> {}

  #step(step: Step): void {
    if (step.op !== 'read' && this.readOnly) throw notWritable(step.file);
    switch (step.op) {
      case 'create':
        return this.#create(step, step.size);
      case 'allocate': {
        const file = this.#file(step);
        if (step.length > 0) file.truncate(Math.max(file.size, step.offset + step.length));
        return;
      }
      case 'write':
        return this.#write(step);
      case 'read':
        return this.#read(step);
      case 'truncate':
        return this.#file(step).truncate(step.size);
      case 'punch':
        return this.#file(step).zero(step.offset, step.length);
      case 'datasync':
        this.#file(step);
        return;
      case 'rename':
        return this.#rename(step);
      case 'unlink':
        return this.#unlink(step);
      case 'mkdir':
        return this.#mkdir(step);
      case 'syncdir':
        this.#checkName(step.file);
        if (!this.#folders.has(step.file)) throw this.#absent(step);
        return;
    }
  }

  #file(step: Step): MemoryFile {
    this.#checkName(step.file);
    const file = this.files.get(step.file);
    if (file === undefined) throw this.#absent(step);
    return file;
  }

  /** Why there is no such file, or folder: nothing is there, or the other kind. */
  #absent(step: Step): AnywhenError {
    const there = this.files.has(step.file) || this.#folders.has(step.file);
    return there ? wrongKind(step.file) : errorOf(step, 'ENOENT');
  }

  /** Where a file serves as a folder, everything in it is damaged. */
  #checkName(name: FileName): void {
    checkName(name);
    for (let folder = folderOf(name); folder !== ''; folder = folderOf(folder)) {
      if (this.files.has(folder)) throw wrongKind(folder);
    }
  }

  #checkFolder(step: Step, name: FileName): void {
    this.#checkName(name);
    if (!this.#folders.has(folderOf(name))) throw errorOf(step, 'ENOENT');
  }

  #create(step: Step, size: number): void {
    this.#checkFolder(step, step.file);
    if (this.files.has(step.file) || this.#folders.has(step.file)) throw errorOf(step, 'EEXIST');
    const file = new MemoryFile();
    file.truncate(size);
    this.files.set(step.file, file);
  }

  #write(step: Extract<Step, { op: 'write' }>): void {
    const file = this.#file(step);
    let { offset } = step;
    for (const part of step.from) {
      file.write(offset, part);
      offset += part.length;
    }
  }

  #read(step: Extract<Step, { op: 'read' }>): void {
    const file = this.#file(step);
    const end = step.offset + step.into.length;
    if (step.into.length > 0 && end > file.size) throw shortFile(step.file, file.size, end);
    file.read(step.offset, step.into);
  }

  #rename(step: Extract<Step, { op: 'rename' }>): void {
    const file = this.#file(step);
    this.#checkFolder(step, step.to);
    if (this.#folders.has(step.to)) throw wrongKind(step.to);
    this.files.delete(step.file);
    this.files.set(step.to, file);
  }

  #unlink(step: Step): void {
    this.#checkName(step.file);
    if (this.#folders.has(step.file)) throw wrongKind(step.file);
    this.files.delete(step.file);
  }

  #mkdir(step: Step): void {
    if (this.files.has(step.file)) throw wrongKind(step.file);
    if (this.#folders.has(step.file)) return;
    this.#checkFolder(step, step.file);
    this.#folders.add(step.file);
  }
}
