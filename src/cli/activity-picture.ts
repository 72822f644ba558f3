import { formatInstant, type Instant } from '../base/instant.js';
import { describeDuration, describeSize } from '../base/units.js';
import type { ResultOf } from '../control/contract.js';
import { type Tick, ticksOf } from './time-axis.js';

type Activity = ResultOf<'activity'>;
type Bucket = Activity['buckets'][number];

/** How to draw. */
export interface Style {
  /** Of the terminal. */
  readonly columns: number;
  readonly colour: boolean;
  /** Whether more than ASCII can be shown. */
  readonly unicode: boolean;
}

/** What stands before the columns of a line: a number or a name, and a line. */
const LABEL = 12;
/** Wider than this, a line is hard to read. */
const WIDEST = 200;
const NARROWEST = 8;
/** Columns of a bar at the most. */
const THICKEST = 4;
/** Lines of a chart. */
const HEIGHT = 3;

const GLYPHS = {
  ascii: { levels: ' .:#', light: '-', side: '|', corner: '+', base: '-', tick: '+' },
  unicode: { levels: ' ▁▂▃▄▅▆▇█', light: '░', side: '│', corner: '└', base: '─', tick: '┬' },
} as const;
const BLOCK = 4096;

/** How many buckets of activity a terminal has room for. */
export function bucketsIn(columns: number): number {
  return Math.max(NARROWEST, Math.min(columns, WIDEST) - LABEL);
}

/** Writes, bytes and distinct blocks as bars over time, and what else there is to see. Pure. */
export function activityPicture(activity: Activity, nearFrom: Instant, style: Style): string[] {
  const { buckets, step } = activity;
  const [first] = buckets;
  if (first === undefined) return [];
  const draw = new Drawing(activity, style);
  const marker = (name: string, of: (bucket: Bucket) => string) => draw.markers(name, of);
  const near = ({ at }: Bucket) => at + step > nearFrom && activity.to >= nearFrom;
  return [
    ...draw.chart('writes', ({ writes }) => ({ value: writes, light: 0 }), String),
    ...draw.chart('bytes', ({ bytes, zeros }) => ({ value: bytes, light: zeros ?? 0 }), describeSize),
    ...draw.chart('blocks', ({ blocks }) => ({ value: blocks, light: 0 }), String),
    marker('points', (bucket) => (near(bucket) ? '=' : bucket.snapshots > 0 ? '|' : ' ')),
    ...(buckets.some(({ flushes }) => flushes > 0)
      ? [marker('flushes', ({ flushes }) => (flushes > 0 ? 'f' : ' '))]
      : []),
    ...(buckets.some(({ marks }) => marks > 0)
      ? [marker('marks', ({ marks }) => (marks > 0 ? 'm' : ' '))]
      : []),
    ...draw.axis(ticksOf(first.at, step, buckets.length, draw.width)),
    ...summary(activity, nearFrom, style),
  ].map((line) => line.trimEnd());
}

interface Bar {
  /** Undefined: not known. */
  readonly value: number | undefined;
  /** The part of it that is drawn light, on top. */
  readonly light: number;
}

class Drawing {
  /** Columns of a bar. */
  readonly width: number;
  readonly #glyphs;

  constructor(
    readonly activity: Activity,
    readonly style: Style,
  ) {
    const room = Math.floor(bucketsIn(style.columns) / activity.buckets.length);
    this.width = Math.max(1, Math.min(THICKEST, room));
    this.#glyphs = style.unicode ? GLYPHS.unicode : GLYPHS.ascii;
  }

  /** Bars up to the largest value, which stands beside the highest line. */
  chart(name: string, of: (bucket: Bucket) => Bar, text: (value: number) => string): string[] {
    const { buckets } = this.activity;
    const bars = buckets.map(of);
    const most = bars.reduce((max, { value = 0 }) => Math.max(max, value), 0);
    const labels = [text(most), name, '0'];
    return labels.map((label, line) => {
      const cells = bars.map((bar, at) =>
        this.#cell(bar, most, HEIGHT - 1 - line, buckets[at]?.shared === true),
      );
      return this.#line(label, cells);
    });
  }

