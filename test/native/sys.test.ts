import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  FALLOC_KEEP_SIZE,
  FALLOC_PUNCH_HOLE,
  LOCK_EX,
  LOCK_SH,
  LOCK_UN,
  SEEK_DATA,
  SEEK_HOLE,
  type Sys,
  sys,
} from '../../src/native.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';

const BLOCK = 4096;

let folder: string;
let fd: number;
let addon: Sys;

beforeEach(async () => {
  folder = await temporaryFolder();
  fd = openSync(join(folder, 'file'), constants.O_RDWR | constants.O_CREAT);
  addon = sys();
});
afterEach(async () => {
  closeSync(fd);
  await removeFolder(folder);
});

function content(): Buffer {
  return readFileSync(join(folder, 'file'));
}

describe('the addon', () => {
  it('writes all of its buffers, more of them than one system call takes', () => {
    const parts = Array.from({ length: 300 }, (_, at) => Buffer.alloc(at % 7, at));
    addon.pwritev(fd, parts, 5);
    expect(content()).toEqual(Buffer.concat([Buffer.alloc(5), ...parts]));
    addon.pwritev(fd, [], 0);
    addon.pwritev(fd, [Buffer.alloc(0)], 0);
  });

  it('reads what is in memory, and less at the end', () => {
    addon.pwritev(fd, [Buffer.alloc(BLOCK, 3)], 0);
    const into = Buffer.alloc(BLOCK);
    expect(addon.preadNowait(fd, into, 1000)).toBe(BLOCK - 1000);
    expect(into.subarray(0, BLOCK - 1000).every((byte) => byte === 3)).toBe(true);
    expect(addon.preadNowait(fd, into, 2 * BLOCK)).toBe(0);
  });

  it('throws the errors of the system, with code, number and call', async () => {
    const closed = { code: 'EBADF', errno: -9 };
    expect(() => addon.pwritev(999_999, [Buffer.alloc(1)], 0)).toThrow(
      expect.objectContaining({ ...closed, syscall: 'pwritev' }),
    );
    expect(() => addon.preadNowait(999_999, Buffer.alloc(1), 0)).toThrow(expect.objectContaining(closed));
    await expect(addon.datasync(999_999)).rejects.toMatchObject({ ...closed, syscall: 'fdatasync' });
    await expect(addon.fallocate(999_999, 0, 0, 1)).rejects.toMatchObject(closed);
    expect(() => addon.flock(999_999, LOCK_EX)).toThrow(expect.objectContaining(closed));
  });

  it('refuses what is no descriptor, offset or buffer, instead of guessing', () => {
    const wrong = addon as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const [name, args] of [
      ['pwritev', [fd, [new Uint8Array(1)], -1]],
      ['pwritev', [fd, [new Uint8Array(1)], 2 ** 53]],
      ['pwritev', [fd, ['text'], 0]],
      ['pwritev', [fd, 'text', 0]],
      ['pwritev', ['1', [], 0]],
      ['pwritev', [fd]],
      ['preadNowait', [fd, new Uint16Array(1), 0]],
      ['preadNowait', [0.5, new Uint8Array(1), 0]],
      ['fallocate', [fd, 0, Number.NaN, 1]],
      ['pieceSums', [new Uint8Array(1), 0, new Uint8Array(4), false]],
      ['datasync', [undefined]],
    ] as const) {
      expect(() => wrong[name]?.(...args), `${name}(${args.join(', ')})`).toThrow(TypeError);
    }
    expect(() => addon.pieceSums(new Uint8Array(BLOCK + 1), 0, new Uint32Array(1), false)).toThrow(
      RangeError,
    );
  });

  it('makes many files durable at once without keeping the pool', async () => {
    addon.pwritev(fd, [Buffer.alloc(BLOCK, 1)], 0);
    const syncs = Array.from({ length: 64 }, () => addon.datasync(fd));
    await Promise.all(syncs);
  });

  it('locks a file against another opening of it', () => {
    const other = openSync(join(folder, 'file'), constants.O_RDWR);
    expect(addon.flock(fd, LOCK_SH)).toBe(true);
    expect(addon.flock(other, LOCK_SH)).toBe(true);
    expect(addon.flock(other, LOCK_EX)).toBe(false);
    expect(addon.flock(fd, LOCK_UN)).toBe(true);
    expect(addon.flock(other, LOCK_EX)).toBe(true);
    closeSync(other);
  });

  it('reserves, punches and finds holes', async () => {
    await addon.fallocate(fd, 0, 0, 16 * BLOCK);
    expect(fstatSync(fd).size).toBe(16 * BLOCK);
    addon.pwritev(fd, [Buffer.alloc(16 * BLOCK, 1)], 0);
    await addon.datasync(fd);
    const before = statSync(join(folder, 'file')).blocks;
    await addon.fallocate(fd, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, 4 * BLOCK, 8 * BLOCK);
    expect(statSync(join(folder, 'file')).blocks).toBeLessThan(before);
    expect(addon.seek(fd, 0, SEEK_HOLE)).toBe(4 * BLOCK);
    expect(addon.seek(fd, 4 * BLOCK, SEEK_DATA)).toBe(12 * BLOCK);
    ftruncateSync(fd, 4 * BLOCK);
    expect(addon.seek(fd, 4 * BLOCK, SEEK_DATA)).toBe(-1);
  });

  it('copies a range between files', async () => {
    writeFileSync(join(folder, 'from'), Buffer.alloc(2 * BLOCK, 7));
    const from = openSync(join(folder, 'from'), constants.O_RDONLY);
    expect(await addon.copyFileRange(from, 100, fd, BLOCK, BLOCK)).toBe(BLOCK);
    expect(content()).toEqual(Buffer.concat([Buffer.alloc(BLOCK), Buffer.alloc(BLOCK, 7)]));
    expect(await addon.copyFileRange(from, 4 * BLOCK, fd, 0, BLOCK)).toBe(0);
    closeSync(from);
  });
});
