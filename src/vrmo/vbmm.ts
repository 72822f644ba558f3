import { assert } from '../base/errors.js';
import { ADDRESS_LIMIT } from '../base/range.js';
import type { ExtentTree } from './extent-tree.js';
import { compacted, ExtentTreeBuilder } from './extent-tree-builder.js';
import { NONE, type Position } from './node-slabs.js';
import { checkTableOne, outcomeOfTableOne } from './table-one.js';
import {
  type Extent,
  type ExtentVisitor,
  MIM,
  type RangeVisitor,
  type SourceFile,
  type Vrmo,
} from './vrmo.js';

/**
 * The MIM-centric form ([0054]-[0055], FIG. 6): its nodes are the ranges that still come from the MIM; what lies
 * between two nodes is a physical extent list (PEL). Nodes and the extents of the PELs stand interleaved, in
 * address order, in one tree that covers the address space without a gap. So a PEL is simply what lies between
 * two nodes, and when a node is deleted, the PELs on its two sides are one.
 */
export class Vbmm implements Vrmo {
  readonly form = 'vbmm';
  #tree: ExtentTree;

  /** Without a tree: a single node, everything comes from the MIM ([0063]). */
  constructor(tree: ExtentTree = treeFrom(() => undefined)) {
    this.#tree = tree;
  }

  /** Calls `feed` once; what it adds must be in address order. What it leaves out is on the MIM. */
  static fromSorted(feed: (add: ExtentVisitor) => void): Vbmm {
    return new Vbmm(treeFrom(feed));
  }

  get extents(): number {
    return this.#tree.journalExtents;
  }

  /** The length of what is in a journal, bytes. */
  get journalBytes(): number {
    return this.#tree.journalBytes;
  }

  /** The number of ranges that are still on the MIM. */
  get nodes(): number {
    return this.#tree.size - this.#tree.journalExtents;
  }

  /** Bytes of memory. */
  get bytes(): number {
    return this.#tree.bytes;
  }

  lookup(start: number, end: number, visit: ExtentVisitor): void {
    const tree = this.#tree;
    for (let at = tree.find(start); at !== NONE && tree.start(at) < end; at = tree.next(at)) {
      const from = Math.max(start, tree.start(at));
      const to = Math.min(end, tree.end(at));
      if (from < to) visit(from, to, tree.file(at), tree.record(at));
    }
  }

  /** The extents in a journal, in address order, for walks with rests. The map may not change meanwhile. */
  inJournal(): Generator<Extent> {
    return this.#tree.inJournal();
  }

  replace(start: number, end: number, file: SourceFile, record: number): void {
    assertRange(start, end);
    this.#tree.replace(start, end, file, file === MIM ? 0 : record);
  }

  /**
   * Table I, node by node from the left, beginning and ending with those that the move only touches. What goes left
   * of a node lies in the PEL before it, as the nodes there are done: it ends with nothing. What goes right is the
   * rest. What the table leaves of the node stays in the tree when the emitted part is replaced.
   */
  preserve(start: number, end: number, file: SourceFile, record: number, emit?: RangeVisitor): void {
    assertRange(start, end);
    assert(file !== MIM, 'what is preserved lies in a journal');
    if (start === end) return;
    const tree = this.#tree;
    let rest: readonly [number, number] | undefined = [start, end];
    let node = this.#nodeFrom(this.#endingAt(start), end);
    while (rest !== undefined && node !== NONE) {
      const [nodeStart, nodeEnd] = [tree.start(node), tree.end(node)];
      const outcome = outcomeOfTableOne(rest[0], rest[1], nodeStart, nodeEnd);
      checkTableOne(outcome, rest[0], rest[1], nodeStart, nodeEnd);
      rest = outcome.right;
      if (outcome.emit !== undefined) {
        const [from, to] = outcome.emit;
        tree.replace(from, to, file, record);
        emit?.(from, to);
      }
      if (rest !== undefined) node = this.#nodeFrom(tree.find(nodeEnd), end);
    }
  }

  settle(start: number, end: number, caughtUp: (file: SourceFile, record: number) => boolean): void {
    assertRange(start, end);
    if (start === end) return;
    const tree = this.#tree;
    let at = tree.find(start);
    while (at !== NONE && tree.start(at) < end) {
      if (tree.file(at) === MIM || !caughtUp(tree.file(at), tree.record(at))) at = tree.next(at);
      else at = this.#settleOne(at, start, end);
    }
    this.#tree = compacted(tree);
  }

  memory(buffers: Set<SharedArrayBuffer>): void {
    this.#tree.structure.nodes.memory(buffers);
  }

  dispose(): void {
    this.#tree.structure.nodes.dispose();
  }

  clone(): Vbmm {
    return new Vbmm(this.#tree.clone());
  }

  verify(): void {
    this.#tree.verify();
    let covered = 0;
    for (let at = this.#tree.first(); at !== NONE; at = this.#tree.next(at)) {
      assert(this.#tree.start(at) === covered, `there is no gap at ${covered}`);
      assert(
        this.#tree.file(at) !== MIM || this.#tree.record(at) === 0,
        `the node at ${covered} has no record`,
      );
      covered = this.#tree.end(at);
    }
    assert(covered === ADDRESS_LIMIT, 'the address space is covered');
  }

  /** The entry that ends at `address`, else the one that covers it. */
  #endingAt(address: number): Position {
    const at = this.#tree.find(address);
    return at !== NONE && this.#tree.start(at) === address && address > 0 ? this.#tree.previous(at) : at;
  }

  /** The first node from an entry on that begins at or before `end`, or NONE. */
  #nodeFrom(entry: Position, end: number): Position {
    const tree = this.#tree;
    let at = entry;
    while (at !== NONE && tree.file(at) !== MIM) at = tree.start(at) < end ? tree.next(at) : NONE;
    return at !== NONE && tree.start(at) <= end ? at : NONE;
  }

  /** Makes the part of an extent that lies in `[start, end)` a node again. Returns the next extent. */
  #settleOne(at: Position, start: number, end: number): Position {
    const tree = this.#tree;
    const from = Math.max(start, tree.start(at));
    const to = Math.min(end, tree.end(at));
    if (from === tree.start(at) && to === tree.end(at)) return tree.next(tree.setSource(at, MIM, 0));
    tree.replace(from, to, MIM, 0);
    return tree.find(to);
  }
}

function treeFrom(feed: (add: ExtentVisitor) => void): ExtentTree {
  const builder = new ExtentTreeBuilder();
  const nodeUpTo = (end: number) => {
    if (builder.end < end) builder.add(builder.end, end, MIM, 0);
  };
  feed((start, end, file, record) => {
    if (file === MIM) return;
    nodeUpTo(start);
    builder.add(start, end, file, record);
  });
  nodeUpTo(ADDRESS_LIMIT);
  return builder.build();
}

function assertRange(start: number, end: number): void {
  assert(start >= 0 && start <= end && end <= ADDRESS_LIMIT, 'start and end are a range of addresses');
}
