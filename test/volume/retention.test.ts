import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  endedBefore,
  formatRetention,
  type Kept,
  outdated,
  parseRetention,
  type Retention,
} from '../../src/volume/retention.js';

const SPAN = 60;

/** Snapshots with gaps between them, as thinning leaves them, in `[0, SPAN)`. */
const history = fc
  .uniqueArray(fc.nat(SPAN - 1), { minLength: 1, maxLength: 30 })
  .chain((borders) => fc.tuple(fc.constant(borders.sort((a, b) => a - b)), fc.infiniteStream(fc.boolean())))
  .map(([borders, gaps]) => {
    const kept: Kept[] = [];
    for (const [at, from] of borders.entries()) {
      const to = borders[at + 1] ?? SPAN;
      const gap = gaps.next().value === true;
      kept.push({ sequence: at, from: BigInt(from), to: BigInt(gap ? from + 1 : to) });
    }
    return kept;
  });

const retention = fc
  .array(
    fc.record({
      grid: fc.oneof(fc.constant('all' as const), fc.bigInt(1n, 15n)),
      step: fc.bigInt(1n, 25n),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .chain((parts) => fc.tuple(fc.constant(parts), fc.boolean()))
  .map(([parts, ever]): Retention => {
    let age = 0n;
    return parts.map(({ grid, step }, at) => {
      age += step;
      return { grid, age: ever && at === parts.length - 1 ? undefined : age };
    });
  });

/** Instant by instant: by the first rule that is old enough, what does it show? */
function naive(snapshots: readonly Kept[], rules: Retention, now: bigint): Set<number> {
  const drop = new Set(snapshots.map(({ sequence }) => sequence));
  for (let at = 0n; at < BigInt(SPAN) && at <= now; at++) {
    const rule = rules.find(({ age }) => age === undefined || now - at <= age);
    if (rule === undefined || (rule.grid !== 'all' && at % rule.grid !== 0n)) continue;
    const shown = snapshots.findLast(({ from }) => from <= at);
    if (shown === undefined || (rule.grid === 'all' && at >= shown.to)) continue;
    drop.delete(shown.sequence);
  }
  return drop;
}

const end = BigInt(SPAN);

describe('a retention', () => {
  it('drops what a look at every instant drops', () => {
    fc.assert(
      fc.property(history, retention, fc.bigInt(0n, 60n), (snapshots, rules, more) => {
        expect(outdated(snapshots, rules, end, end + more)).toEqual(naive(snapshots, rules, end + more));
      }),
      { numRuns: 3000 },
    );
  });

  it('drops nothing more when it is applied again at once', () => {
    fc.assert(
      fc.property(history, retention, (snapshots, rules) => {
        const drop = outdated(snapshots, rules, end, end);
        const left = snapshots.filter(({ sequence }) => !drop.has(sequence));
        expect(outdated(left, rules, end, end)).toEqual(new Set());
      }),
      { numRuns: 3000 },
    );
  });

  it('is written as it is read', () => {
    for (const text of ['all', 'all:1h,1m:1d,1h:30d,1d:365d', '10s:1d,1h:ever'])
      expect(formatRetention(parseRetention(text))).toBe(text);
    expect(parseRetention('1d:1y')).toEqual(parseRetention('1d:365d'));
    expect(outdated([{ sequence: 1, from: 0n, to: 1n }], parseRetention('all'), 10n, 9999n)).toEqual(
      new Set(),
    );
  });

  it.each(['', '1m', 'all:1h,1m:30m', 'all,1m:1d', '0:1h', '1m:0', '1m:1h:2h', 'soon:1h', '1m:1h,1h:1h'])(
    'refuses %j',
    (text) => {
      expect(() => parseRetention(text)).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );

  it('tells what ended before an instant', () => {
    const two = [
      { sequence: 1, from: 0n, to: 5n },
      { sequence: 2, from: 5n, to: 9n },
    ];
    expect(endedBefore(two, 5n)).toEqual(new Set([1]));
    expect(endedBefore(two, 4n)).toEqual(new Set());
    expect(endedBefore(two, 9n)).toEqual(new Set([1, 2]));
  });
});
