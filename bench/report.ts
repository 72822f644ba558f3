import { z } from 'zod';

/*
 * What a run says, in its JSON: one schema for the writer, for the test and for whoever reads it later. A figure
 * alone means little on a shared machine: what it was compared with ran beside it, round by round.
 */

export const sampleSchema = z.object({
  /** Of the rounds. */
  median: z.number(),
  rounds: z.array(z.number()).min(1),
});

export const rowSchema = z.object({
  section: z.string(),
  name: z.string(),
  unit: z.string(),
  /** Which direction is the better one. */
  better: z.enum(['more', 'less']),
  ours: sampleSchema,
  /** `ratio` = ours / theirs, of the medians. */
  beside: z.array(z.object({ name: z.string(), sample: sampleSchema, ratio: z.number() })),
  /** What was asked of the figure, or of its ratio to one beside it. */
  target: z.object({ value: z.number(), ratioTo: z.string().optional(), reached: z.boolean() }).optional(),
  details: z.record(z.string(), z.union([z.number(), z.string()])),
});

export const reportSchema = z.object({
  schema: z.literal('anywhen/bench/1'),
  startedAt: z.iso.datetime(),
  seconds: z.number(),
  options: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
  environment: z.record(z.string(), z.union([z.number(), z.string()])),
  rows: z.array(rowSchema),
  skipped: z.array(z.object({ what: z.string(), reason: z.string() })),
});

export type Sample = z.infer<typeof sampleSchema>;
export type Row = z.infer<typeof rowSchema>;
export type Report = z.infer<typeof reportSchema>;
export type Details = Row['details'];

/** What one section of the benchmark hands its results to. */
export interface Results {
  row(row: Row): void;
  skip(what: string, reason: string): void;
  /** Tells what is being done, for whoever watches. */
  progress(text: string): void;
}

export interface Figures {
  readonly unit: string;
  readonly better?: 'more' | 'less';
  readonly ours: readonly number[];
  /** The rounds of each that ran beside, by its name. */
  readonly beside?: Readonly<Record<string, readonly number[]>>;
  /** At least so much where more is better, at most where less is: of the median, or of its ratio to one beside. */
  readonly target?: { readonly value: number; readonly ratioTo?: string };
  readonly details?: Details;
}

export function makeRow(section: string, name: string, figures: Figures): Row {
  const ours = sample(figures.ours);
  const beside = Object.entries(figures.beside ?? {}).map(([other, rounds]) => {
    const theirs = sample(rounds);
    return { name: other, sample: theirs, ratio: rounded(ours.median / theirs.median) };
  });
  const { unit, better = 'more', details = {}, target } = figures;
  const row = { section, name, unit, better, ours, beside, details };
  if (target === undefined) return row;
  const { value, ratioTo } = target;
  const found = ratioTo === undefined ? ours.median : beside.find((one) => one.name === ratioTo)?.ratio;
  if (found === undefined) throw new RangeError(`${name}: nothing beside it is named ${ratioTo}`);
  return { ...row, target: { ...target, reached: better === 'more' ? found >= value : found <= value } };
}

function sample(rounds: readonly number[]): Sample {
  return { median: rounded(median(rounds)), rounds: rounds.map(rounded) };
}

/** The middle one; the mean of the two in the middle when they are even in number. @throws for none */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which a share of the values lies, interpolated between neighbours. @throws for none */
export function quantile(values: ArrayLike<number>, share: number): number {
  if (values.length === 0) throw new RangeError('there is no quantile of nothing');
  const sorted = Float64Array.from(values).sort();
  const place = (sorted.length - 1) * share;
  const low = sorted[Math.floor(place)] as number;
  const high = sorted[Math.ceil(place)] as number;
  return low + (high - low) * (place - Math.floor(place));
}

/** Four digits: more would only look exact. */
export function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : value;
}
