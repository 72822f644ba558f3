import { assert } from '../base/errors.js';
import { ADDRESS_LIMIT } from '../base/range.js';
import { ExtentTree } from './extent-tree.js';
import { compacted, ExtentTreeBuilder } from './extent-tree-builder.js';
import { NONE, type Position } from './node-slabs.js';
import { CollapseSet, checkTableTwo, outcomeOfTableTwo } from './table-two.js';
import {
  type Extent,
  type ExtentVisitor,
  MIM,
  type RangeVisitor,
  type SourceFile,
  type Vrmo,
} from './vrmo.js';

/**
 * The journal-centric form ([0056]-[0057], FIG. 6): its nodes are the ranges in a journal, each with its
 * physical extent list (PEL); a failed search means the MIM. The extents of all PELs stand in one tree. A node is
 * not stored: it is a run of extents that touch. So no two nodes can touch, each PEL covers its node, and nodes
 * become one by the extents that are put between them.
 */
export class Vbmj implements Vrmo {
  readonly form = 'vbmj';
  #tree: ExtentTree;

  /** Without a tree: no nodes, everything comes from the MIM. */
  constructor(tree: ExtentTree = new ExtentTree()) {
    this.#tree = tree;
  }

  /** Calls `feed` once; what it adds must be in address order. What it leaves out is on the MIM. */
  static fromSorted(feed: (add: ExtentVisitor) => void): Vbmj {
    const builder = new ExtentTreeBuilder();
    feed((start, end, file, record) => {
      if (file !== MIM) builder.add(start, end, file, record);
    });
    return new Vbmj(builder.build());
  }

  get extents(): number {
    return this.#tree.journalExtents;
  }

  /** The length of what is in a journal, bytes. */
  get journalBytes(): number {
    return this.#tree.journalBytes;
  }

  /** Bytes of memory. */
  get bytes(): number {
    return this.#tree.bytes;
  }

  lookup(start: number, end: number, visit: ExtentVisitor): void {
    const tree = this.#tree;
    let done = start;
    for (let at = tree.find(start); at !== NONE && tree.start(at) < end; at = tree.next(at)) {
      const from = Math.max(start, tree.start(at));
      if (done < from) visit(done, from, MIM, 0);
      done = Math.min(end, tree.end(at));
      if (from < done) visit(from, done, tree.file(at), tree.record(at));
    }
    if (done < end) visit(done, end, MIM, 0);
  }

  /** The extents in a journal, in address order, for walks with rests. The map may not change meanwhile. */
  inJournal(): Generator<Extent> {
    return this.#tree.inJournal();
  }

  replace(start: number, end: number, file: SourceFile, record: number): void {
    assertRange(start, end);
    if (file === MIM) this.#tree.clear(start, end);
    else this.#tree.replace(start, end, file, record);
  }

  /** Table II: the nodes are traversed first, then the new extents are put in ([0084], [0087]). */
  preserve(start: number, end: number, file: SourceFile, record: number, emit?: RangeVisitor): void {
    assertRange(start, end);
    assert(file !== MIM, 'what is preserved lies in a journal');
    const collapse = this.collapseSet(start, end);
    for (const [from, to] of collapse.fresh) {
      this.#tree.fill(from, to, file, record);
      emit?.(from, to);
    }
  }

  /**
   * C of the move `[start, end)`: the nodes and new extents that `preserve` would make one node. A node counts as
   * far as the move can see: its start may be that of the extent that the move meets, its end the move's.
   *
   * The traversal goes node by node from the left, from the one at or before the start of the move. What goes left of a node finds an empty child, as the nodes
   * there are done; what goes right is the rest.
   */
  collapseSet(start: number, end: number): CollapseSet {
    const tree = this.#tree;
    const collapse = new CollapseSet();
    let rest: readonly [number, number] | undefined = start < end ? [start, end] : undefined;
    const before = tree.floor(start);
    let first = before === NONE ? tree.first() : before;
    while (rest !== undefined && first !== NONE) {
      const last = this.#lastOfNode(first, rest[1]);
      const [nodeStart, nodeEnd] = [tree.start(first), tree.end(last)];
      const outcome = outcomeOfTableTwo(rest[0], rest[1], nodeStart, nodeEnd);
      checkTableTwo(outcome, rest[0], rest[1], nodeStart, nodeEnd);
      if (outcome.left !== undefined) collapse.addFresh(outcome.left[0], outcome.left[1]);
      if (outcome.add) collapse.addNode(nodeStart, nodeEnd);
      rest = outcome.right;
      first = tree.next(last);
    }
    if (rest !== undefined) collapse.addFresh(rest[0], rest[1]);
    collapse.verify();
    return collapse;
  }

  settle(start: number, end: number, caughtUp: (file: SourceFile, record: number) => boolean): void {
    assertRange(start, end);
    if (start === end) return;
    const tree = this.#tree;
    let at = tree.find(start);
    while (at !== NONE && tree.start(at) < end) {
      if (!caughtUp(tree.file(at), tree.record(at))) at = tree.next(at);
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

  clone(): Vbmj {
    return new Vbmj(this.#tree.clone());
  }

  verify(): void {
    this.#tree.verify();
    assert(this.#tree.journalExtents === this.#tree.size, 'every extent lies in a journal');
  }

  /** The last extent of the node that the extent belongs to; not further than needed to see that it reaches `limit`. */
  #lastOfNode(extent: Position, limit: number): Position {
    const tree = this.#tree;
    let last = extent;
    let next = tree.next(last);
    while (tree.end(last) < limit && next !== NONE && tree.start(next) === tree.end(last)) {
      last = next;
      next = tree.next(last);
    }
    return last;
  }

  /** Takes the part of an extent that lies in `[start, end)` out of its node. Returns the next extent. */
  #settleOne(at: Position, start: number, end: number): Position {
    const tree = this.#tree;
    const from = Math.max(start, tree.start(at));
    const to = Math.min(end, tree.end(at));
    if (from === tree.start(at) && to === tree.end(at)) return tree.erase(at);
    tree.clear(from, to);
    return tree.find(to);
  }
}

function assertRange(start: number, end: number): void {
  assert(start >= 0 && start <= end && end <= ADDRESS_LIMIT, 'start and end are a range of addresses');
}
