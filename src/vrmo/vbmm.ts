import { ExtentList } from './extent-list.js';
import { outcomeOfTableOne } from './table-one.js';
import { type ExtentVisitor, MIM, type RangeVisitor, type SourceFile, type Vrmo } from './vrmo.js';

/**
 * The MIM-centric form ([0054]-[0055], FIG. 6): its nodes are the ranges that still come from the MIM; what
 * lies between two nodes is a physical extent list (PEL). Both stand interleaved, in address order, in one
 * list that covers the address space, so a child of Table I is what follows or precedes a node.
 */
export class Vbmm implements Vrmo {
  readonly form = 'vbmm';
  readonly #list: ExtentList;

  /** A single node: everything comes from the MIM ([0063]). */
  constructor(list: ExtentList = ExtentList.of(MIM, 0)) {
    this.#list = list;
  }

  get extents(): number {
    let extents = 0;
    this.#list.forEach(0, Number.MAX_SAFE_INTEGER, (_start, _end, file) => {
      if (file !== MIM) extents += 1;
    });
    return extents;
  }

  /** The number of entries, nodes and extents: what it costs in memory. */
  get entries(): number {
    return this.#list.count;
  }

  lookup(start: number, end: number, visit: ExtentVisitor): void {
    this.#list.forEach(start, end, visit);
  }

  replace(start: number, end: number, file: SourceFile, record: number): void {
    if (start < end) this.#list.set(start, end, file, record);
  }

  preserve(start: number, end: number, file: SourceFile, record: number, emit?: RangeVisitor): void {
    // Restructure after the traversal: Table I recurses on the tree as it was before.
    const moves: number[] = [];
    let from = start;
    this.#list.forEach(start, end, (vs, ve, source) => {
      if (source !== MIM || from >= end) return;
      const outcome = outcomeOfTableOne(from, end, vs, ve);
      if (outcome.emit !== undefined) moves.push(outcome.emit[0], outcome.emit[1]);
      from = outcome.right === undefined ? end : outcome.right[0];
    });
    for (let at = 0; at < moves.length; at += 2) {
      this.#list.set(moves[at] as number, moves[at + 1] as number, file, record);
      emit?.(moves[at] as number, moves[at + 1] as number);
    }
  }

  settle(start: number, end: number, caughtUp: (file: SourceFile, record: number) => boolean): void {
    const settled: number[] = [];
    this.#list.forEach(start, end, (from, to, file, record) => {
      if (file !== MIM && caughtUp(file, record)) settled.push(from, to);
    });
    for (let at = 0; at < settled.length; at += 2) {
      this.#list.set(settled[at] as number, settled[at + 1] as number, MIM, 0);
    }
  }

  clone(): Vbmm {
    return new Vbmm(this.#list.clone());
  }

  verify(): void {
    this.#list.verify();
  }
}
