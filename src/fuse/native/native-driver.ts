import { availableParallelism } from 'node:os';
import { AnywhenError, messageOf } from '../../base/errors.js';
import type { Handles } from '../../namespace/handles.js';
import type { Tree } from '../../namespace/tree.js';
import { loadFuse } from '../../native.js';
import type { Driver, Mounted, MountOptions } from '../driver.js';
import { anywhenMount, mountOf } from '../mount-table.js';
import { unmount } from '../unmount.js';
import { Requests } from './requests.js';
import { Exchange, type FuseAddon, MAX_TRANSFER } from './session.js';

/** How often the mount table is looked at, ms: of a lazy unmount the kernel tells only when the last file is closed. */
const LOOK = 1000;

/** The driver on libfuse 3, in the addon, served from the event loop. */
export const nativeDriver: Driver = {
  name: 'native',
  load: () => void loadFuse(),
  async mount(tree: Tree, handles: Handles, options: MountOptions): Promise<Mounted> {
    const addon = loadFuse() as FuseAddon;
    const exchange = new Exchange();
    const gone = new Gone();
    let start: () => void = () => undefined;
    const started = new Promise<void>((resolve) => {
      start = resolve;
    });
    const requests = new Requests(tree, handles, exchange, () => start());
    const { batch, answer, text, buffers } = exchange;
    const settings = {
      batch,
      answer,
      text,
      buffers,
      // With one processor the client could not ask meanwhile.
      spin: availableParallelism() > 1 ? (options.spin ?? 0) * 1000 : 0,
      onBatch: (count: number) => requests.serve(count),
      onEnd: () => gone.now(),
    };
    try {
      requests.session = addon.mount(options.mountPoint, mountOptions(options), settings);
    } catch (cause) {
      throw new AnywhenError('io', `${options.mountPoint}: cannot be mounted: ${messageOf(cause)}`, {
        cause,
        hint: 'Is /dev/fuse there, and is the mount point free?',
      });
    }
    // Whoever unmounts it at once keeps the first request from ever coming.
    await Promise.race([started, gone.promise]);
    const device = anywhenMount(options.mountPoint)?.device;
    const where = () => {
      const found = device === undefined ? undefined : mountOf(device);
      // The number of a device that is gone may be another's: a store has one mount at the most.
      return found?.source === options.source ? found.mountPoint : undefined;
    };
    gone.watch(() => where() !== undefined);
    return {
      // After an abort the session has ended, and the dead mount is still there.
      gone: gone.promise.then(() => leave(where())),
      unmount: async (lazy) => {
        await unmount(where() ?? options.mountPoint, lazy);
        gone.now();
      },
      volumeChanged: () => requests.forgetVolume(),
    };
  },
};

/** Takes a mount that nobody serves any more out of the table. */
async function leave(mountPoint: string | undefined): Promise<void> {
  if (mountPoint !== undefined) await unmount(mountPoint, true).catch(() => undefined);
}

/** Resolves once: when the kernel ends the session, or the mount is in the table no more. */
class Gone {
  readonly promise: Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #resolve: () => void = () => undefined;
  #over = false;

  constructor() {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  watch(isThere: () => boolean): void {
    if (this.#over) return;
    this.#timer = setInterval(() => isThere() || this.now(), LOOK);
  }

  now(): void {
    this.#over = true;
    clearInterval(this.#timer);
    this.#resolve();
  }
}

function mountOptions(options: MountOptions): string {
  const source = options.source.replaceAll('\\', '\\\\').replaceAll(',', '\\,');
  return [
    `fsname=${source}`,
    'subtype=anywhen',
    'default_permissions',
    'nosuid',
    'nodev',
    // Must be what the connection says, or the first request fails.
    `max_read=${MAX_TRANSFER}`,
    ...(options.readOnly ? ['ro'] : []),
    ...(options.allowOther ? ['allow_other'] : []),
    ...(options.allowRoot ? ['allow_root'] : []),
  ].join(',');
}
