import { AnywhenError, type ErrorCode, messageOf, systemCode } from '../base/errors.js';
import type { FileName } from './executor.js';

/** What was done to a file when it failed. */
export interface Attempt {
  readonly op: string;
  readonly file: FileName;
  /** Bytes. */
  readonly offset?: number;
}

const MEANINGS: Record<string, readonly [code: ErrorCode, text: string, hint?: string]> = {
  ENOSPC: ['no-space', 'no space left', 'Free space in the filesystem of the store.'],
  EDQUOT: ['no-space', 'the quota is used up', 'Free space, or have the quota raised.'],
  ENOENT: ['not-found', 'no such file'],
  EEXIST: ['exists', 'is there already'],
  EROFS: ['read-only', 'the filesystem is read-only'],
  EACCES: ['denied', 'access is not allowed', 'A store is opened by the user who owns it.'],
  EPERM: ['denied', 'not permitted', 'A store is opened by the user who owns it.'],
  EBUSY: ['busy', 'is in use', 'A device that is mounted or part of another one cannot serve here.'],
};

/** What opening and renaming say to links, folders, pipes and sockets. */
const WRONG_KIND = new Set(['ELOOP', 'EISDIR', 'ENOTDIR', 'ENOTEMPTY', 'ENXIO', 'ENODEV']);

/** Anything thrown by the system, as an error of ours with file, place and the system's code. */
export function fileError(attempt: Attempt, cause: unknown): AnywhenError {
  return cause instanceof AnywhenError
    ? cause
    : errorOf(attempt, systemCode(cause) ?? messageOf(cause), cause);
}

/** The error for a system code such as `EIO`. */
export function errorOf(attempt: Attempt, system: string, cause?: unknown): AnywhenError {
  if (WRONG_KIND.has(system)) return wrongKind(attempt.file);
  const where = attempt.file === '' ? 'the folder of the store' : attempt.file;
  const place = attempt.offset === undefined ? where : `${where}, offset ${attempt.offset}`;
  const [code, text, hint] = MEANINGS[system] ?? ['io', `${attempt.op} failed`];
  return new AnywhenError(code, `${place}: ${text} (${system})`, {
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
    data: {
      file: attempt.file,
      system,
      ...(attempt.offset === undefined ? {} : { offset: attempt.offset }),
    },
  });
}

/** A link, pipe, device or folder where a file should be, or a file where a folder should be. */
export function wrongKind(file: FileName): AnywhenError {
  return new AnywhenError('damaged', `${file === '' ? 'the store' : file}: is not what it must be`, {
    hint: 'A store is a folder with regular files and the folder `backward`, without links, pipes or devices.',
    data: { file },
  });
}

/** The file ends before what was to be read does. */
export function shortFile(file: FileName, size: number, wanted: number): AnywhenError {
  return new AnywhenError('damaged', `${file}: ends at ${size}, before offset ${wanted}`, {
    hint: 'The file was cut short; `anywhen check STORE` tells what is lost.',
    data: { file, offset: size },
  });
}

/** A changing step on a store that is open read-only. */
export function notWritable(file: FileName): AnywhenError {
  return new AnywhenError('read-only', `${file}: the store is open read-only`, { data: { file } });
}

/** A datasync or syncdir that failed. It stays failed: what the kernel had to write it may have thrown away. */
export function syncFailure(file: FileName, cause: unknown): AnywhenError {
  const system = systemCode(cause) ?? messageOf(cause);
  const what = file === '' ? 'the folder of the store' : file;
  return new AnywhenError('io', `${what}: could not be made durable (${system})`, {
    cause,
    hint: 'Look at the disk and its filesystem, then open the store again.',
    data: { file, system },
  });
}
