import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram } from '../../src/cli/program.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';
import { SHAPES } from './json-shapes.js';
import { type Outcome, runProgram } from './run-program.js';

let folder: string;
let store: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  store = join(folder, 'store');
  await runProgram('create', store, '--size', '1MiB', '--journal-size', '4MiB');
  writeFileSync(join(folder, 'file'), 'no store');
  mkdirSync(join(folder, 'empty'));
  await runProgram('mark', store, 'first');
});
afterAll(() => removeFolder(folder));

/** In an argument `@` stands for the folder of the test: `@/store`. */
const run = (line: string) =>
  runProgram(...line.split(' ').map((word) => (word.startsWith('@/') ? folder + word.slice(1) : word)));

/** Says in one line what is wrong, in a second one perhaps how to mend it, and nothing else. */
function expectPlain({ stdout, stderr }: Outcome): void {
  expect(stdout).toBe('');
  // What a time was understood as may come before.
  const lines = stderr
    .trimEnd()
    .replace(/^anywhen: first is \S+Z\n/, '')
    .split('\n');
  expect(lines[0]).toMatch(/^anywhen( [a-z]+)?: \S/);
  for (const line of lines.slice(1)) expect(line).toMatch(/^( {2}\S|\(Did you mean )/);
  expect(lines.length).toBeLessThanOrEqual(3);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).not.toMatch(/undefined|\[object|NaN/);
}

const BAD: readonly (readonly [line: string, status: number, message: RegExp])[] = [
  ['nonsense', 2, /unknown command 'nonsense'/],
  ['create', 2, /missing required argument 'store'/],
  ['create @/new', 2, /either --size or --from/],
  ['create @/new --size 1M --from @/file', 2, /either --size or --from/],
  ['create @/new --size 10Gigs', 2, /'10Gigs'/],
  ['create @/new --size 0', 2, /0/],
  ['create @/new --size -1', 2, /'-1'/],
  ['create @/new --from @/nothing', 1, /nothing/],
  ['create @/new --from @/empty', 2, /empty/],
  ['create @/store --size 1M', 1, /store/],
  ['create @/file --size 1M', 1, /no folder/],
  ['create @/no/new --size 1M', 1, /no/],
  ['mount @/store', 2, /missing required argument 'mnt'/],
  ['mount @/store @/empty -o sync', 2, /no option sync/],
  ['mount @/store @/empty -o allow_other,allow_root', 2, /exclude each other/],
  ['mount @/store @/empty --driver other', 2, /driver other/],
  ['umount', 2, /missing required argument 'mnt'/],
  ['umount @/empty', 2, /not a mount of anywhen/],
  ['umount @/nothing', 2, /not a mount of anywhen/],
  ['attach', 2, /missing required argument 'mnt'/],
  ['attach @/empty', 2, /not a mount of anywhen/],
  ['attach @/store --at first', 2, /not a mount of anywhen/],
  ['detach', 2, /missing required argument 'device'/],
  ['detach @/file', 2, /no loop device on a mount/],
  ['status @/nothing', 10, /no store/],
  ['status @/empty', 10, /no store/],
  ['status @/file', 10, /no such folder/],
  ['status @/store extra', 2, /too many arguments/],
  ['status @/store --jsn', 2, /unknown option '--jsn'/],
  ['points @/store --from', 2, /argument missing/],
  ['points @/store --from never', 1, /^anywhen: never is neither a time nor a mark$/m],
  ['points @/store --from 2101-01-01', 2, /in the future; now is/],
  ['points @/store --from now --to first', 2, /ends before it begins/],
  ['points @/nothing', 10, /no store/],
  ['mark @/store', 2, /give a name/],
  ['mark @/store one --delete two', 2, /give a name/],
  ['mark @/store latest', 2, /cannot be named "latest"/],
  ['mark @/store a/b', 2, /slashes/],
  ['mark @/store first', 1, /already/],
  ['mark @/store --delete never', 1, /no mark named never/],
  ['sync @/nothing', 10, /no store/],
  ['thin @/nothing', 10, /no store/],
  ['thin @/store --before now --keep all', 2, /not both/],
  ['thin @/store --before', 2, /argument missing/],
  ['thin @/store --before never', 1, /neither a time nor a mark/],
  ['thin @/store --before 2101-01-01', 2, /in the future; now is/],
  ['thin @/store --keep 1m', 2, /not GRID:AGE/],
  ['thin @/store --keep 1m:1d,1h:1h', 2, /must rise/],
  ['policy @/store --set retention=1m', 2, /not GRID:AGE/],
  ['policy @/store --set', 2, /argument missing/],
  ['policy @/store --set high-water', 2, /KEY=VALUE/],
  ['policy @/store --set colour=red', 2, /no setting colour/],
  ['policy @/store --set high-water=70.5', 2, /whole number/],
  ['policy @/store --set high-water=', 2, /whole number/],
  ['policy @/store --set high-water=99', 2, /from 1 to 95/],
  ['policy @/store --set granularity=soon', 2, /'soon'/],
  ['policy @/store --set sync-on-mark=maybe', 2, /yes or no/],
  ['policy @/store --set sync-on-signal=maybe', 2, /yes or no/],
  ['policy @/store --set high-water=100', 2, /from 1 to 95 percent, or never/],
  ['policy @/store --set sync-times=daily', 2, /'daily' is not a cron line/],
  ['policy @/store --set sync-times=@fortnightly', 2, /times of day/],
  ['policy @/store --set flush-bytes=1', 2, /4 KiB/],
  ['read @/store', 2, /required option '--at <time>'/],
  ['read @/store --at 2024-02-30', 2, /no such date/],
  ['read @/store --at 2101-01-01', 2, /in the future; now is \d{4}/],
  ['read @/store --at 2001-01-01', 1, /before the oldest point, \d{4}/],
  ['read @/store --at never', 1, /neither a time nor a mark/],
  ['read @/store --at 3/4/2026', 2, /day and month/],
  ['read @/store --at first --offset x', 2, /'x'/],
  ['read @/store --at first --length -1', 2, /'-1'/],
  ['restore @/store', 2, /required option '--at <time>'/],
  ['restore @/store --at 2001-01-01 --nearest', 1, /before the oldest point/],
  ['restore @/store --at first --to @/file', 1, /is there already/],
  ['restore @/store --at first --to @/store/image', 2, /inside the store/],
  ['restore @/store --at first --to @/no/image', 1, /no/],
  ['resize @/store', 2, /missing required argument 'size'/],
  ['resize @/store 10Gigs', 2, /'10Gigs'/],
  ['resize @/store 0', 2, /not possible/],
  ['resize @/store 8E', 2, /2\^53/],
  ['diff @/store', 2, /missing required argument 'a'/],
  ['diff @/nothing first', 10, /no store/],
  ['diff @/store never', 1, /neither a time nor a mark/],
  ['diff @/store first 2101-01-01', 2, /in the future/],
  ['diff @/store -99999d', 1, /before the oldest point/],
  ['diff @/store first --limit some', 2, /--limit takes a number of ranges, not 'some'/],
  ['diff @/store first --data --limit 3', 2, /neither --json nor --limit/],
  ['diff @/store never --data', 1, /neither a time nor a mark/],
  ['diff @/store first --limt 5', 2, /unknown option '--limt'/],
  ['diff @/store first now now', 2, /too many arguments/],
  ['check', 2, /missing required argument 'store'/],
  ['check @/nothing', 10, /no store/],
  ['check @/empty', 10, /no store/],
  ['inspect', 2, /missing required argument 'store\|mnt'/],
  ['inspect @/nothing', 10, /no store/],
  ['inspect @/store nonsense', 2, /Allowed choices are all, superblock/],
  ['inspect @/store superblock --at now', 2, /there is no --at/],
  ['inspect @/store forward --from never', 2, /neither a sequence nor a time/],
  ['inspect @/store forward --from latest', 2, /neither a sequence nor a time/],
  ['inspect @/store forward --from 3/4/2026', 2, /day and month/],
  ['inspect @/store maps --at 3/4/2026', 2, /day and month/],
  ['inspect @/store maps --at never', 1, /neither a time nor a mark/],
  ['completion', 2, /missing required argument 'shell'/],
  ['completion tcsh', 2, /bash, zsh, fish/],
];

describe('bad input', () => {
  it.each(BAD)('is refused plainly: anywhen %s', async (line, status, message) => {
    const outcome = await run(line);
    expectPlain(outcome);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.status).toBe(status);
    expect(existsSync(join(folder, 'new'))).toBe(false);
  });

  it('is tried on every command', () => {
    const tried = new Set(BAD.map(([line]) => line.split(' ')[0]));
    for (const command of buildProgram().commands) expect(tried).toContain(command.name());
  });

  it('without a command shows the commands', async () => {
    const { status, stderr } = await runProgram();
    expect(status).toBe(2);
    expect(stderr).toMatch(/^Usage: anywhen/);
  });

  it('shows its stack only with --debug', async () => {
    const quiet = await run('status @/nothing');
    expect(quiet.stderr).not.toMatch(/^\s+at /m);
    const loud = await run('status @/nothing --debug');
    expect(loud.stderr).toMatch(/^\s+at /m);
    expect(loud.stderr).toContain('caused by: ');
    expect(loud.status).toBe(10);
  });

  it('is one line of JSON on stderr with --json', async () => {
    const { status, stdout, stderr } = await run('status @/nothing --json');
    expect(stdout).toBe('');
    expect(stderr.trimEnd()).not.toContain('\n');
    expect(JSON.parse(stderr)).toMatchObject({
      schema: 'anywhen/error/1',
      status,
      error: { code: 'no-store', message: expect.any(String), hint: expect.any(String), data: {} },
    });
  });

  it('from elsewhere cannot break the line or paint the terminal', async () => {
    const { stderr } = await runProgram('status', join(folder, 'a\nb\u001b[31m'));
    expect(stderr).not.toContain('\u001b');
    expect(stderr.split('\n')[0]).toContain('a\\nb\\u001b[31m');
  });
});

