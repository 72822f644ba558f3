import { BLOCK } from '../src/base/range.js';
import { toVbmj } from '../src/vrmo/convert.js';
import { Vbmj } from '../src/vrmo/vbmj.js';
import { Vbmm } from '../src/vrmo/vbmm.js';
import { FIRST_SEGMENT, FORWARD } from '../src/vrmo/vrmo.js';
import type { Bench } from './bench.js';
import { randomNumbers } from './engine-store.js';
import { makeRow } from './report.js';

const SECTION = 'forms of a VRMO';
/** Calls that are timed together. */
const CALLS = 20_000;
/** Larger maps are built in address order. */
const SHUFFLED = 1_000_000;

type Form = Vbmm | Vbmj;

/** Both forms of one map, over its size and the share of the volume that its extents fill. */
export function formsSection(bench: Bench): Promise<void> {
  const { quick } = bench.options;
  for (const extents of quick ? [1000] : [1000, 10_000, 100_000, 1_000_000]) {
    for (const percent of [1, 50, 99]) compareForms(bench, extents, percent);
  }
  if (!quick) compareForms(bench, 10_000_000, 50);
  for (const extents of quick ? [1000] : [100_000, 1_000_000, 10_000_000]) largeMap(bench, extents);
  return Promise.resolve();
}

function compareForms(bench: Bench, extents: number, percent: number): void {
  bench.results.progress(`forms: ${extents} extents, ${percent} % in the journal`);
  const vbmm = build(new Vbmm(), extents, percent);
  const vbmj = build(new Vbmj(), extents, percent);
  const started = performance.now();
  const compact = toVbmj(vbmm);
  const converting = performance.now() - started;
  const name = `${extents.toLocaleString('en-US')} extents, ${percent} % in the journal`;
  const share = (map: Form) => Math.round(map.bytes / extents);
  row('memory', 'bytes/extent', 'less', (map) => share(map), {
    converted: share(compact),
    'converting ms': Number(converting.toPrecision(3)),
  });
  const limit = Math.floor((extents * 100) / percent);
  row('lookup', 'lookups/s', 'more', (map) => lookups(map, limit));
  row('preserve', 'moves/s', 'more', (map) => moves(map, limit));
  row('replace', 'changes/s', 'more', (map) => changes(map, limit));

  function row(
    what: string,
    unit: string,
    better: 'more' | 'less',
    measure: (map: Form) => number,
    details?: Record<string, number>,
  ): void {
    const [ours, beside]: [number[], number[]] = [[], []];
    for (let round = 0; round < bench.options.rounds; round++) {
      ours.push(measure(vbmm));
      beside.push(measure(vbmj));
    }
    const figures = { unit, better, ours, beside: { VBMJ: beside }, ...(details ? { details } : {}) };
    bench.results.row(makeRow(SECTION, `${name}: ${what} of a VBMM`, figures));
  }
}

/** Extents of one block, evenly spread over a volume of which they fill so much. */
function build<T extends Form>(map: T, extents: number, percent: number): T {
  const start = (n: number) => Math.floor((n * 100) / percent) * BLOCK;
  // A step that is prime to the number visits each once, far from the one before.
  const step = extents > SHUFFLED ? 1 : 7_368_787;
  for (let n = 0, at = 0; n < extents; n++, at = (at + step) % extents) {
    map.replace(start(at), start(at) + BLOCK, FORWARD, at);
  }
  return map;
}

function lookups(map: Form, limit: number): number {
  let found = 0;
  return rate(limit, (start) => map.lookup(start, start + BLOCK, () => void found++));
}

/** On a copy: each move adds to it. */
function moves(map: Form, limit: number): number {
  const copy = map.clone();
  return rate(limit, (start, n) => copy.preserve(start, start + 2 * BLOCK, FIRST_SEGMENT, n));
}

function changes(map: Form, limit: number): number {
  const copy = map.clone();
  return rate(limit, (start, n) => copy.replace(start, start + BLOCK, FORWARD, n));
}

function rate(limit: number, call: (start: number, n: number) => void, calls = CALLS): number {
  const random = randomNumbers(3);
  const started = performance.now();
  for (let n = 0; n < calls; n++) call(random(limit) * BLOCK, n);
  return (calls * 1000) / (performance.now() - started);
}

/** What one map of so many extents can do, not a copy of it: built in address order, then searched and changed at random. */
function largeMap(bench: Bench, extents: number): void {
  bench.results.progress(`forms: one map of ${extents} extents`);
  const calls = Math.min(extents, 10 * CALLS);
  const [built, bytes, found, inserted]: number[][] = [[], [], [], []];
  for (let round = 0; round < bench.options.rounds; round++) {
    const started = performance.now();
    const map = Vbmj.fromSorted((add) => {
      for (let n = 0; n < extents; n++) add(4 * n * BLOCK, (4 * n + 1) * BLOCK, FORWARD, n);
    });
    built?.push((extents * 1000) / (performance.now() - started));
    bytes?.push(map.bytes / extents);
    let seen = 0;
    found?.push(rate(4 * extents, (start) => map.lookup(start, start + BLOCK, () => void seen++), calls));
    // Between two others, each time where nothing is.
    inserted?.push(
      rate(
        extents,
        (start, n) => map.replace(4 * start + 2 * BLOCK, 4 * start + 3 * BLOCK, FORWARD, extents + n),
        calls,
      ),
    );
  }
  const row = (what: string, unit: string, ours: number[] = [], better: 'more' | 'less', target: number) => {
    const name = `one VBMJ of ${extents.toLocaleString('en-US')} extents: ${what}`;
    bench.results.row(makeRow(SECTION, name, { unit, better, ours, details: { target } }));
  };
  row('built in address order', 'extents/s', built, 'more', 2_000_000);
  row('memory', 'bytes/extent', bytes, 'less', 40);
  row('lookups at random', 'lookups/s', found, 'more', 1_000_000);
  row('inserts at random', 'inserts/s', inserted, 'more', 200_000);
}
