import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe } from 'vitest';
import { environment, type Outcome, type RunOptions, run, sleep, until } from './run.js';

export const CLI = resolve(import.meta.dirname, '../../dist/cli/index.js');

/** Why tests on the real mount cannot run here, or undefined when they can. */
function whyNot(): string | undefined {
  if (!existsSync(CLI)) return 'not built: npm run build';
  if (process.getuid?.() !== 0) return 'needs root for loop devices and mounts';
  for (const device of ['/dev/fuse', '/dev/loop-control']) {
    try {
      accessSync(device, constants.R_OK | constants.W_OK);
    } catch {
      return `needs ${device}`;
    }
  }
  return undefined;
}

export const reasonToSkip = whyNot();

/** A group of tests on the real mount; where that cannot be, it is skipped and its name says why. */
export function describeMounted(name: string, body: () => void): void {
  if (reasonToSkip === undefined) describe(name, body);
  else describe.skip(`${name} [skipped: ${reasonToSkip}]`, body);
}

/** Why the native driver cannot be tested here; undefined when it can. */
const withoutNative = existsSync(resolve(import.meta.dirname, '../../native/build/fuse.node'))
  ? undefined
  : 'the native driver is not built: needs libfuse3-dev';

/** The same for tests of one driver. */
export function describeDriver(driver: 'native' | 'fuse-native', name: string, body: () => void): void {
  const why = driver === 'native' ? withoutNative : undefined;
  if (why === undefined) describeMounted(`${name}, driver ${driver}`, body);
  else describe.skip(`${name}, driver ${driver} [skipped: ${why}]`, body);
}

export function isMounted(path: string): boolean {
  const table = readFileSync('/proc/self/mountinfo', 'utf8');
  return table.split('\n').some((line) => line.split(' ')[4] === path.replaceAll(' ', '\\040'));
}

/** Runs `anywhen` with these arguments. */
export function anywhen(args: readonly string[], options?: RunOptions): Promise<Outcome> {
  return run(process.execPath, [CLI, ...args], options);
}

/** What the daemon logs when its mount is there. */
const MOUNTED = /"msg":"mounted"/;

interface Daemon {
  readonly child: ChildProcess;
  readonly log: Buffer[];
  readonly ended: Promise<number>;
}

/**
 * A store in a folder of its own, mounted by a daemon that is a child of the test. Loop devices and mounts made
 * through it are undone by `dispose`, in reverse order, whatever happened in between.
 */
export class MountedStore {
  readonly store: string;
  readonly mnt: string;
  #daemon: Daemon | undefined;
  readonly #undo: (() => Promise<unknown>)[] = [];

  private constructor(readonly folder: string) {
    this.store = join(folder, 'store');
    this.mnt = join(folder, 'mnt');
  }

  /** Creates the store (`size` as on the command line) and the mount point; `mount` is still to be called. */
  static async create(size: string, args: readonly string[] = []): Promise<MountedStore> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'anywhen-test-')));
    const mounted = new MountedStore(folder);
    await mkdir(mounted.mnt);
    await anywhen(['create', mounted.store, '--size', size, ...args]);
    return mounted;
  }

  get volume(): string {
    return join(this.mnt, 'volume');
  }

  image(time: string): string {
    return join(this.mnt, 'images', `@${time}`);
  }

  scratch(time: string): string {
    return join(this.mnt, 'scratch', `@${time}`);
  }

  /** The process id of the daemon. */
  get pid(): number {
    const pid = this.#daemon?.child.pid;
    if (pid === undefined) throw new Error('not mounted');
    return pid;
  }

  /** What the daemon said since it was started. */
  get log(): string {
    return Buffer.concat(this.#daemon?.log ?? []).toString();
  }

  /** Starts the daemon in the foreground and waits until the mount answers. */
  async mount(options: readonly string[] = []): Promise<void> {
    const { log, over } = this.#start(options);
    await until(`mount of ${this.mnt}`, () => {
      if (over()) throw new Error(`the daemon ended before the mount was there:\n${this.log}`);
      // The daemon's word: of a stale mount the kernel may still remember the names.
      return MOUNTED.test(Buffer.concat(log).toString()) && isMounted(this.mnt) && existsSync(this.volume);
    });
  }

  /** Starts the daemon and kills it after so many ms; whether that was before its mount was there. */
  async mountAndKill(milliseconds: number): Promise<boolean> {
    const { log } = this.#start([]);
    await sleep(milliseconds);
    await this.end('SIGKILL');
    return !MOUNTED.test(Buffer.concat(log).toString());
  }

  #start(options: readonly string[]): { log: Buffer[]; over: () => boolean } {
    const child = spawn(process.execPath, [CLI, 'mount', this.store, this.mnt, '-f', ...options], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => log.push(data));
    child.stderr.on('data', (data: Buffer) => log.push(data));
    let over = false;
    const ended = new Promise<number>((done) => {
      child.on('close', (code) => {
        over = true;
        done(code ?? -1);
      });
    });
    this.#daemon = { child, log, ended };
    return { log, over: () => over };
  }

  /** Resolves with the exit status of a daemon that ends by itself. */
  async ended(): Promise<number> {
    const status = (await this.#daemon?.ended) ?? -1;
    this.#daemon = undefined;
    return status;
  }

  /** Sends the daemon a signal and resolves with its exit status (-1: killed by the signal). */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    const daemon = this.#daemon;
    if (daemon === undefined) throw new Error('not mounted');
    daemon.child.kill(signal);
    const status = await daemon.ended;
    this.#daemon = undefined;
    return status;
  }

  /** Runs a command of `anywhen` on the mount: `command('mark', 'one')` is `anywhen mark MNT one`. */
  command(name: string, ...args: string[]): Promise<Outcome> {
    return anywhen([name, this.mnt, ...args]);
  }

  /** The same with `--json`, parsed. */
  async facts<T>(name: string, ...args: string[]): Promise<T> {
    const { stdout } = await this.command(name, ...args, '--json');
    return JSON.parse(stdout) as T;
  }

  /** Attaches a file of the mount to a loop device and returns the device. */
  async attach(file: string, ...options: string[]): Promise<string> {
    const { stdout } = await run('losetup', ['--direct-io=on', '-f', '--show', ...options, file]);
    const device = stdout.trim();
    this.#undo.push(() => run('losetup', ['-d', device], { allow: [0, 1] }));
    return device;
  }

  async detach(device: string): Promise<void> {
    await run('losetup', ['-d', device]);
    await until(
      `detaching ${device}`,
      async () => (await run('losetup', ['-a'])).stdout.indexOf(`${device}:`) < 0,
    );
  }

  /** Mounts a device (or with `-o loop` a file) on a new folder called `name` beside the store; returns the folder. */
  async mountDisk(device: string, name: string, ...options: string[]): Promise<string> {
    const folder = join(this.folder, name);
    await mkdir(folder, { recursive: true });
    await run('mount', [...options, device, folder]);
    this.#undo.push(async () => {
      if (isMounted(folder)) await run('umount', ['-l', folder], { allow: [0, 1, 32] });
    });
    return folder;
  }

  async umountDisk(folder: string): Promise<void> {
    await run('umount', [folder]);
  }

  /** Undoes everything, also when the test failed halfway. */
  async dispose(): Promise<void> {
    for (const undo of this.#undo.reverse()) await undo().catch(() => undefined);
    if (this.#daemon !== undefined) await this.end('SIGTERM');
    while (isMounted(this.mnt)) await run('umount', ['-l', this.mnt]);
    await rm(this.folder, { recursive: true, force: true });
  }
}
