import { wallNow } from '../src/base/clock.js';
import { BLOCK } from '../src/base/range.js';
import { OsExecutor } from '../src/file/os-executor.js';
import { segmentData } from '../src/format/layout.js';
import { descriptorSum, pieceSums } from '../src/format/pieces.js';
import type { CatalogEdit } from '../src/journal/catalog-format.js';
import { Direction, SegmentKind } from '../src/journal/segment-format.js';
import { SegmentWriter } from '../src/journal/segment-writer.js';
import { StoreMeta } from '../src/journal/store-meta.js';
import { createStore, openStore } from '../src/volume/store-folder.js';
import { noise, randomNumbers, writeAll } from './engine-store.js';

const MIB = 1024 * 1024;
const SECOND = 1_000_000_000n;
/** Sequences from one snapshot to the next. */
const STEP = 10;

export interface HistorySize {
  readonly snapshots: number;
  /** Blocks that each one lost to the next, scattered over the volume. */
  readonly extents: number;
  readonly volume: number;
  /** Writes in the forward journal. */
  readonly writes: number;
}

/**
 * A store with a history that was not lived through: its segments and its catalog are written as the sync events would
 * have, ten snapshots each. The data are zeros in files without blocks; all else is as it would be.
 */
export async function makeHistory(folder: string, size: HistorySize): Promise<void> {
  const { writes } = size;
  await createStore(
    folder,
    { size: size.volume },
    { forwardBytes: writes * 1024 + 16 * MIB, descriptorBytes: writes * 256 + MIB },
  );
  await writeHistory(folder, size);
}

/** Fills the forward journal. */
export async function addWrites(folder: string, size: HistorySize): Promise<void> {
  const { writes } = size;
  const store = await openStore(folder);
  try {
    const random = randomNumbers(11);
    const data = noise(512, 11);
    const blocks = size.volume / BLOCK;
    await writeAll(store.volume, (n) => (n < writes ? { offset: random(blocks) * BLOCK, data } : undefined));
    await store.volume.flush();
  } finally {
    await store.close();
  }
}

async function writeHistory(folder: string, size: HistorySize): Promise<void> {
  const executor = new OsExecutor(folder);
  try {
    const meta = await StoreMeta.load(executor);
    const { uuid, historyUuid } = meta.superblock;
    const origin = wallNow() - BigInt(size.snapshots + 10) * SECOND;
    const stamp = (snapshot: number) => origin + BigInt(snapshot) * SECOND;
    const random = randomNumbers(10);
    const edits: CatalogEdit[] = [];
    for (let first = 0; first < size.snapshots; first += 10) {
      const segment = first / 10 + 1;
      const last = Math.min(first + 10, size.snapshots);
      const writer = new SegmentWriter(executor, segment, meta.seed);
      await writer.begin();
      const direction = Direction.undo;
      for (let snapshot = first; snapshot < last; snapshot++) {
        const [at, to] = [stamp(snapshot), stamp(snapshot + 1)];
        const point = { sequence: (snapshot + 1) * STEP, at, from: at, to, quality: 0, size: size.volume };
        await writer.beginList(point);
        const record = writer.count;
        await writeList(writer, size, (snapshot - first) * size.extents, random);
        const extents = writer.count - record;
        edits.push({ type: 'snapshot', ...point, segment, record, extents, bytes: 0, stored: 0 });
      }
      const dataLength = (last - first) * size.extents * BLOCK;
      await writer.finish({
        uuid,
        historyUuid,
        direction,
        olderSequence: (first + 1) * STEP,
        olderStamp: stamp(first),
        youngerSequence: (last + 1) * STEP,
        youngerStamp: stamp(last),
      });
      await executor.run([{ op: 'truncate', file: segmentData(segment), size: dataLength }]);
      edits.push({ type: 'segment', segment, direction, descriptors: writer.count, dataLength });
    }
    const mimSequence = (size.snapshots + 1) * STEP;
    await meta.commit(edits, (now) => ({
      mimSequence,
      mimStamp: stamp(size.snapshots),
      journal: { ...now.journal, firstSequence: mimSequence + 1 },
    }));
  } finally {
    await executor.close();
  }
}

/** Blocks at random places, in order, each once. */
async function writeList(
  writer: SegmentWriter,
  { volume, extents }: HistorySize,
  place: number,
  random: (below: number) => number,
): Promise<void> {
  const chosen = new Set<number>();
  while (chosen.size < extents) chosen.add(random(volume / BLOCK));
  const blocks = Float64Array.from(chosen).sort();
  const zeros = new Uint8Array(BLOCK);
  for (const [at, block] of blocks.entries()) {
    const start = block * BLOCK;
    const sums = pieceSums(start, zeros);
    await writer.cut({
      kind: SegmentKind.extent,
      start,
      length: BLOCK,
      originStart: start,
      originLength: BLOCK,
      pieces: 1,
      dataSegment: writer.segment,
      offset: (place + at) * BLOCK,
      sum: descriptorSum(sums),
    });
  }
}
