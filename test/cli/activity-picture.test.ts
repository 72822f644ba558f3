import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activityPicture, bucketsIn, type Style } from '../../src/cli/activity-picture.js';
import { wantsUnicode } from '../../src/cli/output.js';
import { ticksOf } from '../../src/cli/time-axis.js';
import type { ResultOf } from '../../src/control/contract.js';

type Activity = ResultOf<'activity'>;
type Bucket = Activity['buckets'][number];

const SECOND = 1_000_000_000n;
const FIRST = BigInt(Date.parse('2026-01-31T12:00:00Z')) * 1_000_000n;
const PLAIN: Style = { columns: 80, colour: false, unicode: false };
const NOTHING = {
  writes: 0,
  bytes: 0,
  zeros: 0,
  blocks: 0,
  shared: false,
  flushes: 0,
  marks: 0,
  snapshots: 0,
};

function activity(buckets: readonly Partial<Bucket>[], step = 60n * SECOND): Activity {
  const filled = buckets.map((bucket, at) => ({ ...NOTHING, ...bucket, at: FIRST + BigInt(at) * step }));
  const to = FIRST + BigInt(buckets.length) * step - 1n;
  return { from: FIRST, to, step, blocks: 3, buckets: filled };
}

const old = { writes: undefined, zeros: undefined, shared: true, bytes: 50, blocks: 2 };
const some = activity([
  { ...old, snapshots: 1 },
  old,
  { ...old, snapshots: 1, flushes: 1, bytes: 0, blocks: 0 },
  { writes: 2, bytes: 100, blocks: 1 },
  { writes: 0, marks: 1 },
  { writes: 9, bytes: 300, zeros: 300, blocks: 9 },
]);

