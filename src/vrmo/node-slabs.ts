import { assert } from '../base/errors.js';
import { NODE_BITS, NODE_BYTES, SLAB_NODES, SLOT_BITS, Slab } from './slab.js';

/**
 * The memory of a tree: nodes of 64 slots in slabs of typed arrays on SharedArrayBuffers, so that a second
 * thread can read them and no object exists per extent. A slab holds 128 nodes (about 200 KB); only the first
 * one starts small and doubles until it is full size, because most trees are small. Slabs never move after that.
 *
 * A copy shares the slabs of its original; whichever of the two changes a slab first gets its own (`own`).
 */

const NODE_MASK = SLAB_NODES - 1;
const SLAB_BITS = SLOT_BITS + NODE_BITS;
const OFFSET_MASK = (1 << SLAB_BITS) - 1;
/** Positions stay small integers. */
const NODE_LIMIT = 1 << (31 - SLOT_BITS);

/** The entries that a node has room for. */
export const SLOTS = 1 << SLOT_BITS;

/** A node, by its index over all slabs. */
export type NodeId = number;

/** A slot of a node: `node * SLOTS + slot`. Valid until the tree changes. */
export type Position = number;

/** No node, no position. */
export const NONE = -1;

export function nodeOf(position: Position): NodeId {
  return position >>> SLOT_BITS;
}

export function slotOf(position: Position): number {
  return position & (SLOTS - 1);
}

export function positionOf(node: NodeId, slot: number): Position {
  return (node << SLOT_BITS) | slot;
}

/** The place of a position in the columns of its slab. */
export function offsetOf(position: Position): number {
  return position & OFFSET_MASK;
}

export class NodeSlabs {
  readonly #slabs: Slab[];
  /** Nodes that were ever in use. */
  #used: number;
  /** The first free one of them, and how many are free. */
  #firstFree: NodeId;
  #free: number;

  private constructor(slabs: Slab[], used: number, firstFree: NodeId, free: number) {
    this.#slabs = slabs;
    this.#used = used;
    this.#firstFree = firstFree;
    this.#free = free;
  }

  static empty(): NodeSlabs {
    return new NodeSlabs([new Slab(1)], 0, NONE, 0);
  }

