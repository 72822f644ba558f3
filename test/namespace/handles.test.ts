import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AnywhenError } from '../../src/base/errors.js';
import { errnoOf } from '../../src/fuse/errno.js';
import { type Handle, Handles } from '../../src/namespace/handles.js';
import { nameOf } from '../../src/namespace/time-name.js';
import { Tree } from '../../src/namespace/tree.js';
import { open as openVolume } from '../support/model.js';
import { type Past, pastVolume, SIZE } from './past.js';

const code = (name: string) => expect.objectContaining({ code: name });
const STATUS = '{ "schema": "anywhen/status/1" }\n';
const EROFS = -30;

let past: Past;
let tree: Tree;
let handles: Handles;

beforeEach(async () => {
  past = await pastVolume();
  tree = new Tree(past.volume, { status: async () => STATUS });
  handles = new Handles(tree);
});
afterEach(() => handles.closeAll());

function open(path: string): Promise<Handle> {
  return handles.open(tree.lookup(path));
}

const image = (at: bigint) => `/images/@${nameOf(at, 'extended')}`;
const scratch = (at: bigint, name = '') =>
  `/scratch/@${nameOf(at, 'extended')}${name === '' ? '' : `,${name}`}`;

function read(handle: Handle, offset = 0, length = 4096): Promise<Buffer> {
  const into = Buffer.alloc(length, 0xee);
  return new Promise((resolve, reject) => {
    handle.read(offset, into, (error, count) =>
      error === undefined ? resolve(into.subarray(0, count)) : reject(error),
    );
  });
}

