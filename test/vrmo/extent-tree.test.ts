import { describe, expect, test } from 'vitest';
import { ExtentTree } from '../../src/vrmo/extent-tree.js';
import { compacted, ExtentTreeBuilder } from '../../src/vrmo/extent-tree-builder.js';
import { NONE, offsetOf } from '../../src/vrmo/node-slabs.js';
import { FORWARD, MIM } from '../../src/vrmo/vrmo.js';
import { randomFrom } from './random.js';

const BLOCK = 4096;

function extentsOf(tree: ExtentTree): number[][] {
  const extents: number[][] = [];
  for (let at = tree.first(); at !== NONE; at = tree.next(at)) {
    extents.push([tree.start(at), tree.end(at), tree.file(at), tree.record(at)]);
  }
  return extents;
}

/** `count` extents of a block, a block apart. */
function built(count: number): ExtentTree {
  const builder = new ExtentTreeBuilder();
  for (let i = 0; i < count; i++) builder.add(i * 2 * BLOCK, (i * 2 + 1) * BLOCK, FORWARD, i);
  return builder.build();
}

describe('an extent tree', () => {
  test('finds the extent that covers an address, or the one behind it', () => {
    const tree = built(100_000);
    for (const i of [0, 1, 63, 64, 4095, 50_000, 99_999]) {
      const at = tree.find(i * 2 * BLOCK + 17);
      expect(tree.record(at)).toBe(i);
      expect(tree.record(tree.find(i * 2 * BLOCK))).toBe(i);
      if (i > 0) expect(tree.record(tree.find(i * 2 * BLOCK - 1))).toBe(i);
      if (i > 0) expect(tree.record(tree.previous(at))).toBe(i - 1);
    }
    expect(tree.find(99_999 * 2 * BLOCK + BLOCK)).toBe(NONE);
    expect(tree.record(tree.last())).toBe(99_999);
    expect(tree.previous(tree.first())).toBe(NONE);
    expect(tree.next(tree.last())).toBe(NONE);
  });

  test('without an extent finds nothing', () => {
    const tree = new ExtentTree();
    expect([tree.first(), tree.last(), tree.find(0), tree.floor(5)]).toEqual([NONE, NONE, NONE, NONE]);
    tree.clear(0, 100);
    tree.verify();
    expect(extentsOf(compacted(tree))).toEqual([]);
    expect(extentsOf(new ExtentTreeBuilder().build())).toEqual([]);
  });

  test.each([0, 1, 55, 56, 57, 56 * 56, 56 * 56 + 1, 200_001])(
    'is whole when built of %i extents',
    (count) => {
      const tree = built(count);
      tree.verify();
      expect(tree.size).toBe(count);
      expect(tree.journalBytes).toBe(count * BLOCK);
      expect(extentsOf(tree).map(([, , , record]) => record)).toEqual(
        Array.from({ length: count }, (_, i) => i),
      );
    },
  );

  test('is not built of extents that are out of order', () => {
    const builder = new ExtentTreeBuilder();
    builder.add(100, 200, FORWARD, 1);
    expect(() => builder.add(150, 300, FORWARD, 2)).toThrow('follows');
    expect(() => builder.add(200, 200, FORWARD, 2)).toThrow('follows');
  });

  test('erases from either end, and from the middle, down to nothing', () => {
    const orders: ((tree: ExtentTree) => number)[] = [
      (tree) => tree.first(),
      (tree) => tree.last(),
      (tree) => tree.find(4000 * BLOCK),
    ];
    for (const choose of orders) {
      const tree = built(4000);
      while (tree.size > 0) {
        const at = choose(tree);
        tree.erase(at === NONE ? tree.last() : at);
        if (tree.size % 97 === 0) tree.verify();
      }
      tree.verify();
      expect(tree.structure.nodes.live).toBe(1);
    }
  });

  test('an extent that reached over later leaves may begin behind them when its start is cut off', () => {
    const tree = built(1000);
    tree.replace(10 * BLOCK, 1900 * BLOCK, FORWARD, 5000);
    for (let start = 10; start < 1900; start += 7) {
      tree.clear(start * BLOCK, (start + 7) * BLOCK);
      tree.verify();
    }
  });

  test('a copy and its original change apart', () => {
    const original = built(50_000);
    const before = extentsOf(original);
    const copy = original.clone();
    const copyOfCopy = copy.clone();
    const random = randomFrom(7);
    for (let i = 0; i < 5000; i++) {
      const start = random(100_000) * BLOCK;
      copy.replace(start, start + BLOCK, FORWARD, 100_000 + i);
    }
    copy.clear(0, 30_000 * BLOCK);
    expect(extentsOf(original)).toEqual(before);
    expect(extentsOf(copyOfCopy)).toEqual(before);
    const changed = extentsOf(copy);
    original.clear(0, 200_000 * BLOCK);
    expect(extentsOf(copy)).toEqual(changed);
    for (const tree of [original, copy, copyOfCopy]) tree.verify();
  });

  test('verify notices a changed start, a broken count and neighbours that should be one', () => {
    const damages: ((tree: ExtentTree, at: number) => void)[] = [
      (tree, at) => tree.structure.nodes.at(at).starts.fill(-1, offsetOf(at), offsetOf(at) + 1),
      (tree, at) => tree.structure.nodes.at(at).ends.fill(2 ** 40, offsetOf(at), offsetOf(at) + 1),
      (tree, at) => tree.structure.nodes.at(at).files.fill(MIM, offsetOf(at), offsetOf(at) + 1),
      (tree) => tree.structure.nodes.setCount(0, 3),
      (tree) => tree.structure.nodes.link(0, NONE),
    ];
    for (const damage of damages) {
      const tree = built(1000);
      tree.verify();
      damage(tree, tree.find(1000 * BLOCK));
      expect(() => tree.verify()).toThrow('assertion failed');
    }
    const tree = built(2);
    tree.fill(BLOCK, 2 * BLOCK, FORWARD, 7);
    const at = tree.find(BLOCK);
    tree.structure.nodes.at(at).records[offsetOf(at)] = 0;
    expect(() => tree.verify()).toThrow('different descriptors');
  });
});

