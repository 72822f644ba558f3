import { expect, it } from 'vitest';
import { checkFuseDevice } from '../../src/fuse/mount-point.js';

it('says that the kernel has no FUSE before anything is opened', async () => {
  await expect(checkFuseDevice('/dev/no-such-device')).rejects.toMatchObject({
    code: 'unsupported',
    message: '/dev/no-such-device: is not there (ENOENT)',
  });
});

it('takes a device that this user may open', async () => {
  await expect(checkFuseDevice('/dev/null')).resolves.toBeUndefined();
});
