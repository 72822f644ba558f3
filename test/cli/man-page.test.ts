import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { formatDuration, formatSize } from '../../src/base/units.js';
import { EXIT, PARTLY } from '../../src/cli/exit-codes.js';
import { PRINTERS } from '../../src/cli/inspect-printers.js';
import { parsePhrase } from '../../src/cli/phrase.js';
import { buildProgram } from '../../src/cli/program.js';
import { VERSION } from '../../src/control/operations.js';
import { parsePolicy, SETTINGS } from '../../src/control/policy-text.js';
import { parseTimeName } from '../../src/namespace/time-name.js';
import { DEFAULT_POLICY } from '../../src/volume/policy.js';
import { parsedExample } from './examples.js';
import { SHAPES } from './json-shapes.js';
import { displays, type Entry, type Part, parsePage } from './man-page.js';

const ROOT = join(import.meta.dirname, '../..');
const FILE = join(ROOT, 'man/anywhen.1');
const source = readFileSync(FILE, 'utf8');
const page = parsePage(source);
const program = buildProgram();

function part(section: string, name = ''): Part | undefined {
  return page.get(section)?.find(({ title }) => title === name);
}

function entries(section: string, name = ''): readonly Entry[] {
  return part(section, name)?.entries ?? [];
}

const defaultIn = (text: string) => /Default: (.*?)\./.exec(text)?.[1];

/** The flags of an option as the page writes them: `-o, --options LIST`. */
function flagsOf(option: Option): string {
  return option.flags.replace(/[<[]([^>\]]+)[>\]]/, (_, name: string) => name.toUpperCase());
}

/** The line of a command: `mark STORE|MNT [NAME]`. */
function headOf(command: Command): string {
  const names = command.registeredArguments.map((argument) => {
    const name = `${argument.name().toUpperCase()}${argument.variadic ? '...' : ''}`;
    return argument.required ? name : `[${name}]`;
  });
  return [command.name(), ...names].join(' ');
}

/** Options that every command has. */
const common = program.commands
  .map((command) => command.options.map(flagsOf))
  .reduce((shared, flags) => shared.filter((flag) => flags.includes(flag)));