describe('the memory of an extent tree', () => {
  const COUNT = 200_000;
  const bytesEach = (tree: ExtentTree) => tree.bytes / tree.size;

  test('is at most 32 bytes an extent when built in bulk', () => {
    expect(bytesEach(built(COUNT))).toBeLessThan(32);
  });

  test('is at most 40 bytes an extent after inserts in random order', () => {
    const tree = new ExtentTree();
    const random = randomFrom(3);
    for (let i = 0; i < COUNT; i++) {
      const start = random(2 ** 32) * BLOCK;
      tree.replace(start, start + BLOCK, FORWARD, i);
    }
    expect(tree.size).toBeGreaterThan(COUNT * 0.99);
    expect(bytesEach(tree)).toBeLessThan(40);
  });

  test.each([
    ['ascending', (i: number) => i * 2],
    ['ascending without gaps', (i: number) => i],
    ['descending', (i: number) => (COUNT - i) * 2],
  ])('is at most 32 bytes an extent after inserts in %s order', (_order, block) => {
    const tree = new ExtentTree();
    for (let i = 0; i < COUNT; i++) tree.replace(block(i) * BLOCK, (block(i) + 1) * BLOCK, FORWARD, i);
    tree.verify();
    expect(tree.size).toBe(COUNT);
    expect(bytesEach(tree)).toBeLessThan(32);
  });

  test('is not wasted on nearly empty nodes after erasing in random order', () => {
    const tree = built(COUNT);
    const random = randomFrom(11);
    while (tree.size > COUNT / 20) {
      const at = tree.find(random(COUNT * 2) * BLOCK);
      if (at !== NONE) tree.erase(at);
    }
    tree.verify();
    expect(tree.structure.nodes.live).toBeLessThan(tree.size / 12);
    expect(compacted(tree).bytes).toBeLessThan(tree.size * 40);
  });

  test('is a few KiB when there is little in it', () => {
    const tree = new ExtentTree();
    tree.replace(0, 1, FORWARD, 1);
    expect(tree.bytes).toBeLessThan(2048);
  });

  test('is shared with a copy until one of the two is changed', () => {
    const tree = built(COUNT);
    const copy = tree.clone();
    expect(copy.structure.nodes.at(copy.first())).toBe(tree.structure.nodes.at(tree.first()));
    copy.replace(0, BLOCK, FORWARD, 1_000_000);
    expect(copy.structure.nodes.at(copy.first())).not.toBe(tree.structure.nodes.at(tree.first()));
    expect(copy.structure.nodes.at(copy.last())).toBe(tree.structure.nodes.at(tree.last()));
  });
});
