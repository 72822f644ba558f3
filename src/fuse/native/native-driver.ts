import { AnywhenError, messageOf } from '../../base/errors.js';
import type { Handles } from '../../namespace/handles.js';
import type { Tree } from '../../namespace/tree.js';
import { loadFuse } from '../../native.js';
import type { Driver, Mounted, MountOptions } from '../driver.js';
import { isMountPoint } from '../mount-table.js';
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
    const gone = new Gone(options.mountPoint);
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
      spin: (options.spin ?? 0) * 1000,
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
    await started;
    return {
      gone: gone.promise,
      unmount: async (lazy) => {
        await unmount(options.mountPoint, lazy);
        gone.now();
      },
      volumeChanged: () => requests.forgetVolume(),
    };
  },
};

/** Resolves once: when the kernel ends the session, or the mount is in the table no more. */
class Gone {
  readonly promise: Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #resolve: () => void = () => undefined;

  constructor(mountPoint: string) {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#timer = setInterval(() => isMountPoint(mountPoint) || this.now(), LOOK);
  }

  now(): void {
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
