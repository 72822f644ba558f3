import { assert } from '../base/errors.js';
import { ExtentTree } from './extent-tree.js';
import { NONE, type NodeId, NodeSlabs, SLOTS } from './node-slabs.js';
import { MIM, type SourceFile } from './vrmo.js';

/** Entries that a node gets: a little room is left, so that the first changes do not split every node. */
const FILL = SLOTS - SLOTS / 8;

/** A tree is worth compacting when it has memory for more nodes than this, and for so many times the ones in use. */
const COMPACT_ABOVE = 256;
const COMPACT_RATIO = 8;

/** Builds a tree from extents in address order, in one pass and without a search. */
export class ExtentTreeBuilder {
  readonly #nodes = NodeSlabs.empty();
  /** The leaves, and the start of the first extent of each. */
  readonly #leaves: NodeId[] = [];
  readonly #firsts: number[] = [];
  #entries = 0;
  #journalExtents = 0;
  #journalBytes = 0;
  /** The extent that the next one may continue; empty at first. */
  #start = 0;
  #end = 0;
  #file = 0;
  #record = 0;

  /** The end of the last extent, 0 at first. */
  get end(): number {
    return this.#end;
  }

  /** Adds `[start, end)`, which must lie behind everything added before. */
  add(start: number, end: number, file: SourceFile, record: number): void {
    assert(start >= this.#end && end > start, 'an extent follows what was added before');
    if (start === this.#end && this.#file === file && this.#record === record && this.#end > this.#start) {
      this.#end = end;
      return;
    }
    this.#write();
    this.#start = start;
    this.#end = end;
    this.#file = file;
    this.#record = record;
  }

  /** The tree. Nothing can be added any more. */
  build(): ExtentTree {
    this.#write();
    if (this.#leaves.length === 0) return new ExtentTree();
    let height = 0;
    let children = this.#leaves;
    let firsts = this.#firsts;
    while (children.length > 1) {
      [children, firsts] = this.#level(children, firsts);
      height++;
    }
    return new ExtentTree({
      nodes: this.#nodes,
      root: children[0],
      height,
      entries: this.#entries,
      journalExtents: this.#journalExtents,
      journalBytes: this.#journalBytes,
    });
  }

  #write(): void {
    if (this.#end === this.#start) return;
    const slot = this.#entries % FILL;
    const leaf = slot === 0 ? this.#newLeaf() : this.#leaves[this.#leaves.length - 1];
    this.#nodes.insert(leaf, slot, this.#start, this.#end, this.#file, this.#record);
    this.#entries++;
    if (this.#file === MIM) return;
    this.#journalExtents++;
    this.#journalBytes += this.#end - this.#start;
  }

  #newLeaf(): NodeId {
    const leaf = this.#nodes.allocate();
    if (this.#leaves.length > 0) this.#nodes.link(this.#leaves[this.#leaves.length - 1], leaf);
    this.#leaves.push(leaf);
    this.#firsts.push(this.#start);
    return leaf;
  }

  /** The inner nodes above `children`, evenly filled so that none has a single child. */
  #level(children: readonly NodeId[], firsts: readonly number[]): [NodeId[], number[]] {
    const parents = Math.ceil(children.length / FILL);
    const nodes: NodeId[] = [];
    const starts: number[] = [];
    for (let parent = 0; parent < parents; parent++) {
      const from = Math.floor((parent * children.length) / parents);
      const to = Math.floor(((parent + 1) * children.length) / parents);
      const node = this.#nodes.allocate();
      for (let i = from; i < to; i++) {
        this.#nodes.insert(node, i - from, i === from ? 0 : firsts[i], 0, 0, children[i]);
      }
      nodes.push(node);
      starts.push(firsts[from]);
    }
    return [nodes, starts];
  }
}

/**
 * The tree itself, or a copy of it in less memory when most of its nodes are free, as after a sync event. Costs
 * time in proportion to what is left.
 */
export function compacted(tree: ExtentTree): ExtentTree {
  const { nodes } = tree.structure;
  if (nodes.capacity <= COMPACT_ABOVE || nodes.capacity < nodes.live * COMPACT_RATIO) return tree;
  const builder = new ExtentTreeBuilder();
  for (let at = tree.first(); at !== NONE; at = tree.next(at)) {
    builder.add(tree.start(at), tree.end(at), tree.file(at), tree.record(at));
  }
  return builder.build();
}
