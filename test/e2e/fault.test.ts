import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CLI, describeMounted, isMounted, MountedStore } from '../support/mounted-store.js';
import { environment, run, until } from '../support/run.js';

describeMounted('a fault of the daemon', () => {
  it('stands in its log, since nobody sees its standard error', async () => {
    const mounted = await MountedStore.create('1M');
    try {
      const fault = join(mounted.folder, 'fault.cjs');
      await writeFile(
        fault,
        `process.on('SIGUSR2', () => { Promise.reject(new Error('the dog ate it')); });`,
      );
      const log = join(mounted.folder, 'log');
      const args = ['--require', fault, CLI, 'mount', '-f', '--log-file', log, mounted.store, mounted.mnt];
      const daemon = spawn(process.execPath, args, { env: environment, stdio: 'ignore' });
      const ended = new Promise((resolve) => daemon.on('exit', resolve));
      await until('mounted', () => isMounted(mounted.mnt));
      await until('logged', async () => /"mounted"/.test(await readFile(log, 'utf8').catch(() => '')));
      daemon.kill('SIGUSR2');
      expect(await ended).toBe(1);
      expect(await readFile(log, 'utf8')).toMatch(/"level":"error".*the dog ate it/);
      await run('umount', [mounted.mnt]);
    } finally {
      await mounted.dispose();
    }
  });
});
