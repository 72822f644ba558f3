import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTarget, storeFolder } from '../../src/control/locate.js';
import { ControlServer } from '../../src/control/server.js';
import { createStore, openStore } from '../../src/volume/store-folder.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';

const code = (name: string) => expect.objectContaining({ code: name });

let folder: string;
let path: string;
let daemons: { stop(): Promise<void> }[];

beforeEach(async () => {
  folder = await temporaryFolder();
  daemons = [];
  path = join(folder, 'store');
  await createStore(path, { size: 2 ** 20 }, { forwardBytes: 4 * 2 ** 20 });
});
afterEach(async () => {
  for (const daemon of daemons) await daemon.stop();
  await removeFolder(folder);
});

/** What a daemon does, without a mount. */
async function serve(place: string): Promise<void> {
  const store = await openStore(place);
  const host = { volume: store.volume, folder: place, mountPoint: '/mnt', stop: async () => undefined };
  const server = await ControlServer.start(host);
  const stop = async () => {
    await server.stop();
    await store.close();
  };
  daemons.push({ stop });
}

describe('a store that is named on the command line', () => {
  it('is opened here when it has no daemon, and free again afterwards', async () => {
    const target = await openTarget(path, 'write');
    expect(target.daemon).toBe(false);
    await expect(openTarget(path, 'write')).rejects.toThrowError(code('store-in-use'));
    const mark = await target.call('mark', { name: 'one', hold: false });
    await target.close();
    const again = await openTarget(path, 'read');
    expect((await again.call('instant', { at: 'one' })).at).toBe(mark.at);
    await again.close();
  });

  it('may be read by many at once, and is not written by a reader', async () => {
    const [one, two] = [await openTarget(path, 'read'), await openTarget(path, 'read')];
    expect((await two.call('status', {})).readOnly).toBe(true);
    await expect(one.call('mark', { name: 'no', hold: false })).rejects.toThrowError(code('read-only'));
    await one.close();
    await two.close();
  });

  it('is asked for through its daemon, under every name that it has', async () => {
    await serve(path);
    symlinkSync(path, join(folder, 'link'));
    for (const name of [path, join(folder, 'link'), `${path}/`, join(folder, '.', 'store')]) {
      const target = await openTarget(name, 'write');
      expect(target.daemon, name).toBe(true);
      expect((await target.call('status', {})).mountPoint).toBe('/mnt');
      await target.close();
    }
  });

  it('that is a copy never reaches the daemon of the original, nor hides it', async () => {
    const copy = join(folder, 'copy');
    cpSync(path, copy, { recursive: true });
    await serve(path);
    const target = await openTarget(copy, 'write');
    expect(target.daemon).toBe(false);
    await target.call('mark', { name: 'only-in-the-copy', hold: false });
    await target.close();
    await serve(copy);
    const names = async (store: string) => {
      const reached = await openTarget(store, 'read');
      expect(reached.daemon).toBe(true);
      const { marks } = await reached.call('status', {});
      await reached.close();
      return marks;
    };
    expect([await names(path), await names(copy)]).toEqual([0, 1]);
    await daemons.pop()?.stop();
    expect(await names(path)).toBe(0);
  });

  it('that is none is refused with the path', async () => {
    writeFileSync(join(folder, 'file'), '');
    for (const name of ['nothing', 'file', '.']) {
      const given = join(folder, name);
      await expect(openTarget(given, 'read'), name).rejects.toThrowError(code('no-store'));
    }
    await expect(storeFolder(join(folder, 'nothing'))).rejects.toThrowError(join(folder, 'nothing'));
  });
});
