import {
  NONE,
  type NodeId,
  type NodeSlabs,
  nodeOf,
  offsetOf,
  type Position,
  positionOf,
  SLOTS,
  slotOf,
} from './node-slabs.js';
import { emptyParts, type TreeParts } from './tree-parts.js';

/** A node with fewer entries is joined with a neighbour, unless the two together would be fuller than `JOINED`. */
const SPARSE = SLOTS / 4;
const JOINED = (SLOTS * 3) / 4;
/** More levels than any tree can have. */
const LEVELS = 32;

/**
 * A B+-tree of entries (start, end, file, record), ordered by start, no two starts equal. Every position is
 * invalid after the next `insert` or `erase`, except the one that these return.
 *
 * Invariants: all leaves lie on one level and are linked in order; the starts in the child of slot i of an inner
 * node are at or above the start of slot i and below that of slot i + 1; the start of slot 0 of an inner node is
 * 0, standing for "below everything"; only a root leaf is empty; an inner root has at least two children.
 */
export class EntryTree {
  readonly #nodes: NodeSlabs;
  #root: NodeId;
  #height: number;
  #entries: number;
  /** By level, the slot that the last `#descend` took. */
  readonly #path = new Int32Array(LEVELS);
  /** Where the last entry was put, to notice ascending and descending runs. */
  #lastInsert: Position = NONE;

  constructor(parts: TreeParts = emptyParts()) {
    this.#nodes = parts.nodes;
    this.#root = parts.root;
    this.#height = parts.height;
    this.#entries = parts.entries;
  }

  /** The number of entries. */
  get size(): number {
    return this.#entries;
  }

  /** Bytes of memory that the nodes take. */
  get bytes(): number {
    return this.#nodes.bytes;
  }

  /** What the tree is made of, for whoever verifies or copies it. Not to be changed. */
  get structure(): TreeParts {
    return { nodes: this.#nodes, root: this.#root, height: this.#height, entries: this.#entries };
  }

  start(position: Position): number {
    return this.#nodes.at(position).starts[offsetOf(position)];
  }

  end(position: Position): number {
    return this.#nodes.at(position).ends[offsetOf(position)];
  }

  file(position: Position): number {
    return this.#nodes.at(position).files[offsetOf(position)];
  }

  record(position: Position): number {
    return this.#nodes.at(position).records[offsetOf(position)];
  }

  /** The first entry, or NONE. */
  first(): Position {
    return this.#entries === 0 ? NONE : positionOf(this.#descend(0), 0);
  }

  /** The last entry, or NONE. */
  last(): Position {
    return this.floor(Number.POSITIVE_INFINITY);
  }

  /** The last entry that starts at or before `address`, or NONE. */
  floor(address: number): Position {
    const leaf = this.#descend(address);
    const position = this.#nodes.lastAtOrBefore(leaf, address);
    if (this.#nodes.count(leaf) > 0 && this.start(position) <= address) return position;
    return this.#lastOf(this.#nodes.previous(leaf));
  }

  /** The entry after a position, or NONE. */
  next(position: Position): Position {
    const node = nodeOf(position);
    if (slotOf(position) + 1 < this.#nodes.count(node)) return position + 1;
    const next = this.#nodes.next(node);
    return next === NONE ? NONE : positionOf(next, 0);
  }

  /** The entry before a position, or NONE. */
  previous(position: Position): Position {
    return slotOf(position) > 0 ? position - 1 : this.#lastOf(this.#nodes.previous(nodeOf(position)));
  }

  /** The entries of the leaf of `position`, from it on. */
  protected restOfLeaf(position: Position): number {
    return this.#nodes.count(nodeOf(position)) - slotOf(position);
  }

  /** Writes an end in place; it may not pass the next start. */
  protected writeEnd(position: Position, end: number): void {
    this.#nodes.own(nodeOf(position)).ends[offsetOf(position)] = end;
  }

  /** Raises a start; it may not reach the next one. */
  protected raiseStart(position: Position, start: number): void {
    const node = nodeOf(position);
    if (this.restOfLeaf(position) > 1 || this.#nodes.next(node) === NONE) {
      this.#nodes.own(node).starts[offsetOf(position)] = start;
      return;
    }
    // The last entry of a leaf may reach over what separates this leaf from the next: it may belong there now.
    const [end, file, record] = [this.end(position), this.file(position), this.record(position)];
    this.eraseEntries(position, 1);
    this.insertEntry(start, end, file, record);
  }

  protected writeSource(position: Position, file: number, record: number): void {
    const slab = this.#nodes.own(nodeOf(position));
    slab.files[offsetOf(position)] = file;
    slab.records[offsetOf(position)] = record;
  }

  /** Adds an entry. */
  protected insertEntry(start: number, end: number, file: number, record: number): void {
    const leaf = this.#descend(start);
    const position = this.#nodes.lastAtOrBefore(leaf, start);
    const after = this.#nodes.count(leaf) > 0 && this.start(position) <= start;
    const slot = slotOf(position) + (after ? 1 : 0);
    this.#lastInsert = this.#insert(0, leaf, slot, start, end, file, record);
    this.#entries++;
  }

  /** Takes out `slots` entries of one leaf, from `position` on. Returns the position of the entry after them, or NONE. */
  protected eraseEntries(position: Position, slots: number): Position {
    const leaf = nodeOf(position);
    const key = this.start(position);
    this.#nodes.erase(leaf, slotOf(position), slots);
    this.#entries -= slots;
    const left = this.#nodes.count(leaf);
    const following = slotOf(position) < left ? position : this.#firstOf(this.#nodes.next(leaf));
    if (left >= SPARSE || leaf === this.#root) return following;
    const followingKey = following === NONE ? NONE : this.start(following);
    this.#descend(key);
    this.#mend(0, leaf);
    return followingKey === NONE ? NONE : this.floor(followingKey);
  }

  /** The leaf that an entry at `address` belongs in. */
  #descend(address: number): NodeId {
    let node = this.#root;
    for (let level = this.#height; level > 0; level--) {
      const position = this.#nodes.lastAtOrBefore(node, address);
      this.#path[level] = position;
      node = this.record(position);
    }
    return node;
  }

  #firstOf(leaf: NodeId): Position {
    return leaf === NONE ? NONE : positionOf(leaf, 0);
  }

  #lastOf(leaf: NodeId): Position {
    return leaf === NONE ? NONE : positionOf(leaf, this.#nodes.count(leaf) - 1);
  }

  /** Puts an entry into a node of the last path; splits the node when it is full. Returns where it went. */
  #insert(
    level: number,
    node: NodeId,
    slot: number,
    start: number,
    end: number,
    file: number,
    record: number,
  ): Position {
    const nodes = this.#nodes;
    if (nodes.count(node) < SLOTS) {
      nodes.insert(node, slot, start, end, file, record);
      return positionOf(node, slot);
    }
    const cut = this.#cutFor(level, node, slot);
    const right = this.#split(level, node, cut);
    const goesRight = slot > cut || cut === SLOTS;
    const place = goesRight ? positionOf(right, slot - cut) : positionOf(node, slot);
    nodes.insert(nodeOf(place), slotOf(place), start, end, file, record);
    this.#insertChild(level + 1, right, level > 0);
    return place;
  }

  /**
   * Where to cut a full node into which an entry goes at `slot`: in the middle; but where entries come in
   * ascending or descending order, at the entry, so that the nodes behind are left full, not half empty. Up to
   * two slots off counts as such: cutting a MIM node adds the new extent and the tail of the node.
   */
  #cutFor(level: number, node: NodeId, slot: number): number {
    if (level > 0) return slot === SLOTS ? SLOTS : SLOTS / 2;
    const distance = positionOf(node, 0) + slot - this.#lastInsert;
    return this.#lastInsert !== NONE && distance >= 0 && distance <= 2 ? slot : SLOTS / 2;
  }

