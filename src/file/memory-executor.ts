import { AnywhenError } from '../base/errors.js';
import type { Executor, FileName, Plan, Step } from './executor.js';

const PAGE = 4096;

/** A file in memory: the pages that were written; the rest is a hole. */
export class MemoryFile {
  readonly pages = new Map<number, Uint8Array>();
  size = 0;

  read(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const at = offset + done;
      const within = at % PAGE;
      const count = Math.min(PAGE - within, into.length - done);
      const page = this.pages.get(Math.floor(at / PAGE));
      if (page === undefined) into.fill(0, done, done + count);
      else into.set(page.subarray(within, within + count), done);
      done += count;
    }
  }

  write(offset: number, from: Uint8Array): void {
    for (let done = 0; done < from.length; ) {
      const at = offset + done;
      const within = at % PAGE;
      const count = Math.min(PAGE - within, from.length - done);
      this.#page(Math.floor(at / PAGE)).set(from.subarray(done, done + count), within);
      done += count;
    }
    this.size = Math.max(this.size, offset + from.length);
  }

  zero(offset: number, length: number): void {
    const end = Math.min(offset + length, this.size);
    for (const [number, page] of this.pages) {
      const start = Math.max(offset, number * PAGE);
      const stop = Math.min(end, (number + 1) * PAGE);
      if (start >= stop) continue;
      if (stop - start === PAGE) this.pages.delete(number);
      else page.fill(0, start - number * PAGE, stop - number * PAGE);
    }
  }

  truncate(size: number): void {
    if (size < this.size) this.zero(size, this.size - size);
    this.size = size;
  }

  copy(): MemoryFile {
    const file = new MemoryFile();
    for (const [number, page] of this.pages) file.pages.set(number, page.slice());
    file.size = this.size;
    return file;
  }

  #page(number: number): Uint8Array {
    let page = this.pages.get(number);
    if (page === undefined) {
      page = new Uint8Array(PAGE);
      this.pages.set(number, page);
    }
    return page;
  }
}

/** A store that lives in memory, sparse: for tests, and as the disk of the crash harness. */
export class MemoryExecutor implements Executor {
  constructor(
    readonly files: Map<FileName, MemoryFile> = new Map(),
    readonly readOnly = false,
  ) {}

  /** An independent copy of everything in it. */
  copy(): MemoryExecutor {
    return new MemoryExecutor(new Map([...this.files].map(([name, file]) => [name, file.copy()])));
  }

  async run(plan: Plan): Promise<void> {
    this.runNow(plan);
  }

  runNow(plan: Plan): true {
    for (const step of plan) this.#step(step);
    return true;
  }

  async size(file: FileName): Promise<number | undefined> {
    return this.files.get(file)?.size;
  }

  async list(folder: FileName): Promise<string[]> {
    const prefix = folder === '' ? '' : `${folder}/`;
    const inside = [...this.files.keys()].filter((name) => name.startsWith(prefix));
    return [...new Set(inside.map((name) => name.slice(prefix.length).split('/')[0] as string))].sort();
  }

  async space(): Promise<{ total: number; free: number }> {
    return { total: 2 ** 40, free: 2 ** 39 };
  }

  async close(): Promise<void> {}

  #file(name: FileName): MemoryFile {
    const file = this.files.get(name);
    if (file === undefined) throw new AnywhenError('not-found', `${name}: no such file`);
    return file;
  }

  #step(step: Step): void {
    if (step.op !== 'read' && this.readOnly) {
      throw new AnywhenError('read-only', `${step.file}: the store is open read-only`);
    }
    switch (step.op) {
      case 'create': {
        if (this.files.has(step.file)) throw new AnywhenError('exists', `${step.file}: is there already`);
        const file = new MemoryFile();
        file.size = step.size;
        this.files.set(step.file, file);
        return;
      }
      case 'allocate': {
        const file = this.#file(step.file);
        file.size = Math.max(file.size, step.offset + step.length);
        return;
      }
      case 'write': {
        let offset = step.offset;
        for (const part of step.from) {
          this.#file(step.file).write(offset, part);
          offset += part.length;
        }
        return;
      }
      case 'read': {
        const file = this.#file(step.file);
        if (step.offset + step.into.length > file.size) {
          throw new AnywhenError(
            'damaged',
            `${step.file}: ends at ${file.size}, before ${step.offset + step.into.length}`,
          );
        }
        file.read(step.offset, step.into);
        return;
      }
      case 'truncate':
        this.#file(step.file).truncate(step.size);
        return;
      case 'punch':
        this.#file(step.file).zero(step.offset, step.length);
        return;
      case 'rename':
        this.files.set(step.to, this.#file(step.file));
        this.files.delete(step.file);
        return;
      case 'unlink':
        this.files.delete(step.file);
        return;
      case 'datasync':
        this.#file(step.file);
        return;
      case 'mkdir':
      case 'syncdir':
        return;
    }
  }
}
