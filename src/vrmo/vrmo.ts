/**
 * The virtual recovery mapping object (VRMO): for one point in time, which physical extent holds each logical
 * address ([0051]-[0057], Tables I and II). Two forms implement this interface: `Vbmm` (its nodes are the
 * ranges that still come from the MIM, physical extent lists hang between them) and `Vbmj` (its nodes are the
 * ranges in a journal; a failed search means the MIM). Pure: no I/O, no time, no promises.
 *
 * The address space is `[0, 2^53)`; the size of the volume is not the VRMO's business. Ranges are half-open.
 */

/** Where the bytes of an extent lie. */
export type SourceFile = number;

/** On the MIM, at the address itself. */
export const MIM: SourceFile = 0;
/** In the forward journal; `record` is the sequence number of its descriptor modulo 2^32. */
export const FORWARD: SourceFile = 1;
/** In the backward journal; `record` is the number of its place in the engine's table of places. */
export const HISTORY: SourceFile = 2;
/** Nowhere: the range reads as zeros; `record` is kept for provenance. */
export const ZERO: SourceFile = 0xffff_ffff;
/** Every other value: a segment of the backward journal, `segment number + FIRST_SEGMENT`; `record` is the index of its descriptor. */
export const FIRST_SEGMENT: SourceFile = 16;

/**
 * Receives one extent. The physical address follows from the descriptor: an extent never starts before its
 * descriptor's logical start, and lies at the same distance from its data's start.
 */
export type ExtentVisitor = (start: number, end: number, file: SourceFile, record: number) => void;

/** An extent as an object, where one at a time is looked at. */
export interface Extent {
  readonly start: number;
  readonly end: number;
  readonly file: SourceFile;
  readonly record: number;
}

/** Receives a range `[start, end)`. */
export type RangeVisitor = (start: number, end: number) => void;

export interface Vrmo {
  /** The name of the form. */
  readonly form: 'vbmm' | 'vbmj';

  /** The number of physical extents in the PELs (MIM ranges do not count). */
  readonly extents: number;

  /** Calls `visit` for each extent of `[start, end)` in address order, MIM ranges included, without gaps, cut at the edges. */
  lookup(start: number, end: number, visit: ExtentVisitor): void;

  /**
   * Last write wins: `[start, end)` now lies at (file, record), whatever it was. For the live view and for a
   * view in the forward journal while it is built (`tables.md`, "What both tables are for").
   */
  replace(start: number, end: number, file: SourceFile, record: number): void;

  /**
   * First overwrite wins: the parts of `[start, end)` that are still on the MIM now lie at (file, record);
   * what is already in a journal stays. Table I (VBMM) or Table II (VBMJ). `emit` receives exactly the parts
   * that were still on the MIM, in address order: the backward move list.
   */
  preserve(start: number, end: number, file: SourceFile, record: number, emit?: RangeVisitor): void;

  /**
   * The MIM has caught up: every extent within `[start, end)` for which `caughtUp(file, record)` is true is
   * dropped from the PELs and becomes MIM again.
   */
  settle(start: number, end: number, caughtUp: (file: SourceFile, record: number) => boolean): void;

  /** Adds the buffers that hold the map; copies share them until one is changed. */
  memory(buffers: Set<SharedArrayBuffer>): void;

  /** Gives its memory back. It may not be used any more; copies of it may. */
  dispose(): void;

  /** An independent copy. */
  clone(): Vrmo;

  /** Throws on the first broken invariant. For tests and `--debug`. */
  verify(): void;
}
