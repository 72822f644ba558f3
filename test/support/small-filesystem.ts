import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { environment } from './run.js';
import { removeFolder, temporaryFolder } from './temporary-folder.js';

export interface SmallFilesystem {
  readonly path: string;
  dispose(): Promise<void>;
}

/** Why a filesystem of a kind cannot be mounted here, or undefined when it can. */
export function cannotMount(kind: 'tmpfs' | 'ext4' | 'xfs' | 'btrfs'): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  if (kind === 'tmpfs') return undefined;
  if (!existsSync('/dev/loop-control')) return 'needs loop devices';
  if (spawnSync(`mkfs.${kind}`, ['-V'], { env: environment }).error !== undefined)
    return `needs mkfs.${kind}`;
  const known = spawnSync('grep', ['-qw', kind, '/proc/filesystems']).status === 0;
  return known ? undefined : `the kernel has no ${kind}`;
}

/** Mounts a new filesystem for a test: a tmpfs of `mebibytes`, or an image of that size on a loop device. */
export async function mountSmall(
  kind: 'tmpfs' | 'ext4' | 'xfs' | 'btrfs',
  mebibytes: number,
): Promise<SmallFilesystem> {
  const folder = await temporaryFolder();
  const path = join(folder, 'mnt');
  await mkdir(path);
  if (kind === 'tmpfs') {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'anywhen-test', path]);
  } else {
    const image = join(folder, 'image');
    execFileSync('truncate', ['-s', `${mebibytes}M`, image]);
    execFileSync(`mkfs.${kind}`, ['-q', image], { env: environment });
    execFileSync('mount', ['-o', 'loop', image, path]);
  }
  return {
    path,
    dispose: async () => {
      execFileSync('umount', [path]);
      await removeFolder(folder);
    },
  };
}
