import type { Instant } from '../base/instant.js';
import type { Pacer } from '../base/pacer.js';
import { Flag, Kind } from '../journal/forward-descriptor.js';
import type { ForwardIndex } from '../journal/forward-index.js';

/** The qualities of a point as the disk has them. */
export const QualityCode = { write: 0, flush: 1, frozen: 2 } as const;

/** A state of the volume: what it was from one change to the next. */
export interface State {
  /** The last change that belongs to it. */
  readonly sequence: number;
  /** The instant that names it. */
  readonly at: Instant;
  readonly from: Instant;
  /** The stamp of the next change. */
  readonly to: Instant;
  readonly quality: number;
  readonly size: number;
}

/** What a sync event needs to know of the window that it takes, `(mimSequence, end]`. */
export interface Window {
  readonly index: ForwardIndex;
  readonly end: number;
  readonly mimSequence: number;
  readonly mimStamp: Instant;
  readonly mimSize: number;
  readonly mimQuality: number;
  /** Which instants become snapshots: every change, or one each so many ns. */
  readonly granularity: 'all' | bigint;
  /** Sequences whose state must be kept: open views and marks. */
  readonly pinned: ReadonlySet<number>;
  /** For want of space only what is pinned is kept, and where the MIM is when `older` snapshots lead to it. */
  readonly economy?: { readonly older: boolean } | undefined;
}

export interface WindowPlan {
  /** The states that become snapshots, oldest first. The first is where the MIM is, unless space is short. */
  readonly kept: readonly State[];
  /** The state at the end: where the MIM will be. */
  readonly last: Omit<State, 'to' | 'at'>;
  readonly changes: number;
}

/**
 * Chooses the states of the window that become snapshots: the one where the MIM is, those that the policy
 * wants, those with a mark or an open view, and the one before each restore. No I/O; the window may not change.
 */
export async function planWindow(window: Window, pacer: Pacer): Promise<WindowPlan> {
  const { index, end } = window;
  const kept: State[] = [];
  const state = { sequence: window.mimSequence, from: window.mimStamp, size: window.mimSize };
  let quality = window.mimQuality;
  let named: Instant | undefined;
  let pinned = window.pinned.has(window.mimSequence);
  let changes = 0;
  for (let at = index.first; at <= end; at++) {
    if (index.changes(at)) {
      const to = index.stamp(at);
      const grid = gridInstant(window.granularity, state.from, to);
      const first = changes === 0;
      const wanted = window.economy === undefined && (grid !== undefined || index.kind(at) === Kind.bulk);
      const needed = first && window.economy?.older !== false;
      if (needed || pinned || named !== undefined || wanted) {
        kept.push({ ...state, to, quality, at: named ?? grid ?? state.from });
      }
      const kind = index.kind(at);
      if (kind === Kind.bulk || kind === Kind.resize) state.size = index.size(at);
      state.sequence = at;
      state.from = to;
      quality = QualityCode.write;
      named = undefined;
      pinned = false;
      changes += 1;
    } else {
      quality = Math.max(quality, qualityOf(index, at));
      if (index.kind(at) === Kind.mark && window.pinned.has(at)) named = index.stamp(at);
    }
    pinned ||= window.pinned.has(at);
    if (pacer.due()) await pacer.rest();
  }
  return { kept, last: { ...state, quality }, changes };
}

/** What a descriptor makes of the state that it belongs to. */
export function qualityOf(index: ForwardIndex, sequence: number): number {
  if (index.kind(sequence) !== Kind.indicator && index.kind(sequence) !== Kind.mark) return QualityCode.write;
  if ((index.flags(sequence) & Flag.frozen) !== 0) return QualityCode.frozen;
  return (index.flags(sequence) & Flag.client) !== 0 ? QualityCode.flush : QualityCode.write;
}

/** The latest grid instant in `[from, to)`, if there is one; every state has one when all are kept. */
function gridInstant(granularity: 'all' | bigint, from: Instant, to: Instant): Instant | undefined {
  if (granularity === 'all') return from;
  const grid = ((to - 1n) / granularity) * granularity;
  return grid >= from ? grid : undefined;
}
