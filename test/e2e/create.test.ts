import { existsSync } from 'node:fs';
import { chmod, mkdir, open, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { anywhen, CLI, describeMounted, MountedStore } from '../support/mounted-store.js';
import { run, sha256 } from '../support/run.js';
import { notRoot, testWhere } from '../support/skip.js';
import { cannotMount, mountSmall } from '../support/small-filesystem.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';

const MIB = 2 ** 20;
const NOBODY = 65534;
const IMAGE = 64 * MIB;

let folder: string;
let store: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  store = join(folder, 'store');
});
afterEach(() => removeFolder(folder));

/** An image of 64 MiB with a few islands of data: at both ends if asked, and across borders of blocks. */
async function sparseImage(name: string, size = IMAGE): Promise<string> {
  const path = join(folder, name);
  const file = await open(path, 'w');
  for (const [at, length] of [
    [0, 700],
    [5 * MIB - 100, 5000],
    [20 * MIB, 3 * MIB + 1],
    [size - 512, 512],
  ] as const) {
    await file.write(Buffer.alloc(length, `data at ${at};`), 0, length, at);
  }
  await file.close();
  return path;
}

async function allocated(path: string): Promise<number> {
  return (await stat(path)).blocks * 512;
}

/** The whole live volume, as `anywhen read` prints it, into a file. */
async function readVolume(): Promise<string> {
  const copy = join(folder, 'copy');
  await anywhen(['restore', store, '--at', 'now', '--to', copy]);
  return copy;
}

