import { closeSync, fdatasync, fdatasyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Undo } from './undo.js';

/** An ordinary file, read and written with single system calls: what runs beside the engine. */
export class RawFile {
  readonly #fd: number;
  readonly close: () => Promise<void>;

  /** @param size makes the file that long; without, it must be there */
  constructor(undo: Undo, path: string, size?: number) {
    this.#fd = openSync(path, size === undefined ? 'r+' : 'w+');
    if (size !== undefined) ftruncateSync(this.#fd, size);
    this.close = undo.add(() => closeSync(this.#fd));
  }

  write(offset: number, data: Uint8Array): void {
    for (let done = 0; done < data.length; ) {
      done += writeSync(this.#fd, data, done, data.length - done, offset + done);
    }
  }

  /** Bytes read; fewer at the end of the file. */
  read(offset: number, into: Uint8Array): number {
    return readSync(this.#fd, into, 0, into.length, offset);
  }

  datasync(): void {
    fdatasyncSync(this.#fd);
  }

  /** The same on another thread: what serves the file may need this one, or a long time. */
  datasyncLater(): Promise<void> {
    return promisify(fdatasync)(this.#fd);
  }

  /** Allocates and fills it, so that overwriting it allocates nothing. */
  fill(size: number, bytes: Uint8Array): void {
    for (let offset = 0; offset < size; offset += bytes.length) {
      this.write(offset, bytes.subarray(0, Math.min(bytes.length, size - offset)));
    }
    this.datasync();
  }
}
