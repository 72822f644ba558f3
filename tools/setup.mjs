#!/usr/bin/env node
// Sets up everything that Anywhen needs: Debian packages (when root), npm packages, the native addon, the compiled
// program. A step that has nothing to do is skipped, so that a second run costs a second and prints one line.
// Plain Node without packages, since it runs before there are any.
//
//   node tools/setup.mjs            what the program, the demonstration and the tests need
//   node tools/setup.mjs --bench    also what the benchmark compares with
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const NODE_MAJOR = 20;
/** Holds the newest change of the sources that were compiled. */
const BUILD_STAMP = join(ROOT, 'dist', '.built');

/**
 * What must be there: a command, a shared library or a header, and the Debian packages that bring it (the first one
 * that the machine's package lists know). `required`: without it nothing can be built.
 */
const NEEDS = [
  { command: 'g++', packages: ['g++'], required: true },
  { command: 'make', packages: ['make'], required: true },
  { header: 'fuse3/fuse_lowlevel.h', packages: ['libfuse3-dev'], why: 'to mount with the native driver' },
  { library: 'libfuse.so.2', packages: ['libfuse2', 'libfuse2t64'], why: 'to mount with fuse-native' },
  { command: 'fusermount3', packages: ['fuse3'], why: 'to mount without root' },
  { command: 'losetup', packages: ['mount'], why: 'for loop devices' },
  { command: 'flock', packages: ['util-linux'], why: 'for loop devices' },
  { command: 'mkfs.ext4', packages: ['e2fsprogs'], why: 'for the demonstration' },
  { command: 'mkfs.xfs', packages: ['xfsprogs'], why: 'for the tests' },
  { command: 'mkfs.btrfs', packages: ['btrfs-progs'], why: 'for the tests' },
  { command: 'fio', packages: ['fio'], why: 'for the benchmark', bench: true },
  {
    command: 'qemu-storage-daemon',
    packages: ['qemu-system-common', 'qemu-utils'],
    why: 'for the benchmark',
    bench: true,
  },
];

const SYSTEM_PATH = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`;
const LIBRARY_FOLDERS = ['/lib', '/usr/lib', '/usr/local/lib', '/lib64', '/usr/lib64'];

class SetupError extends Error {}

function say(line) {
  process.stdout.write(`setup: ${line}\n`);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26, ...options });
  if (result.error !== undefined) throw new SetupError(`${command} cannot be run: ${result.error.message}`);
  if (result.status !== 0) {
    const output = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim().split('\n').slice(-30).join('\n');
    throw new SetupError(
      `${[command, ...args].join(' ')} failed (${result.status ?? result.signal})\n${output}`,
    );
  }
  return result.stdout;
}

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= NODE_MAJOR) return;
  throw new SetupError(
    `Node ${process.versions.node} is too old: Anywhen needs Node ${NODE_MAJOR} or newer (https://nodejs.org)`,
  );
}

function hasCommand(name) {
  return SYSTEM_PATH.split(':').some((folder) => folder !== '' && existsSync(join(folder, name)));
}

function hasLibrary(name) {
  const folders = [...LIBRARY_FOLDERS];
  for (const folder of LIBRARY_FOLDERS) {
    if (!existsSync(folder)) continue;
    for (const entry of readdirSync(folder))
      if (entry.endsWith('-linux-gnu')) folders.push(join(folder, entry));
  }
  return folders.some((folder) => existsSync(join(folder, name)));
}

function hasHeader(name) {
  return ['/usr/include', '/usr/local/include'].some((folder) => existsSync(join(folder, name)));
}

function isThere(need) {
  if (need.header !== undefined) return hasHeader(need.header);
  return need.command === undefined ? hasLibrary(need.library) : hasCommand(need.command);
}

/** The first of the packages that apt knows; the first of all when it knows none (then apt says so). */
function packageOf(need) {
  if (need.packages.length === 1) return need.packages[0];
  for (const name of need.packages) {
    const answer = spawnSync('apt-cache', ['policy', name], { encoding: 'utf8' });
    if (answer.status === 0 && /Candidate: (?!\(none\))/.test(answer.stdout)) return name;
  }
  return need.packages[0];
}

function aptInstall(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const args = ['install', '-y', '--no-install-recommends', ...packages];
  say(`apt-get ${args.join(' ')}`);
  if (spawnSync('apt-get', args, { env, encoding: 'utf8' }).status === 0) return;
  run('apt-get', ['update'], { env });
  run('apt-get', args, { env });
}

