import { BLOCK } from '../base/range.js';
import type { Step } from '../file/executor.js';
import { FILES, SUMS_PAGE_SIZE, SUMS_PER_PAGE } from '../format/layout.js';
import type { CopiedState } from '../format/superblock.js';
import { MoveRecordReader } from './move-record.js';
import type { SyncParts } from './sync-parts.js';

/**
 * Takes the space that a planned move needs where the MIM and its sums grow into holes, so that the move cannot fail
 * for want of it. No byte changes: what was a hole still reads as zeros.
 *
 * @throws `no-space`: then what was taken is given back
 */
export async function allocateAhead({ executor, meta }: SyncParts, copied: CopiedState): Promise<void> {
  const { mimName } = meta.superblock;
  // A MIM elsewhere has a filesystem, or a device, of its own.
  const inStore = !mimName.startsWith('/');
  const taken: Step[] = [];
  try {
    for await (const { page, blocks, before, after } of new MoveRecordReader(executor, copied).pages()) {
      await executor.run([
        { op: 'allocate', file: FILES.sums, offset: page * SUMS_PAGE_SIZE, length: SUMS_PAGE_SIZE },
      ]);
      const isNew = (at: number) => before[at] === 0 && after[at] !== 0;
      for (let at = 0; inStore && at < blocks.length; ) {
        let end = at + 1;
        while (isNew(at) && isNew(end) && blocks[end] === (blocks[at] as number) + end - at) end += 1;
        const offset = (page * SUMS_PER_PAGE + (blocks[at] as number)) * BLOCK;
        const range = { file: mimName, offset, length: (end - at) * BLOCK };
        if (isNew(at)) {
          taken.push({ op: 'punch', ...range });
          await executor.run([{ op: 'allocate', ...range }]);
        }
        at = end;
      }
    }
  } catch (error) {
    await executor.run(taken).catch(() => undefined);
    throw error;
  }
}
