import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { AnywhenError } from '../base/errors.js';

/** The folder of the sockets: mode 0700, which is their guard. */
function runtimeFolder(): string {
  if (process.getuid?.() === 0) return '/run/anywhen';
  const { XDG_RUNTIME_DIR: runtime } = process.env;
  return runtime ? join(runtime, 'anywhen') : join(homedir(), '.cache', 'anywhen');
}

/** The socket of the daemon that has the store of this uuid. */
export function socketPath(uuid: string): string {
  return join(runtimeFolder(), `${uuid}.sock`);
}

/** @throws `denied` if the folder belongs to somebody else */
export function makeRuntimeFolder(): void {
  const folder = runtimeFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (statSync(folder).uid !== process.getuid?.()) {
    throw new AnywhenError('denied', `${folder}: belongs to another user`);
  }
  chmodSync(folder, 0o700);
}