  /** @param row from the bottom */
  #cell({ value, light }: Bar, most: number, row: number, shared: boolean): string {
    const { levels, light: lightly } = this.#glyphs;
    const wide = (character: string, code: string) => this.#paint(character.repeat(this.width), code);
    if (value === undefined) return wide(row === 0 ? '?' : ' ', '2');
    const full = levels.length - 1;
    // Whatever is there is seen.
    const level = (amount: number) =>
      amount <= 0 ? 0 : Math.max(1, Math.round((amount / most) * HEIGHT * full)) - row * full;
    const height = Math.min(full, Math.max(0, level(value)));
    const dark = Math.min(full, Math.max(0, level(value - light)));
    if (height > 0 && dark === 0) return wide(lightly, '2');
    return wide(levels[dark] ?? ' ', shared ? '2' : '36');
  }

  /** A line with a character for each bucket. */
  markers(name: string, of: (bucket: Bucket) => string): string {
    return this.#line(
      name,
      this.activity.buckets.map((bucket) => {
        const sign = of(bucket);
        return this.#paint(sign.padEnd(this.width, sign === '=' ? sign : ' '), '33');
      }),
    );
  }

  /** The line under the bars, and times under it. */
  axis(ticks: readonly Tick[]): string[] {
    const { corner, base, tick } = this.#glyphs;
    const cells = new Array<string>(this.activity.buckets.length * this.width).fill(base);
    let text = '';
    for (const { column, label } of ticks) {
      cells[column] = tick;
      text = text.padEnd(column) + label;
    }
    return [`${' '.repeat(LABEL - 1)}${corner}${cells.join('')}`, `${' '.repeat(LABEL)}${text}`];
  }

  #line(label: string, cells: readonly string[]): string {
    return `${label.padStart(LABEL - 2)} ${this.#glyphs.side}${cells.join('')}`;
  }

  #paint(text: string, code: string): string {
    return this.style.colour && text.trim() !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

/** What the picture shows in figures, and what its signs mean. */
function summary({ from, to, step, buckets, blocks }: Activity, nearFrom: Instant, style: Style): string[] {
  const sum = (of: (bucket: Bucket) => number | undefined) =>
    buckets.reduce((total, bucket) => total + (of(bucket) ?? 0), 0);
  const whole = buckets.every(({ writes }) => writes !== undefined);
  const writes = sum((bucket) => bucket.writes);
  const zeros = sum((bucket) => bucket.zeros);
  const distinct =
    blocks === undefined ? '' : ` in ${blocks} distinct blocks (${describeSize(blocks * BLOCK)})`;
  const changed = `${whole ? '' : 'at least '}${count(writes, 'write')}, ${describeSize(sum(({ bytes }) => bytes))}`;
  const lines = [
    `  ${formatInstant(from)}  ->  ${formatInstant(to)}, times in UTC, each bar ${describeDuration(step)}`,
    `  ${changed}${distinct}`,
  ];
  const light = style.unicode ? GLYPHS.unicode.light : GLYPHS.ascii.light;
  if (zeros > 0) lines.push(`  ${light} discarded or zeros: ${describeSize(zeros)}`);
  const signs = [
    ...(to >= nearFrom ? ['= every instant can be shown'] : []),
    ...(sum(({ snapshots }) => snapshots) > 0 ? ['| snapshot'] : []),
    ...(sum(({ flushes }) => flushes) > 0 ? ['f flush'] : []),
    ...(sum(({ marks }) => marks) > 0 ? ['m mark'] : []),
  ];
  if (signs.length > 0) lines.push(`  ${signs.join('   ')}`);
  if (buckets.some((bucket) => bucket.writes === undefined || bucket.blocks === undefined))
    lines.push('  ? not known: between two snapshots only what changed is known, not how often');
  if (buckets.some(({ shared }) => shared))
    lines.push('  what is known only for a longer time than that of a bar is spread evenly over it');
  if (buckets.some((bucket) => bucket.blocks === undefined))
    lines.push(
      '  distinct blocks of so long a time would take long to count: --from and --to show less of it',
    );
  return lines;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