/** Installs what is missing when root; else says which command does. Returns true when it changed something. */
function debianPackages(options) {
  const missing = () => NEEDS.filter((need) => (need.bench !== true || options.bench) && !isThere(need));
  let left = missing();
  if (left.length === 0) return false;
  const isRoot = process.getuid?.() === 0;
  if (isRoot && hasCommand('apt-get')) {
    // Package lists decide between names, and a fresh container has none.
    if (left.some((need) => need.packages.length > 1)) spawnSync('apt-get', ['update']);
    aptInstall([...new Set(left.map(packageOf))]);
    left = missing();
  }
  if (left.length === 0) return true;
  const command = `${isRoot ? '' : 'sudo '}apt-get install -y --no-install-recommends ${[...new Set(left.map(packageOf))].join(' ')}`;
  for (const need of left)
    say(`missing: ${need.command ?? need.library ?? need.header} (${need.why ?? 'to build'})`);
  const required = left.filter((need) => need.required === true);
  if (required.length > 0)
    throw new SetupError(
      `cannot go on without ${required.map((need) => need.command).join(', ')}; run: ${command}`,
    );
  say(`going on without; to have it all, run: ${command}`);
  return true;
}

/** True when node_modules holds what the lock file names. npm keeps its own record of what it installed. */
function npmPackagesAreThere() {
  const installedFile = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || entry.link === true) return true;
    const found = installed[path];
    if (found === undefined) return entry.optional === true;
    return (
      found.version === entry.version && found.integrity === entry.integrity && existsSync(join(ROOT, path))
    );
  });
}

function npmPackages() {
  if (npmPackagesAreThere()) return false;
  // Not `npm ci`: it refuses a lock file that names optional packages of other systems without their versions.
  say('npm install --ignore-scripts');
  run('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund']);
  return true;
}

/** The files under a folder, recursively; build products left out. */
function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return entry.name === 'build' || entry.name === 'node_modules' ? [] : filesUnder(path);
    return [path];
  });
}

/** The newest change of any of the files or folders around them (a deleted file changes its folder), ms. */
function newestChange(files) {
  const paths = new Set(files.flatMap((file) => [file, dirname(file)]));
  return Math.max(0, ...[...paths].map((path) => statSync(path).mtimeMs));
}

/** make decides what is stale: asking it costs milliseconds. */
function nativeAddon() {
  if (!existsSync(join(ROOT, 'native', 'Makefile'))) return false;
  // The driver on libfuse 3 is built where its headers are; without it there is fuse-native.
  const targets = hasHeader('fuse3/fuse_lowlevel.h') ? ['all', 'fuse'] : ['all'];
  if (spawnSync('make', ['-q', '-C', 'native', ...targets], { cwd: ROOT }).status === 0) return false;
  say(`make -C native ${targets.join(' ')}`);
  run('make', ['-C', 'native', ...targets]);
  return true;
}

function compile() {
  const sources = filesUnder(join(ROOT, 'src'));
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map((name) =>
    join(ROOT, name),
  );
  const newest = String(Math.max(newestChange(sources), ...settings.map((file) => statSync(file).mtimeMs)));
  if (existsSync(BUILD_STAMP) && readFileSync(BUILD_STAMP, 'utf8') === newest) return false;
  say('npm run build');
  run(process.execPath, [
    join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.build.json',
  ]);
  dropStaleOutput(sources);
  writeFileSync(BUILD_STAMP, newest);
  return true;
}

/** A compiled file whose source is gone would still be found by an import. */
function dropStaleOutput(sources) {
  const stems = new Set(sources.map((file) => relative(join(ROOT, 'src'), file).replace(/\.ts$/, '')));
  for (const file of filesUnder(join(ROOT, 'dist'))) {
    const stem = relative(join(ROOT, 'dist'), file).replace(/(\.d\.ts|\.js|\.js\.map)$/, '');
    if (file !== BUILD_STAMP && !stems.has(stem)) rmSync(file);
  }
}

function version() {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
}

function main() {
  const unknown = process.argv.slice(2).filter((argument) => argument !== '--bench');
  if (unknown.length > 0) throw new SetupError(`unknown option ${unknown[0]}; the only one is --bench`);
  checkNode();
  const steps = [
    () => debianPackages({ bench: process.argv.includes('--bench') }),
    npmPackages,
    nativeAddon,
    compile,
  ];
  const changed = steps.map((step) => step()).some((did) => did);
  say(changed ? `done, Anywhen ${version()} is ready` : `Anywhen ${version()} is ready, nothing to do`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`setup: ${error.message}\n`);
  process.exitCode = 1;
}
