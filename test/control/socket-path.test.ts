import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ControlClient } from '../../src/control/client.js';
import { makeRuntimeFolder, socketPath } from '../../src/control/socket-path.js';
import { withFolder } from './with-folder.js';

const UUID = '01234567-89ab-cdef-0123-456789abcdef';
const code = (name: string) => expect.objectContaining({ code: name });

/** As a user who is not root, whose runtime folder is this. */
function asUser(runtime: string, uid = process.getuid?.() || 1000): void {
  // The place is chosen first; the owner is looked at afterwards.
  vi.spyOn(process, 'getuid').mockReturnValueOnce(1000).mockReturnValue(uid);
  vi.stubEnv('XDG_RUNTIME_DIR', runtime);
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

describe('the place of the socket', () => {
  it('is in the runtime folder, by the uuid of the store', () => {
    asUser('/run/user/1000');
    expect(socketPath(UUID)).toBe(`/run/user/1000/anywhen/${UUID}.sock`);
  });

  it('is in the cache of the user where there is no runtime folder', () => {
    asUser('');
    expect(socketPath(UUID)).toMatch(new RegExp(`/\\.cache/anywhen/${UUID}\\.sock$`));
  });

  it('is refused where its path would be cut short', () => {
    const longest = 107 - `/anywhen/${UUID}.sock`.length;
    asUser(`/${'x'.repeat(longest - 1)}`);
    expect(socketPath(UUID).length).toBe(107);
    vi.restoreAllMocks();
    asUser(`/${'x'.repeat(longest)}`);
    expect(() => socketPath(UUID)).toThrowError(code('unsupported'));
    vi.restoreAllMocks();
    // Bytes count, not characters.
    asUser(`/${'ü'.repeat(longest - 1)}`);
    expect(() => socketPath(UUID)).toThrowError(code('unsupported'));
  });

  it('that would be cut short is no place for a daemon: there is none', async () => {
    asUser(`/${'x'.repeat(200)}`);
    expect(await ControlClient.connect(UUID)).toBeUndefined();
  });

  it('is a folder for its owner alone, also when it was more open', () =>
    withFolder(async (folder) => {
      const place = join(folder, 'anywhen');
      mkdirSync(place);
      chmodSync(place, 0o755);
      asUser(folder, statSync(place).uid);
      makeRuntimeFolder();
      expect(statSync(place).mode & 0o777).toBe(0o700);
    }));

  it('that belongs to somebody else is refused', () =>
    withFolder(async (folder) => {
      mkdirSync(join(folder, 'anywhen'));
      asUser(folder, statSync(folder).uid + 1);
      expect(() => makeRuntimeFolder()).toThrowError(code('denied'));
    }));

  it('that cannot be made is refused in one line', () =>
    withFolder(async (folder) => {
      writeFileSync(join(folder, 'file'), '');
      asUser(join(folder, 'file'));
      expect(() => makeRuntimeFolder()).toThrowError(code('denied'));
      vi.restoreAllMocks();
      asUser(join(folder, 'file'));
      expect(() => makeRuntimeFolder()).toThrowError(/^[^\n]+$/);
    }));
});
