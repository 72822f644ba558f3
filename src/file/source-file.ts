import { close, constants, fstatSync, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { AnywhenError, systemCode } from '../base/errors.js';
import { SEEK_DATA, SEEK_HOLE, sys } from '../native.js';

const closeFile = promisify(close);
const readAt = promisify(read);

const CHUNK = 1024 * 1024;

/** An image file or a block device that a store is made from: its parts that are not holes, in order. */
export interface SourceFile {
  readonly size: number;
  parts(): AsyncGenerator<{ readonly offset: number; readonly bytes: Uint8Array }>;
  close(): Promise<void>;
}

/** @throws `not-found`, `denied`, `usage` if it is neither a file nor a block device */
export function openSource(path: string): SourceFile {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY);
  } catch (cause) {
    const code = systemCode(cause);
    throw new AnywhenError(
      code === 'EACCES' ? 'denied' : 'not-found',
      `${path}: cannot be opened (${code})`,
      { cause },
    );
  }
  const stats = fstatSync(fd);
  if (!stats.isFile() && !stats.isBlockDevice()) {
    void closeFile(fd);
    throw new AnywhenError('usage', `${path}: is neither a file nor a block device`);
  }
  const size = stats.isBlockDevice() ? sys().blockDeviceSize(fd) : stats.size;
  return { size, parts: () => readParts(fd, size, path), close: () => closeFile(fd) };
}

async function* readParts(
  fd: number,
  size: number,
  path: string,
): AsyncGenerator<{ offset: number; bytes: Uint8Array }> {
  let end = 0;
  for (;;) {
    const data = end < size ? seek(fd, end, SEEK_DATA, end) : -1;
    if (data < 0 || data >= size) return;
    const start = data - (data % 4096);
    const hole = Math.min(size, Math.max(seek(fd, data, SEEK_HOLE, size), start + 1));
    end = Math.min(size, Math.ceil(hole / 4096) * 4096);
    for (let offset = start; offset < end; offset += CHUNK) {
      const bytes = new Uint8Array(Math.min(CHUNK, end - offset));
      for (let done = 0; done < bytes.length; ) {
        const { bytesRead } = await readAt(fd, bytes, done, bytes.length - done, offset + done);
        if (bytesRead === 0) throw new AnywhenError('io', `${path}: became shorter while it was copied`);
        done += bytesRead;
      }
      yield { offset, bytes };
    }
  }
}

/** Where the system does not know holes, everything is data. */
function seek(fd: number, offset: number, whence: number, otherwise: number): number {
  try {
    return sys().seek(fd, offset, whence);
  } catch {
    return otherwise;
  }
}
