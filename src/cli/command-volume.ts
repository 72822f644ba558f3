import { once } from 'node:events';
import type { Command } from 'commander';
import { z } from 'zod';
import { AnywhenError } from '../base/errors.js';
import { formatInstant } from '../base/instant.js';
import { describeSize, parseSize } from '../base/units.js';
import { contract, type OperationName, type PointItem, type ResultOf } from '../control/contract.js';
import { openTarget, storeFolder, type Target } from '../control/locate.js';
import { writeImage } from '../control/write-image.js';
import { activityPicture, bucketsIn } from './activity-picture.js';
import {
  type OutputOptions,
  print,
  printJson,
  printTable,
  progressBar,
  wantsColour,
  wantsUnicode,
} from './output.js';
import { policyRows } from './policy-rows.js';
import { reachRows } from './reach-rows.js';
import { type Border, timeBorder, timePoint } from './time-argument.js';

/** Columns where there is no terminal. */
const COLUMNS = 80;
const STORE = 'the folder of a store, or where it is mounted';

async function withTarget<T>(
  path: string,
  access: 'read' | 'write',
  work: (target: Target) => Promise<T>,
): Promise<T> {
  const target = await openTarget(path, access);
  try {
    return await work(target);
  } finally {
    await target.close();
  }
}

function json<K extends OperationName>(operation: K, result: ResultOf<K>): void {
  printJson(operation, z.encode(contract[operation].result as z.ZodType, result) as object);
}

export function addVolumeCommands(program: Command): void {
  const add = (name: string, description: string) =>
    program.command(name).argument('<store|mnt>', STORE).description(description);
  add('status', 'sizes, journal use, points, health').action(status);
  add('points', 'which instants can be shown, and what was written')
    .option('--from <time>', 'only from here on')
    .option('--to <time>', 'only up to here')
    .option('--all', 'every write of near history too')
    .action(points);
  add('mark', 'name this instant')
    .argument('[name]', 'the name')
    .option('--hold', 'keep it even when space runs out')
    .option('--delete <name>', 'remove a mark')
    .action(mark);
  add('sync', 'a sync event now').action(sync);
  add('policy', 'show or change the policy')
    .option('--set <key=value>', 'change a setting; may be given again', collect, [])
    .action(policy);
  add('read', 'write the bytes of an instant to standard output')
    .requiredOption('--at <time>', 'the instant')
    .option('--offset <bytes>', 'begin here', '0')
    .option('--length <bytes>', 'so many bytes')
    .action(read);
  add('restore', 'bring the volume back to an instant; can be undone')
    .requiredOption('--at <time>', 'the instant')
    .option('--to <file>', 'write an image file or block device instead; the volume stays as it is')
    .option('--nearest', 'take the older point when the instant is not exact')
    .action(restore);
  add('resize', 'change the size of the volume').argument('<size>', 'the new size').action(resize);
}

async function status(path: string, flags: OutputOptions): Promise<void> {
  const facts = await withTarget(path, 'read', (target) => target.call('status', {}));
  if (flags.json === true) return json('status', facts);
  printTable([
    ['store', facts.store],
    ['volume', `${describeSize(facts.size)}, store ${facts.uuid}${facts.readOnly ? ', read-only' : ''}`],
    ['mounted', facts.mountPoint === undefined ? 'no' : `${facts.mountPoint}, driver ${facts.driver}`],
    ['history', `from ${formatInstant(facts.oldest)} to ${formatInstant(facts.now)}`],
    ['', `every instant from ${formatInstant(facts.nearFrom)} on`],
    ['points', `${facts.backward.snapshots} snapshots, ${facts.marks} marks`],
    [
      'forward journal',
      `${describeSize(facts.forward.dataUsed)} of ${describeSize(facts.forward.dataBytes)}, ${facts.forward.descriptorsUsed} of ${facts.forward.descriptors} descriptors`,
    ],
    ['backward journal', `${describeSize(facts.backward.bytes)} in ${facts.backward.segments} segments`],
    [
      'zeros',
      `${describeSize(facts.forward.zeros)} in the forward, ${describeSize(facts.backward.zeros)} in the backward journal, without data`,
    ],
    ['sequence', `${facts.sequence}, durable up to ${facts.durableSequence}`],
    ['free space', `${describeSize(facts.space.free)} of ${describeSize(facts.space.total)}`],
    ...reachRows(facts.reach),
    ['health', facts.health],
  ]);
  for (const warning of facts.warnings) print(`warning: ${warning}`);
}

async function points(
  path: string,
  flags: OutputOptions & { from?: string; to?: string; all?: boolean },
): Promise<void> {
  const items: PointItem[] = [];
  const columns = (flags.json === true ? undefined : process.stdout.columns) ?? COLUMNS;
  const [answer, activity] = await withTarget(path, 'read', async (target) => {
    const [from, to] = [await border(target, flags.from, flags), await border(target, flags.to, flags)];
    const args = { from: from?.at, to: to?.at, all: flags.all === true };
    const found = await target.call('points', args, { items: (more) => void items.push(...more) });
    const most = bucketsIn(columns);
    const drawn = await target.call('activity', { from: args.from, to: args.to, most });
    await from?.tell();
    await to?.tell();
    return [found, drawn] as const;
  });
  if (flags.json === true) {
    const result = z.encode(contract.points.result, answer);
    return printJson('points', {
      ...result,
      points: items.map((item) => z.encode(contract.points.item, item)),
      activity: z.encode(contract.activity.result, activity),
    });
  }
  const rows = items.map((item) => [
    formatInstant(item.at),
    item.place,
    item.quality,
    describeSize(item.size),
    item.marks.join(', '),
  ]);
  printTable([['TIME', 'KEPT AS', 'QUALITY', 'SIZE', 'MARKS'], ...rows]);
  const style = {
    columns,
    colour: wantsColour(process.stdout, process.env),
    unicode: wantsUnicode(process.env),
  };
  for (const line of ['', ...activityPicture(activity, answer.nearFrom, style)]) print(line);
}

