import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../support/run.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';

const NATIVE = resolve(import.meta.dirname, '../../native');
const HEADERS = '/usr/include/fuse3';

it.skipIf(!existsSync(HEADERS))(
  'the driver compiles with a libfuse whose structures have more members, as from 3.17 on',
  async () => {
    const folder = await temporaryFolder();
    try {
      const headers = join(folder, 'fuse3');
      await cp(HEADERS, headers, { recursive: true });
      const file = join(headers, 'fuse_lowlevel.h');
      const text = await readFile(file, 'utf8');
      const more = text.replace(
        /^(struct fuse_custom_io \{[^}]*)\};/m,
        '$1\tint (*clone_fd)(int master_fd);\n};',
      );
      expect(more).toContain('clone_fd');
      await writeFile(file, more);
      const build = join(folder, 'build');
      const made = ['transport', 'operations'].map((name) => join(build, 'fuse', `${name}.o`));
      await run('make', ['-C', NATIVE, `BUILD=${build}`, `FUSE_INCLUDE=${headers}`, ...made]);
    } finally {
      await removeFolder(folder);
    }
  },
);

it.skipIf(!existsSync(HEADERS))(
  'the driver is compiled at install where the one that came with the package cannot be loaded',
  async () => {
    const folder = await temporaryFolder();
    try {
      const came = join(folder, 'native', 'prebuilt', `${process.platform}-${process.arch}`);
      const sources = (path: string) => !/\/native\/(build|prebuilt)$/.test(path);
      await cp(NATIVE, join(folder, 'native'), { recursive: true, filter: sources });
      await cp(join(NATIVE, '../tools'), join(folder, 'tools'), { recursive: true });
      await symlink(join(NATIVE, '../node_modules'), join(folder, 'node_modules'));
      await mkdir(came, { recursive: true });
      await copyFile(join(NATIVE, 'build', 'sys.node'), join(came, 'sys.node'));
      await writeFile(join(came, 'fuse.node'), 'for another system');
      await run(process.execPath, [join(folder, 'tools', 'install.mjs')]);
      const made = join(folder, 'native', 'build', 'fuse.node');
      expect(createRequire(import.meta.url)(made)).toHaveProperty('mount');
      expect(existsSync(join(folder, 'native', 'build', 'sys.node'))).toBe(false);
    } finally {
      await removeFolder(folder);
    }
  },
);
