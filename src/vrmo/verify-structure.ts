import { assert } from '../base/errors.js';
import { NONE, type NodeId, type NodeSlabs, offsetOf, positionOf, SLOTS } from './node-slabs.js';
import type { TreeParts } from './tree-parts.js';

/** Throws on the first broken invariant of an `EntryTree`; what its entries mean is not looked at. */
export function verifyStructure(parts: TreeParts): void {
  const walk = new Walk(parts);
  walk.node(parts.root, parts.height, 0, Number.POSITIVE_INFINITY);
  walk.finish();
}

class Walk {
  readonly #parts: TreeParts;
  readonly #nodes: NodeSlabs;
  #visited = 0;
  #entries = 0;
  #lastLeaf: NodeId = NONE;

  constructor(parts: TreeParts) {
    this.#parts = parts;
    this.#nodes = parts.nodes;
  }

  /** A node `level` levels above the leaves, in which every start is in `[low, high)`. */
  node(node: NodeId, level: number, low: number, high: number): void {
    const count = this.#nodes.count(node);
    const isRoot = node === this.#parts.root;
    this.#visited++;
    assert(count <= SLOTS, `node ${node} has room for its ${count} entries`);
    if (level === 0) {
      assert(isRoot || count > 0, `leaf ${node} is not empty`);
      this.#leaf(node, count, low, high);
    } else {
      assert(count > (isRoot ? 1 : 0), `node ${node} has children`);
      this.#inner(node, count, level, low, high);
    }
  }

  finish(): void {
    assert(
      this.#lastLeaf === NONE || this.#nodes.next(this.#lastLeaf) === NONE,
      'the last leaf ends the chain',
    );
    assert(this.#entries === this.#parts.entries, `${this.#parts.entries} entries, not ${this.#entries}`);
    assert(this.#visited === this.#nodes.live, `${this.#nodes.live} nodes, not ${this.#visited}`);
  }

  #leaf(leaf: NodeId, count: number, low: number, high: number): void {
    assert(this.#nodes.previous(leaf) === this.#lastLeaf, `leaf ${leaf} knows the leaf before it`);
    if (this.#lastLeaf !== NONE) {
      assert(this.#nodes.next(this.#lastLeaf) === leaf, `leaf ${this.#lastLeaf} knows the leaf behind it`);
    }
    this.#lastLeaf = leaf;
    this.#entries += count;
    let before = Number.NEGATIVE_INFINITY;
    for (let slot = 0; slot < count; slot++) {
      const start = this.#start(leaf, slot);
      assert(start > before && start >= low && start < high, `start ${start} is in order in leaf ${leaf}`);
      before = start;
    }
  }

  #inner(node: NodeId, count: number, level: number, low: number, high: number): void {
    assert(this.#start(node, 0) === 0, `the first child of node ${node} begins below everything`);
    for (let slot = 0; slot < count; slot++) {
      const from = slot === 0 ? low : this.#start(node, slot);
      const to = slot + 1 === count ? high : this.#start(node, slot + 1);
      assert(from >= low && from < to && to <= high, `the children of node ${node} are in order`);
      const position = positionOf(node, slot);
      this.node(this.#nodes.at(position).records[offsetOf(position)], level - 1, from, to);
    }
  }

  #start(node: NodeId, slot: number): number {
    const position = positionOf(node, slot);
    return this.#nodes.at(position).starts[offsetOf(position)];
  }
}
