import { mkdir, open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { anywhen, describeDriver, isMounted, MountedStore } from '../support/mounted-store.js';
import { run, sha256, sleep, until } from '../support/run.js';

const MIB = 2 ** 20;

/** Runs a line of Python, which has the system calls that Node lacks. */
function python(code: string, ...args: string[]) {
  return run('python3', ['-c', code, ...args]);
}

/** The ranges of a file that hold data, by SEEK_DATA and SEEK_HOLE. */
async function dataRanges(file: string): Promise<number[][]> {
  const { stdout } = await python(
    `
import os, sys, json
f = os.open(sys.argv[1], os.O_RDONLY); found = []; at = 0
while True:
    try: start = os.lseek(f, at, os.SEEK_DATA)
    except OSError: break
    at = os.lseek(f, start, os.SEEK_HOLE); found.append([start, at])
print(json.dumps(found))`,
    file,
  );
  return JSON.parse(stdout);
}

describeDriver('native', 'what is passed on', () => {
  let mounted: MountedStore;

  beforeAll(async () => {
    mounted = await MountedStore.create('64M', ['--journal-size', '256M']);
    await mounted.mount(['--driver', 'native']);
  });
  afterAll(() => mounted?.dispose());

  async function put(offset: number, data: Uint8Array): Promise<void> {
    const handle = await open(mounted.volume, 'r+');
    await handle.write(data, 0, data.length, offset);
    await handle.sync();
    await handle.close();
  }

  it('are holes: cp sees them, before and after a sync event', async () => {
    await put(MIB, Buffer.alloc(8192, 1));
    await put(3 * MIB, Buffer.alloc(4096, 2));
    const ranges = [
      [MIB, MIB + 8192],
      [3 * MIB, 3 * MIB + 4096],
    ];
    expect(await dataRanges(mounted.volume)).toEqual(ranges);
    await mounted.command('sync');
    expect(await dataRanges(mounted.volume)).toEqual(ranges);
    expect(await dataRanges(mounted.image('now'))).toEqual(ranges);
    const copy = join(mounted.folder, 'copy');
    await run('cp', ['--sparse=auto', mounted.volume, copy]);
    expect((await stat(copy)).blocks * 512).toBeLessThan(MIB);
    expect(await sha256(copy)).toBe(await sha256(mounted.volume));
  });

  it('are punched holes and zeroed ranges, which read as zeros and leave the past alone', async () => {
    await put(8 * MIB, Buffer.alloc(MIB, 3));
    await mounted.command('mark', 'full');
    await run('fallocate', ['-p', '-o', String(8 * MIB), '-l', '8192', mounted.volume]);
    await run('fallocate', ['-z', '-o', String(8 * MIB + 65536 + 100), '-l', '5000', mounted.volume]);
    const expected = Buffer.alloc(MIB, 3).fill(0, 0, 8192).fill(0, 65636, 70636);
    const bytes = async (file: string) => (await readFile(file)).subarray(8 * MIB, 9 * MIB);
    expect((await bytes(mounted.volume)).equals(expected)).toBe(true);
    expect((await bytes(mounted.image('full'))).equals(Buffer.alloc(MIB, 3))).toBe(true);
    await mounted.command('sync');
    expect((await bytes(mounted.image('full'))).equals(Buffer.alloc(MIB, 3))).toBe(true);
    expect((await bytes(mounted.volume)).equals(expected)).toBe(true);
  });

  it('are no promises of space, and no holes in an image', async () => {
    const plain = await run('fallocate', ['-l', '4096', mounted.volume], { allow: [0, 1] });
    expect(plain.stderr).toMatch(/not supported/);
    await expect(run('fallocate', ['-p', '-l', '4096', mounted.image('full')])).rejects.toThrow(/Read-only/);
  });

  it('are seeks to where no byte can be: refused as by any filesystem, and the mount lives on', async () => {
    const files = [
      mounted.volume,
      mounted.image('full'),
      mounted.scratch('full'),
      join(mounted.mnt, 'status.json'),
    ];
    const { stdout } = await python(
      `
import errno, os, sys
for name in sys.argv[1:]:
    f = os.open(name, os.O_RDONLY)
    for at in [-1, -2**63, os.fstat(f).st_size, os.fstat(f).st_size + 1, 2**62]:
        for whence in [os.SEEK_DATA, os.SEEK_HOLE]:
            try: print(os.lseek(f, at, whence))
            except OSError as e: print(errno.errorcode[e.errno])`,
      ...files,
    );
    expect(new Set(stdout.trim().split('\n'))).toEqual(new Set(['ENXIO']));
    expect((await stat(mounted.volume)).size).toBe(64 * MIB);
  });

  it('are mapped pages, direct reads, and reads that a megabyte does not hold', async () => {
    const { stdout } = await python(
      `
import mmap, os, sys, hashlib
f = os.open(sys.argv[1], os.O_RDONLY)
mapped = mmap.mmap(f, 0, prot=mmap.PROT_READ)
d = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
buffer = mmap.mmap(-1, 8 << 20); direct = hashlib.sha256(); at = 0
while True:
    got = os.preadv(d, [buffer], at)
    if got == 0: break
    direct.update(buffer[:got]); at += got
print(hashlib.sha256(mapped).hexdigest(), direct.hexdigest())`,
      mounted.image('full'),
    );
    const sum = await sha256(mounted.image('full'));
    expect(stdout.trim().split(' ')).toEqual([sum, sum]);
  });

  it('are cached pages that a restore makes old: nobody reads the state before it', async () => {
    const handle = await open(mounted.volume, 'r');
    const first = async () => {
      const into = Buffer.alloc(1);
      await handle.read(into, 0, 1, 8 * MIB);
      return into[0];
    };
    await put(8 * MIB, Buffer.alloc(4096, 7));
    expect(await first()).toBe(7);
    await mounted.command('restore', '--at', 'full', '--quiet');
    expect(await first()).toBe(3);
    await handle.close();
  });

  it('is a new size, at once', async () => {
    await mounted.command('resize', '65M');
    expect((await stat(mounted.volume)).size).toBe(65 * MIB);
  });

  it('are discards of a filesystem on a loop device, which take no journal space', async () => {
    const { device } = await mounted.facts<{ device: string }>('attach');
    await run('mkfs.ext4', ['-q', '-F', device]);
    const folder = await mounted.mountDisk(device, 'live');
    await run('dd', ['if=/dev/urandom', `of=${join(folder, 'file')}`, 'bs=1M', 'count=16', 'conv=fsync']);
    const before = (await dataRanges(mounted.volume)).reduce(
      (sum, [from, to]) => sum + (to ?? 0) - (from ?? 0),
      0,
    );
    await run('rm', [join(folder, 'file')]);
    await run('sync', ['-f', folder]);
    const used = async () =>
      (await mounted.facts<{ forward: { dataUsed: number } }>('status')).forward.dataUsed;
    const journal = await used();
    await run('fstrim', [folder]);
    expect((await used()) - journal).toBeLessThan(MIB);
    const after = (await dataRanges(mounted.volume)).reduce(
      (sum, [from, to]) => sum + (to ?? 0) - (from ?? 0),
      0,
    );
    expect(before - after).toBeGreaterThan(15 * MIB);
    expect((await anywhen(['detach', device], { allow: [1] })).stderr).toMatch(/is mounted on/);
    await run('umount', [folder]);
    await anywhen(['detach', device]);
    expect((await anywhen(['detach', device], { allow: [2] })).stderr).toMatch(/no loop device on a mount/);
  });

  it('is an image on a loop device that nobody can write, and one that anybody can', async () => {
    for (const [flags, writable] of [
      [[], false],
      [['--rw'], true],
    ] as const) {
      const facts = await mounted.facts<{ device: string; file: string; readOnly: boolean }>(
        'attach',
        '--at',
        'full',
        ...flags,
      );
      expect(facts.readOnly).toBe(!writable);
      const { status } = await run(
        'dd',
        ['if=/dev/zero', `of=${facts.device}`, 'bs=4096', 'count=1', 'oflag=direct'],
        {
          allow: [0, 1],
        },
      );
      expect(status === 0).toBe(writable);
      await anywhen(['detach', facts.device]);
    }
  });
});

describeDriver('native', 'a scratch', () => {
  let mounted: MountedStore;

  beforeAll(async () => {
    mounted = await MountedStore.create('16M');
    await mounted.mount(['--driver', 'native']);
  });
  afterAll(() => mounted?.dispose());

  it('shows every opener what was written to it, and nothing that the kernel remembers from before', async () => {
    await mounted.command('mark', 'one');
    const [writer, reader] = await Promise.all([
      open(mounted.scratch('one'), 'r+'),
      open(mounted.scratch('one'), 'r'),
    ]);
    const seen = async () => (await reader.read(Buffer.alloc(1), 0, 1, 0)).buffer[0];
    expect(await seen()).toBe(0);
    await writer.write(Buffer.alloc(4096, 5), 0, 4096, 0);
    expect(await seen()).toBe(5);
    await Promise.all([writer.close(), reader.close()]);
  });
});

describeDriver('native', 'under load, the mount', () => {
  let mounted: MountedStore;

  beforeAll(async () => {
    mounted = await MountedStore.create('64M');
    await mounted.mount(['--driver', 'native', '-o', 'spin=20']);
  });
  afterAll(() => mounted?.dispose());

  it('has a thousand files open at once', async () => {
    await mounted.command('mark', 'one');
    const handles = await Promise.all(
      Array.from({ length: 1000 }, (_, at) =>
        open(at % 2 === 0 ? mounted.volume : mounted.image('one'), 'r'),
      ),
    );
    const into = Buffer.alloc(4096);
    for (const handle of handles) expect((await handle.read(into, 0, 4096, 0)).bytesRead).toBe(4096);
    await Promise.all(handles.map((handle) => handle.close()));
    const { openViews } = await mounted.facts<{ openViews: number }>('status');
    expect(openViews).toBe(0);
  });

  it('is taken out of the table when the kernel aborts it, with all that was flushed', async () => {
    const other = await MountedStore.create('16M');
    const control = join(other.folder, 'connections');
    await mkdir(control);
    await run('mount', ['-t', 'fusectl', 'none', control]);
    try {
      await other.mount(['--driver', 'native']);
      const handle = await open(other.volume, 'r+');
      await handle.write(Buffer.alloc(4096, 3), 0, 4096, 0);
      await handle.sync();
      // The number of the connection is the minor one of the mount's device.
      const connection = (await stat(other.mnt)).dev & 0xff;
      await writeFile(join(control, String(connection), 'abort'), '1');
      await expect(handle.read(Buffer.alloc(1), 0, 1, 8192)).rejects.toThrow(/ENOTCONN|ECONNABORTED/);
      await handle.close().catch(() => undefined);
      await until('the mount to go', () => !isMounted(other.mnt));
      expect(await other.ended()).toBe(0);
      await other.mount(['--driver', 'native']);
      expect((await readFile(other.volume))[4095]).toBe(3);
    } finally {
      await run('umount', [control]);
      await other.dispose();
    }
  });

  it('lives on when a folder above it gets another name', async () => {
    const moved = `${mounted.folder}-moved`;
    await rename(mounted.folder, moved);
    try {
      // The mount table is looked at once a second.
      await sleep(2500);
      expect((await readFile(join(moved, 'mnt/status.json'), 'utf8')).length).toBeGreaterThan(100);
    } finally {
      await rename(moved, mounted.folder);
    }
  });

  it('ends clean on SIGTERM in the middle of writes, with all that was acknowledged', async () => {
    const handle = await open(mounted.volume, 'r+');
    let acknowledged = 0;
    const writing = (async () => {
      for (let round = 1; round < 1_000_000; round++) {
        await handle.write(Buffer.alloc(4096, round % 256), 0, 4096, (round % 64) * 4096);
        acknowledged = round;
      }
    })().catch((error: NodeJS.ErrnoException) => error.code);
    while (acknowledged < 50) await sleep(5);
    expect(await mounted.end('SIGTERM')).toBe(0);
    expect(await writing).toMatch(/ENOTCONN|EIO|EROFS|ECONNABORTED/);
    await handle.close().catch(() => undefined);
    await mounted.mount(['--driver', 'native']);
    const block = (await readFile(mounted.volume)).subarray((acknowledged % 64) * 4096);
    expect([acknowledged % 256, (acknowledged + 64) % 256]).toContain(block[0]);
    await mounted.end();
  });
});
