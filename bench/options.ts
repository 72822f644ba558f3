import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { AnywhenError } from '../src/base/errors.js';
import { parseSize } from '../src/base/units.js';

export const SECTIONS = [
  'mount',
  'engine',
  'views',
  'history',
  'forms',
  'touch',
  'sync',
  'live',
  'trace',
] as const;
export type SectionName = (typeof SECTIONS)[number];

export interface BenchOptions {
  readonly sections: readonly SectionName[];
  readonly quick: boolean;
  /** What the timed parts may take together, s; preparation, views, sync events and a trace come on top. */
  readonly seconds: number;
  readonly rounds: number;
  /** Of the volume, and of the data queue of its forward journal, bytes. */
  readonly size: number;
  readonly journal: number;
  /** Holds every file of the run: all sides lie on the same filesystem. */
  readonly folder: string;
  readonly out: string | undefined;
  readonly trace: string | undefined;
  /** Records of the trace that are replayed at the most. */
  readonly records: number;
  readonly throughMount: boolean;
  readonly driver: string | undefined;
  /** How long the native driver spins, us. */
  readonly spin: string | undefined;
  /** libfuse's passthrough_hp. */
  readonly passthrough: string | undefined;
  /** Folder for a CPU profile of the daemon. */
  readonly profile: string | undefined;
}

export const USAGE = `npm run bench -- [options]
  --quick              a smoke run of less than half a minute; its figures mean nothing
  --only LIST          of ${SECTIONS.join(',')} (trace only with --trace)
  --seconds N          for the timed parts together (default 150)
  --rounds N           interleaved rounds of which the median is taken (default 3)
  --size SIZE          of the volume (default 1GiB)
  --journal SIZE       of the forward journal's data (default half of the volume)
  --trace FILE         replay a trace: version,time,op,size,lbn a line (op 2a write, 28 read; sectors of 512
                       bytes), plain or gzip
  --trace-records N    only its first N records
  --through-mount      replay it through the mount too
  --driver NAME        the FUSE driver, as \`anywhen mount --driver\`
  --spin US            for the native driver
  --passthrough-hp P   compare with libfuse's passthrough_hp, built without passthrough by the kernel
  --folder DIR         where the files of the run go (default ${tmpdir()})
  --out FILE           of the JSON (default bench/results/<time>.json)
  --profile DIR        write a CPU profile of the mount's daemon there
`;

/** @throws `usage` */
export function parseOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      size: { type: 'string' },
      journal: { type: 'string' },
      folder: { type: 'string', default: tmpdir() },
      out: { type: 'string' },
      trace: { type: 'string' },
      'trace-records': { type: 'string' },
      'through-mount': { type: 'boolean', default: false },
      driver: { type: 'string' },
      spin: { type: 'string' },
      'passthrough-hp': { type: 'string' },
      profile: { type: 'string' },
    },
  });
  if (values.help === true) return 'help';
  const { quick } = values;
  const size = parseSize(values.size ?? (quick ? '64MiB' : '1GiB'));
  return {
    sections: sectionsOf(values.only),
    quick,
    seconds: positive('seconds', values.seconds ?? (quick ? '8' : '150')),
    rounds: Math.ceil(positive('rounds', values.rounds ?? (quick ? '1' : '3'))),
    size,
    journal: values.journal === undefined ? size / 2 : parseSize(values.journal),
    folder: resolve(values.folder),
    out: values.out,
    trace: values.trace,
    records: positive('trace-records', values['trace-records'] ?? (quick ? '2000' : 'Infinity')),
    throughMount: values['through-mount'],
    driver: values.driver,
    spin: values.spin,
    passthrough: values['passthrough-hp'],
    profile: values.profile === undefined ? undefined : resolve(values.profile),
  };
}

function sectionsOf(list: string | undefined): SectionName[] {
  const names = list?.split(',') ?? SECTIONS;
  return names.map((name) => {
    const known = SECTIONS.find((section) => section === name);
    if (known === undefined) throw usage(`there is no section ${name}; there are ${SECTIONS.join(', ')}`);
    return known;
  });
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw usage(`--${name} must be more than 0, not '${text}'`);
  return value;
}

function usage(message: string): AnywhenError {
  return new AnywhenError('usage', message, { hint: 'npm run bench -- --help' });
}