async function border(
  target: Target,
  text: string | undefined,
  flags: OutputOptions,
): Promise<Border | undefined> {
  return text === undefined ? undefined : timeBorder(target, text, flags);
}

async function mark(
  path: string,
  name: string | undefined,
  flags: OutputOptions & { hold?: boolean; delete?: string },
): Promise<void> {
  if ((name === undefined) === (flags.delete === undefined))
    throw new AnywhenError('usage', 'give a name, or --delete and a name');
  await withTarget(path, 'write', async (target) => {
    if (flags.delete !== undefined) {
      await target.call('deleteMark', { name: flags.delete });
      if (flags.json === true) printJson('mark-deleted', { name: flags.delete });
      else if (flags.quiet !== true) print(`deleted the mark ${flags.delete}`);
      return;
    }
    const made = await target.call('mark', { name: name ?? '', hold: flags.hold === true });
    if (flags.json === true) json('mark', made);
    else if (flags.quiet !== true) print(`marked ${formatInstant(made.at)} as ${made.name}`);
  });
}

async function sync(path: string, flags: OutputOptions): Promise<void> {
  const report = await withTarget(path, 'write', (target) => target.call('sync', {}));
  if (flags.json === true) return json('sync', report);
  const { bytesMoved, bytesSaved, snapshots, milliseconds } = report;
  const moved = `moved ${describeSize(bytesMoved)}, saved ${describeSize(bytesSaved)} in ${snapshots} snapshots, ${milliseconds} ms`;
  if (flags.quiet !== true) print(report.moved ? moved : 'nothing to move');
}

function collect(setting: string, before: string[]): string[] {
  return [...before, setting];
}

async function policy(path: string, flags: OutputOptions & { set: string[] }): Promise<void> {
  const { set } = flags;
  const now = await withTarget(path, set.length > 0 ? 'write' : 'read', (target) =>
    target.call('policy', { set }),
  );
  if (flags.json === true) return json('policy', now);
  printTable(policyRows(now, now.next));
}

async function read(
  path: string,
  flags: OutputOptions & { at: string; offset: string; length?: string },
): Promise<void> {
  const write = async (bytes: Uint8Array) => {
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
  };
  const hole = async (length: number) => {
    for (let left = length; left > 0; left -= 1 << 20) await write(new Uint8Array(Math.min(left, 1 << 20)));
  };
  const length = flags.length === undefined ? undefined : parseSize(flags.length);
  const offset = parseSize(flags.offset);
  await withTarget(path, 'read', async (target) => {
    const { at } = await timePoint(target, flags.at, flags);
    await target.call('read', { at, offset, length }, { data: write, hole });
  });
}

async function restore(
  path: string,
  flags: OutputOptions & { at: string; nearest?: boolean; to?: string },
): Promise<void> {
  if (flags.to !== undefined) return restoreTo(path, flags.to, flags);
  const report = await withTarget(path, 'write', async (target) => {
    const args = await exactTime(target, flags);
    return target.call('restore', args, { progress: progressBar('comparing', flags) });
  });
  if (flags.json === true) return json('restore', report);
  if (flags.quiet === true) return;
  print(
    `restored ${formatInstant(report.at)}: ${describeSize(report.bytesWritten)} differed in ${report.ranges} ranges`,
  );
  print(`undo it with: anywhen restore ${path} --at ${formatInstant(report.before)}`);
}

/** What replaces something takes an instant between two points only with `--nearest`. */
async function exactTime(
  target: Target,
  flags: OutputOptions & { at: string; nearest?: boolean },
): Promise<{ at: string; nearest: boolean }> {
  const nearest = flags.nearest === true;
  const { asked } = await timePoint(target, flags.at, flags, nearest ? 'older' : 'refuse');
  return { at: formatInstant(asked), nearest };
}

async function restoreTo(
  path: string,
  to: string,
  flags: OutputOptions & { at: string; nearest?: boolean },
): Promise<void> {
  const store = await storeFolder(path);
  const report = await withTarget(path, 'read', async (target) =>
    writeImage(target, store, to, await exactTime(target, flags), progressBar('writing', flags)),
  );
  if (flags.json === true) {
    const at = formatInstant(report.at);
    return printJson('image', { at, to: report.to, size: report.size });
  }
  if (flags.quiet !== true) {
    print(`wrote the image of ${formatInstant(report.at)} to ${to}: ${describeSize(report.size)}`);
  }
}

async function resize(path: string, text: string, flags: OutputOptions): Promise<void> {
  const size = parseSize(text);
  const result = await withTarget(path, 'write', (target) => target.call('resize', { size }));
  if (flags.json === true) return json('resize', result);
  if (flags.quiet !== true)
    print(`resized from ${describeSize(result.before)} to ${describeSize(result.size)}`);
}
