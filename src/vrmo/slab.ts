export const SLOT_BITS = 6;
export const NODE_BITS = 7;
/** Nodes of a slab. */
export const SLAB_NODES = 1 << NODE_BITS;
const SLOTS = 1 << SLOT_BITS;

/** Slabs that were released, to be used again: large maps that come and go would leave much to collect. */
const SPARES = 512;
const SPARE: Slab[] = [];

/** 8 + 8 + 4 + 4 bytes a slot, 12 bytes a node. */
export const NODE_BYTES = SLOTS * 24 + 12;

/**
 * The columns of a slab. In a leaf each slot is an extent. In an inner node `starts` is the lowest address
 * that leads to the child `records`; `ends` and `files` are not used.
 */
export class Slab {
  readonly buffer: SharedArrayBuffer;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  readonly files: Uint32Array;
  readonly records: Uint32Array;
  /** By node: slots in use; the neighbours of a leaf. In a free node `nexts` is the next free one. */
  readonly counts: Int32Array;
  readonly nexts: Int32Array;
  readonly previouses: Int32Array;
  /** Trees that refer to this slab, and were not disposed of: of several, none may change it. */
  owners = 1;

  constructor(readonly nodes: number) {
    const slots = nodes * SLOTS;
    const buffer = new SharedArrayBuffer(nodes * NODE_BYTES);
    this.buffer = buffer;
    this.starts = new Float64Array(buffer, 0, slots);
    this.ends = new Float64Array(buffer, slots * 8, slots);
    this.files = new Uint32Array(buffer, slots * 16, slots);
    this.records = new Uint32Array(buffer, slots * 20, slots);
    this.counts = new Int32Array(buffer, slots * 24, nodes);
    this.nexts = new Int32Array(buffer, slots * 24 + nodes * 4, nodes);
    this.previouses = new Int32Array(buffer, slots * 24 + nodes * 8, nodes);
  }

  /** A slab in which anything may stand. */
  static take(nodes: number): Slab {
    const spare = nodes === SLAB_NODES ? SPARE.pop() : undefined;
    if (spare === undefined) return new Slab(nodes);
    spare.owners = 1;
    return spare;
  }

  /** A tree does not need it any more. */
  release(): void {
    this.owners -= 1;
    if (this.owners === 0 && this.nodes === SLAB_NODES && SPARE.length < SPARES) SPARE.push(this);
  }

  /** A copy with room for `nodes`, at least as many as there are. */
  copy(nodes: number): Slab {
    const copy = Slab.take(nodes);
    copy.starts.set(this.starts);
    copy.ends.set(this.ends);
    copy.files.set(this.files);
    copy.records.set(this.records);
    copy.counts.set(this.counts);
    copy.nexts.set(this.nexts);
    copy.previouses.set(this.previouses);
    return copy;
  }
}
