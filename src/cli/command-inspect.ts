import { Argument, type Command } from 'commander';
import { wallNow } from '../base/clock.js';
import { AnywhenError, messageOf } from '../base/errors.js';
import { formatInstant, type Instant } from '../base/instant.js';
import { parseSize } from '../base/units.js';
import { storeFolder } from '../control/locate.js';
import { lookAt, stillAsItWas } from '../inspect/look.js';
import { openToLook } from '../inspect/open.js';
import { localZone, parseTimeName } from '../namespace/time-name.js';
import { EXIT, PARTLY } from './exit-codes.js';
import { type InspectFlags, PRINTERS, type Printer } from './inspect-printers.js';
import type { OutputOptions } from './output.js';
import type { Clock } from './phrase.js';
import { understood } from './time-argument.js';

/** The options that each structure takes, beside those of every command. */
const TAKES: Readonly<Record<string, readonly (keyof InspectFlags)[]>> = {
  all: [],
  superblock: [],
  forward: ['from', 'to', 'limit', 'all', 'data'],
  backward: ['segment', 'all', 'limit'],
  catalog: ['limit'],
  maps: ['at', 'from', 'to', 'limit'],
  sums: ['from', 'to', 'limit', 'blocks', 'data'],
};
const OPTIONS = ['at', 'from', 'to', 'limit', 'segment', 'all', 'blocks', 'data'] as const;

export function addInspectCommand(program: Command): void {
  program
    .command('inspect')
    .argument('<store|mnt>', 'the folder of a store, or where it is mounted')
    .addArgument(new Argument('[what]', 'the structure').choices(Object.keys(TAKES)).default('all'))
    .description('show what lies on the disk, as it lies there; writes nothing')
    .option('--at <time>', 'maps: the instant')
    .option('--from <bound>', 'forward: a sequence or time; maps, sums: an address of the volume')
    .option('--to <bound>', 'the same, not included')
    .option('--limit <n>', 'so many rows at the most')
    .option('--segment <n>', 'backward: only this segment')
    .option('--all', 'forward: left-overs of earlier laps too; backward: every descriptor')
    .option('--blocks', 'sums: each block too')
    .option('--data', 'forward, sums: read and verify the data too')
    .action(inspect);
}

type Flags = OutputOptions & Partial<Record<(typeof OPTIONS)[number], string | boolean>>;

async function inspect(path: string, what: string, flags: Flags): Promise<void> {
  const wanted = await checkFlags(what, flags);
  const printer = PRINTERS[what] as Printer;
  const store = await openToLook(await storeFolder(path));
  try {
    const look = await lookAt(store.executor);
    if (store.inUse !== undefined) note(`${store.inUse}; what is read may be in motion`, flags);
    const overtaken = async () => store.inUse !== undefined && !(await stillAsItWas(look));
    const options = { json: flags.json === true, inUse: store.inUse };
    const show = (at: string | undefined) => printer(look, { ...wanted, at }, options);
    const shown = wanted.at === undefined ? show(undefined) : understood(wanted.at, clock, show);
    const problems = await shown.catch(async (cause: unknown) => {
      throw (await overtaken()) ? changedMeanwhile(cause) : cause;
    });
    const moved = await overtaken();
    if (moved) note('the store changed while it was read: what does not fit may be of two times', flags);
    if (problems > 0) process.exitCode = moved ? PARTLY : EXIT.damaged;
  } finally {
    await store.close();
  }
}

function changedMeanwhile(cause: unknown): AnywhenError {
  return new AnywhenError('busy', `the store changed while it was read: ${messageOf(cause)}`, {
    cause,
    hint: 'Look once more, or when it is not mounted.',
  });
}

function note(message: string, flags: OutputOptions): void {
  if (flags.quiet !== true) process.stderr.write(`anywhen: ${message}\n`);
}

async function checkFlags(what: string, flags: Flags): Promise<InspectFlags> {
  for (const option of OPTIONS) {
    if (flags[option] === undefined || TAKES[what]?.includes(option) === true) continue;
    throw new AnywhenError('usage', `inspect ${what}: there is no --${option}`);
  }
  if (what === 'maps' && flags.at === undefined)
    throw new AnywhenError('usage', 'inspect maps: give the instant with --at');
  const bound = what === 'forward' ? sequenceOrInstant : parseSize;
  const border = (option: 'from' | 'to') =>
    flags[option] === undefined ? undefined : bound(flags[option] as string);
  const text = (option: 'from' | 'to' | 'at') => flags[option] as string | undefined;
  return {
    at: text('at'),
    from: await border('from'),
    to: await border('to'),
    limit: countOf('limit', flags),
    segment: countOf('segment', flags),
    all: flags.all === true,
    blocks: flags.blocks === true,
    data: flags.data === true,
  };
}

function countOf(option: 'limit' | 'segment', flags: Flags): number | undefined {
  const text = flags[option];
  if (text === undefined) return undefined;
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  throw new AnywhenError('usage', `--${option} takes a whole number`);
}

/** Without the clock of the store, which may be beyond opening. */
async function clock(): Promise<Clock> {
  return { now: wallNow(), zone: localZone() };
}

/** A bound in the forward journal. Nothing but what the text itself says: the store may be beyond resolving names. */
async function sequenceOrInstant(text: string): Promise<number | Instant> {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const refusal = new AnywhenError('usage', `${text} is neither a sequence nor a time`, {
    hint: `A sequence is a number; a time looks like ${formatInstant(wallNow())} or -2h.`,
  });
  const unknown = new AnywhenError('not-found', refusal.message);
  try {
    return await understood(text, clock, async (given) => {
      const { name, toFlush } = parseTimeName(given);
      if (name.kind === 'instant' && !toFlush) return name.at;
      if (name.kind === 'age' && !toFlush) return wallNow() - name.ns;
      throw name.kind === 'mark' ? unknown : refusal;
    });
  } catch (error) {
    throw error instanceof AnywhenError && error.code === 'not-found' ? refusal : error;
  }
}
