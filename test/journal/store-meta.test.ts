import { expect, test } from 'vitest';
import type { AnywhenError } from '../../src/base/errors.js';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import { FILES } from '../../src/format/layout.js';
import type { CatalogEdit, SnapshotEdit } from '../../src/journal/catalog-format.js';
import { StoreMeta } from '../../src/journal/store-meta.js';
import { newStore } from '../support/model.js';

const snapshot = (sequence: number): SnapshotEdit => ({
  type: 'snapshot',
  sequence,
  at: BigInt(sequence),
  from: BigInt(sequence),
  to: BigInt(sequence + 1),
  quality: 0,
  size: 8192,
  segment: 1,
  record: 0,
  extents: 0,
  bytes: 0,
  stored: 0,
});
const drop = (sequence: number): CatalogEdit => ({ type: 'snapshot-drop', sequence });

async function contents(disk: MemoryExecutor): Promise<string> {
  const parts: string[] = [];
  for (const file of [FILES.catalog, FILES.superblock]) {
    const into = new Uint8Array((await disk.size(file)) ?? 0);
    await disk.run([{ op: 'read', file, offset: 0, into }]);
    parts.push(Buffer.from(into).toString('hex'));
  }
  return parts.join('\n');
}

const sequences = ({ catalog }: StoreMeta) => catalog.snapshots.map(({ sequence }) => sequence);

test.each([
  ['an older snapshot that is not known', [snapshot(5)]],
  ['one that an earlier edit of the commit drops', [drop(10), snapshot(10)]],
  ['one behind a younger one of the same commit', [snapshot(40), snapshot(35)]],
  ['one behind edits that are in order', [{ type: 'mark-drop', sequence: 20 }, snapshot(50), snapshot(5)]],
] satisfies [string, CatalogEdit[]][])(
  'a commit with %s is refused before a byte of it is written, and changes nothing',
  async (_, edits) => {
    const disk = await newStore(8192, 96 * 1024, 4 * 4096, 1n);
    const meta = await StoreMeta.load(disk);
    await meta.commit([snapshot(10), snapshot(20), snapshot(30)]);
    const before = await contents(disk);

    const refusal = await meta.commit(edits).then(
      () => undefined,
      (error: AnywhenError) => error,
    );

    expect(refusal).toMatchObject({ code: 'damaged', message: expect.stringMatching(/^catalog: snapshot/) });
    expect(await contents(disk)).toBe(before);
    expect(sequences(meta)).toEqual([10, 20, 30]);
    expect(meta.catalog.droppedMarks.size).toBe(0);
    await meta.commit([snapshot(20), drop(30), snapshot(25)]);
    expect(sequences(meta)).toEqual([10, 20, 25]);
    expect(sequences(await StoreMeta.load(disk))).toEqual([10, 20, 25]);
  },
);
