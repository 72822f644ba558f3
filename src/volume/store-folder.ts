import { wallNow } from '../base/clock.js';
import { AnywhenError } from '../base/errors.js';
import { OsExecutor } from '../file/os-executor.js';
import { openSource } from '../file/source-file.js';
import { makeStoreFolder, removeStoreFiles } from '../file/store-folder.js';
import { lockStore } from '../file/store-lock.js';
import { type CreateOptions, createOn, emptyOrigin } from './create.js';
import type { VolumeOptions } from './events.js';
import { Volume } from './volume.js';

export interface OpenStore {
  readonly folder: string;
  readonly volume: Volume;
  /** Flushes, closes and gives the lock back. */
  close(options?: { sync?: boolean }): Promise<void>;
}

/** @throws `no-store`, `store-in-use`, `damaged`, `unsupported`, `denied`, `io` */
export async function openStore(folder: string, options: VolumeOptions = {}): Promise<OpenStore> {
  const readOnly = options.readOnly === true;
  const lock = lockStore(folder, readOnly ? 'shared' : 'exclusive');
  const executor = new OsExecutor(folder, readOnly);
  try {
    if (!readOnly) await dropScratch(executor);
    const volume = await Volume.openOn(executor, options);
    const close = async (how: { sync?: boolean } = {}) => {
      try {
        await volume.close(how);
      } finally {
        lock.release();
      }
    };
    return { folder, volume, close };
  } catch (error) {
    await executor.close();
    lock.release();
    throw error;
  }
}

/** Overlays that a daemon left behind when it died. */
async function dropScratch(executor: OsExecutor): Promise<void> {
  for (const name of await executor.list('')) {
    if (/^scratch\.\d+$/.test(name)) await executor.run([{ op: 'unlink', file: name }]);
  }
}

/**
 * Makes a store in a new or empty folder; what was made is removed again when it fails.
 *
 * @throws `usage`, `exists`, `no-space`, `denied`, `io`
 */
export async function createStore(
  folder: string,
  from: { readonly size: number } | { readonly image: string },
  options: Omit<CreateOptions, 'now'> = {},
): Promise<{ uuid: Uint8Array; size: number }> {
  const source = 'image' in from ? openSource(from.image) : undefined;
  const origin = source ?? emptyOrigin('size' in from ? from.size : 0);
  const made = makeStoreFolder(folder);
  const executor = new OsExecutor(folder);
  try {
    const { uuid } = await createOn(executor, origin, { ...options, now: wallNow() });
    return { uuid, size: origin.size };
  } catch (error) {
    await executor.close();
    removeStoreFiles(folder, made);
    throw error instanceof AnywhenError
      ? error
      : new AnywhenError('io', `${folder}: the store could not be made`, { cause: error });
  } finally {
    await executor.close();
    await source?.close();
  }
}
