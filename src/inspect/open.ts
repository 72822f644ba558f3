import { AnywhenError } from '../base/errors.js';
import { OsExecutor } from '../file/os-executor.js';
import { lockStore, type StoreLock } from '../file/store-lock.js';
import { type CheckOptions, checkStore, type Finding } from './check.js';

/** A store that is open to be looked at, and nothing else. */
export interface OpenedStore {
  readonly executor: OsExecutor;
  /** Who has it open for writing: what is read may be in motion. */
  readonly inUse: string | undefined;
  close(): Promise<void>;
}

/**
 * Opens a store to look at it. As long as nobody writes to it, nobody may begin to; when somebody does, the look
 * goes on without a lock, or is refused.
 *
 * @throws `no-store`, `store-in-use` if `busy` is to be refused, `denied`, `io`
 */
export async function openToLook(folder: string, busy: 'look' | 'refuse' = 'look'): Promise<OpenedStore> {
  let lock: StoreLock | undefined;
  let inUse: string | undefined;
  try {
    lock = lockStore(folder, 'shared');
  } catch (error) {
    const missing = error instanceof AnywhenError && (error.code === 'no-store' || error.code === 'damaged');
    const inside = error instanceof AnywhenError && error.code === 'store-in-use';
    if (inside && busy === 'look') inUse = error.message;
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

/** Checks a store that nobody has open for writing. @throws `no-store`, `store-in-use`, `denied`, `io` */
export async function* checkFolder(folder: string, options: CheckOptions): AsyncGenerator<Finding> {
  const store = await openToLook(folder, 'refuse');
  try {
    yield* checkStore(store.executor, options);
  } finally {
    await store.close();
  }
}