  /** A copy; costs a little for each slab until one of the two is changed. */
  clone(): NodeSlabs {
    for (const slab of this.#slabs) slab.owners += 1;
    return new NodeSlabs([...this.#slabs], this.#used, this.#firstFree, this.#free);
  }

  /** Gives the memory back that no copy shares. Nothing may be asked of it any more. */
  dispose(): void {
    for (const slab of this.#slabs.splice(0)) slab.release();
  }

  /** Nodes in use. */
  get live(): number {
    return this.#used - this.#free;
  }

  /** Nodes that there is memory for. */
  get capacity(): number {
    const slabs = this.#slabs.length;
    return slabs === 1 ? this.#slabs[0].nodes : slabs * SLAB_NODES;
  }

  /** Bytes of memory, slabs that are shared with a copy included. */
  get bytes(): number {
    return this.capacity * NODE_BYTES;
  }

  /** Adds the buffers of all slabs. */
  memory(buffers: Set<SharedArrayBuffer>): void {
    for (const slab of this.#slabs) buffers.add(slab.buffer);
  }

  /** The slab of a position, for reading. */
  at(position: Position): Slab {
    return this.#slabs[position >>> SLAB_BITS];
  }

  count(node: NodeId): number {
    return this.#slabs[node >>> NODE_BITS].counts[node & NODE_MASK];
  }

  next(node: NodeId): NodeId {
    return this.#slabs[node >>> NODE_BITS].nexts[node & NODE_MASK];
  }

  previous(node: NodeId): NodeId {
    return this.#slabs[node >>> NODE_BITS].previouses[node & NODE_MASK];
  }

  /** The slab of a node, for changing. Stale after the next `allocate`. */
  own(node: NodeId): Slab {
    const index = node >>> NODE_BITS;
    const slab = this.#slabs[index];
    if (slab.owners === 1) return slab;
    const copy = slab.copy(slab.nodes);
    slab.release();
    this.#slabs[index] = copy;
    return copy;
  }

  setCount(node: NodeId, count: number): void {
    this.own(node).counts[node & NODE_MASK] = count;
  }

  /** Makes two leaves neighbours; either may be NONE. */
  link(left: NodeId, right: NodeId): void {
    if (left !== NONE) this.own(left).nexts[left & NODE_MASK] = right;
    if (right !== NONE) this.own(right).previouses[right & NODE_MASK] = left;
  }

  /** An empty node without neighbours. */
  allocate(): NodeId {
    const node = this.#firstFree === NONE ? this.#extend() : this.#takeFree();
    this.setCount(node, 0);
    const slab = this.own(node);
    slab.nexts[node & NODE_MASK] = NONE;
    slab.previouses[node & NODE_MASK] = NONE;
    return node;
  }

  release(node: NodeId): void {
    this.own(node).nexts[node & NODE_MASK] = this.#firstFree;
    this.#firstFree = node;
    this.#free++;
  }

  #takeFree(): NodeId {
    const node = this.#firstFree;
    this.#firstFree = this.next(node);
    this.#free--;
    return node;
  }

  #extend(): NodeId {
    assert(this.#used < NODE_LIMIT, 'a tree has room for the extent');
    if (this.#used === this.capacity) {
      const first = this.#slabs[0];
      if (first.nodes < SLAB_NODES) {
        this.#slabs[0] = first.copy(first.nodes * 2);
        first.release();
      } else this.#slabs.push(Slab.take(SLAB_NODES));
    }
    return this.#used++;
  }

  /**
   * The last slot of a node whose start is at or before `address`; slot 0 if there is none. The start of slot
   * 0 is not looked at.
   */
  lastAtOrBefore(node: NodeId, address: number): Position {
    const slab = this.#slabs[node >>> NODE_BITS];
    const starts = slab.starts;
    const base = (node & NODE_MASK) << SLOT_BITS;
    let low = base;
    let slots = slab.counts[node & NODE_MASK];
    while (slots > 1) {
      const half = slots >>> 1;
      if (starts[low + half] <= address) low += half;
      slots -= half;
    }
    return positionOf(node, low - base);
  }

  /** Makes room for one entry at `slot` of a node that is not full, and writes it. */
  insert(node: NodeId, slot: number, start: number, end: number, file: number, record: number): void {
    const slab = this.own(node);
    const base = (node & NODE_MASK) << SLOT_BITS;
    const count = slab.counts[node & NODE_MASK];
    moveEntries(slab, base + slot, slab, base + slot + 1, count - slot);
    const offset = base + slot;
    slab.starts[offset] = start;
    slab.ends[offset] = end;
    slab.files[offset] = file;
    slab.records[offset] = record;
    slab.counts[node & NODE_MASK] = count + 1;
  }

  /** Takes `slots` entries out of a node, from `slot` on. */
  erase(node: NodeId, slot: number, slots: number): void {
    const slab = this.own(node);
    const base = (node & NODE_MASK) << SLOT_BITS;
    const count = slab.counts[node & NODE_MASK];
    moveEntries(slab, base + slot + slots, slab, base + slot, count - slot - slots);
    slab.counts[node & NODE_MASK] = count - slots;
  }

  /** Moves the entries of `from`, from `slot` on, behind those of `to`. */
  append(from: NodeId, slot: number, to: NodeId): void {
    const source = this.own(from);
    const target = this.own(to);
    const slots = source.counts[from & NODE_MASK] - slot;
    const count = target.counts[to & NODE_MASK];
    const sourceOffset = ((from & NODE_MASK) << SLOT_BITS) + slot;
    moveEntries(source, sourceOffset, target, ((to & NODE_MASK) << SLOT_BITS) + count, slots);
    source.counts[from & NODE_MASK] = slot;
    target.counts[to & NODE_MASK] = count + slots;
  }
}

/** Loops beat copyWithin for so few entries, and allocate nothing. */
function moveEntries(from: Slab, fromOffset: number, to: Slab, toOffset: number, slots: number): void {
  if (from === to && fromOffset < toOffset) {
    for (let i = slots - 1; i >= 0; i--) moveEntry(from, fromOffset + i, to, toOffset + i);
  } else {
    for (let i = 0; i < slots; i++) moveEntry(from, fromOffset + i, to, toOffset + i);
  }
}

function moveEntry(from: Slab, fromOffset: number, to: Slab, toOffset: number): void {
  to.starts[toOffset] = from.starts[fromOffset];
  to.ends[toOffset] = from.ends[fromOffset];
  to.files[toOffset] = from.files[fromOffset];
  to.records[toOffset] = from.records[fromOffset];
}
