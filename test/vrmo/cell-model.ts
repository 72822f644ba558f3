import { expect } from 'vitest';
import { MIM, type SourceFile, type Vrmo } from '../../src/vrmo/vrmo.js';

export interface Cell {
  readonly file: SourceFile;
  readonly record: number;
}

export type Range = [start: number, end: number];

const ON_MIM: Cell = { file: MIM, record: 0 };

/** What a VRMO must say, kept in the most simple way: one cell for each address of `[base, base + size)`. */
export class CellModel {
  readonly #cells: Cell[];

  constructor(
    readonly size: number,
    readonly base = 0,
    cells: readonly Cell[] = new Array<Cell>(size).fill(ON_MIM),
  ) {
    this.#cells = [...cells];
  }

  clone(): CellModel {
    return new CellModel(this.size, this.base, this.#cells);
  }

  replace(start: number, end: number, file: SourceFile, record: number): void {
    const cell = file === MIM ? ON_MIM : { file, record };
    this.#cells.fill(cell, start - this.base, end - this.base);
  }

  /** Returns the ranges that were on the MIM. */
  preserve(start: number, end: number, file: SourceFile, record: number): Range[] {
    const saved: Range[] = [];
    for (let address = start; address < end; address++) {
      if (this.#cells[address - this.base].file !== MIM) continue;
      this.#cells[address - this.base] = { file, record };
      const last = saved.at(-1);
      if (last !== undefined && last[1] === address) last[1]++;
      else saved.push([address, address + 1]);
    }
    return saved;
  }

  settle(start: number, end: number, caughtUp: (file: SourceFile, record: number) => boolean): void {
    for (let i = start - this.base; i < end - this.base; i++) {
      if (caughtUp(this.#cells[i].file, this.#cells[i].record)) this.#cells[i] = ON_MIM;
    }
  }

  /** Runs of cells that say the same, cut at the edges of `[start, end)`. */
  runs(start = this.base, end = this.base + this.size): [number, number, SourceFile, number][] {
    const runs: [number, number, SourceFile, number][] = [];
    for (let address = start; address < end; address++) {
      const { file, record } = this.#cells[address - this.base];
      const last = runs.at(-1);
      if (last !== undefined && last[2] === file && last[3] === record) last[1]++;
      else runs.push([address, address + 1, file, record]);
    }
    return runs;
  }

  get extents(): number {
    return this.runs().filter(([, , file]) => file !== MIM).length;
  }
}

export function lookup(vrmo: Vrmo, start: number, end: number): [number, number, SourceFile, number][] {
  const found: [number, number, SourceFile, number][] = [];
  vrmo.lookup(start, end, (...extent) => found.push(extent));
  return found;
}

export function preserve(vrmo: Vrmo, start: number, end: number, file: SourceFile, record: number): Range[] {
  const saved: Range[] = [];
  vrmo.preserve(start, end, file, record, (from, to) => saved.push([from, to]));
  return saved;
}

/** The VRMO says what the model says, everywhere, and is whole. */
export function expectSame(vrmo: Vrmo, model: CellModel): void {
  vrmo.verify();
  expect(lookup(vrmo, model.base, model.base + model.size)).toEqual(model.runs());
  expect(vrmo.extents).toBe(model.extents);
}
