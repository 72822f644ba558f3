import { ADDRESS_LIMIT } from '../base/range.js';
import { Vbmj } from './vbmj.js';
import type { Vrmo } from './vrmo.js';

/**
 * A VBMJ that says the same ([0077]): each PEL becomes a node, from the start of its first extent to the end of
 * its last. Worth it when the journal holds more of the view than the MIM, or when the nodes on the MIM take more
 * memory than they save. Costs time in proportion to the extents; the original stays as it is.
 */
export function toVbmj(vrmo: Vrmo): Vbmj {
  return Vbmj.fromSorted((add) => vrmo.lookup(0, ADDRESS_LIMIT, add));
}
