import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXAMPLES, examplesText, OVERVIEW } from '../../src/cli/examples.js';
import { buildProgram } from '../../src/cli/program.js';
import { parsedExample } from './examples.js';
import { shellWords } from './shell-words.js';

const ROOT = join(import.meta.dirname, '../..');

/** The lines of a text that call the program, without what a shell prompt or a list puts before them. */
function callsIn(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^anywhen [a-z]/.test(line));
}

describe('the examples', () => {
  it('are there for every command, and for no other', () => {
    const names = buildProgram().commands.map((command) => command.name());
    expect(Object.keys(EXAMPLES).sort()).toEqual([...names].sort());
    for (const name of names) expect(EXAMPLES[name]?.length, name).toBeGreaterThan(0);
  });

  const all = Object.entries(EXAMPLES).flatMap(([name, list]) =>
    list.map(({ line }) => [line, name] as const),
  );
  it.each(all)('can be typed: %s', async (line, name) => {
    expect(await parsedExample(line)).toBe(name);
  });

  it('end the help of each command, and of the program', () => {
    const program = buildProgram();
    for (const command of [program, ...program.commands]) {
      let help = '';
      command.configureOutput({
        writeOut: (text) => {
          help += text;
        },
      });
      command.outputHelp();
      const expected = command === program ? OVERVIEW : (EXAMPLES[command.name()] ?? []);
      expect(help.trimEnd().endsWith(examplesText(expected).trimEnd()), command.name()).toBe(true);
      for (const line of help.split('\n')) expect(line.length, line).toBeLessThanOrEqual(100);
    }
  });

  it('are found out when they are stale', async () => {
    await expect(parsedExample('anywhen status')).rejects.toThrow();
    await expect(parsedExample('anywhen status /srv/store --nonsense')).rejects.toThrow();
    await expect(parsedExample('anywhen mount -o nonsense /srv/store /mnt/any')).rejects.toThrow();
    await expect(parsedExample('anywhen vanished /srv/store')).rejects.toThrow();
  });
});

describe('the documents', () => {
  const documents = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)]
    .filter((name) => name.endsWith('.md'))
    .map((name) => [name, readFileSync(join(ROOT, name), 'utf8')] as const);

  it.each(documents)('%s shows only commands that can be typed', async (_name, text) => {
    const blocks = [...text.matchAll(/^```(?:sh|console|bash)?\n(.*?)^```/gms)].map(([, body]) => body ?? '');
    for (const line of blocks.flatMap(callsIn)) expect(await parsedExample(line), line).not.toBe('');
  });

  it('are read at all', () => {
    expect(callsIn(readFileSync(join(ROOT, 'README.md'), 'utf8')).length).toBeGreaterThan(5);
  });
});

describe('the words of a command line', () => {
  it.each([
    ['a b  c', ['a', 'b', 'c']],
    ['a "b c" d', ['a', 'b c', 'd']],
    ["a 'b \"c' d", ['a', 'b "c', 'd']],
    ['a x="b c"d', ['a', 'x=b cd']],
    ['a b # c', ['a', 'b']],
    ['a b#c', ['a', 'b#c']],
    ['a b | c', ['a', 'b']],
    ['a b > c', ['a', 'b']],
    ['a ""', ['a', '']],
  ])('are cut as a shell would: %s', (line, words) => {
    expect(shellWords(line)).toEqual(words);
  });

  it.each(['a "b', 'a $b', 'a `b`', 'a *'])('need no shell: not %s', (line) => {
    expect(() => shellWords(line)).toThrow();
  });
});