function write(handle: Handle, offset: number, data: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    handle.write(offset, data, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

const filled = (byte: number, length = 4096) => Buffer.alloc(length, byte);
/** Views that the engine keeps right, the live one aside. */
const pinned = () => past.volume.engine.views.views.size - 1;
const overlays = () => [...past.executor.files.keys()].filter((file) => file.startsWith('scratch'));

describe('an open image', () => {
  it('never changes, whatever is written, moved and restored meanwhile', async () => {
    const handle = await open(image(past.first));
    expect(await read(handle)).toEqual(filled(1));
    await past.volume.restore(past.volume.timeline.oldest);
    past.time.advance(1_000_000_000n);
    await write(await open('/volume'), 0, filled(99));
    await past.volume.deleteMark('first');
    await past.volume.sync('test');
    expect(await read(handle)).toEqual(filled(1));
    expect(await read(await open('/volume'))).toEqual(filled(99));
    await handle.close();
  });

  it('is one view for all who have it open, dropped with the last of them', async () => {
    const [one, two] = await Promise.all([open(image(past.first)), open(image(past.first))]);
    const other = await open(image(past.flushed));
    expect(pinned()).toBe(2);
    await one?.close();
    expect(pinned()).toBe(2);
    expect(await read(two as Handle)).toEqual(filled(1));
    await two?.close();
    expect(pinned()).toBe(1);
    await other.close();
    expect(pinned()).toBe(0);
  });

  it('can be opened again after the last one closed it', async () => {
    await (await open(image(past.first))).close();
    const again = await open(image(past.first));
    expect(await read(again)).toEqual(filled(1));
    await again.close();
    expect(pinned()).toBe(0);
  });

  it('refuses a write with EROFS', async () => {
    const handle = await open(image(past.first));
    const error = await write(handle, 0, filled(1)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AnywhenError);
    expect(errnoOf(error)).toBe(EROFS);
    await handle.close();
  });

  it('ends where the volume ended then', async () => {
    await past.volume.resize(SIZE / 2);
    const handle = await open(image(past.first));
    expect((await read(handle, SIZE - 10)).length).toBe(10);
    expect((await read(handle, SIZE)).length).toBe(0);
    expect((await read(handle, SIZE + 5)).length).toBe(0);
    const live = await open('/volume');
    expect((await read(live, SIZE / 2 - 10)).length).toBe(10);
    expect((await read(live, SIZE)).length).toBe(0);
    await handle.close();
  });

  it('that cannot be opened is not remembered as open', async () => {
    const gone = { kind: 'image', at: (past.writes[1] as bigint) + 1n } as const;
    await expect(handles.open(gone)).rejects.toThrowError(code('not-found'));
    await expect(handles.open(gone)).rejects.toThrowError(code('not-found'));
    expect(pinned()).toBe(0);
    await handles.closeAll();
  });
});

describe('an open volume', () => {
  it('writes what is read back, and leaves the past alone', async () => {
    const handle = await open('/volume');
    const then = await open(image(past.flushed));
    const before = await read(then);
    await write(handle, 8192, filled(7));
    await handle.flush();
    expect(await read(handle, 8192)).toEqual(filled(7));
    expect(await read(then)).toEqual(before);
    await expect(write(handle, SIZE - 1, filled(7))).rejects.toThrowError(code('no-space'));
    await then.close();
  });
});

describe('a scratch', () => {
  it('is written without a trace in history or in the live volume', async () => {
    const handle = await open(scratch(past.first));
    await write(handle, 100, Buffer.from('scratch'));
    const expected = filled(1);
    expected.write('scratch', 100);
    expect(await read(handle)).toEqual(expected);
    expect(await read(await open(image(past.first)))).toEqual(filled(1));
    expect(await read(await open('/volume'))).toEqual(filled(5));
    await handle.close();
  });

  it('keeps every one of the writes that come first, at once', async () => {
    const handle = await open(scratch(past.first));
    const blocks = [1, 2, 3, 4, 5, 6, 7];
    await Promise.all(blocks.map((block) => write(handle, block * 4096, filled(block + 100))));
    for (const block of blocks)
      expect(await read(handle, block * 4096), `${block}`).toEqual(filled(block + 100));
    await handle.close();
  });

  it('is one overlay for all who open it by that name, and another by another name', async () => {
    const one = await open(scratch(past.first));
    const same = await open(scratch(past.first));
    const other = await open(scratch(past.first, 'two'));
    await write(one, 0, filled(50));
    expect(await read(same)).toEqual(filled(50));
    expect(await read(other)).toEqual(filled(1));
    for (const handle of [one, same, other]) await handle.close();
  });

  it('refuses a write beyond its end', async () => {
    const handle = await open(scratch(past.first));
    await expect(write(handle, SIZE - 1, filled(1))).rejects.toThrowError(code('no-space'));
    await handle.close();
  });

  it('outlives its last user by a while, then it is dropped', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const handle = await open(scratch(past.first));
      await write(handle, 0, filled(50));
      await handle.close();
      await vi.advanceTimersByTimeAsync(30_000);
      const again = await open(scratch(past.first));
      expect(await read(again)).toEqual(filled(50));
      await vi.advanceTimersByTimeAsync(120_000);
      expect(await read(again)).toEqual(filled(50));
      await again.close();
      await vi.advanceTimersByTimeAsync(61_000);
      expect(overlays()).toEqual([]);
      const fresh = await open(scratch(past.first));
      expect(await read(fresh)).toEqual(filled(1));
      await fresh.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it('needs a volume that can be written', async () => {
    await past.volume.close();
    past.volume = await openVolume(past.executor, { time: past.time, readOnly: true });
    tree = new Tree(past.volume, { status: async () => STATUS });
    handles = new Handles(tree);
    await expect(open(scratch(past.first))).rejects.toThrowError(code('read-only'));
    const reader = await open(image(past.first));
    expect(await read(reader)).toEqual(filled(1));
    await reader.close();
  });
});

describe('the rest', () => {
  it('is read as text, which cannot be written', async () => {
    await tree.attributes({ kind: 'status' });
    const handle = await open('/status.json');
    expect((await read(handle)).toString()).toBe(STATUS);
    expect((await read(handle, 5, 4)).toString()).toBe(STATUS.slice(5, 9));
    expect((await read(handle, 4000)).length).toBe(0);
    await expect(write(handle, 0, filled(1))).rejects.toThrowError(code('read-only'));
    await handle.close();
  });

  it('that is no file cannot be opened', async () => {
    for (const path of ['/', '/images', '/snapshots', '/scratch', '/snapshots/latest'])
      await expect(open(path), path).rejects.toThrowError(code('usage'));
  });
});

describe('closing everything', () => {
  it('drops every view and overlay, open or in its grace, and can be done twice', async () => {
    await open(image(past.first));
    const one = await open(scratch(past.first));
    await write(one, 0, filled(1));
    const two = await open(scratch(past.flushed));
    await write(two, 0, filled(1));
    await two.close();
    await handles.closeAll();
    expect(pinned()).toBe(0);
    expect(overlays()).toEqual([]);
    await handles.closeAll();
    await one.close();
  });
});
