import { AnywhenError, messageOf } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import type { ThinEvent } from '../sync/thin-event.js';
import type { Engine } from './engine.js';
import type { Mark } from './model.js';
import { endedBefore, outdated, parseRetention, type Retention } from './retention.js';
import type { Volume } from './volume.js';

/** What goes: what ended before an instant, what a retention does not keep, or snapshots by name. */
export type ThinChoice =
  | { readonly before: Instant }
  | { readonly keep: Retention }
  /** With their marks; those that are held stay. */
  | { readonly sequences: ReadonlySet<number> };

export interface ThinReport {
  readonly dryRun: boolean;
  /** The points that went, oldest first. */
  readonly dropped: readonly Instant[];
  readonly kept: number;
  /** Those that were to go and stay: they have a mark, or a view of them is open. */
  readonly marked: number;
  readonly pinned: number;
  /** Bytes of the backward journal that nothing names any more. */
  readonly bytesFreed: number;
  readonly milliseconds: number;
}

/** Drops snapshots. A mark keeps its own unless it is asked for by name and not held. The caller lets no sync event run meanwhile. */
export async function thinVolume(
  engine: Engine,
  event: ThinEvent,
  marks: readonly Mark[],
  choice: ThinChoice,
  now: Instant,
  dryRun: boolean,
): Promise<ThinReport> {
  const started = performance.now();
  const { catalog } = engine.meta;
  let marked = 0;
  const choose = () => {
    const { snapshots } = catalog;
    const wanted = wantedOf(engine, choice, now);
    const before = wanted.size;
    const keeping = 'sequences' in choice ? marks.filter(({ hold }) => hold) : marks;
    for (const { sequence, from, to } of snapshots)
      if (keeping.some(({ at }) => at >= from && at < to)) wanted.delete(sequence);
    marked = before - wanted.size;
    return wanted;
  };
  const { dropped, pinned, bytesFreed } = await event.run({ choose, dryRun });
  return {
    dryRun,
    dropped: dropped.map(({ at }) => at),
    kept: catalog.snapshots.length - (dryRun ? dropped.length : 0),
    marked,
    pinned,
    bytesFreed,
    milliseconds: Math.round(performance.now() - started),
  };
}

/** Drops what the policy does not keep; nobody waits for it, and a volume that is closed meanwhile is left alone. */
export async function applyRetention(volume: Volume): Promise<void> {
  try {
    const { retention } = volume.policy();
    if (retention !== 'all') await volume.thin({ keep: parseRetention(retention) });
  } catch (error) {
    if (error instanceof AnywhenError && error.code === 'read-only') return;
    volume.events.warning?.(`thinning: ${messageOf(error)}`);
  }
}

/** Whatever keeps them. */
function wantedOf({ meta }: Engine, choice: ThinChoice, now: Instant): Set<number> {
  const { snapshots } = meta.catalog;
  if ('before' in choice) return endedBefore(snapshots, choice.before);
  if ('keep' in choice) return outdated(snapshots, choice.keep, meta.superblock.mimStamp, now);
  const all = snapshots.map(({ sequence }) => sequence);
  return new Set(all.filter((sequence) => choice.sequences.has(sequence)));
}
