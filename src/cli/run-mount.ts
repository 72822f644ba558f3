import { spawn } from 'node:child_process';
import { z } from 'zod';
import { AnywhenError, type ErrorCode, messageOf } from '../base/errors.js';
import { createFileLogger, createLogger, type Logger, type LogLevel } from '../base/log.js';
import { storeFolder } from '../control/locate.js';
import { statusSchema } from '../control/model-schema.js';
import { operations } from '../control/operations.js';
import { ControlServer } from '../control/server.js';
import { startTimers, syncOnSignal } from '../control/timers.js';
import { chooseDriver, type DriverName } from '../fuse/choose-driver.js';
import type { Mounted } from '../fuse/driver.js';
import { checkFuseDevice, prepareMountPoint } from '../fuse/mount-point.js';
import { Handles } from '../namespace/handles.js';
import { Tree } from '../namespace/tree.js';
import { sys } from '../native.js';
import { openStore } from '../volume/store-folder.js';
import type { MountChoices } from './mount-options.js';
import { type OutputOptions, wantsColour } from './output.js';

export interface MountSettings extends OutputOptions, MountChoices {
  readonly logFile?: string;
  /** The best that can be loaded when not given. */
  readonly driver?: DriverName | undefined;
}

/** Serves a store until it is unmounted or told to stop. `ready` is called when the mount is there. */
export async function serve(
  storePath: string,
  mountPath: string,
  settings: MountSettings,
  ready: () => void,
): Promise<void> {
  const log = daemonLog(settings);
  process.on('uncaughtException', (error) => {
    log.error({ stack: error.stack }, `a fault of the program: ${messageOf(error)}`);
    process.exit(1);
  });
  sys().setIoFlusher();
  const folder = await storeFolder(storePath);
  await checkFuseDevice();
  const notice = (message: string) => log.warn({}, message);
  const mountPoint = await prepareMountPoint(mountPath, folder, notice);
  const driver = chooseDriver(settings.driver, notice);
  let mounted: Mounted | undefined;
  const store = await openStore(folder, {
    readOnly: settings.readOnly,
    events: {
      synced: (report) => log.info({ ...report, at: String(report.at) }, 'sync event'),
      warning: notice,
      replaced: () => mounted?.volumeChanged(),
    },
  });
  const { volume } = store;
  for (const warning of volume.engine.warnings) log.warn({}, warning);
  const { schedule, stop: stopTimers } = startTimers(volume, log);
  const host = {
    volume,
    folder,
    mountPoint,
    driver: driver.name,
    schedule,
    stop: async () => undefined as undefined,
  };
  const status = async () => {
    const facts = z.encode(statusSchema, await operations.status(host, {}, {}));
    return `${JSON.stringify({ schema: 'anywhen/status/1', ...facts }, undefined, 2)}\n`;
  };
  const tree = new Tree(volume, { status, names: settings.names });
  const handles = new Handles(tree);
  try {
    const { readOnly, allowOther, allowRoot, spin } = settings;
    const mount = await driver.mount(tree, handles, {
      mountPoint,
      source: folder,
      readOnly,
      allowOther,
      allowRoot,
      spin,
    });
    mounted = mount;
    const stop = (lazy: boolean) => mount.unmount(lazy);
    const control = await ControlServer.start({ ...host, stop }).catch(async (error: unknown) => {
      // A mount whose daemon has gone would be left.
      await mount.unmount(true);
      throw error;
    });
    const onSignal = () => {
      // Lazily: whoever still has it open would keep it for ever.
      mount.unmount(true).catch((error: unknown) => log.error({}, messageOf(error)));
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    process.on('SIGUSR1', () => syncOnSignal(volume, log));
    log.info({ store: folder, mountPoint, driver: driver.name }, 'mounted');
    ready();
    await mount.gone;
    await control.stop();
    await handles.closeAll();
  } finally {
    stopTimers();
    await store.close({ sync: !volume.readOnly && volume.policy().syncOnUnmount });
  }
  log.info({ store: folder }, 'unmounted');
}

function daemonLog(settings: MountSettings): Logger {
  const loud = settings.debug === true || settings.verbose === true;
  const level = loud ? 'debug' : settings.quiet === true ? 'warn' : 'info';
  if (settings.logFile !== undefined) return fileLog(settings.logFile, level, settings.debug === true);
  const format = process.stderr.isTTY ? 'human' : 'json';
  return createLogger({
    level,
    format,
    colour: wantsColour(process.stderr, process.env),
    stacks: settings.debug === true,
    write: (line) => process.stderr.write(line),
  });
}

function fileLog(path: string, level: LogLevel, stacks: boolean): Logger {
  try {
    const file = createFileLogger(path, level, stacks);
    // What logrotate sends after it renamed the file.
    process.on('SIGHUP', () => file.reopen());
    return file.log;
  } catch (cause) {
    throw new AnywhenError('denied', `${path}: the log cannot be written`, { cause });
  }
}

type Failure = { readonly code: ErrorCode; readonly message: string; readonly hint?: string };

/** Starts the daemon in the background, and returns when its mount is there; its first error is ours. */
export async function daemonise(program: string, args: readonly string[]): Promise<void> {
  // A loop device on the mount may wait for the daemon, which waits for memory until that device has written. The mark
  // is one of threads, and Node has some before our first line: the daemon and all its threads take it from here.
  sys().setIoFlusher();
  const child = spawn(process.execPath, [program, 'mount', '-f', ...args], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    cwd: '/',
  });
  const failure = await new Promise<Failure | undefined>((resolve) => {
    child.once('message', (message: { ready?: true; error?: Failure }) => resolve(message.error));
    child.once('error', (error) => resolve({ code: 'io', message: error.message }));
    child.once('exit', (status) =>
      resolve({ code: 'io', message: `the daemon ended with status ${status}` }),
    );
  });
  if (child.connected) child.disconnect();
  child.unref();
  if (failure === undefined) return;
  const { code, message, hint } = failure;
  throw new AnywhenError(code, message, hint === undefined ? {} : { hint });
}
