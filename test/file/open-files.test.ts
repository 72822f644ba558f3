import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OpenFile } from '../../src/file/open-file.js';
import { OpenFiles } from '../../src/file/open-files.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';

test('of many files in folders only some stay open, and none that was written and not made durable', async () => {
  const folder = await temporaryFolder();
  try {
    mkdirSync(join(folder, 'backward'));
    const files = new OpenFiles(8);
    const openOne = (name: string) => {
      const path = join(folder, name);
      writeFileSync(path, name);
      const file = OpenFile.open(name, path, { writable: true });
      files.add(name, file);
      return file;
    };
    openOne('superblock');
    openOne('backward/written').beginWrite();
    openOne('backward/lent').lend();
    const durable = openOne('backward/durable');
    durable.beginWrite();
    await durable.datasync('backward/durable');
    for (let at = 0; at < 30; at++) {
      openOne(`backward/${at}`);
      expect(files.size).toBeLessThanOrEqual(8);
    }
    for (const name of ['superblock', 'backward/written', 'backward/lent']) {
      const file = files.get(name);
      expect(file && readFileSync(file.fd, 'utf8'), name).toBe(name);
    }
    expect(files.has('backward/durable')).toBe(false);
    for (const file of files.values()) await file.close();
  } finally {
    await removeFolder(folder);
  }
});
