import { spawn } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeMounted, MountedStore } from '../support/mounted-store.js';
import { environment, run, sha256, sleep } from '../support/run.js';
import { changeTree, copyRealTree } from '../support/tree.js';

interface Filesystem {
  readonly name: 'ext4' | 'xfs' | 'btrfs';
  readonly mkfs: readonly string[];
  /** Mount options that let a past image stand beside the live filesystem. */
  readonly beside: readonly string[];
  /** A past image has the uuid of the live one, which btrfs cannot bear on one kernel: the live one goes first. */
  readonly alone: boolean;
  /** A log that was not replayed keeps the kernel from mounting a read-only image. */
  readonly refusesDirtyLog: boolean;
  readonly check: (device: string) => readonly string[];
}

const FILESYSTEMS: readonly Filesystem[] = [
  {
    name: 'ext4',
    mkfs: ['mkfs.ext4', '-q', '-F'],
    beside: [],
    alone: false,
    refusesDirtyLog: true,
    check: (device) => ['e2fsck', '-fn', device],
  },
  {
    name: 'xfs',
    mkfs: ['mkfs.xfs', '-q', '-f'],
    beside: ['-o', 'nouuid'],
    alone: false,
    refusesDirtyLog: true,
    check: (device) => ['xfs_repair', '-n', device],
  },
  {
    name: 'btrfs',
    mkfs: ['mkfs.btrfs', '-q', '-f'],
    beside: [],
    alone: true,
    refusesDirtyLog: false,
    check: (device) => ['btrfs', 'check', '--readonly', device],
  },
];

const FILES = 3000;

/** The command line wants the words apart from the first. */
function command([first = '', ...rest]: readonly string[]): Promise<unknown> {
  return run(first, rest);
}

for (const filesystem of FILESYSTEMS) {
  describeMounted(`an ${filesystem.name} filesystem on the volume`, () => {
    let mounted: MountedStore;
    let device: string;
    let live: string;
    /** The tree as it must be at each mark, on an ordinary filesystem. */
    let outside: string;
    /** sha256 of the image at each mark, taken as soon as the mark was set. */
    const sums = new Map<string, string>();

    const openLive = async () => {
      device = await mounted.attach(mounted.volume);
      live = await mounted.mountDisk(device, 'live');
    };
    const closeLive = async () => {
      await mounted.umountDisk(live);
      await mounted.detach(device);
    };
    const mark = async (name: string) => {
      await mounted.command('mark', name);
      sums.set(name, await sha256(mounted.image(name)));
    };
    /** Applies the change to the live tree and to the copy outside; marks it once it is on the volume. */
    const changeAndMark = async (name: string, round: number) => {
      await changeTree(join(live, 'tree'), round);
      await changeTree(join(outside, 'now'), round);
      await run('sync', ['-f', live]);
      await mark(name);
      await cp(join(outside, 'now'), join(outside, name), { recursive: true, verbatimSymlinks: true });
    };
    const sameTree = (name: string, root: string) =>
      run('diff', ['-r', '--no-dereference', join(outside, name), join(root, 'tree')]);

    /** Attaches a scratch, lets the kernel replay the log, hands the mounted tree to `look`, then checks it. */
    const onScratch = async (name: string, look: (root: string) => Promise<unknown>) => {
      if (filesystem.alone) await run('btrfs', ['device', 'scan', '--forget']);
      const scratch = await mounted.attach(mounted.scratch(name));
      const root = await mounted.mountDisk(scratch, `past-${name}`, ...filesystem.beside);
      await look(root);
      await mounted.umountDisk(root);
      await command(filesystem.check(scratch));
      await mounted.detach(scratch);
    };

    beforeAll(async () => {
      mounted = await MountedStore.create('512M');
      await mounted.mount();
      outside = join(mounted.folder, 'outside');
      await mkdir(outside);
      device = await mounted.attach(mounted.volume);
      await command([...filesystem.mkfs, device]);
      live = await mounted.mountDisk(device, 'live');
    });

    afterAll(() => mounted?.dispose());

    it('takes a real tree, marks, deletions and sync events', async () => {
      expect(await copyRealTree(join(live, 'tree'), FILES)).toBeGreaterThan(1000);
      await cp(join(live, 'tree'), join(outside, 'now'), { recursive: true, verbatimSymlinks: true });
      await changeAndMark('one', 1);
      await changeAndMark('two', 2);
      await mounted.command('sync');
      await changeAndMark('three', 3);
    });

    it('is marked in the middle of a copy, without being asked to sync first', async () => {
      const copying = spawn('cp', ['-a', join(outside, 'one'), join(live, 'copy')], { env: environment });
      const copied = new Promise((done) => copying.on('close', done));
      await sleep(150);
      await mark('busy');
      await mounted.command('sync');
      await mark('busier');
      await copied;
      await run('sync', ['-f', live]);
      await mounted.command('sync');
      expect(await sha256(mounted.image('one'))).toBe(sums.get('one'));
    });

    it('shows the tree of each mark, replayed on scratch beside the live one, and is clean there', async () => {
      if (filesystem.alone) await closeLive();
      for (const name of ['one', 'two', 'three']) await onScratch(name, (root) => sameTree(name, root));
      for (const name of ['busy', 'busier']) await onScratch(name, (root) => sameTree('three', root));
      if (filesystem.alone) await openLive();
      await sameTree('three', live);
    });

    it.runIf(filesystem.refusesDirtyLog)(
      'has a log to replay, so that the image itself is refused',
      async () => {
        const image = await mounted.attach(mounted.image('busy'), '--read-only');
        const options = ['-o', ['ro', ...filesystem.beside.slice(1)].join(',')];
        await expect(mounted.mountDisk(image, 'refused', ...options)).rejects.toThrow(/exit status 32/);
        await mounted.detach(image);
      },
    );

    it('keeps every image as it was, whatever was written to its scratch', async () => {
      expect(sums.size).toBe(5);
      for (const [name, sum] of sums) expect(await sha256(mounted.image(name)), name).toBe(sum);
    });

    it('lets several images be attached at once, read-only, with the right bytes', async () => {
      const names = ['one', 'two', 'busy'];
      const devices: string[] = [];
      for (const name of names) devices.push(await mounted.attach(mounted.image(name), '--read-only'));
      const found = await Promise.all(devices.map(sha256));
      for (const image of devices) await mounted.detach(image);
      expect(found).toEqual(names.map((name) => sums.get(name)));
    });

    it('can be set back to a mark, to another one, and to where it was before', async () => {
      await closeLive();
      const before = await sha256(mounted.volume);
      const first = await mounted.facts<{ before: string }>('restore', '--at', 'one');
      expect(await sha256(mounted.volume)).toBe(sums.get('one'));
      await openLive();
      await sameTree('one', live);
      await closeLive();
      await mounted.command('restore', '--at', 'two');
      expect(await sha256(mounted.volume)).toBe(sums.get('two'));
      await mounted.command('restore', '--at', first.before);
      expect(await sha256(mounted.volume)).toBe(before);
      await openLive();
      await sameTree('three', live);
      await closeLive();
      await command(filesystem.check(mounted.volume));
    });

    it('has the same past after the daemon was ended and started again', async () => {
      expect(await mounted.end('SIGTERM')).toBe(0);
      await mounted.mount();
      for (const [name, sum] of sums) expect(await sha256(mounted.image(name)), name).toBe(sum);
    });
  });
}
