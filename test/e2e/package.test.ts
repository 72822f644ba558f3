import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { describeDriver, isMounted } from '../support/mounted-store.js';
import { environment, run, until } from '../support/run.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';

const ROOT = resolve(import.meta.dirname, '../..');

describeDriver('native', 'the package', () => {
  it('brings its addons: unpacked, without a compiler, it mounts and reads back what it wrote', async () => {
    const folder = await temporaryFolder();
    try {
      const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: ROOT });
      const file = join(folder, stdout.trim().split('\n').at(-1) as string);
      await run('tar', ['-xzf', file, '-C', folder]);
      const unpacked = join(folder, 'package');
      expect(existsSync(join(unpacked, 'native/build'))).toBe(false);
      expect(existsSync(join(unpacked, 'src'))).toBe(false);
      // Where npm would have put the packages that it needs; no compiler is in reach.
      await symlink(join(ROOT, 'node_modules'), join(unpacked, 'node_modules'));
      const bare = { env: { ...environment, PATH: '/nowhere' } };
      const anywhen = (...args: string[]) =>
        run(process.execPath, [join(unpacked, 'dist/cli/index.js'), ...args], bare);
      await run(process.execPath, [join(unpacked, 'tools/install.mjs')], bare);
      const [store, mnt] = [join(folder, 'store'), join(folder, 'mnt')];
      await mkdir(mnt);
      await anywhen('create', store, '--size', '16M');
      await anywhen('mount', store, mnt);
      const status = JSON.parse((await anywhen('status', mnt, '--json')).stdout);
      expect(status).toMatchObject({ driver: 'native' });
      await run('dd', ['if=/dev/zero', `of=${mnt}/volume`, 'bs=4096', 'count=2', 'conv=notrunc,fsync']);
      await anywhen('mark', mnt, 'done');
      expect((await run('wc', ['-c', `${mnt}/images/@done`])).stdout).toMatch(/^16777216 /);
      await run('umount', [mnt]);
      await until('unmounted', () => !isMounted(mnt));
    } finally {
      await removeFolder(folder);
    }
  });
});
