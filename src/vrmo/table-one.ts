import { assert } from '../base/errors.js';

/**
 * Table I ([0067]): how a move `[ms, me)` changes a VBMM node `[vs, ve)`, that is a range which still comes from
 * the MIM. Half-open form of the eleven rows; rows 1 and 2 come first, the others hold only where the ranges
 * overlap.
 */
export type RowOfTableOne = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11;

/** @returns the number of the row that holds */
export function rowOfTableOne(ms: number, me: number, vs: number, ve: number): RowOfTableOne {
  if (me <= vs) return 1;
  if (ms >= ve) return 2;
  if (ms === vs) return me === ve ? 3 : me > ve ? 4 : 5;
  if (ms > vs) return me === ve ? 6 : me > ve ? 7 : 8;
  return me === ve ? 9 : me > ve ? 10 : 11;
}

/** What a row says: the ranges that go to the children, what is left of the node, and what must be copied from the MIM. `undefined` = none. */
export interface OutcomeOfTableOne {
  readonly left: readonly [number, number] | undefined;
  readonly right: readonly [number, number] | undefined;
  /** The node becomes these ranges: none = deleted, one = unchanged or shrunk, two = split. */
  readonly node: readonly (readonly [number, number])[];
  readonly emit: readonly [number, number] | undefined;
}

export function outcomeOfTableOne(ms: number, me: number, vs: number, ve: number): OutcomeOfTableOne {
  const none = undefined;
  switch (rowOfTableOne(ms, me, vs, ve)) {
    case 1:
      return { left: [ms, me], right: none, node: [[vs, ve]], emit: none };
    case 2:
      return { left: none, right: [ms, me], node: [[vs, ve]], emit: none };
    case 3:
      return { left: none, right: none, node: [], emit: [ms, me] };
    case 4:
      return { left: none, right: [ve, me], node: [], emit: [ms, ve] };
    case 5:
      return { left: none, right: none, node: [[me, ve]], emit: [ms, me] };
    case 6:
      return { left: none, right: none, node: [[vs, ms]], emit: [ms, me] };
    case 7:
      return { left: none, right: [ve, me], node: [[vs, ms]], emit: [ms, ve] };
    case 8:
      return {
        left: none,
        right: none,
        node: [
          [vs, ms],
          [me, ve],
        ],
        emit: [ms, me],
      };
    case 9:
      return { left: [ms, vs], right: none, node: [], emit: [vs, me] };
    case 10:
      return { left: [ms, vs], right: [ve, me], node: [], emit: [vs, ve] };
    case 11:
      return { left: [ms, vs], right: none, node: [[me, ve]], emit: [vs, me] };
  }
}

/** Throws when an outcome loses or doubles an address: the move is divided, and so is the node. */
export function checkTableOne(
  { left, right, node, emit }: OutcomeOfTableOne,
  ms: number,
  me: number,
  vs: number,
  ve: number,
): void {
  const emitted = lengthOf(emit);
  let stays = 0;
  for (const part of node) stays += lengthOf(part);
  assert(lengthOf(left) + emitted + lengthOf(right) === me - ms, 'Table I divides the move');
  assert(stays + emitted === ve - vs, 'Table I divides the node');
}

function lengthOf(range: readonly [number, number] | undefined): number {
  return range === undefined ? 0 : range[1] - range[0];
}