  /** Moves the entries of a full node, from slot `cut` on, to a new node at its right. */
  #split(level: number, node: NodeId, cut: number): NodeId {
    const right = this.#nodes.allocate();
    this.#nodes.append(node, cut, right);
    if (level === 0) {
      this.#nodes.link(right, this.#nodes.next(node));
      this.#nodes.link(node, right);
    }
    return right;
  }

  /** Puts a new node into the inner node above, right of the slot that the last path took there. */
  #insertChild(level: number, child: NodeId, inner: boolean): void {
    const first = positionOf(child, 0);
    const lowest = this.start(first);
    if (inner) this.#nodes.own(child).starts[offsetOf(first)] = 0;
    if (level > this.#height) {
      const root = this.#nodes.allocate();
      this.#nodes.insert(root, 0, 0, 0, 0, this.#root);
      this.#nodes.insert(root, 1, lowest, 0, 0, child);
      this.#root = root;
      this.#height = level;
    } else {
      const above = this.#path[level];
      this.#insert(level, nodeOf(above), slotOf(above) + 1, lowest, 0, 0, child);
    }
  }

  /** Repairs a node of the last path that lost entries: removes it when it is empty, joins it when it is sparse. */
  #mend(level: number, node: NodeId): void {
    if (level === this.#height) {
      this.#lowerRoot();
      return;
    }
    if (this.#nodes.count(node) >= SPARSE) return;
    const above = this.#path[level + 1];
    const parent = nodeOf(above);
    const joint = this.#nodes.count(node) === 0 ? slotOf(above) : this.#joint(parent, slotOf(above));
    if (joint === NONE) return;
    if (this.#nodes.count(node) > 0) this.#join(level, positionOf(parent, joint));
    this.#removeChild(level, positionOf(parent, joint));
    this.#mend(level + 1, parent);
  }

  /** The slot of the child that can be joined with the one at its left, so that `slot` is one of the two; or NONE. */
  #joint(parent: NodeId, slot: number): number {
    const rightFits = slot + 1 < this.#nodes.count(parent) && this.#fit(positionOf(parent, slot));
    if (rightFits) return slot + 1;
    return slot > 0 && this.#fit(positionOf(parent, slot - 1)) ? slot : NONE;
  }

  /** Whether the child at a position and the next one are few enough for one node. */
  #fit(position: Position): boolean {
    return this.#nodes.count(this.record(position)) + this.#nodes.count(this.record(position + 1)) <= JOINED;
  }

  /** Moves the entries of the child at a position to the child before it. */
  #join(level: number, position: Position): void {
    const child = this.record(position);
    if (level > 0) {
      const first = positionOf(child, 0);
      this.#nodes.own(child).starts[offsetOf(first)] = this.start(position);
    }
    this.#nodes.append(child, 0, this.record(position - 1));
  }

  /** Takes the empty child at a position out of the tree. */
  #removeChild(level: number, position: Position): void {
    const child = this.record(position);
    if (level === 0) this.#nodes.link(this.#nodes.previous(child), this.#nodes.next(child));
    this.#nodes.release(child);
    const parent = nodeOf(position);
    this.#nodes.erase(parent, slotOf(position), 1);
    if (slotOf(position) === 0) this.#nodes.own(parent).starts[offsetOf(position)] = 0;
    this.#lastInsert = NONE;
  }

  #lowerRoot(): void {
    while (this.#height > 0 && this.#nodes.count(this.#root) === 1) {
      const child = this.record(positionOf(this.#root, 0));
      this.#nodes.release(this.#root);
      this.#root = child;
      this.#height--;
    }
  }
}
