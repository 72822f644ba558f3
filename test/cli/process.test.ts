import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.js';
import { openStore } from '../../src/volume/store-folder.js';
import { CLI } from '../support/mounted-store.js';
import { run } from '../support/run.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';

const ANY = [0, 1, 2, 4, 10, 11, 130, 141];
const missing = existsSync(CLI) ? '' : ' [skipped: not built: npm run build]';

let folder: string;
let store: string;

const anywhen = (...args: string[]) => run(process.execPath, [CLI, ...args], { allow: ANY });
/** The same in a shell, where `$anywhen` is the program and `$store` the store. */
const shell = (script: string) =>
  run('bash', ['-o', 'pipefail', '-c', script, 'bash'], {
    allow: ANY,
    env: { ...process.env, anywhen: `${process.execPath} ${CLI}`, store },
  });

(missing === '' ? describe : describe.skip)(`the process${missing}`, () => {
  beforeAll(async () => {
    folder = await temporaryFolder();
    store = join(folder, 'store');
    await anywhen('create', store, '--size', '8MiB', '--journal-size', '4MiB');
  });
  afterAll(() => removeFolder(folder));

  it('ends with the status of what happened', async () => {
    expect((await anywhen('status', store)).status).toBe(0);
    expect((await anywhen('--version')).status).toBe(0);
    expect((await anywhen('help', 'status')).status).toBe(0);
    expect((await anywhen('status')).status).toBe(2);
    expect((await anywhen('mark', store, '--delete', 'never')).status).toBe(1);
    expect((await anywhen('status', join(folder, 'nothing'))).status).toBe(10);
  });

  it('ends with 11 when another has the store, and names it', async () => {
    const held = await openStore(store);
    try {
      const { status, stdout, stderr } = await anywhen('mark', store, 'one');
      expect([status, stdout]).toEqual([11, '']);
      expect(stderr).toContain(String(process.pid));
      expect(stderr).not.toMatch(/^\s+at /m);
    } finally {
      await held.close();
    }
  });

  it('ends well when the reader of its bytes has enough', async () => {
    const { status, stdout, stderr } = await shell(
      '$anywhen read "$store" --at latest -q | head -c 10 | wc -c',
    );
    expect([status, stdout.trim(), stderr]).toEqual([0, '10', '']);
  });

  it('fails in one line when its bytes find no space', async () => {
    const { status, stderr } = await shell('$anywhen read "$store" --at latest -q > /dev/full');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^anywhen: standard output: .*no space.*\n$/);
  });

  it('gives all bytes to a pipe that is read slowly', async () => {
    const { stdout } = await shell('$anywhen read "$store" --at latest -q | (sleep 0.5; wc -c)');
    expect(Number(stdout)).toBe(8 * 2 ** 20);
  });

  it('dies of an interrupt, which a shell tells as 130', async () => {
    const child = spawn(process.execPath, [CLI, 'read', store, '--at', 'latest'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // It has begun to give its bytes, and waits for somebody to take them.
    await once(child.stdout, 'readable');
    child.kill('SIGINT');
    const [code, signal] = await once(child, 'exit');
    child.stdout.destroy();
    expect([code, signal]).toEqual([null, 'SIGINT']);
    expect(EXIT.interrupted).toBe(130);
  });

  it('paints nothing into a pipe', async () => {
    for (const color of ['', 'NO_COLOR=1', 'FORCE_COLOR=1']) {
      const { stdout, stderr } = await shell(
        `${color} $anywhen status "$store"; ${color} $anywhen --help; ${color} $anywhen nonsense`,
      );
      expect(stdout + stderr).not.toContain('\u001b');
    }
  });
});
