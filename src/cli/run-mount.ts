import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { z } from 'zod';
import { AnywhenError, messageOf } from '../base/errors.js';
import { createLogger, type Logger } from '../base/log.js';
import { storeFolder } from '../control/locate.js';
import { statusSchema } from '../control/model-schema.js';
import { operations } from '../control/operations.js';
import { ControlServer } from '../control/server.js';
import { ageTimers } from '../control/timers.js';
import { fuseNativeDriver } from '../fuse/fuse-native-driver.js';
import { prepareMountPoint } from '../fuse/mount-point.js';
import { Handles } from '../namespace/handles.js';
import { Tree } from '../namespace/tree.js';
import { openStore } from '../volume/store-folder.js';
import type { OutputOptions } from './output.js';

export interface MountSettings extends OutputOptions {
  readonly readOnly: boolean;
  readonly allowOther: boolean;
  readonly allowRoot: boolean;
}

const IGNORED = /^(x-.*|_netdev|nofail|auto|noauto|user|defaults|rw)$/;

/** The `-o` options of a mount. @throws `usage` */
export function parseMountOptions(text: string | undefined): {
  readOnly: boolean;
  allowOther: boolean;
  allowRoot: boolean;
} {
  const settings = { readOnly: false, allowOther: false, allowRoot: false };
  for (const option of text?.split(',') ?? []) {
    if (option === 'ro') settings.readOnly = true;
    else if (option === 'allow_other') settings.allowOther = true;
    else if (option === 'allow_root') settings.allowRoot = true;
    else if (!IGNORED.test(option)) {
      throw new AnywhenError('usage', `unknown mount option ${option}`, {
        hint: 'ro, allow_other, allow_root',
      });
    }
  }
  return settings;
}

/** Serves a store until it is unmounted or told to stop. `ready` is called when the mount is there. */
export async function serve(
  storePath: string,
  mountPath: string,
  settings: MountSettings,
  ready: () => void,
): Promise<void> {
  const log = daemonLog(settings);
  const folder = await storeFolder(storePath);
  const mountPoint = await prepareMountPoint(mountPath, folder, (message) => log.warn({}, message));
  const store = await openStore(folder, {
    readOnly: settings.readOnly,
    events: {
      synced: (report) => log.info({ ...report, at: String(report.at) }, 'sync event'),
      warning: (message) => log.warn({}, message),
    },
  });
  const { volume } = store;
  for (const warning of volume.engine.warnings) log.warn({}, warning);
  const host = { volume, folder, mountPoint, stop: async () => undefined as undefined };
  const status = async () => {
    const facts = z.encode(statusSchema, await operations.status(host, {}, {}));
    return `${JSON.stringify({ schema: 'anywhen/status/1', ...facts }, undefined, 2)}\n`;
  };
  const tree = new Tree(volume, { status });
  const handles = new Handles(tree);
  try {
    const { readOnly, allowOther, allowRoot } = settings;
    const mounted = await fuseNativeDriver.mount(tree, handles, {
      mountPoint,
      source: folder,
      readOnly,
      allowOther,
      allowRoot,
    });
    const control = await ControlServer.start({ ...host, stop: (lazy) => mounted.unmount(lazy) });
    const stopTimers = ageTimers(volume, log);
    const stop = (lazy: boolean) =>
      mounted.unmount(lazy).catch((error: unknown) => log.error({}, messageOf(error)));
    let signals = 0;
    const onSignal = () => void stop(++signals > 0);
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    process.on(
      'SIGUSR1',
      () => void volume.sync('signal').catch((error: unknown) => log.error({}, messageOf(error))),
    );
    log.info({ store: folder, mountPoint, driver: fuseNativeDriver.name }, 'mounted');
    ready();
    await mounted.gone;
    stopTimers();
    await control.stop();
    await handles.closeAll();
  } finally {
    await store.close({ sync: !volume.readOnly && volume.policy().syncOnUnmount });
  }
  log.info({ store: folder }, 'unmounted');
}

function daemonLog(settings: OutputOptions): Logger {
  const level = settings.debug === true ? 'debug' : settings.quiet === true ? 'warn' : 'info';
  const format = process.stderr.isTTY ? 'human' : 'json';
  return createLogger({
    level,
    format,
    stacks: settings.debug === true,
    write: (line) => process.stderr.write(line),
  });
}

/** Starts the daemon in the background, and returns when its mount is there; its first error is ours. */
export async function daemonise(
  program: string,
  args: readonly string[],
  logFile: string | undefined,
): Promise<void> {
  const log = logFile === undefined ? 'ignore' : openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, [program, 'mount', '-f', ...args], {
    detached: true,
    stdio: ['ignore', 'ignore', log, 'ipc'],
    cwd: '/',
  });
  if (typeof log === 'number') closeSync(log);
  const failure = await new Promise<{ code: string; message: string; hint?: string } | undefined>(
    (resolve) => {
      child.once(
        'message',
        (message: { ready?: true; error?: { code: string; message: string; hint?: string } }) =>
          resolve(message.error),
      );
      child.once('exit', (status) =>
        resolve({ code: 'io', message: `the daemon ended with status ${status}` }),
      );
    },
  );
  if (child.connected) child.disconnect();
  child.unref();
  if (failure !== undefined) {
    throw new AnywhenError(
      failure.code as never,
      failure.message,
      failure.hint === undefined ? {} : { hint: failure.hint },
    );
  }
}
