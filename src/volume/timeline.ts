import { AnywhenError } from '../base/errors.js';
import { formatInstant, type Instant } from '../base/instant.js';
import type { SnapshotEdit } from '../journal/catalog-format.js';
import { Flag, Kind } from '../journal/forward-descriptor.js';
import type { ForwardIndex } from '../journal/forward-index.js';
import type { StoreMeta } from '../journal/store-meta.js';
import { QualityCode, qualityOf } from '../sync/window.js';
import type { Mark, Point, Quality, Resolution } from './model.js';

const QUALITIES: readonly Quality[] = ['write', 'flush', 'frozen'];

/** What the timeline is made of. `marks`: all that exist, in order of time. */
export interface TimelineParts {
  readonly meta: StoreMeta;
  readonly index: ForwardIndex;
  readonly marks: () => readonly Mark[];
  readonly now: () => Instant;
  /** Whether a state of near history is about to be dropped by the sync event that is under way. */
  readonly leaving: (sequence: number) => boolean;
  /** The snapshots that a thinning is about to drop: they are gone already. */
  readonly dropping: () => ReadonlySet<number>;
  /** What came after this instant is lost, by damage to the journal. */
  readonly knownTo: Instant | undefined;
}

/** Which instants can be shown, and what they are. Near history shows every instant; before it, the snapshots. */
export class Timeline {
  constructor(readonly parts: TimelineParts) {}

  /** The start of near history: from here to now every instant is exact. */
  get nearFrom(): Instant {
    return this.parts.meta.superblock.mimStamp;
  }

  get oldest(): Instant {
    return this.snapshots()[0]?.from ?? this.nearFrom;
  }

  /** The state that sequence `sequence` of near history belongs to: its last change. */
  stateOf(sequence: number): number {
    const { index, meta } = this.parts;
    const first = meta.superblock.journal.firstSequence;
    for (let at = sequence; at >= first; at--) if (index.changes(at)) return at;
    return meta.superblock.mimSequence;
  }

  /** The size of the volume in a state of near history. */
  sizeAt(sequence: number): number {
    const { index, meta } = this.parts;
    const change = index.lastSizeChange(sequence);
    return change < 0 ? meta.superblock.mimSize : index.size(change);
  }

  exact(at: Instant): boolean {
    if (at > this.parts.now()) return false;
    if (at >= this.nearFrom) return !this.#leavingAt(at) && !this.#lostAt(at);
    const snapshot = this.#snapshotAt(at);
    return snapshot !== undefined && at < snapshot.to;
  }

  /** The point at an exact instant. @throws as `resolve`, and `not-found` when the instant is not exact */
  exactPoint(at: Instant): Point {
    const { point, exact } = this.resolve(at);
    if (exact) return { ...point, at };
    throw new AnywhenError(
      'not-found',
      `${formatInstant(at)} lies between two points; the older one is ${formatInstant(point.at)}`,
    );
  }

