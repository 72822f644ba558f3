import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AnywhenError, systemCode } from '../base/errors.js';
import { OsExecutor } from '../file/os-executor.js';
import { anywhenMount } from '../fuse/mount-table.js';
import { StoreMeta } from '../journal/store-meta.js';
import { formatUuid } from '../volume/status.js';
import { openStore } from '../volume/store-folder.js';
import { ControlClient } from './client.js';
import type { ArgumentsOf, OperationName, ResultOf } from './contract.js';
import { type Host, type Listener, operations } from './operations.js';

/** A volume that can be asked: through its daemon, or opened here for this one command. */
export interface Target {
  readonly daemon: boolean;
  call<K extends OperationName>(
    operation: K,
    args: ArgumentsOf<K>,
    listener?: Listener<K>,
  ): Promise<ResultOf<K>>;
  close(): Promise<void>;
}

/** The folder of the store behind STORE|MNT. A mount is recognised without touching it. @throws `no-store`, `denied` */
export async function storeFolder(path: string): Promise<string> {
  const mounted = anywhenMount(resolve(path));
  if (mounted !== undefined) return mounted.source;
  try {
    return await realpath(path);
  } catch (cause) {
    const denied = systemCode(cause) === 'EACCES';
    throw new AnywhenError(denied ? 'denied' : 'no-store', `${path}: there is no store that can be reached`, {
      cause,
      hint: denied ? 'The folder belongs to somebody else.' : '`anywhen create` makes one.',
    });
  }
}

/** @throws `no-store`, `store-in-use`, `damaged` ... */
export async function openTarget(path: string, access: 'read' | 'write'): Promise<Target> {
  const folder = await storeFolder(path);
  const executor = new OsExecutor(folder, true);
  const { superblock } = await StoreMeta.load(executor).finally(() => executor.close());
  const client = await ControlClient.connect(formatUuid(superblock.uuid), folder);
  if (client !== undefined) {
    return {
      daemon: true,
      call: (operation, args, listener) => client.call(operation, args, listener),
      close: async () => client.close(),
    };
  }
  const store = await openStore(folder, { readOnly: access === 'read' });
  const host: Host = { volume: store.volume, folder, mountPoint: undefined, stop: async () => undefined };
  return {
    daemon: false,
    call: (operation, args, listener = {}) =>
      operations[operation](host, args as never, listener as never) as Promise<never>,
    close: () => store.close(),
  };
}
