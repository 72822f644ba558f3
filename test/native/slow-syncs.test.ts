import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { environment, run } from '../support/run.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';

const ADDON = resolve(import.meta.dirname, '../../native/build/sys.node');

/** Descriptor 40 is that of a slow disk. */
const SLOW = `
#include <unistd.h>
extern "C" int fdatasync(int fd) { if (fd == 40) usleep(1500000); return 0; }`;

const SCRIPT = `
const { datasync } = require(process.argv[1]);
(async () => {
  await datasync(50);
  const order = [];
  const synced = (fd) => datasync(fd).then(() => order.push(fd));
  await Promise.all([synced(40), synced(50), synced(51)]);
  console.log(order.join());
})();`;

it('a datasync does not wait for that of a slower file, also when they come at the same time', async () => {
  const folder = await temporaryFolder();
  try {
    const [source, library] = [join(folder, 'slow.cc'), join(folder, 'slow.so')];
    await writeFile(source, SLOW);
    await run('g++', ['-shared', '-fPIC', '-o', library, source]);
    const env = { ...environment, LD_PRELOAD: library };
    const { stdout } = await run(process.execPath, ['-e', SCRIPT, ADDON], { env });
    expect(stdout.trim()).toMatch(/,40$/);
  } finally {
    await removeFolder(folder);
  }
});
