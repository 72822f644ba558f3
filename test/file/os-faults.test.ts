import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Step } from '../../src/file/executor.js';
import { OsExecutor } from '../../src/file/os-executor.js';
import type * as native from '../../src/native.js';
import { notRoot, testWhere } from '../support/skip.js';
import { cannotMount, mountSmall } from '../support/small-filesystem.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';
import { contentOf } from './executor-suite.js';
import { codeOf } from './naive-files.js';

type Done = (error: NodeJS.ErrnoException | null) => void;

/** What the system is to say, once each, in place of doing it. */
const faults = vi.hoisted(() => ({ sync: [] as string[], shortWrites: false, syncs: 0 }));

vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>();
  const failing = (call: (fd: number, done: Done) => void) => (fd: number, done: Done) => {
    faults.syncs += 1;
    const code = faults.sync.shift();
    if (code === undefined) call(fd, done);
    else setImmediate(done, Object.assign(new Error(code), { code }));
  };
  const writev = (fd: number, parts: Uint8Array[], offset: number, done: (...all: unknown[]) => void) => {
    if (!faults.shortWrites) return real.writev(fd, parts, offset, done);
    const first = parts.find((part) => part.length > 0) as Uint8Array;
    const short = first.subarray(0, Math.ceil(first.length / 2));
    real.writev(fd, [short], offset, done);
  };
  const mocked = { ...real, fsync: failing(real.fsync), writev };
  // `promisify` gives an object for these two, by a mark on the real functions.
  const promised = Symbol.for('nodejs.util.promisify.custom');
  Object.assign(mocked.writev, {
    [promised]: (fd: number, parts: Uint8Array[], offset: number) =>
      new Promise((resolve, reject) =>
        writev(fd, parts, offset, (error, bytesWritten) =>
          error === null ? resolve({ bytesWritten, buffers: parts }) : reject(error),
        ),
      ),
  });
  return { ...mocked, default: mocked };
});

vi.mock('../../src/native.js', async (original) => {
  const real = await original<typeof native>();
  const datasync = async (fd: number): Promise<void> => {
    faults.syncs += 1;
    const code = faults.sync.shift();
    if (code !== undefined) throw Object.assign(new Error(code), { code });
    await real.sys().datasync(fd);
  };
  return { ...real, sys: () => ({ ...real.sys(), datasync }) };
});

let folder: string;
let executor: OsExecutor;

beforeEach(async () => {
  folder = await temporaryFolder();
  executor = await OsExecutor.open(folder);
  await executor.run([{ op: 'create', file: 'a', size: 0 }]);
});
afterEach(async () => {
  faults.sync = [];
  faults.shortWrites = false;
  await executor.close();
  await removeFolder(folder);
});

const write = (text: string, file = 'a'): Step => ({
  op: 'write',
  file,
  offset: 0,
  from: [Buffer.from(text)],
});
const datasync: Step = { op: 'datasync', file: 'a' };

it('never tries a failed datasync again, and refuses later writes with the same error', async () => {
  faults.sync = ['EIO'];
  await executor.run([write('before')]);
  const first = await executor.run([datasync]).catch((error: unknown) => error);
  expect(first).toMatchObject({ code: 'io', message: 'a: could not be made durable (EIO)' });
  const syncs = faults.syncs;
  expect(await executor.run([datasync]).catch((error: unknown) => error)).toBe(first);
  expect(faults.syncs).toBe(syncs);
  expect(await executor.run([write('after')]).catch((error: unknown) => error)).toBe(first);
  expect(() => executor.runNow([write('after')])).toThrow('a: could not be made durable (EIO)');
  expect((await contentOf(executor, 'a')).toString()).toBe('before');
});

it('lets a full disk be as final as any failure, when it comes from a datasync', async () => {
  faults.sync = ['ENOSPC'];
  expect(await executor.run([datasync]).catch(codeOf)).toBe('io');
  expect(await executor.run([datasync]).catch(codeOf)).toBe('io');
});

it('gives the failure to every datasync that was under way', async () => {
  // The kernel tells it to one of them only.
  faults.sync = ['EIO'];
  const found = await Promise.all([1, 2, 3].map(() => executor.run([datasync]).then(() => 'done', codeOf)));
  expect(found).toEqual(['io', 'io', 'io']);
});

it('carries a failure to the new name of a file, and not to one that takes its place', async () => {
  await executor.run([{ op: 'create', file: 'b', size: 0 }]);
  faults.sync = ['EIO'];
  expect(await executor.run([datasync]).catch(codeOf)).toBe('io');
  expect(await executor.run([{ op: 'rename', file: 'a', to: 'c' }]).catch(codeOf)).toBe('io');
  await executor.run([{ op: 'rename', file: 'b', to: 'a' }, write('new'), datasync]);
  expect((await contentOf(executor, 'a')).toString()).toBe('new');
});

it('lets a file that failed be removed, and made anew', async () => {
  faults.sync = ['EIO'];
  expect(await executor.run([datasync]).catch(codeOf)).toBe('io');
  await executor.run([{ op: 'unlink', file: 'a' }, { op: 'create', file: 'a', size: 0 }, datasync]);
});

