import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, version } from 'node:os';
import { describeSize } from '../src/base/units.js';
import { whichCommand } from './child.js';
import type { Report } from './report.js';

/** The machine as far as the figures depend on it. `folder` is where the files of the run lie. */
export function describeEnvironment(folder: string): Report['environment'] {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memory: describeSize(totalmem()),
    kernel: `Linux ${release()}`,
    build: version(),
    node: process.versions.node,
    filesystem: filesystemOf(folder),
    fio: versionOf('fio'),
    'qemu-storage-daemon': versionOf('qemu-storage-daemon'),
    /** Processes that wanted to run before we began: others disturb, and more so on few cores. */
    load: loadavg()[0] ?? 0,
  };
}

function versionOf(command: string): string {
  const path = whichCommand(command);
  if (path === undefined) return 'not there';
  return spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0]?.trim() ?? 'unknown';
}

/** Type, options and source of the filesystem that a folder lies on: the longest mount point that it is under. */
function filesystemOf(folder: string): string {
  let found = 'unknown';
  let longest = -1;
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [before, after] = line.split(' - ');
    const point = before?.split(' ')[4];
    if (point === undefined || after === undefined) continue;
    const under = point === '/' || folder === point || folder.startsWith(`${point}/`);
    if (!under || point.length < longest) continue;
    longest = point.length;
    found = `${after.split(' ')[0]} (${before?.split(' ')[5]})`;
  }
  return found;
}
