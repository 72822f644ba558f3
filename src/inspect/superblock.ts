import type { Superblock } from '../format/superblock.js';
import type { CopyState } from '../format/superblock-copies.js';
import type { Look } from './look.js';

export interface CopyFacts {
  /** Bytes. */
  readonly offset: number;
  readonly state: CopyState;
  /** Whether it is the one that counts. */
  readonly used: boolean;
  readonly problem: string | undefined;
  /** Not to be trusted unless the state is `intact`. */
  readonly content: Superblock | undefined;
}

export interface SuperblockFacts {
  readonly size: number | undefined;
  readonly copies: readonly CopyFacts[];
  /** Why no copy counts. */
  readonly problem: string | undefined;
}

/** Both copies of the superblock. */
export function inspectSuperblock(look: Look): SuperblockFacts {
  const copies = look.copies.map(({ offset, state, error, content }) => ({
    offset,
    state,
    used: look.distrust === undefined && content !== undefined && content === look.superblock,
    problem: error?.message ?? emptyProblem(state, look),
    content,
  }));
  return { size: look.superblockSize, copies, problem: look.distrust?.message };
}

/** The first copy of a new store may be empty until its second commit. */
function emptyProblem(state: CopyState, look: Look): string | undefined {
  if (state !== 'empty' || look.superblock?.sequence === 1) return undefined;
  return 'superblock: this copy is empty';
}
