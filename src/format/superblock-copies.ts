import { AnywhenError } from '../base/errors.js';
import { FILES, SUPERBLOCK_SIZE } from './layout.js';
import { decodeSuperblock, type Superblock, superblockIntact, superblockOffset } from './superblock.js';

/**
 * What a copy of the superblock is. `empty`: nothing but zeros, as the first copy of a new store is. `short`: the
 * file ends before it does. `damaged`: its magic or checksum is wrong. `refused`: the checksum is right, but a
 * later version wrote it, or its contents cannot be.
 */
export type CopyState = 'intact' | 'empty' | 'short' | 'damaged' | 'refused';

/** One of the two copies, as it lies in the file. */
export interface SuperblockCopy {
  /** Its place in the file, bytes. */
  readonly offset: number;
  readonly state: CopyState;
  /** What is wrong with it. */
  readonly error: AnywhenError | undefined;
  /** What it says, as far as it can be read; not to be trusted unless it is `intact`. */
  readonly content: Superblock | undefined;
}

/** Both copies of the file `superblock`, of which `bytes` are the first 8 KiB, or all that there is. Survives any bytes. */
export function superblockCopies(bytes: Uint8Array): SuperblockCopy[] {
  return [0, SUPERBLOCK_SIZE].map((offset) => {
    const copy = bytes.subarray(offset, offset + SUPERBLOCK_SIZE);
    return { offset, ...readCopy(copy) };
  });
}

function readCopy(bytes: Uint8Array): Omit<SuperblockCopy, 'offset'> {
  const damaged = (why: string) => new AnywhenError('damaged', `superblock: ${why}`);
  if (bytes.length < SUPERBLOCK_SIZE)
    return { state: 'short', error: damaged('the file ends before this copy does'), content: undefined };
  if (bytes.every((byte) => byte === 0)) return { state: 'empty', error: undefined, content: undefined };
  const intact = superblockIntact(bytes);
  const broken = { state: 'damaged', error: damaged('magic or checksum of this copy is wrong') } as const;
  try {
    const content = decodeSuperblock(bytes);
    return intact ? { state: 'intact', error: undefined, content } : { ...broken, content };
  } catch (error) {
    if (!(error instanceof AnywhenError)) throw error;
    return intact ? { state: 'refused', error, content: undefined } : { ...broken, content: undefined };
  }
}

/**
 * The copy that counts: the intact one with the higher sequence; of two that say the same, the one that was made
 * durable first. None counts beside one whose checksum is right and that cannot be read: it may be the newer one.
 *
 * @throws `damaged` if neither copy is intact, `unsupported` if a newer version wrote it
 */
export function usedCopy(
  copies: readonly SuperblockCopy[],
): SuperblockCopy & { readonly content: Superblock } {
  let used: (SuperblockCopy & { readonly content: Superblock }) | undefined;
  for (const copy of copies) {
    const { state, error, content } = copy;
    if (state === 'refused' && error !== undefined) throw error;
    if (state !== 'intact' || content === undefined) continue;
    const newer = used === undefined || content.sequence > used.content.sequence;
    const first =
      content.sequence === used?.content.sequence && copy.offset === superblockOffset(content.sequence);
    if (newer || first) used = { ...copy, content };
  }
  if (used !== undefined) return used;
  throw new AnywhenError('damaged', 'superblock: neither copy is intact', {
    data: { file: FILES.superblock, offset: 0 },
    hint: 'Is this the folder of a store? `anywhen inspect STORE superblock` shows what is there.',
  });
}
