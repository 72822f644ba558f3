import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Step } from '../../src/file/executor.js';
import { OsExecutor } from '../../src/file/os-executor.js';
import { notRoot, testWhere } from '../support/skip.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';
import { codeOf } from './naive-files.js';

let folder: string;
let outside: string;
let umask: number;

beforeEach(async () => {
  umask = process.umask(0o022);
  folder = await temporaryFolder();
  outside = await temporaryFolder();
});
afterEach(async () => {
  process.umask(umask);
  await removeFolder(folder);
  await removeFolder(outside);
});

const inStore = (name: string) => join(folder, name);

/** How each kind of step on `name` ends, beside the question for its size. */
async function outcomes(name: string): Promise<Record<string, string>> {
  const steps: Step[] = [
    { op: 'read', file: name, offset: 0, into: new Uint8Array(1) },
    { op: 'write', file: name, offset: 0, from: [new Uint8Array([1])] },
    { op: 'truncate', file: name, size: 1 },
    { op: 'punch', file: name, offset: 0, length: 1 },
    { op: 'datasync', file: name },
  ];
  const found: Record<string, string> = {};
  for (const step of steps) {
    const executor = await OsExecutor.open(folder);
    found[step.op] = await executor.run([step]).then(() => 'done', codeOf);
    await executor.close();
  }
  return found;
}

function all(code: string): Record<string, string> {
  return { read: code, write: code, truncate: code, punch: code, datasync: code };
}

it('refuses a link in the place of a file, and leaves alone what it points to', async () => {
  writeFileSync(join(outside, 'secret'), 'secret', { mode: 0o600 });
  symlinkSync(join(outside, 'secret'), inStore('mim'));
  expect(await outcomes('mim')).toEqual(all('damaged'));
  const executor = await OsExecutor.open(folder);
  await expect(executor.size('mim')).rejects.toMatchObject({ code: 'damaged' });
  expect(await executor.run([{ op: 'create', file: 'mim', size: 0 }]).catch(codeOf)).toBe('exists');
  await executor.close();
  expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
});

it('does not make a file through a link that points nowhere', async () => {
  symlinkSync(join(outside, 'new'), inStore('mim'));
  const executor = await OsExecutor.open(folder);
  expect(await executor.run([{ op: 'create', file: 'mim', size: 0 }]).catch(codeOf)).toBe('exists');
  await executor.close();
  expect(existsSync(join(outside, 'new'))).toBe(false);
});

it('refuses a link in the place of a folder', async () => {
  symlinkSync(outside, inStore('backward'));
  const executor = await OsExecutor.open(folder);
  expect(await executor.run([{ op: 'create', file: 'backward/x', size: 0 }]).catch(codeOf)).toBe('damaged');
  expect(await executor.run([{ op: 'mkdir', file: 'backward' }]).catch(codeOf)).toBe('damaged');
  await expect(executor.list('backward')).rejects.toMatchObject({ code: 'damaged' });
  await executor.close();
  expect(existsSync(join(outside, 'x'))).toBe(false);
});

it('stays in a folder that it has opened, when another one is put in its place', async () => {
  const executor = await OsExecutor.open(folder);
  await executor.run([
    { op: 'mkdir', file: 'backward' },
    { op: 'create', file: 'backward/x', size: 0 },
  ]);
  renameSync(inStore('backward'), inStore('moved'));
  symlinkSync(outside, inStore('backward'));
  await executor.run([{ op: 'create', file: 'backward/y', size: 0 }]);
  await executor.close();
  expect(existsSync(join(outside, 'y'))).toBe(false);
  expect(existsSync(inStore('moved/y'))).toBe(true);
});

it('refuses pipes, sockets and folders at once, without waiting for anybody', async () => {
  execFileSync('mkfifo', ['-m', '600', inStore('pipe')]);
  mkdirSync(inStore('folder'), { mode: 0o700 });
  const server = createServer();
  await new Promise<void>((ready) => server.listen(inStore('socket'), ready));
  for (const name of ['pipe', 'socket', 'folder']) {
    expect(await outcomes(name), name).toEqual(all('damaged'));
    const reader = await OsExecutor.open(folder, { readOnly: true });
    const read: Step = { op: 'read', file: name, offset: 0, into: new Uint8Array(1) };
    expect(await reader.run([read]).catch(codeOf), name).toBe('damaged');
    await reader.close();
  }
  await new Promise((closed) => server.close(closed));
});