it('keeps a failed syncdir failed', async () => {
  faults.sync = ['EIO'];
  const sync: Step = { op: 'syncdir', file: '' };
  expect(await executor.run([sync]).catch(codeOf)).toBe('io');
  expect(await executor.run([sync]).catch(codeOf)).toBe('io');
});

it('goes on after short writes', async () => {
  faults.shortWrites = true;
  const from = Array.from({ length: 5 }, (_, at) => new Uint8Array(at === 2 ? 0 : 70_000).fill(at + 1));
  await executor.run([{ op: 'write', file: 'a', offset: 10, from }]);
  expect((await contentOf(executor, 'a')).equals(Buffer.concat([Buffer.alloc(10), ...from]))).toBe(true);
});

it('closes a file that is removed only after reads that are under way', async () => {
  const bytes = Buffer.alloc(4 * 1024 * 1024, 7);
  await executor.run([{ op: 'write', file: 'a', offset: 0, from: [bytes] }]);
  const into = Array.from({ length: 8 }, () => Buffer.alloc(bytes.length));
  const reads = into.map((buffer) => executor.run([{ op: 'read', file: 'a', offset: 0, into: buffer }]));
  // A new file would get the number of the descriptor, were it closed too early.
  const others = Array.from({ length: 8 }, (_, at) => `b${at}`);
  const making = executor.run([
    { op: 'unlink', file: 'a' },
    ...others.map((file): Step => ({ op: 'create', file, size: bytes.length })),
  ]);
  await Promise.all([...reads, making]);
  expect(into.every((buffer) => buffer.equals(bytes))).toBe(true);
  expect(openFiles().filter((path) => path.includes('deleted'))).toEqual([]);
});

it('closes every file and folder', async () => {
  const other = await temporaryFolder();
  const second = await OsExecutor.open(other);
  await second.run([
    { op: 'mkdir', file: 'backward' },
    { op: 'create', file: 'backward/x', size: 0 },
    { op: 'create', file: 'y', size: 0 },
  ]);
  expect(openFiles().filter((path) => path.startsWith(other)).length).toBe(4);
  await second.close();
  expect(openFiles().filter((path) => path.startsWith(other))).toEqual([]);
  await removeFolder(other);
});

function openFiles(): string[] {
  return fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [fs.readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}

testWhere(
  cannotMount('tmpfs'),
  'says `no-space` on a full disk, and goes on when there is space again',
  async () => {
    const small = await mountSmall('tmpfs', 1);
    const full = await OsExecutor.open(small.path);
    try {
      const fill: Step = { op: 'write', file: 'b', offset: 0, from: [new Uint8Array(4 * 1024 * 1024)] };
      await full.run([
        { op: 'create', file: 'a', size: 0 },
        { op: 'create', file: 'b', size: 0 },
        write('kept'),
      ]);
      expect(await full.run([fill]).catch(codeOf)).toBe('no-space');
      expect(await full.run([{ op: 'allocate', file: 'b', offset: 0, length: 2 ** 22 }]).catch(codeOf)).toBe(
        'no-space',
      );
      const large = Array.from({ length: 32 }, () => new Uint8Array(4096).fill(1));
      expect(() => full.runNow([{ op: 'write', file: 'a', offset: 4096, from: large }])).toThrow(
        'no space left (ENOSPC)',
      );
      await full.run([{ op: 'truncate', file: 'b', size: 0 }]);
      expect(full.runNow([{ op: 'write', file: 'a', offset: 4096, from: large }])).toBe(true);
      expect((await contentOf(full, 'a')).subarray(0, 4).toString()).toBe('kept');
    } finally {
      await full.close();
      await small.dispose();
    }
  },
);

testWhere(
  notRoot ?? (fs.existsSync('/dev/loop-control') ? undefined : 'needs loop devices'),
  'serves a block device under its absolute path, unless it is mounted',
  async () => {
    const image = join(folder, 'image');
    execFileSync('truncate', ['-s', '16M', image]);
    execFileSync('mkfs.ext4', ['-q', '-F', image]);
    const device = execFileSync('losetup', ['-f', '--show', image], { encoding: 'utf8' }).trim();
    const mnt = await temporaryFolder();
    try {
      expect(await executor.size(device)).toBe(16 * 1024 * 1024);
      await executor.run([{ op: 'write', file: device, offset: 8 * 2 ** 20, from: [Buffer.alloc(4096, 5)] }]);
      await executor.run([
        { op: 'punch', file: device, offset: 8 * 2 ** 20 + 100, length: 200 },
        { op: 'datasync', file: device },
      ]);
      const into = Buffer.alloc(4096);
      await executor.run([{ op: 'read', file: device, offset: 8 * 2 ** 20, into }]);
      expect(into.equals(Buffer.alloc(4096, 5).fill(0, 100, 300))).toBe(true);
      await executor.close();
      execFileSync('mount', ['-o', 'ro', device, mnt]);
      executor = await OsExecutor.open(folder);
      expect(await executor.run([{ op: 'datasync', file: device }]).catch(codeOf)).toBe('busy');
      execFileSync('umount', [mnt]);
    } finally {
      await executor.close();
      execFileSync('losetup', ['-d', device]);
      await removeFolder(mnt);
    }
  },
);
