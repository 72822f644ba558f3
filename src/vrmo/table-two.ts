import { assert } from '../base/errors.js';

/**
 * Table II ([0080]-[0083]): how a move `[ms, me)` meets a VBMJ node `[vs, ve)`, that is a range which lies in a
 * journal. Half-open form of the eight rows.
 */
export type RowOfTableTwo = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

type Span = readonly [start: number, end: number];

/** @returns the number of the row that holds; move and node are not empty */
export function rowOfTableTwo(ms: number, me: number, vs: number, ve: number): RowOfTableTwo {
  if (me <= vs) return me < vs ? 1 : 2;
  if (ms >= ve) return ms > ve ? 3 : 4;
  if (ms >= vs) return me <= ve ? 5 : 6;
  return me <= ve ? 7 : 8;
}

/** What a row says: whether the node is added to C and its PEL to CP, and the ranges that go to the children. */
export interface OutcomeOfTableTwo {
  readonly add: boolean;
  readonly left: Span | undefined;
  readonly right: Span | undefined;
}

export function outcomeOfTableTwo(ms: number, me: number, vs: number, ve: number): OutcomeOfTableTwo {
  const none = undefined;
  switch (rowOfTableTwo(ms, me, vs, ve)) {
    case 1:
      return { add: false, left: [ms, me], right: none };
    case 2:
      return { add: true, left: [ms, me], right: none };
    case 3:
      return { add: false, left: none, right: [ms, me] };
    case 4:
      return { add: true, left: none, right: [ms, me] };
    case 5:
      return { add: false, left: none, right: none };
    case 6:
      return { add: true, left: none, right: [ve, me] };
    case 7:
      return { add: true, left: [ms, vs], right: none };
    case 8:
      return { add: true, left: [ms, vs], right: [ve, me] };
  }
}

/** Throws when an outcome loses or doubles an address of the move, or leaves a node out of C that gets longer. */
export function checkTableTwo(
  { add, left, right }: OutcomeOfTableTwo,
  ms: number,
  me: number,
  vs: number,
  ve: number,
): void {
  const inNode = Math.max(0, Math.min(me, ve) - Math.max(ms, vs));
  assert(lengthOf(left) + inNode + lengthOf(right) === me - ms, 'Table II divides the move');
  const grows = left?.[1] === vs || right?.[0] === ve;
  assert(add === grows, 'Table II adds the nodes to C that get longer');
}

function lengthOf(range: Span | undefined): number {
  return range === undefined ? 0 : range[1] - range[0];
}

/**
 * The collapse set C of one move ([0079]): the nodes that will be one node, and the new extents between them,
 * which go to CP and are the move's share of the backward journal move candidates (BJMC).
 */
export class CollapseSet {
  readonly #nodes: Span[] = [];
  readonly #fresh: Span[] = [];
  #start = Number.POSITIVE_INFINITY;
  #end = Number.NEGATIVE_INFINITY;
  #length = 0;

  /** The nodes that were added, in the order of the traversal. */
  get nodes(): readonly Span[] {
    return this.#nodes;
  }

  /** The new extents, on the MIM until now, in the order of the traversal. */
  get fresh(): readonly Span[] {
    return this.#fresh;
  }

  /** R(C), [0082]: from the least starting to the greatest ending address; undefined when C is empty. */
  get range(): Span | undefined {
    return this.#length === 0 ? undefined : [this.#start, this.#end];
  }

  addNode(start: number, end: number): void {
    this.#nodes.push([start, end]);
    this.#extend(start, end);
  }

  /** The rest of a move at an empty child. */
  addFresh(start: number, end: number): void {
    this.#fresh.push([start, end]);
    this.#extend(start, end);
  }

  /** Throws unless C fills R(C): a node may not bridge a range that is not in the journal. */
  verify(): void {
    if (this.#length === 0) return;
    assert(
      this.#length === this.#end - this.#start,
      `[${this.#start}, ${this.#end}) is in the journal as a whole after the move`,
    );
  }

  #extend(start: number, end: number): void {
    this.#start = Math.min(this.#start, start);
    this.#end = Math.max(this.#end, end);
    this.#length += end - start;
  }
}
