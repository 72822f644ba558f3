import { ADDRESS_LIMIT } from '../base/range.js';
import { Vbmj } from './vbmj.js';
import { Vbmm } from './vbmm.js';
import type { Vrmo } from './vrmo.js';

/** When a map has which form. */
export interface FormOptions {
  /** A VBMM with more nodes than this, ranges on the MIM, becomes a VBMJ. Infinity: never; 0: at once. */
  readonly nodes: number;
}

/**
 * Measured (`docs/vrmo.md`): without its nodes a scattered map takes half the memory, and it is converted within a
 * millisecond. Where the journal holds nearly all, a VBMM has few nodes and is as small and a little faster.
 */
export const FORMS: FormOptions = { nodes: 4096 };

/** Far below the limit a VBMJ becomes a VBMM again; not right below it, so that no map goes to and fro. */
const BACK = 4;

/** The map of the MIM itself, everything still to come. */
export function newMap(forms: FormOptions): Vbmm | Vbmj {
  return forms.nodes < 1 ? new Vbmj() : new Vbmm();
}

/** The map in the form that suits it: mostly itself. To be asked after a few changes; costs no search. */
export function converted<Map extends Vrmo>(map: Map, forms: FormOptions): Map | Vbmm | Vbmj {
  if (map instanceof Vbmm) return map.nodes > forms.nodes ? toVbmj(map) : map;
  return map.extents < forms.nodes / BACK ? toVbmm(map) : map;
}

/**
 * A VBMJ that says the same ([0077]): each PEL becomes a node, from the start of its first extent to the end of
 * its last. Costs time in proportion to the extents; the original stays as it is.
 */
export function toVbmj(vrmo: Vrmo): Vbmj {
  return Vbmj.fromSorted((add) => vrmo.lookup(0, ADDRESS_LIMIT, add));
}

/** A VBMM that says the same: what lies between two nodes of a VBMJ is a node on the MIM. */
export function toVbmm(vrmo: Vrmo): Vbmm {
  return Vbmm.fromSorted((add) => vrmo.lookup(0, ADDRESS_LIMIT, add));
}
