import { BLOCK } from '../base/range.js';
import { bindToPlace, isZero } from '../format/checksum.js';
import { pieceSums, pieceSumsHere } from '../format/pieces.js';

/** The piece sum of 4,096 zeros. */
const ZEROS = pieceSums(0, new Uint8Array(BLOCK))[0] as number;

/** The sums in `mim.sums` of whole blocks from number `first` on: bound to their places; 0 where a block is all zeros. */
export function blockSums(first: number, bytes: Uint8Array): Uint32Array {
  const sums = pieceSumsHere(0, bytes).slice(0, bytes.length / BLOCK);
  for (let at = 0; at < sums.length; at++) {
    const sum = sums[at] as number;
    const zero = sum === ZEROS && isZero(bytes.subarray(at * BLOCK, (at + 1) * BLOCK));
    sums[at] = zero ? 0 : bindToPlace(first + at, sum);
  }
  return sums;
}
