import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const SRC = join(import.meta.dirname, '../src');
const BENCH = join(import.meta.dirname, '../bench');

/** A folder imports only from itself and from those behind it. */
const LAYERS = [
  'cli',
  'tasks',
  'control',
  'inspect',
  'fuse',
  'namespace',
  'inside',
  'volume',
  'sync',
  'journal',
  'mirror',
  'vrmo',
  'file',
  'format',
  'native.ts',
  'base',
];

/** Lines of a file at the most. */
const LIMIT = 300;

const BANNED: readonly [RegExp, string][] = [
  [/\bas any\b|: any[;,)\]=]|<any>/, 'any'],
  [/^export default/m, 'a default export'],
  [/\bconsole\./, 'console'],
  [/\b(TODO|FIXME|XXX)\b/, 'an open end'],
  [/\/work\/|\/home\//, 'a path of some machine'],
];

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : [path];
  });
}

const sources = files(SRC).map((path) => ({ name: relative(SRC, path), text: readFileSync(path, 'utf8') }));

const benchmark = files(BENCH)
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ name: relative(dirname(BENCH), path), text: readFileSync(path, 'utf8') }));
const all = [...sources, ...benchmark];

function layerOf(name: string): number {
  const layer = LAYERS.indexOf(name.split('/')[0] as string);
  expect(layer, `${name} lies in a known room`).toBeGreaterThanOrEqual(0);
  return layer;
}

test.each(sources)('$name imports only from the rooms below it', ({ name, text }) => {
  for (const [, target] of text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
    const path = join(name, '..', (target as string).replace(/\.js$/, '.ts'));
    expect(layerOf(path), `${name} -> ${path}`).toBeGreaterThanOrEqual(layerOf(name));
  }
});

test.each(all)('$name is no country', ({ text }) => {
  expect(text.split('\n').length - 1).toBeLessThanOrEqual(LIMIT);
});

test.each(all)('$name keeps to the customs', ({ text }) => {
  for (const [pattern, what] of BANNED) expect(pattern.test(text), what).toBe(false);
});

test('only file/ and native.ts touch the files of a store', () => {
  const may = /^(file|cli|control|fuse|base\/log)/;
  const offenders = sources.filter(
    ({ name, text }) => !may.test(name) && name !== 'native.ts' && /'node:fs/.test(text),
  );
  expect(offenders.map(({ name }) => name)).toEqual([]);
});

test('every room is in the picture', () => {
  const picture = readFileSync(join(SRC, '../docs/ARCHITECTURE.md'), 'utf8');
  for (const entry of readdirSync(SRC)) expect(picture, entry).toContain(`src/${entry}`);
});
