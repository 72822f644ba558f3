import type { CopiedState, Epoch, Superblock } from '../format/superblock.js';

/** The superblock after a move: where the MIM is, and the tail of the journal. */
export function movedFields(now: Superblock, copied: CopiedState): Partial<Superblock> {
  const firstSequence = copied.endSequence + 1;
  return {
    copied: undefined,
    mimSequence: copied.endSequence,
    mimSize: copied.endSize,
    mimQuality: copied.endQuality,
    journal: {
      ...now.journal,
      firstSequence,
      descriptorTail: copied.endDescriptor,
      dataTail: copied.endData,
    },
    epochs: trimEpochs(now.epochs, firstSequence),
  };
}

/** The epochs that may still be found in the journal when it begins at `firstSequence`. */
export function trimEpochs(epochs: readonly Epoch[], firstSequence: number): Epoch[] {
  return epochs.filter((_, index) => {
    const next = epochs[index + 1];
    return next === undefined || next.firstSequence > firstSequence;
  });
}
