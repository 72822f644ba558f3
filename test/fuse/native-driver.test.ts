import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { nativeDriver } from '../../src/fuse/native/native-driver.js';
import { Handles } from '../../src/namespace/handles.js';
import { Tree } from '../../src/namespace/tree.js';
import { pastVolume } from '../namespace/past.js';
import { describeDriver } from '../support/mounted-store.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';

const DETACH = 'import ctypes, sys; ctypes.CDLL(None).umount2(sys.argv[1].encode(), 2)';

describeDriver('native', 'a mount', () => {
  it('that is gone before its first request says so', async () => {
    const mountPoint = await temporaryFolder();
    try {
      const { volume } = await pastVolume();
      const tree = new Tree(volume, { status: async () => '{}' });
      const options = { mountPoint, source: 'store', readOnly: false, allowOther: false, allowRoot: false };
      const mounting = nativeDriver.mount(tree, new Handles(tree), options);
      // At once: the event loop, which answers the kernel, has not turned yet.
      execFileSync('python3', ['-c', DETACH, mountPoint]);
      const mounted = await mounting;
      await expect(mounted.gone).resolves.toBeUndefined();
    } finally {
      await removeFolder(mountPoint);
    }
  }, 10_000);
});
