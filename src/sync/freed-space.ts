import { Pacer } from '../base/pacer.js';
import { alignDown, alignUp, BLOCK } from '../base/range.js';
import type { Step } from '../file/executor.js';
import { FILES, moveRecord, segmentData, segmentDescriptors } from '../format/layout.js';
import { sumArrayLength } from '../format/pieces.js';
import type { CatalogEdit, SegmentEdit } from '../journal/catalog-format.js';
import { Direction, type SegmentExtent, SegmentKind } from '../journal/segment-format.js';
import { readSegmentRows } from '../journal/segment-rows.js';
import { ExtentTree } from '../vrmo/extent-tree.js';
import { NONE } from '../vrmo/node-slabs.js';
import type { SyncParts } from './sync-parts.js';

const NAME = /^(\d{8,10})\.(descriptors|data|move)$/;
/** Punches in one plan. */
const STEPS = 256;

/** The segments of the backward journal that no snapshot names any more, though their descriptors are there. */
export function unnamedSegments(catalog: SyncParts['meta']['catalog']): SegmentEdit[] {
  const named = new Set(catalog.snapshots.map((snapshot) => snapshot.segment));
  return [...catalog.segments.values()].filter(
    ({ segment, direction, descriptors }) =>
      direction === Direction.undo && descriptors > 0 && !named.has(segment),
  );
}

/**
 * Gives back the space of what a thinning dropped. No view may need it any more. Idempotent: after a crash anywhere it
 * is done again, from what the segments that no snapshot names once named.
 *
 * A byte of data is named by one list at the most, and the cuts of what was stored as a whole stay in one list: so what
 * the old segments named and the new ones, whose numbers are above theirs, do not, nobody names.
 */
export class FreedSpace {
  readonly #pacer = new Pacer();
  /** Whose data the segments name that were thinned before. */
  readonly #named = new Map<number, ReadonlySet<number>>();

  constructor(readonly parts: SyncParts) {}

  /** @throws `damaged`, `io` */
  async giveBack(): Promise<void> {
    const { catalog } = this.parts.meta;
    const old = unnamedSegments(catalog);
    if (old.length > 0) await this.#release(old);
    await this.#sweep();
  }

  async #release(old: readonly SegmentEdit[]): Promise<void> {
    const { catalog } = this.parts.meta;
    const gone = new Set(old.map(({ segment }) => segment));
    const highest = Math.max(...gone);
    const namedBy = new Map<number, number[]>();
    const add = (data: number, segment: number) => {
      const list = namedBy.get(data);
      if (list === undefined) namedBy.set(data, [segment]);
      else list.push(segment);
    };
    for (const segment of catalog.segments.values()) {
      for (const data of await this.#names(segment)) add(data, segment.segment);
    }
    const edits: CatalogEdit[] = [];
    for (const { segment, ...rest } of [...catalog.segments.values()]) {
      const names = namedBy.get(segment) ?? [];
      const live = names.filter((one) => !gone.has(one));
      const dead = names.filter((one) => gone.has(one));
      if (dead.length > 0 && live.length > 0) {
        const known = live.every((one) => one > highest);
        await this.#punch(segment, dead, live, known ? rest.dataLength : undefined);
      }
      if (!gone.has(segment) && rest.descriptors > 0) continue;
      if (live.length === 0) edits.push({ type: 'segment-drop', segment });
      else if (gone.has(segment)) edits.push({ ...rest, segment, descriptors: 0 });
    }
    const { meta, segments, fetcher } = this.parts;
    await meta.commit(edits);
    for (const segment of gone) {
      segments.forget(segment);
      this.#named.delete(segment);
    }
    fetcher.forgetSums();
  }

  /** The segments whose data the descriptors of a segment name. One that has data names no other's. */
  async #names({ segment, direction, descriptors, dataLength }: SegmentEdit): Promise<ReadonlySet<number>> {
    if (descriptors === 0) return new Set();
    if (dataLength > 0) return new Set([segment]);
    const known = this.#named.get(segment);
    if (known !== undefined) return known;
    const found = new Set<number>();
    for await (const row of this.#extents(segment)) found.add(row.dataSegment);
    if (direction === Direction.undo) this.#named.set(segment, found);
    return found;
  }

  async *#extents(segment: number): AsyncGenerator<SegmentExtent> {
    const { executor, meta } = this.parts;
    const count = meta.catalog.segments.get(segment)?.descriptors ?? 0;
    for await (const { descriptor, error } of readSegmentRows(executor, segment, count, meta.seed)) {
      if (error !== undefined) throw error;
      if (descriptor.kind === SegmentKind.extent) yield descriptor;
      if (this.#pacer.due()) await this.#pacer.rest();
    }
  }

  /**
   * Punches what `dead` name and `live` do not; all that `live` do not name where `length` is given, because nobody
   * else names anything there.
   */
  async #punch(
    segment: number,
    dead: readonly number[],
    live: readonly number[],
    length: number | undefined,
  ): Promise<void> {
    const free = new ExtentTree();
    if (length !== undefined && length > 0) free.fill(0, alignUp(length, BLOCK), 1, 0);
    for (const one of length === undefined ? dead : []) {
      for await (const row of this.#extents(one)) {
        if (row.dataSegment !== segment) continue;
        free.replace(row.offset - sumArrayLength(row.pieces), row.offset + row.originLength, 1, 0);
      }
    }
    for (const one of live) {
      for await (const row of this.#extents(one)) if (row.dataSegment === segment) keep(free, row);
    }
    let steps: Step[] = [];
    for (let at = free.first(); at !== NONE; at = free.next(at)) {
      const offset = free.start(at);
      steps.push({ op: 'punch', file: segmentData(segment), offset, length: free.end(at) - offset });
      if (steps.length < STEPS) continue;
      await this.parts.executor.run(steps);
      steps = [];
    }
    await this.parts.executor.run(steps);
  }

  /** Removes what lies in the folder and the catalog does not name. */
  async #sweep(): Promise<void> {
    const { executor, meta } = this.parts;
    const { segments } = meta.catalog;
    const steps: Step[] = [];
    for (const name of await executor.list(FILES.backward)) {
      const [, digits, kind] = NAME.exec(name) ?? [];
      const segment = Number(digits);
      const named = segments.get(segment);
      if (kind === 'descriptors' && (named?.descriptors ?? 0) === 0)
        steps.push({ op: 'unlink', file: segmentDescriptors(segment) });
      if (kind === 'data' && named === undefined) steps.push({ op: 'unlink', file: segmentData(segment) });
      if (kind === 'move' && meta.superblock.copied?.segment !== segment)
        steps.push({ op: 'unlink', file: moveRecord(segment) });
    }
    if (steps.length > 0) await executor.run([...steps, { op: 'syncdir', file: FILES.backward }]);
  }
}

/** A cut needs the whole pieces around it, and the sums of all pieces. */
function keep(free: ExtentTree, row: SegmentExtent): void {
  const { start, length, originStart, originLength, offset, pieces } = row;
  const from = Math.max(originStart, alignDown(start, BLOCK));
  const to = Math.min(originStart + originLength, alignUp(start + length, BLOCK));
  free.clear(offset - sumArrayLength(pieces), offset);
  free.clear(offset + from - originStart, offset + to - originStart);
}
