import { constants, existsSync } from 'node:fs';
import {
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  stat,
  statfs,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { anywhen, describeDriver, isMounted, MountedStore } from '../support/mounted-store.js';
import { run, sha256, sleep, until } from '../support/run.js';

const SIZE = 64 * 2 ** 20;
const NOBODY = 65534;

/** Writes `length` bytes of `value` at `offset` and waits for them to be durable. */
async function fill(file: string, offset: number, length: number, value: number): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.write(Buffer.alloc(length, value), 0, length, offset);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function bytesAt(file: string, offset: number, length: number): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await handle.read(buffer, 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function failure(code: string) {
  return expect.objectContaining({ code });
}

for (const driver of ['native', 'fuse-native'] as const) {
  describeDriver(driver, 'the mount', () => aMount(driver));
  describeDriver(driver, 'the end of a mount', () => anEnd(driver));
}

function aMount(driver: string): void {
  let mounted: MountedStore;

  beforeAll(async () => {
    mounted = await MountedStore.create('64M');
    await mounted.mount(['--driver', driver]);
    await fill(mounted.volume, 0, 8192, 1);
    await mounted.command('mark', 'first');
    await fill(mounted.volume, 4096, 8192, 2);
  });
  afterAll(() => mounted?.dispose());

  it('shows the rooms, and in them the volume with its size and modes for the owner alone', async () => {
    expect(await readdir(mounted.mnt)).toEqual(
      expect.arrayContaining(['images', 'scratch', 'snapshots', 'status.json', 'volume']),
    );
    const volume = await stat(mounted.volume);
    expect([volume.size, volume.mode & 0o777, volume.isFile()]).toEqual([SIZE, 0o600, true]);
    const image = await stat(mounted.image('first'));
    expect([image.size, image.mode & 0o777]).toEqual([SIZE, 0o400]);
  });

  it('keeps other users out', async () => {
    const attempt = await run('cat', [mounted.volume], { uid: NOBODY, allow: [0, 1] });
    expect(attempt.status).toBe(1);
    expect(attempt.stderr).toMatch(/Permission denied/);
  });

  it('reads the volume as it is and the image as it was', async () => {
    const now = Buffer.concat([Buffer.alloc(4096, 1), Buffer.alloc(8192, 2), Buffer.alloc(4096)]);
    const then = Buffer.concat([Buffer.alloc(8192, 1), Buffer.alloc(8192)]);
    expect((await bytesAt(mounted.volume, 0, 16384)).equals(now)).toBe(true);
    expect((await bytesAt(mounted.image('first'), 0, 16384)).equals(then)).toBe(true);
    const printed = await mounted.command('read', '--at', 'first', '--offset', '8191', '--length', '2');
    expect(Buffer.from(printed.stdout, 'latin1')).toEqual(Buffer.from([1, 0]));
  });

  it('tells what changed since, on the mount and by its daemon', async () => {
    const changed = { ranges: [{ start: 4096, length: 8192, kind: 'written' }], bytes: 8192, size: SIZE };
    expect(await mounted.facts('diff', 'first')).toMatchObject(changed);
    expect(await mounted.facts('diff', 'now', 'first')).toMatchObject(changed);
    expect((await mounted.command('diff', 'first', 'first')).stdout).toMatch(/^nothing changed between/);
  });

  it('names a mark by a link to the canonical instant, whose time the image carries', async () => {
    const canonical = await readlink(mounted.image('first'));
    expect(canonical).toMatch(/^@\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{9})?Z$/);
    const image = await lstat(join(mounted.mnt, 'images', canonical));
    expect(image.isFile()).toBe(true);
    expect(
      Math.abs(image.mtimeMs - Date.parse(canonical.slice(1).replace(/(\.\d{3})\d+/, '$1'))),
    ).toBeLessThan(2);
  });

  it('answers any instant by look-up, though it is not listed', async () => {
    const handle = await open(mounted.image('-10ms'), 'r');
    await handle.close();
    expect(existsSync(mounted.image('now'))).toBe(true);
    expect(existsSync(join(mounted.mnt, 'snapshots', 'latest'))).toBe(true);
  });

  it('says ENOENT to names that are no time, and to probes', async () => {
    for (const path of [
      '.Trash-0',
      'images/.Trash',
      'images/@never-marked',
      'snapshots/desktop.ini',
      'images/@2001',
    ]) {
      await expect(stat(join(mounted.mnt, path)), path).rejects.toEqual(failure('ENOENT'));
    }
  });

  it('refuses to write an image', async () => {
    await expect(open(mounted.image('first'), 'r+')).rejects.toEqual(failure('EROFS'));
  });

  it('refuses a write beyond the end of the volume, and cuts one that crosses it', async () => {
    await expect(fill(mounted.volume, SIZE, 512, 3)).rejects.toEqual(failure('ENOSPC'));
    expect((await stat(mounted.volume)).size).toBe(SIZE);
  });

  it('behaves as a block device: no other size, O_TRUNC without effect', async () => {
    await expect(truncate(mounted.volume, SIZE / 2)).rejects.toEqual(failure('EPERM'));
    const handle = await open(mounted.volume, constants.O_RDWR | constants.O_TRUNC);
    await handle.close();
    expect((await stat(mounted.volume)).size).toBe(SIZE);
    expect((await bytesAt(mounted.volume, 0, 1))[0]).toBe(1);
  });

  it('makes and removes no files', async () => {
    await expect(writeFile(join(mounted.mnt, 'note'), 'x')).rejects.toThrow(/EPERM|EROFS|EACCES/);
    await expect(mkdir(join(mounted.mnt, 'images', '@x'))).rejects.toThrow(/EPERM|EROFS|EACCES/);
  });

  it('tells the space of the filesystem that holds the store', async () => {
    const [here, there] = await Promise.all([statfs(mounted.mnt), statfs(mounted.store)]);
    const total = (facts: { bsize: number; blocks: number }) => facts.bsize * facts.blocks;
    expect(total(here) / total(there)).toBeCloseTo(1, 3);
    expect(here.bavail * here.bsize).toBeGreaterThan(0);
  });

  it('has the status as a file', async () => {
    const file = JSON.parse(await readFile(join(mounted.mnt, 'status.json'), 'utf8'));
    const printed = await mounted.facts<Record<string, unknown>>('status');
    expect(Object.keys(file).sort()).toEqual(Object.keys(printed).sort());
    expect(file).toMatchObject({ driver });
  });

  it('writes a scratch without touching history', async () => {
    const sum = await sha256(mounted.image('first'));
    const handle = await open(mounted.scratch('first'), 'r+');
    await handle.write(Buffer.alloc(4096, 9), 0, 4096, 4096);
    const back = Buffer.alloc(8192);
    await handle.read(back, 0, 8192, 0);
    await handle.close();
    expect(back.equals(Buffer.concat([Buffer.alloc(4096, 1), Buffer.alloc(4096, 9)]))).toBe(true);
    expect(await sha256(mounted.image('first'))).toBe(sum);
  });

  it('keeps an open image as it was through writes and a sync event', async () => {
    const handle = await open(mounted.image('first'), 'r');
    for (let round = 0; round < 4; round++) {
      await fill(mounted.volume, round * 4096, 65536, 10 + round);
      await mounted.command('sync');
    }
    const back = Buffer.alloc(16384);
    await handle.read(back, 0, back.length, 0);
    await handle.close();
    expect(back.equals(Buffer.concat([Buffer.alloc(8192, 1), Buffer.alloc(8192)]))).toBe(true);
  });

  it('refuses a second daemon on the store, naming the first', async () => {
    const elsewhere = join(mounted.folder, 'elsewhere');
    await mkdir(elsewhere);
    const attempt = await anywhen(['mount', mounted.store, elsewhere, '-f'], { allow: [11] });
    expect(attempt.stderr).toContain(String(mounted.pid));
  });

  it('refuses a mount point inside the store', async () => {
    const other = await MountedStore.create('64M');
    try {
      const inside = join(other.store, 'mnt');
      await mkdir(inside);
      const attempt = await anywhen(['mount', other.store, inside, '-f'], { allow: [1, 2] });
      expect(attempt.stderr).toMatch(/inside/);
      expect(isMounted(inside)).toBe(false);
    } finally {
      await other.dispose();
    }
  });
}

function anEnd(driver: string): void {
  let mounted: MountedStore;
  const mount = (...options: string[]) => mounted.mount(['--driver', driver, ...options]);

  beforeAll(async () => {
    mounted = await MountedStore.create('64M');
  });
  afterAll(() => mounted?.dispose());

  it('comes clean with SIGTERM, SIGINT and umount', async () => {
    for (const [round, signal] of (['SIGTERM', 'SIGINT'] as const).entries()) {
      await mount();
      await fill(mounted.volume, round * 4096, 4096, 7);
      expect(await mounted.end(signal)).toBe(0);
      expect(isMounted(mounted.mnt)).toBe(false);
    }
    await mount();
    expect((await bytesAt(mounted.volume, 0, 8192)).equals(Buffer.alloc(8192, 7))).toBe(true);
    await anywhen(['umount', mounted.mnt]);
    await until('unmounted', () => !isMounted(mounted.mnt));
    await anywhen(['check', mounted.store, '--data']);
  });

  it('is refused while somebody works in it', async () => {
    await mount();
    const device = await mounted.attach(mounted.volume);
    const attempt = await anywhen(['umount', mounted.mnt], { allow: [1] });
    expect(attempt.stderr).not.toBe('');
    expect(isMounted(mounted.mnt)).toBe(true);
    await mounted.detach(device);
    expect(await mounted.end()).toBe(0);
  });

  it('is mended by the next mount when the daemon was killed', async () => {
    await mount();
    await fill(mounted.volume, 0, 4096, 8);
    await mounted.end('SIGKILL');
    await expect(stat(mounted.volume)).rejects.toEqual(failure('ENOTCONN'));
    await mount();
    await until('the message', () => /stale|dead|no longer/.test(mounted.log));
    expect((await bytesAt(mounted.volume, 0, 4096)).equals(Buffer.alloc(4096, 8))).toBe(true);
    expect(await mounted.end()).toBe(0);
  });

  it('leaves every file of the store as it was when the mount was read-only', async () => {
    const digest = async () =>
      (await run('sh', ['-c', 'find . -type f | sort | xargs sha256sum'], { cwd: mounted.store })).stdout;
    const before = await digest();
    await mount('-o', 'ro');
    await expect(open(mounted.volume, 'r+')).rejects.toEqual(failure('EROFS'));
    expect((await bytesAt(mounted.volume, 0, 4096)).equals(Buffer.alloc(4096, 8))).toBe(true);
    await sleep(200);
    expect(await mounted.end()).toBe(0);
    expect(await digest()).toBe(before);
  });

  it('runs in the background without -f, ready when the command returns', async () => {
    await anywhen(['mount', mounted.store, mounted.mnt, '--driver', driver]);
    expect((await stat(mounted.volume)).size).toBe(SIZE);
    await anywhen(['umount', mounted.mnt]);
    await until('unmounted', () => !isMounted(mounted.mnt));
  });
}