it('refuses a file that has a second name, and says how to find it', async () => {
  writeFileSync(join(outside, 'one'), 'x', { mode: 0o600 });
  linkSync(join(outside, 'one'), inStore('mim'));
  expect(await outcomes('mim')).toEqual(all('damaged'));
  const executor = await OsExecutor.open(folder);
  const failure = executor.run([{ op: 'datasync', file: 'mim' }]);
  await expect(failure).rejects.toMatchObject({
    message: 'mim: has 2 names (hard links)',
    hint: `Remove the other names: find / -xdev -inum ${statSync(inStore('mim')).ino}`,
  });
  await executor.close();
  unlinkSync(join(outside, 'one'));
  expect(await outcomes('mim')).toEqual(all('done'));
});

it('refuses a file and a folder that others may write', async () => {
  writeFileSync(inStore('mim'), 'x');
  for (const mode of [0o620, 0o602, 0o666]) {
    chmodSync(inStore('mim'), mode);
    expect(await outcomes('mim'), mode.toString(8)).toEqual(all('denied'));
  }
  chmodSync(inStore('mim'), 0o640);
  expect(await outcomes('mim')).toEqual(all('done'));
  chmodSync(folder, 0o770);
  await expect(OsExecutor.open(folder)).rejects.toMatchObject({
    code: 'denied',
    message: `${folder}: others may write it (mode 0770)`,
    hint: expect.stringContaining('chmod'),
  });
});

testWhere(notRoot, 'refuses what belongs to somebody else', async () => {
  writeFileSync(inStore('mim'), 'x', { mode: 0o600 });
  chownSync(inStore('mim'), 65534, 65534);
  expect(await outcomes('mim')).toEqual(all('denied'));
  chownSync(folder, 65534, 65534);
  await expect(OsExecutor.open(folder)).rejects.toMatchObject({ code: 'denied' });
});

testWhere(notRoot, 'refuses devices in the store', async () => {
  execFileSync('mknod', ['-m', '600', inStore('character'), 'c', '1', '3']);
  execFileSync('mknod', ['-m', '600', inStore('block'), 'b', '7', '0']);
  expect((await outcomes('character')).write).toBe('damaged');
  expect((await outcomes('block')).write).toBe('damaged');
});

it('makes files of mode 0600 and folders of mode 0700 under any umask', async () => {
  for (const mask of [0, 0o022, 0o777]) {
    process.umask(mask);
    const executor = await OsExecutor.open(folder);
    const name = `folder${mask}`;
    await executor.run([
      { op: 'mkdir', file: name },
      { op: 'create', file: `${name}/file`, size: 1 },
    ]);
    await executor.close();
    expect(statSync(inStore(name)).mode & 0o777, mask.toString(8)).toBe(0o700);
    expect(statSync(inStore(`${name}/file`)).mode & 0o777, mask.toString(8)).toBe(0o600);
  }
});

it('tells that there is no store where there is no folder', async () => {
  await expect(OsExecutor.open(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'no-store' });
  writeFileSync(inStore('file'), '');
  await expect(OsExecutor.open(inStore('file'))).rejects.toMatchObject({ code: 'no-store' });
});

it('leaves no new access time behind when it reads', async () => {
  writeFileSync(inStore('mim'), 'x', { mode: 0o600 });
  execFileSync('touch', ['-a', '-d', '2001-01-01', inStore('mim')]);
  const before = statSync(inStore('mim')).atimeMs;
  const reader = await OsExecutor.open(folder, { readOnly: true });
  await reader.run([{ op: 'read', file: 'mim', offset: 0, into: new Uint8Array(1) }]);
  await reader.close();
  expect(statSync(inStore('mim')).atimeMs).toBe(before);
});

it('takes a file elsewhere by its absolute path, under the same rules', async () => {
  const adopted = join(outside, 'image');
  writeFileSync(adopted, 'adopted', { mode: 0o600 });
  const executor = await OsExecutor.open(folder);
  const into = Buffer.alloc(7);
  await executor.run([{ op: 'read', file: adopted, offset: 0, into }]);
  expect(into.toString()).toBe('adopted');
  expect(await executor.size(adopted)).toBe(7);
  await executor.close();
  chmodSync(adopted, 0o666);
  expect((await outcomes(adopted)).write).toBe('denied');
});
