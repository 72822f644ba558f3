import type { Command } from 'commander';
import { z } from 'zod';
import { AnywhenError } from '../base/errors.js';
import { formatInstant } from '../base/instant.js';
import { describeSize } from '../base/units.js';
import { contract, type PointItem, pointItemSchema } from '../control/contract.js';
import { openTarget } from '../control/locate.js';
import { type OutputOptions, print, printJson, printTable } from './output.js';
import { timeBorder } from './time-argument.js';

interface Flags extends OutputOptions {
  readonly before?: string;
  readonly keep?: string;
  readonly dryRun?: boolean;
}

export function addThinCommand(program: Command): void {
  program
    .command('thin')
    .argument('<store|mnt>', 'the folder of a store, or where it is mounted')
    .description('drop snapshots and give their space back')
    .option('--before <time>', 'those whose time was over then')
    .option('--keep <list>', 'those that a list such as all:1h,1m:1d,1h:30d does not keep')
    .option('--dry-run', 'only say what would go')
    .action(thin);
}

async function thin(path: string, flags: Flags): Promise<void> {
  if (flags.before !== undefined && flags.keep !== undefined)
    throw new AnywhenError('usage', 'give --before or --keep, not both');
  const dryRun = flags.dryRun === true;
  const items: PointItem[] = [];
  const target = await openTarget(path, dryRun ? 'read' : 'write');
  try {
    const before = flags.before === undefined ? undefined : await timeBorder(target, flags.before, flags);
    const report = await target.call(
      'thin',
      { before: before?.at, keep: flags.keep, dryRun },
      { items: (more) => void items.push(...more) },
    );
    await before?.tell();
    if (flags.json === true) {
      const points = items.map((item) => z.encode(pointItemSchema, item));
      return printJson('thin', { ...z.encode(contract.thin.result, report), points });
    }
    if (flags.quiet === true) return;
    const rows = items.map(({ at, quality, size }) => [formatInstant(at), quality, describeSize(size)]);
    if (rows.length > 0) printTable([['TIME', 'QUALITY', 'SIZE'], ...rows]);
    const { dropped, kept, marked, pinned, bytesFreed } = report;
    const would = dryRun ? 'would drop' : 'dropped';
    print(`${would} ${dropped} snapshots with ${describeSize(bytesFreed)} of data; ${kept} stay`);
    if (marked > 0) print(`${marked} of them because of a mark`);
    if (pinned > 0) print(`${pinned} of them because a view of them is open`);
  } finally {
    await target.close();
  }
}
