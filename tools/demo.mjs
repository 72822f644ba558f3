#!/usr/bin/env node
// The main job as a demonstration, in a folder of its own that is removed at the end: a file is deleted and comes
// back from the mount, the volume is restored, and the restore is undone. As root with loop devices and mounts;
// otherwise with the ext4 tools on the mounted image itself.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const CLI = join(ROOT, 'dist', 'cli', 'index.js');
checkFuse();
const isRoot = process.getuid?.() === 0;
const folder = mkdtempSync(join(tmpdir(), 'anywhen-demo-'));
const store = join(folder, 'store');
const mnt = join(folder, 'mnt');
/** What must be undone at the end, latest first. */
const undo = [];

const environment = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };

/** Without FUSE there is nothing to show. */
function checkFuse() {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch {
    process.stderr.write('demo: /dev/fuse cannot be opened. As root: modprobe fuse && chmod 666 /dev/fuse\n');
    process.exit(1);
  }
}

function say(text) {
  process.stdout.write(`\n# ${text}\n`);
}

/** Runs a command that a user could type, and shows it; returns what it printed. */
function run(command, args, { show = true, allow = [0] } = {}) {
  const shown = command === process.execPath ? ['anywhen', ...args.slice(1)] : [command, ...args];
  if (show) process.stdout.write(`$ ${shown.join(' ').replaceAll(folder, '.')}\n`);
  const result = spawnSync(command, args, { encoding: 'utf8', env: environment });
  if (result.error !== undefined) throw new Error(`${command}: ${result.error.message}`);
  if (!allow.includes(result.status))
    throw new Error(`${shown.join(' ')} failed (${result.status}):\n${result.stderr}`);
  return result.stdout;
}

function anywhen(...args) {
  const output = run(process.execPath, [CLI, ...args]);
  process.stdout.write(output.replaceAll(folder, '.').replace(/^(?=.)/gm, '  '));
  return output;
}

function digest(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

const PRECIOUS = Array.from({ length: 2000 }, (_, line) => `line ${line} of the thesis\n`).join('');

/** With root: a loop device on the volume, and real mounts. */
const mounted = {
  fill() {
    const device = run('losetup', ['--direct-io=on', '-f', '--show', join(mnt, 'volume')]).trim();
    undo.push(() => run('losetup', ['-d', device], { show: false, allow: [0, 1] }));
    this.device = device;
    run('mkfs.ext4', ['-q', device]);
    this.live = join(folder, 'live');
    mkdirSync(this.live);
    run('mount', [device, this.live]);
    undo.push(() => run('umount', [this.live], { show: false, allow: [0, 1, 32] }));
    writeFileSync(join(this.live, 'thesis.txt'), PRECIOUS);
    writeFileSync(join(this.live, 'notes.txt'), 'some notes\n');
    run('sync', ['-f', this.live]);
  },
  remove() {
    run('rm', [join(this.live, 'thesis.txt')]);
    writeFileSync(join(this.live, 'later.txt'), 'written after the accident\n');
    run('sync', ['-f', this.live]);
  },
  bringBack() {
    const old = join(folder, 'old');
    mkdirSync(old);
    run('mount', ['-o', 'loop', join(mnt, 'scratch', '@before-accident'), old]);
    run('cp', [join(old, 'thesis.txt'), join(folder, 'thesis.txt')]);
    run('umount', [old]);
  },
  files() {
    return run('ls', [this.live])
      .trim()
      .split('\n')
      .filter((name) => name.endsWith('.txt'));
  },
  release() {
    run('umount', [this.live]);
  },
  take() {
    // What the kernel remembers of the device is of the state before.
    run('blockdev', ['--flushbufs', this.device]);
    run('mount', [this.device, this.live]);
  },
};

/** Without root: the ext4 tools work on the files of the mount. */
const unprivileged = {
  fill() {
    const tree = join(folder, 'tree');
    mkdirSync(tree);
    writeFileSync(join(tree, 'thesis.txt'), PRECIOUS);
    writeFileSync(join(tree, 'notes.txt'), 'some notes\n');
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', tree, join(mnt, 'volume')]);
  },
  remove() {
    run('debugfs', ['-w', '-R', 'rm thesis.txt', join(mnt, 'volume')]);
  },
  bringBack() {
    run('debugfs', [
      '-R',
      `dump thesis.txt ${join(folder, 'thesis.txt')}`,
      join(mnt, 'images', '@before-accident'),
    ]);
  },
  files() {
    const listed = run('debugfs', ['-R', 'ls -p', join(mnt, 'volume')]);
    return [...listed.matchAll(/\/([a-z]+\.txt)\//g)].map((match) => match[1]);
  },
  release() {},
  take() {},
};

function demonstrate() {
  const volume = isRoot ? mounted : unprivileged;
  mkdirSync(mnt);
  say('A volume with a past');
  anywhen('create', store, '--size', '256MiB');
  anywhen('mount', store, mnt);
  undo.push(() => run(process.execPath, [CLI, 'umount', mnt], { show: false, allow: [0, 1, 2] }));
  say(
    `A filesystem on it, with files${isRoot ? '' : ' (as root it would be mounted; here the ext4 tools work on the image)'}`,
  );
  volume.fill();
  anywhen('mark', mnt, 'before-accident');
  say('The accident');
  volume.remove();
  process.stdout.write(`  left: ${volume.files().join(' ')}\n`);
  anywhen('sync', mnt);
  say('The deleted file comes back from the mount');
  volume.bringBack();
  const expected = createHash('sha256').update(PRECIOUS).digest('hex');
  if (digest(join(folder, 'thesis.txt')) !== expected)
    throw new Error('the file that came back is not what was deleted');
  process.stdout.write(`  thesis.txt is back, byte for byte (sha256 ${expected.slice(0, 16)}...)\n`);
  say('The whole volume goes back, and forth again');
  volume.release();
  const report = JSON.parse(
    run(process.execPath, [CLI, 'restore', mnt, '--at', 'before-accident', '--json']),
  );
  volume.take();
  expectFile(volume, true);
  volume.release();
  anywhen('restore', mnt, '--at', report.before);
  volume.take();
  expectFile(volume, false);
  say('The timeline');
  anywhen('points', mnt);
  anywhen('status', mnt);
  say('Go on with');
  process.stdout.write(GO_ON);
}

function expectFile(volume, present) {
  const files = volume.files();
  process.stdout.write(`  now: ${files.join(' ')}\n`);
  if (files.includes('thesis.txt') !== present)
    throw new Error(`thesis.txt should ${present ? '' : 'not '}be there`);
}

const GO_ON = `  node dist/cli/index.js create STORE --from disk.img      a store from an image or a device
  node dist/cli/index.js mount STORE MNT                   then look around in MNT
  node dist/cli/index.js --help                            all commands
`;

let status = 0;
try {
  demonstrate();
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : error}\n`);
  status = 1;
} finally {
  for (const step of undo.reverse()) {
    try {
      step();
    } catch (error) {
      process.stderr.write(`demo: cleaning up: ${error instanceof Error ? error.message : error}\n`);
    }
  }
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = status;
