import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ADDRESS_LIMIT } from '../../src/base/range.js';
import { toVbmj } from '../../src/vrmo/convert.js';
import { Vbmj } from '../../src/vrmo/vbmj.js';
import { Vbmm } from '../../src/vrmo/vbmm.js';
import { FIRST_SEGMENT, FORWARD, MIM, type SourceFile, type Vrmo, ZERO } from '../../src/vrmo/vrmo.js';
import { CellModel, expectSame, lookup, preserve } from './cell-model.js';
import { randomFrom } from './random.js';

const SPACE = 48;

interface Action {
  readonly kind: 'replace' | 'preserve' | 'settle' | 'lookup' | 'clone';
  readonly from: number;
  readonly length: number;
  readonly file: SourceFile;
  readonly record: number;
}

const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom('replace', 'replace', 'preserve', 'preserve', 'settle', 'lookup', 'clone'),
  from: fc.integer({ min: 0, max: SPACE }),
  length: fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: SPACE })),
  file: fc.constantFrom(FORWARD, ZERO, FIRST_SEGMENT, FIRST_SEGMENT + 1),
  record: fc.integer({ min: 0, max: 4 }),
});

/** Runs one action on every map and on the model, and compares what they answer. */
function act(maps: readonly Vrmo[], model: CellModel, { kind, from, length, file, record }: Action): void {
  const start = model.base + from;
  const end = Math.min(start + length, model.base + model.size);
  if (kind === 'replace') {
    // Every fifth one gives the range back to the MIM.
    const source = record === 4 ? MIM : file;
    model.replace(start, end, source, record);
    for (const map of maps) map.replace(start, end, source, record);
  } else if (kind === 'preserve') {
    const saved = model.preserve(start, end, file, record);
    for (const map of maps) expect(preserve(map, start, end, file, record)).toEqual(saved);
  } else if (kind === 'settle') {
    const caughtUp = (f: SourceFile, r: number) => f === file && r >= record;
    model.settle(start, end, caughtUp);
    for (const map of maps) map.settle(start, end, caughtUp);
  } else {
    for (const map of maps) expect(lookup(map, start, end)).toEqual(model.runs(start, end));
  }
}

describe('VBMM and VBMJ', () => {
  test.each([
    ['at the start of the address space', 0],
    ['at its end', ADDRESS_LIMIT - SPACE],
  ])('agree with an array of cells and with each other, %s', (_where, base) => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40, size: 'max' }), (actions) => {
        let maps: Vrmo[] = [new Vbmm(), new Vbmj()];
        const model = new CellModel(SPACE, base);
        const old: { maps: Vrmo[]; model: CellModel }[] = [];
        for (const next of actions) {
          if (next.kind === 'clone') {
            // Sometimes the copy goes on and the original stays, sometimes the other way round.
            const copies = maps.map((map) => map.clone());
            old.push({ maps: next.record % 2 === 0 ? maps : copies, model: model.clone() });
            maps = next.record % 2 === 0 ? copies : maps;
          } else {
            act(maps, model, next);
          }
          for (const map of maps) expectSame(map, model);
        }
        for (const state of old) for (const map of state.maps) expectSame(map, state.model);
      }),
      { numRuns: 1000 },
    );
  });

  test('a VBMM that is turned into a VBMJ says the same and stays right', () => {
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 20, size: 'max' }),
        fc.array(action, { maxLength: 20, size: 'max' }),
        (before, after) => {
          const vbmm = new Vbmm();
          const model = new CellModel(SPACE);
          for (const next of before) act([vbmm], model, next);
          const vbmj = toVbmj(vbmm);
          expect(vbmj.form).toBe('vbmj');
          expectSame(vbmj, model);
          for (const next of after) act([vbmm, vbmj], model, next);
          expectSame(vbmm, model);
          expectSame(vbmj, model);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('built in bulk they are the same as built step by step', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 30, size: 'max' }), (actions) => {
        const model = new CellModel(SPACE);
        for (const next of actions) act([], model, next);
        const feed = (add: (s: number, e: number, f: SourceFile, r: number) => void) => {
          for (const [start, end, file, record] of model.runs()) add(start, end, file, record);
        };
        expectSame(Vbmm.fromSorted(feed), model);
        expectSame(Vbmj.fromSorted(feed), model);
      }),
      { numRuns: 300 },
    );
  });

  test('stay right over many levels of nodes, through growth, overwriting and settling', () => {
    const size = 30_000;
    const random = randomFrom(20240101);
    const model = new CellModel(size);
    const maps: Vrmo[] = [new Vbmm(), new Vbmj()];
    for (let step = 0; step < 60_000; step++) {
      const growing = step % 20_000 < 14_000;
      const kinds: Action['kind'][] = growing ? ['replace', 'preserve'] : ['settle', 'replace', 'lookup'];
      const length = growing ? 1 + random(3) : 1 + random(200);
      const kind = kinds[random(kinds.length)];
      const record = kind === 'settle' ? 0 : 5 + random(1000);
      act(maps, model, { kind, from: random(size), length, file: FORWARD, record });
      if (step % 2000 === 1999) for (const map of maps) expectSame(map, model);
    }
    const copies = maps.map((map) => map.clone());
    const state = model.clone();
    act(maps, model, { kind: 'settle', from: 0, length: size, file: FORWARD, record: 0 });
    for (const map of maps) expectSame(map, model);
    for (const map of maps) expect(map.extents).toBe(0);
    for (const copy of copies) expectSame(copy, state);
  });
});