describe('the picture of activity', () => {
  it('has a bar for each part of time, and signs for what lies there', () => {
    const narrow = activityPicture(some, FIRST + 180n * SECOND, { ...PLAIN, columns: 20 });
    expect(narrow).toEqual([
      '         9 |     #',
      '    writes |     #',
      '         0 |???: #',
      '     300 B |     -',
      '     bytes |     -',
      '         0 |:: # -',
      '         9 |     #',
      '    blocks |     #',
      '         0 |:: . #',
      '    points || |===',
      '   flushes |  f',
      '     marks |    m',
      '           ++-----',
      '            12:00',
      '  2026-01-31T12:00:00Z  ->  2026-01-31T12:05:59.999999999Z, times in UTC, each bar 1.00 m',
      '  at least 11 writes, 500 B in 3 distinct blocks (12.0 KiB)',
      '  - discarded or zeros: 300 B',
      '  = every instant can be shown   | snapshot   f flush   m mark',
      '  ? not known: between two snapshots only what changed is known, not how often',
      '  what is known only for a longer time than that of a bar is spread evenly over it',
    ]);
  });

  it('has thicker bars where there is room, and eighths where the locale has them', () => {
    const lines = activityPicture(some, FIRST + 180n * SECOND, { ...PLAIN, unicode: true });
    expect(lines[2]).toBe('         0 │????????????▅▅▅▅    ████');
    expect(lines[5]).toBe('         0 │▄▄▄▄▄▄▄▄    ████    ░░░░');
    expect(lines[9]).toBe('    points │|       |   ============');
    expect(lines[13]).toBe('            12:00               12:05');
  });

  it('is as wide as the terminal at the most, whatever is in it, and paints only when asked', () => {
    const bucket = fc.record({
      writes: fc.option(fc.nat(), { nil: undefined }),
      bytes: fc.maxSafeNat(),
      blocks: fc.option(fc.nat(), { nil: undefined }),
      shared: fc.boolean(),
      flushes: fc.nat(3),
      marks: fc.nat(3),
      snapshots: fc.nat(3),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 300 }),
        fc.boolean(),
        fc.array(bucket, { minLength: 1, maxLength: 190 }),
        (columns, unicode, buckets) => {
          const shown = activity(buckets.slice(0, bucketsIn(columns)));
          const lines = activityPicture(shown, FIRST, { columns, colour: false, unicode });
          const top = lines.findIndex((line) => line.startsWith('  2026'));
          // A label may stand under the last bar.
          const widths = lines.slice(0, top - 1).map((line) => line.length);
          expect(Math.max(...widths)).toBeLessThanOrEqual(Math.max(20, columns));
          expect(lines.join('')).not.toContain('\u001b');
          const charts = lines.slice(0, 9).join('');
          for (const what of ['bytes', 'blocks', 'writes'] as const)
            if (shown.buckets.every((one) => (one[what] ?? 0) === 0)) continue;
            else expect(charts).toMatch(unicode ? /[▁-█]/ : /[.:#]/);
          const painted = activityPicture(shown, FIRST, { columns, colour: true, unicode });
          // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what paint is made of
          expect(painted.map((line) => line.replace(/\u001b\[\d+m/g, '').trimEnd())).toEqual(lines);
        },
      ),
    );
  });

  it('says that blocks are not counted where they are not', () => {
    const lines = activityPicture(
      { ...activity([{ bytes: 5, blocks: undefined }]), blocks: undefined },
      FIRST + 3600n * SECOND,
      PLAIN,
    );
    expect(lines[8]).toBe('         0 |????');
    expect(lines.join('\n')).toMatch(/0 writes, 5 B$/m);
    expect(lines.join('\n')).toMatch(/--from and --to show less of it$/m);
    expect(lines.join('\n')).not.toMatch(/every instant/);
  });

  it('is nothing where there is nothing', () => {
    expect(activityPicture(activity([]), FIRST, PLAIN)).toEqual([]);
  });
});

describe('the axis of time', () => {
  const DAY = 86_400n * SECOND;
  const labels = (step: bigint, first = FIRST) => ticksOf(first, step, 60, 1).map(({ label }) => label);

  it('says as much of a time as tells one tick from the next', () => {
    expect(labels(60n * SECOND)).toEqual(['12:00', '12:15', '12:30', '12:45']);
    expect(labels(SECOND)).toEqual(['12:00:00', '12:00:15', '12:00:30', '12:00:45']);
    expect(labels(1_000_000n)).toEqual(['00.000', '00.020', '00.040']);
    expect(labels(1_000n, FIRST + 5_000n)).toEqual(['00.000020', '00.000040', '00.000060']);
    expect(labels(1n, FIRST + 7n)).toEqual(['00.000000020', '00.000000040', '00.000000060']);
    expect(labels(3600n * SECOND)).toEqual(['12:00', '02-01', '12:00', '02-02', '12:00']);
    expect(labels(DAY)).toEqual(['02-16', '03-08', '03-28']);
    expect(labels(50n * DAY)[0]).toMatch(/^\d{4}-\d\d-\d\d$/);
  });

  it('has ticks under the bars of their times, apart enough for the labels', () => {
    const step = fc.constantFrom(
      1n,
      50n,
      1000n,
      SECOND / 5n,
      SECOND,
      30n * SECOND,
      3600n * SECOND,
      DAY,
      100n * DAY,
    );
    const first = fc.bigInt({ min: 0n, max: 2n ** 62n });
    fc.assert(
      fc.property(
        step,
        first,
        fc.integer({ min: 1, max: 188 }),
        fc.integer({ min: 1, max: 4 }),
        (length, at, bars, width) => {
          const start = at - (at % length);
          const ticks = ticksOf(start, length, bars, width);
          for (const [number, { column, label }] of ticks.entries()) {
            expect(column % width).toBe(0);
            expect(column).toBeLessThan(bars * width);
            expect(label.length).toBeLessThanOrEqual(12);
            const before = ticks[number - 1];
            if (before !== undefined) expect(column - before.column).toBeGreaterThanOrEqual(12 - width);
          }
        },
      ),
    );
  });
});

it('more than ASCII is shown where the locale is UTF-8', () => {
  expect(wantsUnicode({ LANG: 'de_DE.UTF-8' })).toBe(true);
  expect(wantsUnicode({ LANG: 'C.utf8', LC_ALL: '' })).toBe(true);
  expect(wantsUnicode({ LANG: 'de_DE.UTF-8', LC_CTYPE: 'C' })).toBe(false);
  expect(wantsUnicode({ LANG: 'de_DE.UTF-8', LC_CTYPE: 'C', LC_ALL: 'en_GB.UTF-8' })).toBe(true);
  expect(wantsUnicode({})).toBe(false);
});
