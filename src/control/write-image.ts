import { resolve } from 'node:path';
import type { Instant } from '../base/instant.js';
import { ImageFile } from './image-file.js';
import type { Target } from './locate.js';
import { inexact } from './operations.js';

export interface ImageReport {
  /** The instant that was written. */
  readonly at: Instant;
  /** Absolute path. */
  readonly to: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Writes the volume at an instant to a new file or a block device. The volume is not changed.
 *
 * @param store the folder of the store
 * @throws `not-found` when the instant is not exact and `nearest` is false; what `ImageFile.create` throws
 */
export async function writeImage(
  target: Target,
  store: string,
  path: string,
  args: { readonly at: string; readonly nearest: boolean },
  progress: (done: number, total: number) => void,
): Promise<ImageReport> {
  const resolution = await target.call('resolve', { at: args.at });
  if (!resolution.exact && !args.nearest) throw inexact(args.at, resolution);
  const { at } = resolution;
  const { size } = resolution.point;
  const to = resolve(path);
  const file = await ImageFile.create(to, size, store);
  let done = 0;
  const advance = (length: number) => {
    done += length;
    progress(done, size);
  };
  try {
    await target.call(
      'read',
      { at, offset: 0, length: size },
      {
        data: async (bytes) => {
          await file.write(bytes);
          advance(bytes.length);
        },
        hole: async (length) => {
          await file.hole(length);
          advance(length);
        },
      },
    );
    await file.finish();
  } catch (error) {
    await file.discard();
    throw error;
  }
  return { at, to, size };
}
