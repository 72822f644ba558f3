import { once } from 'node:events';

/** Writes a line to standard output and waits until it can take more: a long list never piles up in memory. */
export async function printLine(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
}

/** Rows that are held back to find out how wide the columns must be. */
const HELD = 200;

/** A table whose rows come one by one, and may be many. Its columns grow with what comes, and never shrink. */
export class TableStream {
  readonly #widths: number[];
  #rows: (readonly string[])[] = [];
  #begun = false;

  constructor(readonly header: readonly string[]) {
    this.#widths = header.map((cell) => cell.length);
  }

  async row(cells: readonly string[]): Promise<void> {
    this.#rows.push(cells);
    if (this.#rows.length >= HELD) await this.#print();
  }

  /** Prints what is held back. No rows: no table. */
  async end(): Promise<void> {
    await this.#print();
  }

  async #print(): Promise<void> {
    if (this.#rows.length === 0) return;
    for (const row of this.#rows) {
      for (const [at, cell] of row.entries()) this.#widths[at] = Math.max(this.#widths[at] ?? 0, cell.length);
    }
    const rows = this.#begun ? this.#rows : [this.header, ...this.#rows];
    this.#begun = true;
    this.#rows = [];
    const text = rows.map((row) =>
      row
        .map((cell, at) => cell.padEnd(this.#widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    );
    await printLine(text.join('\n'));
  }
}