describe('--json', () => {
  it.each(Object.entries(SHAPES))(
    'prints one object of a known shape: %s',
    async (_name, [line, schema, fields]) => {
      const { status, stdout, stderr } = await run(`${line} --json`);
      expect(stderr.replace(/^anywhen: first is .*\n/, '')).toBe('');
      expect(status).toBe(0);
      const facts = JSON.parse(stdout) as Record<string, unknown>;
      expect(facts.schema).toBe(`anywhen/${schema}/1`);
      expect(
        Object.keys(facts)
          .filter((key) => key !== 'schema')
          .sort(),
      ).toEqual(fields.split(' '));
    },
  );

  it('has shapes of their own for what a flag turns a command into', async () => {
    expect(JSON.parse((await run('mark @/store --delete second --json')).stdout)).toEqual({
      schema: 'anywhen/mark-deleted/1',
      name: 'second',
    });
    const image = await run('restore @/store --at first --to @/image --json');
    expect(JSON.parse(image.stdout)).toEqual({
      schema: 'anywhen/image/1',
      at: expect.any(String),
      to: join(folder, 'image'),
      size: 2 ** 20,
    });
    expect(readFileSync(join(folder, 'image')).length).toBe(2 ** 20);
  });

  it('is offered by every command that prints facts, and is known for each', () => {
    // The mount is tried end to end.
    const elsewhere = ['mount', 'umount', 'attach', 'detach'];
    for (const command of buildProgram().commands) {
      const offered = command.options.some((option) => option.long === '--json');
      expect(offered, command.name()).toBe(!['read', 'completion'].includes(command.name()));
      if (offered) expect([...Object.keys(SHAPES), ...elsewhere]).toContain(command.name());
    }
  });

  it('never paints, whatever the environment asks for', async () => {
    const { stdout } = await run('status @/store --json');
    expect(stdout).not.toContain('\u001b');
  });
});