  /** @throws `usage` for the future, `not-found` before the oldest point */
  resolve(at: Instant): Resolution {
    const now = this.parts.now();
    if (at > now) {
      throw new AnywhenError('usage', `${formatInstant(at)} is in the future; now is ${formatInstant(now)}`);
    }
    if (at >= this.nearFrom) return this.#resolveNear(at);
    const snapshot = this.#snapshotAt(at);
    if (snapshot === undefined) {
      throw new AnywhenError(
        'not-found',
        `${formatInstant(at)} is before the oldest point, ${formatInstant(this.oldest)}`,
        {
          hint: '`anywhen points` lists what there is.',
        },
      );
    }
    const exact = at < snapshot.to;
    return { point: this.#point(snapshot), at: exact ? at : snapshot.at, exact };
  }

  /** A state that a sync event is about to drop is gone already: what stays is the point before it. */
  #resolveNear(at: Instant): Resolution {
    const { index, leaving, knownTo = 0n } = this.parts;
    if (this.#lostAt(at))
      return { point: this.#near(index.lastAt(knownTo), knownTo), at: knownTo, exact: false };
    const wanted = index.lastAt(at);
    let state = this.stateOf(wanted);
    if (!leaving(state)) return { point: this.#near(wanted, at), at, exact: true };
    while (leaving(state)) state = this.stateOf(state - 1);
    const from = state < index.first ? this.nearFrom : index.stamp(state);
    return { point: this.#near(state, from), at: from, exact: false };
  }

  #leavingAt(at: Instant): boolean {
    return this.parts.leaving(this.stateOf(this.parts.index.lastAt(at)));
  }

  #lostAt(at: Instant): boolean {
    return this.parts.knownTo !== undefined && at > this.parts.knownTo;
  }

  /** The newest sync indicator of a client at or before `at`. */
  lastFlush(at: Instant): Instant | undefined {
    const { index } = this.parts;
    for (let sequence = index.lastAt(at); sequence >= index.first; sequence--) {
      if (this.#isFlush(sequence)) return index.stamp(sequence);
    }
    const older = this.snapshots().filter(
      (snapshot) => snapshot.quality > QualityCode.write && snapshot.at <= at,
    );
    const onMirror = this.parts.meta.superblock.mimQuality > QualityCode.write && at >= this.nearFrom;
    return onMirror ? this.nearFrom : older[older.length - 1]?.at;
  }

  /** Oldest first. `all`: every change of near history too. In proportion to the descriptors, snapshots and marks. */
  points(range: { from?: Instant; to?: Instant; all?: boolean } = {}): Point[] {
    const marks = this.parts.marks();
    const points = this.snapshots().map((snapshot) => this.#point(snapshot, marks));
    for (const { state, at } of this.#nearStates(range.all === true))
      points.push(this.#near(state, at, marks));
    const after = range.from;
    const before = range.to;
    return points.filter(
      (point) => (after === undefined || point.at >= after) && (before === undefined || point.at <= before),
    );
  }

  /** The states of near history that are points, oldest first, each once, with the last instant that names it. */
  #nearStates(all: boolean): { state: number; at: Instant }[] {
    const { index } = this.parts;
    let state = this.stateOf(index.first - 1);
    let last = { state, at: this.nearFrom };
    const found = [last];
    for (let at = index.first; at < index.next; at++) {
      const changes = index.changes(at);
      if (changes) state = at;
      const named = index.kind(at) === Kind.mark || this.#isFlush(at);
      if (!(named || (all && changes) || at === index.next - 1) || this.parts.leaving(state)) continue;
      if (state !== last.state) {
        last = { state, at: index.stamp(at) };
        found.push(last);
      } else last.at = index.stamp(at);
    }
    return found;
  }

  #isFlush(sequence: number): boolean {
    const { index } = this.parts;
    return index.kind(sequence) === Kind.indicator && (index.flags(sequence) & Flag.client) !== 0;
  }

  /** Snapshots that are not near history as well, as those of a move under way are. */
  snapshots(): readonly SnapshotEdit[] {
    const { snapshots } = this.parts.meta.catalog;
    const last = snapshots[snapshots.length - 1];
    const dropping = this.parts.dropping();
    if (dropping.size === 0 && (last === undefined || last.from < this.nearFrom)) return snapshots;
    return snapshots.filter(({ from, sequence }) => from < this.nearFrom && !dropping.has(sequence));
  }

  /** The youngest snapshot that begins at or before `at`. */
  #snapshotAt(at: Instant): SnapshotEdit | undefined {
    const snapshots = this.snapshots();
    let low = 0;
    let high = snapshots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((snapshots[middle] as SnapshotEdit).from <= at) low = middle + 1;
      else high = middle;
    }
    return snapshots[low - 1];
  }

  #point(snapshot: SnapshotEdit, marks = this.parts.marks()): Point {
    const { sequence, at, from, to, size } = snapshot;
    const quality = QUALITIES[snapshot.quality] ?? 'write';
    return { sequence, at, from, to, place: 'snapshot', quality, size, marks: marksIn(marks, from, to) };
  }

  /** The point of near history that `sequence` belongs to, named `at`. */
  #near(sequence: number, at: Instant, marks = this.parts.marks()): Point {
    const { index, meta } = this.parts;
    const state = this.stateOf(sequence);
    const from = state < index.first ? meta.superblock.mimStamp : index.stamp(state);
    let next = Math.max(state + 1, index.first);
    let quality: number = state < index.first ? meta.superblock.mimQuality : QualityCode.write;
    for (; next < index.next && !index.changes(next); next++)
      quality = Math.max(quality, qualityOf(index, next));
    const to = next < index.next ? index.stamp(next) : undefined;
    return {
      sequence: state,
      at,
      from,
      to,
      place: 'near',
      quality: QUALITIES[quality] ?? 'write',
      size: this.sizeAt(state),
      marks: marksIn(marks, from, to),
    };
  }
}

/** Marks, in order of time, in `[from, to)`. Logarithmic, and in proportion to what is found. */
function marksIn(marks: readonly Mark[], from: Instant, to: Instant | undefined): string[] {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((marks[middle] as Mark).at < from) low = middle + 1;
    else high = middle;
  }
  const names: string[] = [];
  for (let mark = marks[low]; mark !== undefined && (to === undefined || mark.at < to); mark = marks[++low])
    names.push(mark.name);
  return names;
}
