import { AnywhenError } from '../../src/base/errors.js';
import type { Step } from '../../src/file/executor.js';

/** The oracle of the executors: whole files in a map, every step in the plainest way. */
export class NaiveFiles {
  readonly files = new Map<string, Buffer>();
  readonly folders = new Set(['']);

  /** Does a step; returns the code of the error that it must end in, or undefined. */
  step(step: Step): string | undefined {
    if (this.files.has(parent(step.file))) return 'damaged';
    switch (step.op) {
      case 'mkdir':
        if (this.files.has(step.file)) return 'damaged';
        this.folders.add(step.file);
        return undefined;
      case 'syncdir':
        if (this.files.has(step.file)) return 'damaged';
        return this.folders.has(step.file) ? undefined : 'not-found';
      case 'unlink':
        if (this.folders.has(step.file)) return 'damaged';
        this.files.delete(step.file);
        return undefined;
      case 'create':
        if (!this.folders.has(parent(step.file))) return 'not-found';
        if (this.files.has(step.file) || this.folders.has(step.file)) return 'exists';
        this.files.set(step.file, Buffer.alloc(step.size));
        return undefined;
      default:
        return this.#stepOnFile(step);
    }
  }

  /** The size, or the code of the error that asking for it must end in. */
  size(file: string): number | string | undefined {
    return this.folders.has(file) || this.files.has(parent(file)) ? 'damaged' : this.files.get(file)?.length;
  }

  #stepOnFile(step: Exclude<Step, { op: 'mkdir' | 'syncdir' | 'unlink' | 'create' }>): string | undefined {
    if (this.folders.has(step.file)) return 'damaged';
    const bytes = this.files.get(step.file);
    if (bytes === undefined) return 'not-found';
    switch (step.op) {
      case 'datasync':
        return undefined;
      case 'read':
        if (step.into.length === 0) return undefined;
        if (step.offset + step.into.length > bytes.length) return 'damaged';
        bytes.copy(step.into, 0, step.offset);
        return undefined;
      case 'write': {
        const data = Buffer.concat(step.from);
        if (data.length === 0) return undefined;
        const grown = resized(bytes, Math.max(bytes.length, step.offset + data.length));
        data.copy(grown, step.offset);
        this.files.set(step.file, grown);
        return undefined;
      }
      case 'truncate':
        this.files.set(step.file, resized(bytes, step.size));
        return undefined;
      case 'allocate':
        if (step.length > 0)
          this.files.set(step.file, resized(bytes, Math.max(bytes.length, step.offset + step.length)));
        return undefined;
      case 'punch':
        bytes.fill(0, Math.min(step.offset, bytes.length), Math.min(step.offset + step.length, bytes.length));
        return undefined;
      case 'rename':
        if (this.files.has(parent(step.to))) return 'damaged';
        if (!this.folders.has(parent(step.to))) return 'not-found';
        if (this.folders.has(step.to)) return 'damaged';
        this.files.delete(step.file);
        this.files.set(step.to, bytes);
        return undefined;
    }
  }
}

/** The code of an `AnywhenError`; anything else goes on as it is. */
export function codeOf(error: unknown): string {
  if (error instanceof AnywhenError) return error.code;
  throw error;
}

function parent(file: string): string {
  return file.includes('/') ? file.slice(0, file.lastIndexOf('/')) : '';
}

function resized(bytes: Buffer, size: number): Buffer {
  const copy = Buffer.alloc(size);
  bytes.copy(copy);
  return copy;
}
