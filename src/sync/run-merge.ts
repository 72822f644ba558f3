import type { Pacer } from '../base/pacer.js';
import type { Run } from '../journal/run.js';
import { CELL_SIZES, CLASSES, ENTRY_WORDS, HEAD_WORDS, LIST, START, wide } from '../journal/run-format.js';
import type { RunWriter } from '../journal/run-writer.js';

/** Blocks of each run that are read at once. */
const AHEAD = 16;
/** A list that is left out. */
export const LEFT_OUT = 0xffff_ffff;

export interface RunInput {
  readonly run: Run;
  /** For each list of it the number that it gets. */
  readonly numbers: Uint32Array;
}

/** Writes the entries of runs, the oldest first, as those of one. @throws `damaged`, `no-space`, `io` */
export async function mergeRuns(
  inputs: readonly RunInput[],
  writer: RunWriter,
  pacer: Pacer,
  goOn: () => void,
): Promise<void> {
  for (let klass = 0; klass < CLASSES; klass++) {
    const cursors = inputs.map((input, age) => new Cursor(input, age, klass));
    const heap: Cursor[] = [];
    for (const cursor of cursors) if (await cursor.begin()) push(heap, cursor);
    for (let first = heap[0]; first !== undefined; first = heap[0]) {
      const { cell } = first;
      // The entries of one cell follow each other.
      let more = true;
      while (more && first.cell === cell) {
        first.copy(klass, writer);
        more = first.step() || (await first.refill());
      }
      if (!more) pop(heap);
      else sink(heap, 0);
      if (writer.full) await writer.flush();
      if (pacer.due()) {
        await pacer.rest();
        goOn();
      }
    }
  }
}

/** Walks over the entries of a class of a run. */
class Cursor {
  cell = 0;
  #blocks: Uint32Array[] = [];
  #block = 0;
  #entry = 0;
  #next: number;
  readonly #end: number;
  readonly #size: number;

  constructor(
    readonly input: RunInput,
    readonly age: number,
    klass: number,
  ) {
    this.#next = input.run.header.classes[klass] as number;
    this.#end = input.run.endOf(klass);
    this.#size = CELL_SIZES[klass] as number;
  }

  async begin(): Promise<boolean> {
    return this.refill();
  }

  /** Goes to the next entry in memory, if there is one. */
  step(): boolean {
    this.#entry += 1;
    if (this.#entry === (this.#words[1] as number)) {
      this.#entry = 0;
      this.#block += 1;
      if (this.#block === this.#blocks.length) return false;
    }
    this.#look();
    return true;
  }

  /** Reads on; false at the end. */
  async refill(): Promise<boolean> {
    const count = Math.min(AHEAD, this.#end - this.#next);
    if (count === 0) return false;
    this.#blocks = await this.input.run.readBlocks(this.#next, count);
    this.#next += count;
    this.#block = 0;
    this.#entry = 0;
    this.#look();
    return true;
  }

  copy(klass: number, writer: RunWriter): void {
    const at = this.#at;
    const list = this.input.numbers[this.#words[at + LIST] as number] as number;
    if (list !== LEFT_OUT) writer.add(klass, this.#words, at, list);
  }

  get #words(): Uint32Array {
    return this.#blocks[this.#block] as Uint32Array;
  }

  get #at(): number {
    return HEAD_WORDS + this.#entry * ENTRY_WORDS;
  }

  #look(): void {
    this.cell = Math.floor(wide(this.#words, this.#at + START) / this.#size);
  }
}

function before(one: Cursor, other: Cursor): boolean {
  return one.cell < other.cell || (one.cell === other.cell && one.age < other.age);
}

function push(heap: Cursor[], cursor: Cursor): void {
  let at = heap.length;
  heap.push(cursor);
  while (at > 0) {
    const above = (at - 1) >>> 1;
    if (!before(cursor, heap[above] as Cursor)) break;
    heap[at] = heap[above] as Cursor;
    at = above;
  }
  heap[at] = cursor;
}

function pop(heap: Cursor[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  sink(heap, 0);
}

function sink(heap: Cursor[], from: number): void {
  const cursor = heap[from] as Cursor;
  let at = from;
  for (;;) {
    let below = 2 * at + 1;
    if (below >= heap.length) break;
    const right = heap[below + 1];
    if (right !== undefined && before(right, heap[below] as Cursor)) below += 1;
    if (!before(heap[below] as Cursor, cursor)) break;
    heap[at] = heap[below] as Cursor;
    at = below;
  }
  heap[at] = cursor;
}
