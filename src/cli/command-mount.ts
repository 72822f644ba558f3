import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { AnywhenError } from '../base/errors.js';
import { openTarget } from '../control/locate.js';
import type { DriverName } from '../fuse/choose-driver.js';
import { anywhenMount } from '../fuse/mount-table.js';
import { unmount } from '../fuse/unmount.js';
import { checkAllowed, parseMountOptions } from './mount-options.js';
import { type OutputOptions, print, printJson } from './output.js';
import { daemonise, serve } from './run-mount.js';

interface MountFlags extends OutputOptions {
  readonly foreground?: boolean;
  readonly options: string[];
  readonly logFile?: string;
  readonly driver?: string;
}

export function addMountCommands(program: Command): void {
  program
    .command('mount')
    .argument('<store>', 'the folder of the store')
    .argument('<mnt>', 'an empty folder')
    .description('show the volume and its history under MNT')
    .option('-f, --foreground', 'stay in the foreground')
    .option(
      '-o, --options <list>',
      'ro, rw, allow_other, allow_root, names=extended, names=basic, spin=MICROSECONDS',
      collect,
      [],
    )
    .option('--driver <name>', 'native or fuse-native; by default the first that can be loaded')
    .option('--log-file <file>', 'append the log of the daemon to a file')
    .action(mount);
  program
    .command('umount')
    .argument('<mnt>', 'the mount point')
    .description('flush and unmount')
    .option('-z, --lazy', 'also while it is in use')
    .action(umount);
}

async function mount(store: string, mnt: string, flags: MountFlags): Promise<void> {
  const options = parseMountOptions(flags.options);
  checkAllowed(options, process.getuid?.() === 0, fuseConf());
  const driver = driverOf(flags.driver);
  if (flags.foreground === true) {
    await serve(store, mnt, { ...flags, ...options, driver }, () => {
      if (flags.json === true) printMounted(store, mnt);
      process.send?.({ ready: true });
    });
    // The package keeps threads of its own after an unmount.
    process.exit(0);
  }
  const program = fileURLToPath(new URL('./index.js', import.meta.url));
  const extra = [
    ...flags.options.flatMap((list) => ['-o', list]),
    ...(driver === undefined ? [] : ['--driver', driver]),
    ...(flags.logFile === undefined ? [] : ['--log-file', resolve(flags.logFile)]),
    ...(flags.quiet === true ? ['--quiet'] : []),
    ...(flags.verbose === true ? ['--verbose'] : []),
    ...(flags.debug === true ? ['--debug'] : []),
  ];
  await daemonise(program, [...extra, '--', resolve(store), resolve(mnt)]);
  if (flags.json === true) printMounted(store, mnt);
  else if (flags.quiet !== true) print(`mounted ${store} on ${mnt}`);
}

function driverOf(name: string | undefined): DriverName | undefined {
  if (name === undefined || name === 'native' || name === 'fuse-native') return name;
  throw new AnywhenError('usage', `there is no driver ${name}`, {
    hint: 'There are native and fuse-native.',
  });
}

function printMounted(store: string, mnt: string): void {
  printJson('mount', { store: resolve(store), mountPoint: resolve(mnt) });
}

function collect(list: string, before: string[]): string[] {
  return [...before, list];
}

function fuseConf(): string | undefined {
  try {
    return readFileSync('/etc/fuse.conf', 'utf8');
  } catch {
    return undefined;
  }
}

async function umount(mnt: string, flags: OutputOptions & { lazy?: boolean }): Promise<void> {
  const path = resolve(mnt);
  if (anywhenMount(path) === undefined) throw new AnywhenError('usage', `${mnt}: is not a mount of anywhen`);
  const pid = await daemonOf(path);
  await unmount(path, flags.lazy === true);
  // Done when the daemon has flushed and let go of the store.
  while (pid !== undefined && alive(pid)) await new Promise((done) => setTimeout(done, 50));
  if (flags.json === true) printJson('umount', { mountPoint: path });
  else if (flags.quiet !== true) print(`unmounted ${mnt}`);
}

async function daemonOf(path: string): Promise<number | undefined> {
  try {
    const target = await openTarget(path, 'read');
    const { pid } = await target.call('ping', {});
    const { mountPoint } = await target.call('status', {});
    await target.close();
    return mountPoint === path ? pid : undefined;
  } catch {
    return undefined;
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
