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
 * The socket of the daemon that has the store of this uuid.
 *
 * @throws `unsupported` where its path would be too long
 */
export function socketPath(uuid: string): string {
  const path = join(runtimeFolder(), `${uuid}.sock`);
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
