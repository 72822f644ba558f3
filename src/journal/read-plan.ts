import { pieceCount } from '../base/range.js';

/** Parts and sums of a plan at most: a read of 1 MiB that changes its file with every 4 KiB. */
const PARTS = 512;
const SUMS = 1024;

/** The fields of a part. */
export const PART_FIELDS = 5;
/** In the place of a descriptor: zeros, which lie nowhere. */
const ZEROS = -1;
/** In the place of a block: the sums stand as they are. */
const UNBOUND = -1;
/** In the place of the first sum: nothing is verified. */
const UNVERIFIED = -1;

/**
 * Where the bytes of a read lie, and what their sums are: for one that reads and verifies without coming back here. One
 * object serves all reads of a thread, since it is used up before the next begins.
 *
 * A part is [descriptor of a file, offset there, length, number of the first block or -1, index of the first sum or -1];
 * with a block the sums are bound to the place, as on the MIM. Parts follow one another; all but the end of the last one
 * are whole pieces.
 */
export class ReadPlan {
  readonly parts = new Float64Array(PARTS * PART_FIELDS);
  readonly sums = new Uint32Array(SUMS);
  count = 0;
  sumCount = 0;

  clear(): void {
    this.count = 0;
    this.sumCount = 0;
  }

  /** Each of these is false when there is no room; then the read is done in another way. */
  zeros(length: number): boolean {
    const last = (this.count - 1) * PART_FIELDS;
    if (this.count > 0 && this.parts[last] === ZEROS) {
      this.parts[last + 2] = (this.parts[last + 2] as number) + length;
      return true;
    }
    return this.#add(ZEROS, 0, length, UNBOUND, UNVERIFIED);
  }

  /** Bytes of a journal. `sums[first]` belongs to the first piece; without sums nothing is verified. */
  stored(fd: number, offset: number, length: number, sums: Uint32Array | undefined, first: number): boolean {
    if (sums === undefined) return this.#add(fd, offset, length, UNBOUND, UNVERIFIED);
    const pieces = pieceCount(0, length);
    if (this.sumCount + pieces > SUMS) return false;
    if (!this.#add(fd, offset, length, UNBOUND, this.sumCount)) return false;
    for (let at = 0; at < pieces; at++) this.sums[this.sumCount++] = sums[first + at] as number;
    return true;
  }

  /** One block of the MIM, joined to the one before it. `verify` false: whatever it is. */
  block(fd: number, block: number, blockSize: number, sum: number, verify: boolean): boolean {
    if (this.sumCount === SUMS) return false;
    const last = (this.count - 1) * PART_FIELDS;
    const { parts } = this;
    const offset = block * blockSize;
    const joins =
      this.count > 0 &&
      parts[last] === fd &&
      (parts[last + 1] as number) + (parts[last + 2] as number) === offset;
    if (joins) parts[last + 2] = (parts[last + 2] as number) + blockSize;
    else if (!this.#add(fd, offset, blockSize, block, verify ? this.sumCount : UNVERIFIED)) return false;
    if (verify) this.sums[this.sumCount++] = sum;
    return true;
  }

  #add(fd: number, offset: number, length: number, block: number, firstSum: number): boolean {
    if (this.count === PARTS) return false;
    const { parts } = this;
    const at = this.count++ * PART_FIELDS;
    parts[at] = fd;
    parts[at + 1] = offset;
    parts[at + 2] = length;
    parts[at + 3] = block;
    parts[at + 4] = firstSum;
    return true;
  }
}
