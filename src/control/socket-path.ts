import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { AnywhenError, messageOf } from '../base/errors.js';

/** The folder of the sockets: mode 0700, which is their guard. */
function runtimeFolder(): string {
  if (process.getuid?.() === 0) return '/run/anywhen';
  const { XDG_RUNTIME_DIR: runtime } = process.env;
  return runtime ? join(runtime, 'anywhen') : join(homedir(), '.cache', 'anywhen');
}

/** The longest path of a socket, bytes. A longer one would be cut short without a word. */
const LONGEST = 107;

/**
 * The socket of the daemon that has the store of this uuid in this folder. A copy of a store has the uuid of its
 * original, and both may be mounted at once: the folder itself is part of the name, however its path is written.
 *
 * @throws `unsupported` where its path would be too long; the system's error where there is no such folder
 */
export function socketPath(uuid: string, folder: string): string {
  const { dev, ino } = statSync(folder, { bigint: true });
  const path = join(runtimeFolder(), `${uuid}.${dev.toString(36)}.${ino.toString(36)}.sock`);
  if (Buffer.byteLength(path) <= LONGEST) return path;
  throw new AnywhenError('unsupported', `${path}: the path of a socket has at most ${LONGEST} bytes`, {
    hint: 'Set XDG_RUNTIME_DIR to a folder with a shorter path.',
  });
}

/** @throws `denied` if the folder cannot be made, or belongs to somebody else */
export function makeRuntimeFolder(): void {
  const folder = runtimeFolder();
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new AnywhenError('denied', `${folder}: cannot be made: ${messageOf(cause)}`, {
      cause,
      hint: 'The socket of the daemon lies there; XDG_RUNTIME_DIR names another place.',
    });
  }
  if (statSync(folder).uid !== process.getuid?.()) {
    throw new AnywhenError('denied', `${folder}: belongs to another user`);
  }
  chmodSync(folder, 0o700);
}
