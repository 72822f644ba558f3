import { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { formatDuration, parseDuration } from '../base/units.js';

/** Of the instants up to `age` old that no earlier rule speaks of, those are kept that a grid shows; `all`: each. */
export interface RetentionRule {
  readonly grid: 'all' | bigint;
  /** ns; undefined: however old. */
  readonly age: bigint | undefined;
}

/** Rules by rising age. What is older than the last one is not kept. */
export type Retention = readonly RetentionRule[];

const FORM = 'Such as `all:1h,1m:1d,1h:30d,1d:1y`, or `all`.';

/**
 * Parses `all:1h,1m:1d,1d:ever`: every snapshot for an hour, one a minute for a day, one a day for ever. `all` alone is
 * `all:ever`.
 *
 * @throws `usage`
 */
export function parseRetention(text: string): Retention {
  const rules: RetentionRule[] = [];
  for (const part of text.split(',')) {
    const [grid, age = 'ever', ...more] = part.trim().split(':');
    if (grid === undefined || more.length > 0 || (grid !== 'all' && !part.includes(':')))
      throw new AnywhenError('usage', `'${text}' is no retention: '${part}' is not GRID:AGE`, { hint: FORM });
    const rule = {
      grid: grid === 'all' ? ('all' as const) : parseSpan(grid),
      age: age === 'ever' ? undefined : parseSpan(age),
    };
    const last = rules[rules.length - 1];
    const rising = last === undefined || (last.age !== undefined && (rule.age ?? last.age + 1n) > last.age);
    if (!rising || rule.grid === 0n || rule.age === 0n)
      throw new AnywhenError('usage', `'${text}' is no retention: its ages must rise from part to part`, {
        hint: FORM,
      });
    rules.push(rule);
  }
  return rules;
}

/** A duration; `1y` is 365 days. */
function parseSpan(text: string): bigint {
  const years = /^(\d{1,3})y$/.exec(text)?.[1];
  return years === undefined ? parseDuration(text) : BigInt(years) * 365n * parseDuration('1d');
}

/** As `parseRetention` reads it. */
export function formatRetention(retention: Retention): string {
  const one = ({ grid, age }: RetentionRule) =>
    `${grid === 'all' ? 'all' : formatDuration(grid)}:${age === undefined ? 'ever' : formatDuration(age)}`;
  const [first] = retention;
  if (retention.length === 1 && first?.grid === 'all' && first.age === undefined) return 'all';
  return retention.map(one).join(',');
}

/** A snapshot, as far as retention asks. */
export interface Kept {
  readonly sequence: number;
  /** The volume looked so in `[from, to)`. */
  readonly from: Instant;
  readonly to: Instant;
}

/**
 * The snapshots that a retention does not keep. Kept is what a grid instant shows: the newest snapshot that begins at or
 * before it; so what is kept now shows the same at each grid instant as all did, and thinning again drops nothing more.
 *
 * @param snapshots oldest first
 * @param end where near history begins
 */
export function outdated(
  snapshots: readonly Kept[],
  retention: Retention,
  end: Instant,
  now: Instant,
): Set<number> {
  const drop = new Set<number>();
  for (const [at, snapshot] of snapshots.entries()) {
    const shownTo = snapshots[at + 1]?.from ?? end;
    if (!retention.some((_, rule) => keeps(retention, rule, snapshot, shownTo, now)))
      drop.add(snapshot.sequence);
  }
  return drop;
}

function keeps(retention: Retention, number: number, one: Kept, shownTo: Instant, now: Instant): boolean {
  const rule = retention[number];
  if (rule === undefined) return false;
  // The rule speaks of the instants in (oldest, newest]: ages from that of the rule before up to its own.
  const newest = now - (retention[number - 1]?.age ?? -1n) - 1n;
  const oldest = rule.age === undefined ? undefined : now - rule.age;
  const from = oldest === undefined || one.from > oldest ? one.from : oldest;
  const to = rule.grid === 'all' ? one.to : shownTo;
  const last = to - 1n < newest ? to - 1n : newest;
  if (rule.grid === 'all') return last >= from;
  return (last / rule.grid) * rule.grid >= from;
}

/** The snapshots whose time is over at `before`. */
export function endedBefore(snapshots: readonly Kept[], before: Instant): Set<number> {
  return new Set(snapshots.filter(({ to }) => to <= before).map(({ sequence }) => sequence));
}
