import { once } from 'node:events';
import type { Command } from 'commander';
import { z } from 'zod';
import { AnywhenError } from '../base/errors.js';
import { formatInstant } from '../base/instant.js';
import { describeSize, formatSize } from '../base/units.js';
import { contract, type ItemOf, type ResultOf } from '../control/contract.js';
import { openTarget, type Target } from '../control/locate.js';
import { cellsInLine, changePicture, ROWS } from './change-picture.js';
import { type OutputOptions, print, wantsColour } from './output.js';
import { printLine, TableStream } from './table-stream.js';
import { timePoint } from './time-argument.js';

type Range = ItemOf<'diff'>;
type Result = ResultOf<'diff'>;
interface Flags extends OutputOptions {
  readonly limit?: string;
  readonly data?: boolean;
}

/** Ranges that are shown when no limit is given. */
const SHOWN = 20;
/** Columns where there is no terminal. */
const COLUMNS = 80;
/** An age, which looks as an option does. */
const AGE = /^-\d[\d.]*[a-z]/;

export function addDiffCommand(program: Command): void {
  const command = program
    .command('diff')
    .argument('<store|mnt>', 'the folder of a store, or where it is mounted')
    .argument('<a>', 'a time')
    .argument('[b]', 'another time; without it, now')
    .description('which ranges of the volume changed between two instants')
    .option('--limit <n>', 'show so many ranges at the most')
    .option('--data', 'write the changes with their data to standard output')
    .action(diff);
  // An age may stand where a time does: a space before it keeps it from being taken for an option.
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (words) => parse(words.map((word) => (AGE.test(word) ? ` ${word}` : word)));
}

async function diff(path: string, a: string, b: string | undefined, flags: Flags): Promise<void> {
  const limit = limitOf(flags);
  if (flags.data === true) checkData(flags);
  const target = await openTarget(path, 'read');
  try {
    const one = await timePoint(target, a.trim(), flags);
    const other = await timePoint(
      target,
      b?.trim() ?? 'now',
      b === undefined ? { ...flags, quiet: true } : flags,
    );
    if (flags.data === true) return await writeStream(target, { a: one.at, b: other.at }, flags);
    const columns = (flags.json === true ? undefined : process.stdout.columns) ?? COLUMNS;
    const args = { a: one.at, b: other.at, limit, cells: ROWS * cellsInLine(columns) };
    if (flags.json === true) await writeJson(target, args);
    else await show(target, args, columns);
  } finally {
    await target.close();
  }
}

function limitOf(flags: Flags): number | undefined {
  if (flags.limit === undefined) return flags.json === true ? undefined : SHOWN;
  const limit = Number(flags.limit);
  if (/^\d+$/.test(flags.limit) && Number.isSafeInteger(limit)) return limit;
  throw new AnywhenError('usage', `--limit takes a number of ranges, not '${flags.limit}'`);
}

/** The stream has all ranges, and is for no eye. */
function checkData(flags: Flags): void {
  if (flags.json === true || flags.limit !== undefined)
    throw new AnywhenError('usage', '--data takes neither --json nor --limit');
  if (process.stdout.isTTY)
    throw new AnywhenError('usage', '--data writes bytes that are not for a terminal', {
      hint: 'Send them to a file or through a pipe.',
    });
}

async function writeStream(
  target: Target,
  args: z.output<typeof contract.delta.arguments>,
  flags: Flags,
): Promise<void> {
  const data = async (bytes: Uint8Array) => {
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
  };
  const { older, younger, bytes, extents, length } = await target.call('delta', args, { data });
  if (flags.quiet === true) return;
  const what = `${describeSize(bytes)} in ${extents} ${extents === 1 ? 'extent' : 'extents'}`;
  const between = `from ${formatInstant(older.at)} to ${formatInstant(younger.at)}`;
  process.stderr.write(`anywhen: ${what} ${between}, a stream of ${describeSize(length)}\n`);
}

type Arguments = z.output<typeof contract.diff.arguments>;

/** For people: a table of ranges, what they add up to, a map. */
async function show(target: Target, args: Arguments, columns: number): Promise<void> {
  const table = new TableStream(['OFFSET', 'LENGTH', 'KIND']);
  let shown = 0;
  const items = async (ranges: readonly Range[]) => {
    shown += ranges.length;
    for (const { start, length, kind } of ranges)
      await table.row([formatSize(start), describeSize(length), kind]);
  };
  const found = await target.call('diff', args, { items });
  await table.end();
  if (shown < found.count) print(`... and ${found.count - shown} more: --limit ${found.count} shows them`);
  if (found.count > 0) print('');
  print(summary(found));
  if (found.count === 0) return;
  for (const line of changePicture(found, columns, wantsColour(process.stdout, process.env))) print(line);
}

function summary({ older, younger, size, bytes, count }: Result): string {
  const between = `between ${formatInstant(older.at)} and ${formatInstant(younger.at)}`;
  if (count === 0) return `nothing changed ${between}`;
  const share = bytes / size;
  const percent = share < 0.001 ? 'less than 0.1 %' : `${(share * 100).toFixed(1)} %`;
  const ranges = count === 1 ? '1 range' : `${count} ranges`;
  return `${describeSize(bytes)} in ${ranges} changed ${between}: ${percent} of ${describeSize(size)}`;
}

/** One object; its ranges are written as they come, a line each, so that a long list never lies in memory. */
async function writeJson(target: Target, args: Arguments): Promise<void> {
  let line = '{ "schema": "anywhen/diff/1", "ranges": [';
  let comma = '';
  const items = async (ranges: readonly Range[]) => {
    for (const range of ranges) {
      await printLine(`${line}${comma}`);
      line = `  ${JSON.stringify(range)}`;
      comma = ',';
    }
  };
  const found = await target.call('diff', args, { items });
  const facts = JSON.stringify(z.encode(contract.diff.result, found));
  await printLine(line);
  await printLine(`], ${facts.slice(1)}`);
}
