import { existsSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { basename } from 'node:path';
import type { Bench } from './bench.js';
import { Daemon, isMounted, run, whichCommand } from './child.js';
import type { Target } from './targets.js';

/** A file as the FUSE export of qemu-storage-daemon shows it: through the page cache, as its default is. */
export class QemuExport implements Target {
  private constructor(
    readonly path: string,
    readonly daemon: Daemon,
  ) {}

  static async start(bench: Bench, image: string, format = 'raw', extra: string[] = []): Promise<QemuExport> {
    const path = `${image}.export`;
    // Its mount point is a file.
    writeFileSync(path, '');
    const daemon = new Daemon(bench.undo, whichCommand('qemu-storage-daemon') ?? '', [
      ...['--blockdev', `driver=file,node-name=file,filename=${escaped(image)}`],
      ...['--blockdev', `driver=${format},node-name=disk,file=file`],
      '--export',
      `type=fuse,id=${escaped(basename(image))},node-name=disk,mountpoint=${escaped(path)},writable=on,growable=off`,
      ...extra,
    ]);
    await daemon.until(() => isMounted(path));
    return new QemuExport(path, daemon);
  }

  stop(): Promise<void> {
    return this.daemon.stop();
  }
}

/** Why there is no qcow2 here, or undefined. */
export function qcowMissing(): string | undefined {
  return whichCommand('qemu-img') === undefined
    ? 'qemu-img is not there: npm run setup -- --bench'
    : undefined;
}

/** A qcow2 image in the same export, with an internal snapshot taken every so often: what others do for a past. */
export class QcowExport implements Target {
  #snapshots = 0;
  readonly #timer: NodeJS.Timeout;

  private constructor(
    readonly served: QemuExport,
    readonly socket: Socket,
    interval: number,
  ) {
    this.#timer = setInterval(() => this.#snapshot(), interval).unref();
  }

  /** @param interval ms between two snapshots */
  static async start(bench: Bench, raw: string, interval: number): Promise<QcowExport> {
    const image = `${raw}.qcow2`;
    await run(bench.undo, 'qemu-img', ['convert', '-q', '-O', 'qcow2', raw, image]);
    const monitor = `${image}.monitor`;
    const served = await QemuExport.start(bench, image, 'qcow2', [
      ...['--chardev', `socket,id=monitor,path=${monitor.replaceAll(',', ',,')},server=on,wait=off`],
      ...['--monitor', 'chardev=monitor'],
    ]);
    await served.daemon.until(() => existsSync(monitor));
    const socket = createConnection(monitor).unref();
    socket.on('error', () => undefined).resume();
    socket.write('{"execute":"qmp_capabilities"}\n');
    return new QcowExport(served, socket, interval);
  }

  get path(): string {
    return this.served.path;
  }

  get daemon(): Daemon {
    return this.served.daemon;
  }

  #snapshot(): void {
    const name = `bench-${this.#snapshots++}`;
    const command = { execute: 'blockdev-snapshot-internal-sync', arguments: { device: 'disk', name } };
    this.socket.write(`${JSON.stringify(command)}\n`);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.socket.destroy();
    await this.served.stop();
  }
}

/** A comma separates the options of qemu. */
function escaped(path: string): string {
  return path.replaceAll(',', ',,');
}
