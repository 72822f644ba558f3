import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ControlClient } from '../../src/control/client.js';
import { makeRuntimeFolder, socketPath } from '../../src/control/socket-path.js';
import { withFolder } from './with-folder.js';

const UUID = '01234567-89ab-cdef-0123-456789abcdef';
/** Any folder will do. */
const STORE = import.meta.dirname;
const { dev, ino } = statSync(STORE, { bigint: true });
const NAME = `${UUID}.${dev.toString(36)}.${ino.toString(36)}.sock`;
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
  it('is in the runtime folder, by the uuid of the store and its folder', () => {
    asUser('/run/user/1000');
    expect(socketPath(UUID, STORE)).toBe(`/run/user/1000/anywhen/${NAME}`);
  });

  it('is another one for another folder, and the same by every way to it', () =>
    withFolder(async (folder) => {
      mkdirSync(join(folder, 'one'));
      mkdirSync(join(folder, 'two'));
      symlinkSync('one', join(folder, 'link'));
      const [one, two, link] = ['one', 'two', 'link'].map((name) => socketPath(UUID, join(folder, name)));
      expect(one).not.toBe(two);
      expect(link).toBe(one);
    }));

  it('is in the cache of the user where there is no runtime folder', () => {
    asUser('');
    expect(socketPath(UUID, STORE)).toMatch(new RegExp(`/\\.cache/anywhen/${NAME.replaceAll('.', '\\.')}$`));
  });

  it('is refused where its path would be cut short', () => {
    const longest = 107 - `/anywhen/${NAME}`.length;
    asUser(`/${'x'.repeat(longest - 1)}`);
    expect(socketPath(UUID, STORE).length).toBe(107);
    vi.restoreAllMocks();
    asUser(`/${'x'.repeat(longest)}`);
    expect(() => socketPath(UUID, STORE)).toThrowError(code('unsupported'));
    vi.restoreAllMocks();
    // Bytes count, not characters.
    asUser(`/${'ü'.repeat(longest - 1)}`);
    expect(() => socketPath(UUID, STORE)).toThrowError(code('unsupported'));
  });

  it('that would be cut short is no place for a daemon: there is none', async () => {
    asUser(`/${'x'.repeat(200)}`);
    expect(await ControlClient.connect(UUID, STORE)).toBeUndefined();
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
