import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { AnywhenError } from '../base/errors.js';
import { formatInstant } from '../base/instant.js';
import { openTarget } from '../control/locate.js';
import { attachLoop, detachLoop } from '../fuse/loop-device.js';
import { anywhenMount, mountTable } from '../fuse/mount-table.js';
import { type OutputOptions, print, printJson } from './output.js';
import { timePoint } from './time-argument.js';

interface AttachFlags extends OutputOptions {
  readonly at?: string;
  readonly rw?: boolean;
}

export function addAttachCommands(program: Command): void {
  program
    .command('attach')
    .argument('<mnt>', 'where a store is mounted')
    .description('attach the volume, or an image of the past, to a loop device')
    .option('--at <time>', 'the volume as it was then, read-only; without it the live volume')
    .option('--rw', 'with --at: writable over a throw-away overlay')
    .action(attach);
  program
    .command('detach')
    .argument('<device>', 'what attach printed')
    .description('detach a loop device')
    .action(detach);
}

async function attach(mnt: string, flags: AttachFlags): Promise<void> {
  const path = resolve(mnt);
  if (anywhenMount(path) === undefined) throw new AnywhenError('usage', `${mnt}: is not a mount of anywhen`);
  if (flags.rw === true && flags.at === undefined) {
    throw new AnywhenError('usage', 'attach: --rw goes with --at; the live volume is writable anyway');
  }
  const at = flags.at === undefined ? undefined : await canonical(path, flags.at, flags);
  const file = at === undefined ? 'volume' : join(flags.rw === true ? 'scratch' : 'images', `@${at}`);
  const readOnly = at !== undefined && flags.rw !== true;
  const device = await attachLoop(join(path, file), readOnly);
  if (flags.json === true) printJson('attach', { device, file: join(path, file), at: at ?? null, readOnly });
  else print(device);
}

/** The canonical name of the point that is shown at a time. */
async function canonical(mnt: string, text: string, flags: OutputOptions): Promise<string> {
  const target = await openTarget(mnt, 'read');
  try {
    return formatInstant((await timePoint(target, text, flags)).at);
  } finally {
    await target.close();
  }
}

async function detach(device: string, flags: OutputOptions): Promise<void> {
  const mounts = mountTable().filter((entry) => entry.type === 'fuse.anywhen');
  await detachLoop(
    device,
    mounts.map((entry) => entry.mountPoint),
  );
  if (flags.json === true) printJson('detach', { device });
  else if (flags.quiet !== true) print(`detached ${device}`);
}
