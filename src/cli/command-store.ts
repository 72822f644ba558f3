import type { Command } from 'commander';
import { AnywhenError } from '../base/errors.js';
import { formatSize, parseSize } from '../base/units.js';
import { formatUuid } from '../volume/status.js';
import { createStore } from '../volume/store-folder.js';
import { type OutputOptions, print, printJson, progressBar } from './output.js';

/** A loop device shows no part of a sector. */
const SECTOR = 512;

interface CreateFlags extends OutputOptions {
  readonly size?: string;
  readonly from?: string;
  readonly journalSize?: string;
}

export function addStoreCommands(program: Command): void {
  program
    .command('create')
    .argument('<store>', 'the folder of the new store')
    .description('make a new store: empty, or a copy of an image file or block device')
    .option('--size <size>', 'the size of an empty volume, such as 10GiB')
    .option('--from <image>', 'an image file or block device to copy')
    .option('--journal-size <size>', 'bytes of data that the forward journal holds')
    .action(create);
}

async function create(store: string, flags: CreateFlags): Promise<void> {
  if ((flags.size === undefined) === (flags.from === undefined)) {
    throw new AnywhenError('usage', 'give either --size or --from');
  }
  const from = flags.from === undefined ? { size: volumeSize(flags.size ?? '') } : { image: flags.from };
  const made = await createStore(store, from, {
    progress: progressBar('copying', flags),
    ...(flags.journalSize === undefined ? {} : { forwardBytes: parseSize(flags.journalSize) }),
  });
  const uuid = formatUuid(made.uuid);
  if (flags.json === true) printJson('create', { store, uuid, size: made.size });
  else if (flags.quiet !== true)
    print(`created ${store}: a volume of ${formatSize(made.size)}, store ${uuid}`);
}

/** A copy is as long as its original; a new volume has whole sectors, as every disk does. */
function volumeSize(text: string): number {
  const size = parseSize(text);
  if (size % SECTOR === 0) return size;
  throw new AnywhenError(
    'usage',
    `a volume of ${size} bytes is not possible: it is no multiple of ${SECTOR}`,
    {
      hint: `The nearest is ${size - (size % SECTOR) + SECTOR}.`,
    },
  );
}
