import { BLOCK } from '../base/range.js';

/** How many bytes changed in each part of a volume. */
export class ChangeMap {
  /** The length of a part, bytes: blocks, as many as a power of two. */
  readonly cell: number;
  /** By part, in address order: the bytes that changed. The last part may be shorter. */
  readonly bytes: number[];

  /**
   * @param size of the volume, bytes
   * @param parts at most so many
   */
  constructor(size: number, parts: number) {
    let cell = BLOCK;
    while (cell * parts < size) cell *= 2;
    this.cell = cell;
    this.bytes = new Array<number>(Math.ceil(size / this.cell)).fill(0);
  }

  /** `[start, start + length)` changed; ranges do not overlap. */
  add(start: number, length: number): void {
    const end = start + length;
    for (let from = start; from < end; ) {
      const part = Math.floor(from / this.cell);
      const to = Math.min(end, (part + 1) * this.cell);
      this.bytes[part] = (this.bytes[part] ?? 0) + to - from;
      from = to;
    }
  }
}
