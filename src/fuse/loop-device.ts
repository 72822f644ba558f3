import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AnywhenError, messageOf } from '../base/errors.js';
import { mountTable } from './mount-table.js';

const LOSETUP = ['/usr/sbin/losetup', '/sbin/losetup', '/usr/bin/losetup'];
const BLOCK_DEVICES = '/sys/block';

/** A loop device and the file that it shows. */
export interface LoopDevice {
  readonly device: string;
  /** As the kernel tells it; a file that is gone has ` (deleted)` behind its name. */
  readonly file: string;
}

/**
 * Attaches a file of a mount to a free loop device, with direct I/O: otherwise every block would be in memory twice,
 * and one request at a time would reach the volume.
 *
 * @returns the path of the device
 * @throws `denied` for whoever may not, `unsupported` without losetup, `io`
 */
export async function attachLoop(file: string, readOnly: boolean): Promise<string> {
  const hint = `As root. Programs that take a file need none: ${file}`;
  const args = ['--direct-io=on', '--find', '--show', ...(readOnly ? ['--read-only'] : []), '--', file];
  return (await losetup(args, file, hint)).trim();
}

/**
 * Detaches a loop device that shows a file of a mount of ours.
 *
 * @throws `usage` for any other device, `busy` while a filesystem on it is mounted
 */
export async function detachLoop(device: string, inMounts: readonly string[]): Promise<void> {
  const found = loopDevices().find((one) => one.device === device);
  if (found === undefined || !inMounts.some((mnt) => found.file.startsWith(`${mnt}/`))) {
    throw new AnywhenError('usage', `${device}: is no loop device on a mount of anywhen`, {
      hint: '`losetup -a` shows what is attached.',
    });
  }
  const mounted = mountTable().find((entry) => entry.source === device);
  if (mounted !== undefined) {
    throw new AnywhenError('busy', `${device}: is mounted on ${mounted.mountPoint}`, {
      hint: `Unmount it first: umount ${mounted.mountPoint}`,
    });
  }
  await losetup(['--detach', device], device, 'As root.');
  // The kernel lets go of a device that is still open when the last one closes it, and says nothing.
  if (loopDevices().some((one) => one.device === device && one.file === found.file)) {
    throw new AnywhenError('busy', `${device}: is still open; it is detached when it is closed`, {
      hint: `\`fuser ${device}\` shows who has it open.`,
    });
  }
}

/** The loop devices that are attached, by what the kernel says: no file is touched. */
function loopDevices(): LoopDevice[] {
  const found: LoopDevice[] = [];
  for (const name of readdirSync(BLOCK_DEVICES)) {
    const backing = join(BLOCK_DEVICES, name, 'loop', 'backing_file');
    if (!name.startsWith('loop') || !existsSync(backing)) continue;
    try {
      found.push({ device: `/dev/${name}`, file: readFileSync(backing, 'utf8').trimEnd() });
    } catch {
      // Detached in the meantime.
    }
  }
  return found;
}

function losetup(args: readonly string[], what: string, hint: string): Promise<string> {
  const command = LOSETUP.find((path) => existsSync(path));
  if (command === undefined) {
    throw new AnywhenError('unsupported', 'losetup is not there', { hint: '`apt-get install mount`' });
  }
  return new Promise((resolve, reject) => {
    execFile(command, args, { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } }, (error, out, text) => {
      if (error === null) return resolve(out);
      const denied = /permission denied|not permitted/i.test(text);
      const reason = text.trim().replace(/^losetup: /, '') || messageOf(error);
      reject(new AnywhenError(denied ? 'denied' : 'io', `${what}: ${reason}`, { cause: error, hint }));
    });
  });
}
