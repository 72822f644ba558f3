#!/usr/bin/env node
// Runs when the package is installed: the addons come with it for linux-x64; elsewhere they are compiled here.
// Without the one with the system calls nothing works; without the driver on libfuse 3 there is fuse-native.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

function isThere(name) {
  const folders = ['build', join('prebuilt', `${process.platform}-${process.arch}`)];
  return folders.some((folder) => existsSync(join(ROOT, 'native', folder, `${name}.node`)));
}

function headers() {
  const path = import.meta.resolve('node-api-headers');
  return join(dirname(fileURLToPath(path)), 'include');
}

function make(target) {
  const args = ['-C', join(ROOT, 'native'), target, `HEADERS=${headers()}`];
  const result = spawnSync('make', args, { encoding: 'utf8' });
  if (result.status === 0) return undefined;
  return result.error?.message ?? result.stderr.trim().split('\n').slice(-5).join('\n');
}

const sys = isThere('sys') ? undefined : make('all');
const fuse = isThere('fuse') ? undefined : make('fuse');
if (fuse !== undefined) {
  process.stderr.write(
    `anywhen: the native driver was not built; mounts will use fuse-native, which is slower.\n` +
      `  apt-get install g++ make libfuse3-dev, then install again.\n`,
  );
}
if (sys !== undefined) {
  process.stderr.write(
    `anywhen: the addon was not built:\n${sys}\n  apt-get install g++ make, then install again.\n`,
  );
  process.exitCode = 1;
}
