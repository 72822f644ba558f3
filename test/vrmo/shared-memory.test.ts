import { expect, test } from 'vitest';
import { Vbmj } from '../../src/vrmo/vbmj.js';
import { Vbmm } from '../../src/vrmo/vbmm.js';
import { FORWARD, MIM, type Vrmo } from '../../src/vrmo/vrmo.js';

/** A map of 20,000 cells, so large that it has many slabs, and what each cell should say. */
interface Pair {
  readonly map: Vrmo;
  readonly cells: Int32Array;
}

const CELLS = 20_000;

test.each([
  ['VBMM', () => new Vbmm()],
  ['VBMJ', () => new Vbmj()],
])('copies of a large %s go on when others are disposed of', (_name, make) => {
  let state = 9;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let next = 1;
  const pairs: Pair[] = [{ map: make(), cells: new Int32Array(CELLS) }];
  const change = ({ map, cells }: Pair, times: number) => {
    for (let n = 0; n < times; n++) {
      const at = random(CELLS);
      map.replace(at * 10, at * 10 + 7, FORWARD, next);
      cells[at] = next++;
    }
  };
  const check = ({ map, cells }: Pair) => {
    map.verify();
    const found = new Int32Array(CELLS);
    map.lookup(0, CELLS * 10, (start, _end, file, record) => {
      if (file !== MIM) found[Math.floor(start / 10)] = record;
    });
    expect(found).toEqual(cells);
  };
  change(pairs[0] as Pair, 30_000);
  for (let round = 0; round < 24; round++) {
    const pair = pairs[random(pairs.length)] as Pair;
    if (random(2) === 0) pairs.push({ map: pair.map.clone(), cells: pair.cells.slice() });
    change(pairs[random(pairs.length)] as Pair, random(2000));
    if (pairs.length > 4) {
      const [gone] = pairs.splice(random(pairs.length), 1);
      gone?.map.dispose();
    }
    if (round % 6 === 5) pairs.forEach(check);
  }
  pairs.forEach(check);
});
