import { describe, expect, it } from 'vitest';
import { checkAllowed, parseMountOptions } from '../../src/cli/mount-options.js';

const code = (name: string) => expect.objectContaining({ code: name });
const NONE = { readOnly: false, allowOther: false, allowRoot: false, spin: 20, names: 'extended' as const };

describe('mount options', () => {
  it('are nothing when there are none', () => {
    expect(parseMountOptions([])).toEqual(NONE);
    expect(parseMountOptions([''])).toEqual(NONE);
  });

  it('are understood in one list and in several, the later one winning', () => {
    expect(parseMountOptions(['ro,allow_other'])).toEqual({ ...NONE, readOnly: true, allowOther: true });
    expect(parseMountOptions(['ro', 'allow_root'])).toEqual({ ...NONE, readOnly: true, allowRoot: true });
    expect(parseMountOptions(['ro', 'rw'])).toEqual(NONE);
  });

  it('choose how times are written', () => {
    expect(parseMountOptions(['names=basic'])).toEqual({ ...NONE, names: 'basic' });
    expect(parseMountOptions(['ro,names=basic', 'names=extended'])).toEqual({ ...NONE, readOnly: true });
  });

  it('leave alone what fstab and systemd add', () => {
    const list = 'x-systemd.automount,x-gvfs-hide,_netdev,nofail,noauto,user,defaults,nosuid,nodev,relatime';
    expect(parseMountOptions([list])).toEqual(NONE);
  });

  it('take the time to spin', () => {
    expect(parseMountOptions(['spin=0'])).toEqual({ ...NONE, spin: 0 });
    expect(parseMountOptions(['spin=150'])).toEqual({ ...NONE, spin: 150 });
  });

  it.each([
    'suid',
    'dev',
    'RO',
    'allow-other',
    'names=other',
    'spin=',
    'spin=-1',
    'spin=1ms',
    'names',
    'names=',
    'ro ',
    'uid=0',
    'constructor',
  ])("refuse '%s' by name", (option) => {
    expect(() => parseMountOptions([option])).toThrowError(code('usage'));
    expect(() => parseMountOptions([option])).toThrowError(option);
  });

  it('refuse allow_other together with allow_root', () => {
    expect(() => parseMountOptions(['allow_other,allow_root'])).toThrowError(code('usage'));
  });

  it('need user_allow_other in fuse.conf, unless root mounts', () => {
    const other = { ...NONE, allowOther: true };
    expect(() => checkAllowed(other, false, undefined)).toThrowError(code('denied'));
    expect(() => checkAllowed(other, false, '# user_allow_other\n')).toThrowError(code('denied'));
    expect(() => checkAllowed(other, false, 'user_allow_others\n')).toThrowError(code('denied'));
    expect(() => checkAllowed({ ...NONE, allowRoot: true }, false, '')).toThrowError(/allow_root/);
    checkAllowed(other, false, 'mount_max = 5\nuser_allow_other\n');
    checkAllowed(other, false, ' user_allow_other  # yes');
    checkAllowed(other, true, undefined);
    checkAllowed(NONE, false, undefined);
  });
});
