import { expect, test } from 'vitest';
import { OsExecutor } from '../../src/file/os-executor.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';

test('a long chain of plans that wait for no disk leaves turns of the event loop to others', async () => {
  const folder = await temporaryFolder();
  const executor = new OsExecutor(folder);
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  try {
    const file = 'file';
    await executor.run([{ op: 'create', file, size: 0 }]);
    const from = [new Uint8Array(4096)];
    turns = 0;
    const end = performance.now() + 200;
    while (performance.now() < end) await executor.run([{ op: 'write', file, offset: 0, from }]);
    // Some 100 where nobody else needs the processor; none without a pause.
    expect(turns).toBeGreaterThan(5);
  } finally {
    clearInterval(timer);
    await executor.close();
    await removeFolder(folder);
  }
});
