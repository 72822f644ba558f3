import { readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { anywhen, describeMounted, isMounted, MountedStore } from '../support/mounted-store.js';
import { run, sha256 } from '../support/run.js';

/** Mounts in the background, as a user would; `dispose` undoes it. */
describeMounted('a mount with names=basic', () => {
  let mounted: MountedStore;

  beforeAll(async () => {
    mounted = await MountedStore.create('4MiB');
    const { stdout } = await anywhen(['mount', mounted.store, mounted.mnt, '-o', 'names=basic', '--json']);
    expect(JSON.parse(stdout)).toEqual({
      schema: 'anywhen/mount/1',
      store: mounted.store,
      mountPoint: mounted.mnt,
    });
    await run('dd', ['if=/dev/urandom', `of=${mounted.volume}`, 'bs=64k', 'count=8', 'conv=notrunc,fsync']);
    await mounted.command('mark', 'first');
  });
  afterAll(async () => {
    if (mounted !== undefined && isMounted(mounted.mnt)) await anywhen(['umount', mounted.mnt, '-z']);
    await mounted?.dispose();
  });

  it('lists times without colons, and links to them', async () => {
    for (const folder of ['images', 'snapshots']) {
      const names = await readdir(join(mounted.mnt, folder));
      expect(names.length).toBeGreaterThan(1);
      expect(names.join()).not.toContain(':');
    }
    expect(await readlink(mounted.image('first'))).toMatch(/^@\d{8}T\d{6}(\.\d{9})?Z$/);
  });

  it('still understands times with colons', async () => {
    const { at } = await mounted.facts<{ at: string }>('mark', 'second');
    expect((await stat(mounted.image(at))).isFile()).toBe(true);
    expect((await stat(join(mounted.mnt, 'snapshots', at, 'image'))).isFile()).toBe(true);
  });

  it('gives tools names that they do not take for a host', async () => {
    const name = await readlink(mounted.image('first'));
    const folder = join(mounted.mnt, 'images');
    const sum = await sha256(mounted.image('first'));
    await run('tar', ['-cf', join(mounted.folder, `${name}.tar`), name], { cwd: folder });
    await run('tar', ['-xf', `${name}.tar`], { cwd: mounted.folder });
    expect(await sha256(join(mounted.folder, name))).toBe(sum);
  });

  it('is unmounted when the command returns, which prints that too', async () => {
    const { stdout } = await anywhen(['umount', mounted.mnt, '--json']);
    expect(JSON.parse(stdout)).toEqual({ schema: 'anywhen/umount/1', mountPoint: mounted.mnt });
    expect(isMounted(mounted.mnt)).toBe(false);
    // And the store is free.
    await anywhen(['check', mounted.store]);
  });
});
