import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Bench } from './bench.js';
import { Daemon, isMounted, run, whichCommand } from './child.js';

/** A file that can be read and written, served by somebody. */
export interface Target {
  readonly path: string;
  /** Who serves it, if anybody does. */
  readonly daemon?: Daemon | undefined;
  stop(): Promise<void>;
}

/** The compiled command line, beside the compiled benchmark (bench/dist/bench) or its source (bench). */
const CLI = ['../../../dist/cli/index.js', '../dist/cli/index.js']
  .map((path) => resolve(import.meta.dirname, path))
  .find((path) => existsSync(path));

/** Why nothing can be mounted here, or undefined. */
export function mountMissing(): string | undefined {
  if (CLI === undefined) return 'the program is not built: npm run setup';
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch {
    return '/dev/fuse is not there, or not for us';
  }
  return undefined;
}

export function fioMissing(): string | undefined {
  return whichCommand('fio') === undefined ? 'fio is not there: npm run setup -- --bench' : undefined;
}

export function qemuMissing(): string | undefined {
  if (whichCommand('qemu-storage-daemon') === undefined) {
    return 'qemu-storage-daemon is not there: npm run setup -- --bench';
  }
  return mountMissing();
}

/** The raw file itself. */
export class PlainFile implements Target {
  constructor(readonly path: string) {}

  async stop(): Promise<void> {}
}

/** A store, mounted by a daemon of its own. */
export class MountedVolume implements Target {
  private constructor(
    readonly bench: Bench,
    readonly mnt: string,
    readonly daemon: Daemon,
  ) {}

  static async start(bench: Bench, store: string): Promise<MountedVolume> {
    const { driver, spin, profile } = bench.options;
    const mnt = `${store}.mnt`;
    mkdirSync(mnt, { recursive: true });
    const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
    const choice = [
      ...(driver === undefined ? [] : ['--driver', driver]),
      ...(spin === undefined ? [] : ['-o', `spin=${spin}`]),
    ];
    const daemon = new Daemon(bench.undo, process.execPath, [
      ...flags,
      ...[CLI ?? '', 'mount', '-f', ...choice, store, mnt],
    ]);
    const mounted = new MountedVolume(bench, mnt, daemon);
    // The daemon's word that it answers: to look at its mount from here before would hang if it does not.
    await daemon.until(() => isMounted(mnt) && /\bmounted\b/.test(daemon.log));
    return mounted;
  }

  get path(): string {
    return join(this.mnt, 'volume');
  }

  image(mark: string): string {
    return join(this.mnt, 'images', `@${mark}`);
  }

  /** Runs a command of `anywhen` on the mount. */
  command(name: string, ...args: string[]): Promise<string> {
    return run(this.bench.undo, process.execPath, [CLI ?? '', name, this.mnt, ...args]);
  }

  stop(): Promise<void> {
    return this.daemon.stop();
  }
}
