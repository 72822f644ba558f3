#!/usr/bin/env node
// Compiles the addons anew and puts them where the package carries them: native/prebuilt/<platform>-<arch>. They use
// Node-API only, so one build does for all versions of Node.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NATIVE = join(dirname(dirname(fileURLToPath(import.meta.url))), 'native');
const into = join(NATIVE, 'prebuilt', `${process.platform}-${process.arch}`);

const made = spawnSync('make', ['-s', '-C', NATIVE, 'BUILD=build/release', 'all', 'fuse'], {
  stdio: 'inherit',
});
if (made.status !== 0) process.exit(1);
mkdirSync(into, { recursive: true });
for (const name of ['sys.node', 'fuse.node'])
  copyFileSync(join(NATIVE, 'build', 'release', name), join(into, name));
process.stderr.write(`prebuild: sys.node and fuse.node for ${process.platform}-${process.arch}\n`);
