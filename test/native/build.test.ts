import { existsSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
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
