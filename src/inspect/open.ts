import { AnywhenError } from '../base/errors.js';
import { OsExecutor } from '../file/os-executor.js';
import { lockStore, type StoreLock } from '../file/store-lock.js';

/** A store that is open to be looked at, and nothing else. */
export interface OpenedStore {
  readonly executor: OsExecutor;
  /** Who has it open for writing: what is read may be in motion. */
  readonly inUse: string | undefined;
  close(): Promise<void>;
}

/**
 * Opens a store to look at it. As long as nobody writes to it, nobody may begin to; when somebody does, the look
 * goes on without a lock.
 *
 * @throws `no-store`, `denied`, `io`
 */
export async function openToLook(folder: string): Promise<OpenedStore> {
  let lock: StoreLock | undefined;
  let inUse: string | undefined;
  try {
    lock = lockStore(folder, 'shared');
  } catch (error) {
    const missing = error instanceof AnywhenError && (error.code === 'no-store' || error.code === 'damaged');
    if (error instanceof AnywhenError && error.code === 'store-in-use') inUse = error.message;
    // Without a superblock there is nothing to lock, but perhaps something to see.
    else if (!missing) throw error;
  }
  try {
    const executor = await OsExecutor.open(folder, { readOnly: true });
    const close = async () => {
      await executor.close();
      lock?.release();
    };
    return { executor, inUse, close };
  } catch (error) {
    lock?.release();
    throw error;
  }
}