describe('a VRMO', () => {
  const forms: [string, () => Vrmo][] = [
    ['VBMM', () => new Vbmm()],
    ['VBMJ', () => new Vbmj()],
  ];

  test.each(forms)('as %s is all MIM when it is new', (_name, create) => {
    const map = create();
    expect(lookup(map, 0, ADDRESS_LIMIT)).toEqual([[0, ADDRESS_LIMIT, MIM, 0]]);
    expect(map.extents).toBe(0);
  });

  test.each(forms)('as %s joins pieces of one descriptor and no others', (_name, create) => {
    const map = create();
    map.replace(0, 4096, FORWARD, 1);
    map.replace(8192, 12288, FORWARD, 1);
    map.replace(4096, 8192, FORWARD, 1);
    map.replace(12288, 16384, FORWARD, 2);
    map.replace(16384, 20480, FIRST_SEGMENT, 2);
    expect(lookup(map, 0, 20480)).toEqual([
      [0, 12288, FORWARD, 1],
      [12288, 16384, FORWARD, 2],
      [16384, 20480, FIRST_SEGMENT, 2],
    ]);
    map.verify();
  });

  test.each(forms)(
    'as %s settles only within the range, and cuts what reaches out of it',
    (_name, create) => {
      const map = create();
      map.replace(0, 100, FORWARD, 1);
      map.replace(100, 200, FORWARD, 2);
      map.settle(50, 150, (_file, record) => record === 1);
      expect(lookup(map, 0, 300)).toEqual([
        [0, 50, FORWARD, 1],
        [50, 100, MIM, 0],
        [100, 200, FORWARD, 2],
        [200, 300, MIM, 0],
      ]);
      map.settle(0, 40, () => true);
      map.settle(110, 130, () => true);
      expect(map.extents).toBe(3);
      map.settle(0, ADDRESS_LIMIT, () => true);
      expect(lookup(map, 0, ADDRESS_LIMIT)).toEqual([[0, ADDRESS_LIMIT, MIM, 0]]);
      map.verify();
    },
  );

  test.each(forms)('as %s refuses what is no range and a move to the MIM', (_name, create) => {
    const map = create();
    expect(() => map.replace(10, 5, FORWARD, 1)).toThrow('range');
    expect(() => map.replace(-1, 5, FORWARD, 1)).toThrow('range');
    expect(() => map.replace(Number.NaN, 5, FORWARD, 1)).toThrow('range');
    expect(() => map.preserve(0, ADDRESS_LIMIT * 2, FORWARD, 1)).toThrow('range');
    expect(() => map.preserve(0, 1, MIM, 0)).toThrow('journal');
  });

  test('gives its memory back when a sync event leaves little of it', () => {
    const maps = [new Vbmm(), new Vbmj()];
    for (const map of maps) {
      for (let i = 0; i < 100_000; i++) map.replace(i * 8192, i * 8192 + 4096, FORWARD, i);
      const before = map.bytes;
      map.settle(0, ADDRESS_LIMIT, (_file, record) => record % 1000 !== 0);
      map.verify();
      expect(map.extents).toBe(100);
      expect(map.bytes).toBeLessThan(before / 8);
    }
  });
});