describe('a store made from an image', () => {
  it('has the bytes of the image, and its holes', async () => {
    const image = await sparseImage('image');
    const made = await anywhen(['create', store, '--from', image]);
    expect(made.stdout).toMatch(/^created .*: a volume of 64MiB, store [0-9a-f-]{36}\n$/);
    expect(await sha256(await readVolume())).toBe(await sha256(image));
    // Blocks of 4 KiB around each island at the most.
    expect(await allocated(join(store, 'mim'))).toBeLessThanOrEqual((await allocated(image)) + 8 * 4096);
    expect(await allocated(join(store, 'mim'))).toBeLessThan(4 * MIB);
  });

  it('makes holes of zeros that were written', async () => {
    const image = join(folder, 'zeros');
    await writeFile(
      image,
      Buffer.concat([Buffer.alloc(8 * MIB), Buffer.alloc(4096, 1), Buffer.alloc(8 * MIB)]),
    );
    await anywhen(['create', store, '--from', image]);
    expect(await sha256(await readVolume())).toBe(await sha256(image));
    expect(await allocated(join(store, 'mim'))).toBeLessThanOrEqual(16384);
  });

  it('is as long as an image that ends within a sector', async () => {
    const image = await sparseImage('odd', IMAGE + 4096 + 77);
    await anywhen(['create', store, '--from', image]);
    const copy = await readVolume();
    expect((await stat(copy)).size).toBe(IMAGE + 4096 + 77);
    expect(await sha256(copy)).toBe(await sha256(image));
  });

  testWhere(
    existsSync('/usr/bin/script') ? undefined : 'needs the command script',
    'shows how far it is on a terminal, to the end, and nothing of that elsewhere',
    async () => {
      const image = await sparseImage('image');
      // The last island is not at the end: a hole follows.
      await truncate(image, IMAGE + 16 * MIB);
      const command = `'${process.execPath}' '${CLI}' create '${store}' --from '${image}'`;
      const terminal = await run('script', ['-qec', command, '/dev/null']);
      expect(terminal.stdout).toMatch(/\rcopying \[[#.]{30}\] \d+ %/);
      expect(terminal.stdout).toMatch(/\rcopying \[#{30}\] 100 %\r?\ncreated /);
      await anywhen(['create', `${store}-quiet`, '--from', image, '--quiet']).then(({ stdout, stderr }) =>
        expect(stdout + stderr).toBe(''),
      );
      const piped = await anywhen(['create', `${store}-piped`, '--from', image]);
      expect(piped.stderr).toBe('');
    },
  );
});

describeMounted('a store made from a block device', () => {
  it('has the size and the bytes of the device', async () => {
    const image = await sparseImage('image');
    const { stdout } = await run('losetup', ['-f', '--show', '--read-only', image]);
    const device = stdout.trim();
    try {
      await anywhen(['create', store, '--from', device]);
    } finally {
      await run('losetup', ['-d', device]);
    }
    const copy = await readVolume();
    expect((await stat(copy)).size).toBe(IMAGE);
    expect(await sha256(copy)).toBe(await sha256(image));
    expect(await allocated(join(store, 'mim'))).toBeLessThan(4 * MIB);
  });
});

describeMounted('a store of any size', () => {
  it.each([
    ['64M', 64 * MIB],
    ['1T', 2 ** 40],
  ])('of %s mounts, takes writes at both ends and keeps its past', async (text, size) => {
    const mounted = await MountedStore.create(text, ['--journal-size', '16M']);
    const ends = [0, size / 2 - 3000, size - 8192];
    const fill = async (value: number) => {
      const file = await open(mounted.volume, 'r+');
      for (const at of ends) await file.write(Buffer.alloc(8192, value), 0, 8192, at);
      await file.sync();
      await file.close();
    };
    const shows = async (path: string, value: number) => {
      const file = await open(path, 'r');
      for (const at of ends) {
        const { buffer } = await file.read(Buffer.alloc(8192), 0, 8192, at);
        expect(buffer.equals(Buffer.alloc(8192, value)), `${path} at ${at}`).toBe(true);
      }
      await file.close();
    };
    try {
      await mounted.mount();
      expect((await stat(mounted.volume)).size).toBe(size);
      await shows(mounted.volume, 0);
      await fill(1);
      await mounted.command('mark', 'one');
      await fill(2);
      await mounted.command('sync');
      await fill(3);
      await shows(mounted.image('one'), 1);
      await shows(mounted.volume, 3);
      expect(await mounted.end()).toBe(0);
      await mounted.mount();
      await shows(mounted.image('one'), 1);
      await shows(mounted.volume, 3);
      expect(await mounted.end()).toBe(0);
      // Of the large one this takes long: its sums are looked through to the end.
      if (size < 2 ** 30) await anywhen(['check', mounted.store, '--data']);
      const { stdout } = await run('du', ['-sk', mounted.store]);
      expect(Number.parseInt(stdout, 10)).toBeLessThan(24 * 1024);
    } finally {
      await mounted.dispose();
    }
  });
});

describe('a store is refused', () => {
  const refused = async (args: readonly string[], status: number, message: RegExp) => {
    const attempt = await anywhen(['create', store, ...args], { allow: [status] });
    expect(attempt.stderr).toMatch(message);
    expect(attempt.stdout).toBe('');
  };

  it('in a folder that is not empty, which stays as it is', async () => {
    await mkdir(store, { mode: 0o755 });
    await writeFile(join(store, 'letter'), 'dear');
    await refused(['--size', '64M'], 1, /is not empty/);
    expect(await readdir(store)).toEqual(['letter']);
    expect(await readFile(join(store, 'letter'), 'utf8')).toBe('dear');
    expect((await stat(store)).mode & 0o777).toBe(0o755);
  });

  it('where there is one already', async () => {
    await anywhen(['create', store, '--size', '1M']);
    const before = await readFile(join(store, 'superblock'));
    await refused(['--size', '64M'], 1, /is not empty/);
    expect((await readFile(join(store, 'superblock'))).equals(before)).toBe(true);
  });

  it.each([
    ['0', /0 bytes is not possible/],
    ['1000', /no multiple of 512/],
    ['64.5X', /not a size/],
    ['-4096', /not a size/],
    ['9P', /not possible|2\^53/],
  ])('of size %s', async (size, message) => {
    await refused([`--size=${size}`], 2, message);
    expect(existsSync(store)).toBe(false);
  });

  it('without a size and an image, and with both', async () => {
    await refused([], 2, /either --size or --from/);
    await refused(['--size', '1M', '--from', CLI], 2, /either --size or --from/);
    expect(existsSync(store)).toBe(false);
  });

  it('from what is not there, or is a folder', async () => {
    await refused(['--from', join(folder, 'nothing')], 1, /nothing: cannot be opened/);
    await refused(['--from', folder], 2, /neither a file nor a block device/);
    expect(existsSync(store)).toBe(false);
  });

  it('under a folder that is not there', async () => {
    store = join(folder, 'no', 'store');
    await refused(['--size', '1M'], 1, /no such|not there|not found|ENOENT/i);
  });

  testWhere(notRoot, 'where its maker may not write', async (context) => {
    // Others may pass, and may not write.
    await chmod(folder, 0o755);
    const reachable = await run(process.execPath, [CLI, '--version'], {
      uid: NOBODY,
      allow: [0, 1, 126, 127],
    });
    if (reachable.status !== 0) context.skip('another user cannot run the program here');
    const attempt = await anywhen(['create', store, '--size', '1M'], { uid: NOBODY, allow: [1] });
    expect(attempt.stderr).toMatch(/permission|denied|allowed/i);
    expect(existsSync(store)).toBe(false);
  });
});

describe('a full disk', () => {
  testWhere(cannotMount('ext4'), 'ends create with a clear word, and nothing is left of it', async () => {
    const disk = await mountSmall('ext4', 48);
    try {
      const inside = join(disk.path, 'store');
      const given = join(disk.path, 'given');
      await mkdir(given);
      const image = join(folder, 'image');
      await writeFile(image, Buffer.alloc(40 * MIB, 'full'));
      const before = await free(disk.path);
      for (const target of [inside, given]) {
        for (const args of [
          // The journal has no room; then it has, and the copy has not.
          ['--size', '64M', '--journal-size', '64M'],
          ['--from', image, '--journal-size', '16M'],
        ]) {
          const attempt = await anywhen(['create', target, ...args], { allow: [1] });
          expect(attempt.stderr).toMatch(/no space|full|ENOSPC/i);
          expect(existsSync(inside)).toBe(false);
          expect(await readdir(given)).toEqual([]);
        }
      }
      expect(await free(disk.path)).toBe(before);
      await anywhen(['create', inside, '--size', '64M', '--journal-size', '16M']);
      await anywhen(['check', inside, '--data']);
    } finally {
      await disk.dispose();
    }
  });
});

async function free(path: string): Promise<string> {
  await run('sync', ['-f', path]);
  return (await run('stat', ['-f', '-c', '%f', path])).stdout;
}