describe('anywhen(1)', () => {
  it('is about this version', () => {
    expect(source).toContain(`"anywhen ${VERSION}"`);
    expect(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version).toBe(VERSION);
  });

  it('describes every command, and no other, with its arguments', () => {
    const written = page.get('COMMANDS')?.map(({ title }) => title) ?? [];
    const there = [...program.commands.map(headOf), 'help [COMMAND]'];
    expect(written.filter((title) => title !== '').sort()).toEqual(there.sort());
  });

  it.each(program.commands.map((command) => [command.name(), command] as const))(
    'describes every option of %s, and no other, with its default',
    (_name, command) => {
      const own = command.options.filter((option) => !common.includes(flagsOf(option)));
      const written = entries('COMMANDS', headOf(command));
      expect(written.map(({ head }) => head).sort()).toEqual(own.map(flagsOf).sort());
      for (const option of own) {
        const text = written.find(({ head }) => head === flagsOf(option))?.text ?? '';
        const value: unknown = option.defaultValue;
        const expected =
          value === undefined || value === false || Array.isArray(value) ? undefined : String(value);
        expect(defaultIn(text), `the default of ${option.flags}`).toBe(expected);
        if (option.mandatory) expect(text, option.flags).toContain('must be given');
      }
    },
  );

  it('describes the default and the choices of every argument', () => {
    for (const command of program.commands) {
      const text = part('COMMANDS', headOf(command))?.text ?? '';
      const [value] = command.registeredArguments
        .map((argument): unknown => argument.defaultValue)
        .filter(Boolean);
      expect(defaultIn(text), command.name()).toBe(value);
      const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
      for (const choice of choices) expect(text.split(/[^a-z]+/), command.name()).toContain(choice);
    }
  });

  it('describes the options of every command once', () => {
    const written = entries('OPTIONS').map(({ head }) => head);
    expect(written).toEqual([...common, '-h, --help', ...program.options.map(flagsOf)]);
  });

  it('describes every exit status, and no other, with the codes that lead to it', () => {
    const written = new Map(entries('EXIT STATUS').map(({ head, text }) => [Number(head), text]));
    expect([...written.keys()].sort()).toEqual([...new Set([0, PARTLY, ...Object.values(EXIT)])].sort());
    for (const [code, status] of Object.entries(EXIT)) {
      for (const [each, text] of written) {
        const named = new RegExp(`(^|[\\s,])${code}[,.]`).test(text);
        expect(named, `${code} under ${each}`).toBe(each === status);
      }
    }
  });

  it('describes every setting of the policy, and no other, with its default', () => {
    const written = entries('POLICY').map(({ head, text }) => [head.split('=')[0], defaultIn(text)]);
    expect(written.map(([key]) => key)).toEqual(SETTINGS);
    for (const [key, value] of written)
      expect(() => parsePolicy([`${key}=${value}`]), `${key}`).not.toThrow();
    const policy = parsePolicy(written.map(([key, value]) => `${key}=${value}`));
    expect(policy).toEqual(DEFAULT_POLICY);
    expect(formatDuration(DEFAULT_POLICY.syncInterval)).toBe('1h');
    expect(formatSize(DEFAULT_POLICY.flushBytes)).toBe('64MiB');
  });

  it('describes every schema that is printed, and no other, with all fields', () => {
    const printed = new Set(
      sources()
        .flatMap((text) => [
          ...text.matchAll(/printJson\(\s*'([\w-]+)'|\bjson\('([\w-]+)'|anywhen\/([a-z-]+)\/1/g),
        ])
        .map(([, one, two, three]) => `anywhen/${one ?? two ?? three}/1`),
    );
    for (const what of Object.keys(PRINTERS)) printed.add(`anywhen/inspect-${what}/1`);
    const written = entries('JSON');
    expect(written.map(({ head }) => head).sort()).toEqual([...printed].sort());
    for (const [, schema, fields] of Object.values(SHAPES)) {
      const text = written.find(({ head }) => head === `anywhen/${schema}/1`)?.text ?? '';
      const named = text.split(/[^A-Za-z]+/);
      for (const field of fields.split(' ')) expect(named, schema).toContain(field);
    }
  });

  it('describes every variable of the environment that is looked at, and no other', () => {
    const used = sources().flatMap((text) => [
      ...[...text.matchAll(/\benv\.([A-Z_]+)/g)].map(([, name]) => name),
      ...[...text.matchAll(/\{ ([A-Z_]+)(?:: \w+)? \} = process\.env/g)].map(([, name]) => name),
      // By the system: of homedir() and of the local zone.
      ...(text.includes('homedir()') ? ['HOME'] : []),
      ...(text.includes('timeZoneId()') ? ['TZ'] : []),
    ]);
    const written = entries('ENVIRONMENT').map(({ head }) => head);
    expect(written.sort()).toEqual([...new Set(used)].sort());
  });

  it('describes every signal that is handled, and no other', () => {
    const handled = sources().flatMap((text) =>
      [...text.matchAll(/process\.on\(\s*'(SIG\w+)'/g)].map(([, name]) => name),
    );
    const written = entries('SIGNALS').flatMap(({ head }) => head.split(', '));
    expect(written.sort()).toEqual([...new Set(handled)].sort());
  });

  it('describes times that are understood as it says', async () => {
    const kinds: string[] = [];
    for (const { head } of entries('TIMES')) {
      const { name } = parseTimeName(head, 'UTC');
      const phrase = await parsePhrase(head, { now: 1_800_000_000_000_000_000n, zone: 'UTC' });
      kinds.push(name.kind === 'mark' && phrase !== undefined ? 'phrase' : name.kind);
    }
    const count = (kind: string) => kinds.filter((one) => one === kind).length;
    expect([count('age'), count('mark'), count('word')]).toEqual([1, 1, 4]);
    expect(count('instant')).toBeGreaterThanOrEqual(7);
    expect(count('phrase')).toBeGreaterThanOrEqual(4);
  });

  it('shows only commands that can be typed', async () => {
    const calls = displays(source).filter((line) => line.startsWith('anywhen '));
    expect(calls.length).toBeGreaterThan(8);
    for (const line of calls) expect(await parsedExample(line), line).not.toBe('');
  });

  it('is shipped, with every other page', () => {
    const { man, files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const pages = readdirSync(join(ROOT, 'man')).map((name) => `man/${name}`);
    expect(man).toEqual(expect.arrayContaining(pages));
    expect(files).toContain('man');
  });

  const groff = spawnSync('groff', ['--version']).error === undefined;
  (groff ? it : it.skip)(`has no fault that groff knows${groff ? '' : ' [skipped: needs groff]'}`, () => {
    for (const name of readdirSync(join(ROOT, 'man'))) {
      const { stderr, status } = spawnSync('groff', ['-man', '-ww', '-z', join(ROOT, 'man', name)], {
        encoding: 'utf8',
      });
      expect([name, stderr, status]).toEqual([name, '', 0]);
    }
  });

  const mandoc = spawnSync('mandoc', ['-h']).error === undefined;
  (mandoc ? it : it.skip)(`has no fault that mandoc knows${mandoc ? '' : ' [skipped: needs mandoc]'}`, () => {
    const { stdout } = spawnSync('mandoc', ['-T', 'lint', FILE], { encoding: 'utf8' });
    expect(stdout).toBe('');
  });
});

describe('the README', () => {
  it('lists every command as its help does, and no other', () => {
    const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const rows = [...text.matchAll(/^\| `([a-z-]+)` +\| (.*?) +\|$/gm)].map(([, name, does]) => [name, does]);
    expect(rows).toEqual(program.commands.map((command) => [command.name(), command.description()]));
  });
});

function sources(folder = join(ROOT, 'src')): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sources(path) : [readFileSync(path, 'utf8')];
  });
}
