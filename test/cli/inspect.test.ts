import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../src/volume/store-folder.js';
import { anywhen, CLI } from '../support/mounted-store.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';

const WHATS = ['all', 'superblock', 'forward', 'backward', 'catalog', 'sums'] as const;
const groups = existsSync(CLI) ? describe : describe.skip;

let folder: string;
let store: string;

async function grow(): Promise<void> {
  const { volume, close } = await openStore(store);
  const write = (offset: number, bytes: Buffer) =>
    new Promise<void>((resolve, reject) =>
      volume.write(offset, bytes, (error) => (error === undefined ? resolve() : reject(error))),
    );
  await write(0, Buffer.alloc(9000, 7));
  await volume.mark('one');
  await volume.sync('test');
  for (let at = 0; at < 300; at++) await write(at * 512, Buffer.alloc(512, at));
  await close();
}

/** Everything that a look could change. */
function stateOf(path: string): string[] {
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      const { mtimeNs, ctimeNs } = statSync(file, { bigint: true });
      return `${file} ${mtimeNs} ${ctimeNs} ${readFileSync(file).toString('base64')}`;
    })
    .sort();
}

groups('anywhen inspect', () => {
  beforeAll(async () => {
    folder = await temporaryFolder();
    store = join(folder, 'store');
    await anywhen(['create', store, '--size', '1MiB', '--journal-size', '4MiB']);
    await grow();
  });
  afterAll(() => removeFolder(folder));

  it('prints every structure of a sound store, ends with 0 and touches nothing', async () => {
    const before = stateOf(store);
    const list = [
      ...WHATS.map((what) => [what]),
      ['maps', '--at', 'one'],
      ['maps', '--at', 'now', '--from', '4k'],
    ];
    for (const args of list) {
      const { stdout, stderr } = await anywhen(['inspect', store, ...args]);
      expect(stdout, args.join(' ')).not.toContain('problem');
      expect(stdout.split('\n').length).toBeGreaterThan(2);
      expect(stderr).toBe('');
    }
    expect(stateOf(store)).toEqual(before);
  });

  it('prints one object for what is short, and a line for each row of what is long', async () => {
    for (const what of ['all', 'superblock']) {
      const { stdout } = await anywhen(['inspect', store, what, '--json']);
      expect(JSON.parse(stdout)).toMatchObject({ schema: `anywhen/inspect-${what}/1`, inUse: null });
    }
    const { stdout } = await anywhen(['inspect', store, 'forward', '--json', '--limit', '250']);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ schema: 'anywhen/inspect-forward/1', type: 'forward', problems: [] });
    expect(lines.filter((line) => line.type === 'descriptor').length).toBe(250);
    expect(lines[1].descriptor.stamp).toMatch(/^\d{4}-.*Z$/);
    expect(lines.at(-1)).toMatchObject({ type: 'end', complete: false });
  });

  it('keeps the columns of a long table in line', async () => {
    const { stdout } = await anywhen(['inspect', store, 'forward']);
    const rows = stdout.split('\n').filter((line) => /^\d+ +counts {2}/.test(line));
    expect(rows.length).toBe(300);
    expect(new Set(rows.map((row) => row.indexOf('counts'))).size).toBe(1);
  });

  it('looks at a store that is open elsewhere, and says so', async () => {
    const open = await openStore(store);
    try {
      const { stdout, stderr } = await anywhen(['inspect', store, 'forward', '--limit', '1']);
      expect(stdout).toContain('there is more');
      expect(stderr).toContain('may be in motion');
      const json = await anywhen(['inspect', store, 'superblock', '--json', '--quiet']);
      expect(JSON.parse(json.stdout).inUse).toContain('is open in process');
      expect(json.stderr).toBe('');
    } finally {
      await open.close();
    }
  });

  it('refuses what makes no sense', async () => {
    const bad = [
      ['nonsense'],
      ['maps'],
      ['superblock', '--data'],
      ['forward', '--at', 'now'],
      ['forward', '--from', 'someday'],
      ['forward', '--limit', '-1'],
      ['sums', '--from', 'now'],
    ];
    for (const args of bad) {
      const { status } = await anywhen(['inspect', store, ...args], { allow: [0, 1, 2, 4] });
      expect(status, args.join(' ')).toBe(2);
    }
    expect((await anywhen(['inspect', folder], { allow: [10] })).status).toBe(10);
  });

  it('says what is damaged, shows the rest and ends with 4', async () => {
    const superblock = join(store, 'superblock');
    const bytes = readFileSync(superblock);
    bytes[100] = 0xff;
    bytes[4096 + 100] = 0xff;
    writeFileSync(superblock, bytes);
    truncateSync(join(store, 'mim.sums'), 100);
    for (const what of WHATS.filter((one) => one !== 'backward')) {
      const { stdout } = await anywhen(['inspect', store, what], { allow: [4] });
      expect(stdout, what).toContain('problem: ');
    }
    const { stdout } = await anywhen(['inspect', store, 'forward'], { allow: [4] });
    expect(stdout).toContain('found');
    expect((await anywhen(['inspect', store, 'maps', '--at', 'now'], { allow: [4] })).stderr).toContain(
      'neither copy',
    );
  });
});
