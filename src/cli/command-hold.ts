import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { z } from 'zod';
import { AnywhenError } from '../base/errors.js';
import { formatInstant } from '../base/instant.js';
import { contract, type ResultOf } from '../control/contract.js';
import { openTarget } from '../control/locate.js';
import { type OutputOptions, print, printJson } from './output.js';

interface Flags extends OutputOptions {
  readonly until?: string;
  readonly release?: boolean;
}

export function addHoldCommand(program: Command): void {
  program
    .command('hold')
    .argument('<store|mnt>', 'the folder of a store, or where it is mounted')
    .argument('<mark>', 'the name of a mark')
    .description('keep a mark even when space runs out')
    .option('--until <time>', 'only so long: a time, or a duration such as 30d')
    .option('--release', 'keep it no longer; it stays a mark')
    .action(hold);
}

/** Who asks for a hold: the name of the user, or the number where there is no name. */
export function owner(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? '');
  }
}

/** `(held by anna until 2027-01-01T00:00:00Z)`, or nothing. */
export function describeHold({ hold, owner: by, until }: ResultOf<'mark'>): string {
  if (!hold) return '';
  const who = by === undefined || by === '' ? '' : ` by ${by}`;
  return ` (held${who}${until === undefined ? '' : ` until ${formatInstant(until)}`})`;
}

async function hold(path: string, name: string, flags: Flags): Promise<void> {
  if (flags.release === true && flags.until !== undefined)
    throw new AnywhenError('usage', 'give --until or --release, not both');
  const target = await openTarget(path, 'write');
  try {
    const mark =
      flags.release === true
        ? await target.call('releaseMark', { name })
        : await target.call('holdMark', { name, owner: owner(), until: flags.until });
    if (flags.json === true) printJson('hold', z.encode(contract.holdMark.result, mark) as object);
    else if (flags.quiet !== true)
      print(mark.hold ? `${mark.name}${describeHold(mark)}` : `${mark.name} is held no longer`);
  } finally {
    await target.close();
  }
}
