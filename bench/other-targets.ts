import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench.js';
import { Daemon, isMounted, run } from './child.js';
import type { Target } from './targets.js';

/**
 * libfuse's example passthrough_hp over a folder that holds the file. It must be built without the kernel's
 * passthrough, and must open its files without O_DIRECT: else the disk is measured, or the kernel.
 */
export class Passthrough implements Target {
  private constructor(
    readonly path: string,
    readonly daemon: Daemon,
  ) {}

  static async start(bench: Bench, program: string, raw: string): Promise<Passthrough> {
    const source = `${raw}.source`;
    const mnt = `${raw}.passthrough`;
    for (const folder of [source, mnt]) mkdirSync(folder, { recursive: true });
    copyFileSync(raw, join(source, 'file'));
    const daemon = new Daemon(bench.undo, program, ['--foreground', '--nopassthrough', source, mnt]);
    await daemon.until(() => isMounted(mnt));
    return new Passthrough(join(mnt, 'file'), daemon);
  }

  stop(): Promise<void> {
    return this.daemon.stop();
  }
}

/** A loop device with direct I/O on what another target shows. */
export class LoopDevice implements Target {
  private constructor(
    readonly path: string,
    readonly daemon: Daemon | undefined,
    readonly release: () => Promise<void>,
  ) {}

  static async start(bench: Bench, below: Target, path = below.path, readOnly = false): Promise<LoopDevice> {
    const mode = readOnly ? ['-r'] : [];
    const device = (
      await run(bench.undo, 'losetup', ['--direct-io=on', '-f', '--show', ...mode, path])
    ).trim();
    const release = bench.undo.add(() => run(bench.undo, 'losetup', ['-d', device]));
    return new LoopDevice(device, below.daemon, release);
  }

  stop(): Promise<void> {
    return this.release();
  }
}
