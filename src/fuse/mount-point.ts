import { access, constants, realpath, stat, statfs } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { AnywhenError, messageOf, systemCode } from '../base/errors.js';
import { anywhenMount } from './mount-table.js';
import { unmount } from './unmount.js';

/**
 * Makes sure that a mount may go there: an existing folder that is no mount of ours and does not lie inside,
 * over or around the store, which would deadlock. A mount whose daemon is dead is removed first.
 *
 * @returns the absolute path
 * @throws `usage`, `busy`, `not-found`
 */
export async function prepareMountPoint(
  given: string,
  store: string,
  notice: (message: string) => void,
): Promise<string> {
  const path = resolve(given);
  if (anywhenMount(path) !== undefined) await mendStale(path, notice);
  let real: string;
  try {
    real = await realpath(path);
    if (!(await stat(real)).isDirectory()) throw new AnywhenError('usage', `${given}: is not a folder`);
  } catch (cause) {
    if (cause instanceof AnywhenError) throw cause;
    throw new AnywhenError(
      'not-found',
      `${given}: the mount point is not there (${systemCode(cause) ?? 'unknown error'})`,
      {
        cause,
        hint: `Make it with \`mkdir ${given}\`.`,
      },
    );
  }
  const folder = await realpath(store);
  if (real === folder || real.startsWith(folder + sep) || folder.startsWith(real + sep)) {
    throw new AnywhenError('usage', `${given}: a mount inside, over or around the store would deadlock`, {
      hint: 'Mount on a folder that has nothing to do with the store.',
    });
  }
  return real;
}

/**
 * Makes sure that this user may mount at all.
 *
 * @throws `unsupported` where the kernel has no FUSE, `denied`
 */
export async function checkFuseDevice(device = '/dev/fuse'): Promise<void> {
  try {
    await access(device, constants.R_OK | constants.W_OK);
  } catch (cause) {
    if (systemCode(cause) === 'EACCES') {
      throw new AnywhenError('denied', `${device}: this user may not open it, so nothing can be mounted`, {
        cause,
        hint: `As root: \`chmod 666 ${device}\`, which is what Debian's udev rules do; or mount as root.`,
      });
    }
    throw new AnywhenError(
      'unsupported',
      `${device}: is not there (${systemCode(cause) ?? messageOf(cause)})`,
      {
        cause,
        hint: 'As root: `modprobe fuse`. A container needs the device given to it.',
      },
    );
  }
}

async function mendStale(path: string, notice: (message: string) => void): Promise<void> {
  try {
    // What `stat` says the kernel remembers for a while after the daemon died; this it asks each time.
    await statfs(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOTCONN') throw error;
    await unmount(path, true);
    notice(`${path}: removed the mount of a daemon that is dead`);
    return;
  }
  throw new AnywhenError('busy', `${path}: is mounted already`, { hint: '`anywhen umount` unmounts it.' });
}