describe('--quiet', () => {
  it.each([
    'mark @/store quiet',
    'sync @/store',
    'resize @/store 1MiB',
    'check @/store',
    'restore @/store --at first',
  ])('says nothing about what went well: %s', async (line) => {
    expect(await run(`${line} --quiet`)).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});

describe('read', () => {
  it('gives the bytes to stdout and what it understood to stderr', async () => {
    const { stdout, stderr, status } = await run('read @/store --at first --offset 4096 --length 100');
    expect(stdout).toBe('\u0000'.repeat(100));
    expect(stderr).toMatch(/^anywhen: first is \d{4}-\S+Z/);
    expect(status).toBe(0);
  });

  it('understands a phrase', async () => {
    const { stdout, stderr } = await runProgram('read', store, '--at', '0 seconds ago', '--length', '4');
    expect(stdout.length).toBe(4);
    expect(stderr).toMatch(/^anywhen: 0 seconds ago is /);
  });
});

describe('diff', () => {
  it('lists ranges, what they add up to, and a map; ages may stand alone', async () => {
    const other = join(folder, 'grown');
    await runProgram('create', other, '--size', '1MiB', '--journal-size', '4MiB');
    await runProgram('mark', other, 'small');
    await runProgram('resize', other, '2MiB');
    const { stdout, stderr, status } = await runProgram('diff', other, 'small', '-0s', '--limit', '1');
    expect([status, stderr.split('\n').length]).toEqual([0, 3]);
    expect(stderr).toMatch(/^anywhen: small is .*\nanywhen: -0s is /);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('OFFSET  LENGTH    KIND');
    expect(lines[1]).toBe('1MiB    1.00 MiB  size');
    expect(lines[3]).toMatch(/^1\.00 MiB in 1 range changed between \S+Z and \S+Z: 50\.0 % of 2\.00 MiB$/);
    expect(lines.slice(4, 8).map((line) => line.trim())).toEqual([
      `0 ${'.'.repeat(64)}`,
      `512KiB ${'.'.repeat(64)}`,
      `1MiB ${'#'.repeat(64)}`,
      `1536KiB ${'#'.repeat(64)}`,
    ]);
    const none = await runProgram('diff', other, 'small', '--limit', '0');
    expect(none.stdout).toMatch(/^\.\.\. and 1 more: --limit 1 shows them\n/);
    const same = await runProgram('diff', other, 'now', 'now', '--quiet');
    expect(same.stdout).toMatch(/^nothing changed between \S+ and \S+\n$/);
    const facts = JSON.parse((await runProgram('diff', other, '-0s', 'small', '--json')).stdout);
    expect(facts).toMatchObject({
      ranges: [{ start: 2 ** 20, length: 2 ** 20, kind: 'size' }],
      older: { size: 2 ** 20 },
      younger: { size: 2 ** 21 },
      bytes: 2 ** 20,
      count: 1,
    });
    expect(JSON.parse((await runProgram('diff', other, '-0s', '--json')).stdout).ranges).toEqual([]);
  });
});

describe('diff --data', () => {
  it('gives the stream to stdout, what it is to stderr, and refuses what would change it', async () => {
    const { stdout, stderr, status } = await run('diff @/store first --data');
    expect(stdout.slice(0, 6)).toBe('ANYSEG');
    expect(stderr).toMatch(/\nanywhen: 0 B in 0 extents from \S+Z to \S+Z, a stream of 8\.00 KiB\n$/);
    expect([status, stdout.length]).toEqual([0, 8192]);
    expect((await run('diff @/store first --data --quiet')).stderr).toBe('');
    const json = await run('diff @/store first --data --json');
    expect([json.status, json.stdout]).toEqual([2, '']);
    const before = process.stdout.isTTY;
    process.stdout.isTTY = true;
    const terminal = await run('diff @/store first --data');
    process.stdout.isTTY = before;
    expect(terminal).toMatchObject({ status: 2, stdout: '' });
    expect(terminal.stderr).toMatch(/not for a terminal\n {2}Send them to a file/);
  });
});

describe('inspect', () => {
  it('understands phrases and spaces, as every command does', async () => {
    const inspect = (...args: string[]) => runProgram('inspect', store, ...args);
    await runProgram('mark', store, 'inspected');
    for (const at of ['0 seconds ago', 'first', new Date().toISOString().replace('T', ' ')])
      expect((await inspect('maps', '--at', at)).stdout, at).toMatch(/^\d{4}-\d\d-\d\dT.*Z/);
    const rows = async (from: string) =>
      (await inspect('forward', '--from', from)).stdout.match(/ mark /g)?.length;
    expect(await rows('2 hours ago')).toBeGreaterThan(0);
    expect(await rows('in 2 hours')).toBeUndefined();
  });
});

describe('check', () => {
  it('ends with 4 when it finds damage, and names it', async () => {
    const other = join(folder, 'damaged');
    await runProgram('create', other, '--size', '1MiB', '--journal-size', '4MiB');
    const catalog = join(other, 'catalog');
    const bytes = readFileSync(catalog);
    bytes.fill(0xff, 0, 64);
    writeFileSync(catalog, bytes);
    const { status, stdout, stderr } = await runProgram('check', other);
    expect(status).toBe(4);
    expect(stdout + stderr).toContain('catalog');
  });
});
