import type { Instant } from '../base/instant.js';
import type { Executor } from '../file/executor.js';
import { resolveTime } from '../namespace/resolve-time.js';
import type { Engine } from '../volume/engine.js';
import type { MapView } from '../volume/map-view.js';
import type { Point } from '../volume/model.js';
import { openMapView } from '../volume/open-view.js';
import { Volume } from '../volume/volume.js';
import { FIRST_SEGMENT, FORWARD, MIM, type SourceFile, ZERO } from '../vrmo/vrmo.js';
import type { Problem } from './look.js';

export interface MapsOptions {
  /** Only the extents that touch `[from, to)` of the volume, bytes; cut there. */
  readonly from?: number;
  readonly to?: number;
  /** Extents at the most. */
  readonly limit?: number;
}

export interface MapHead {
  readonly type: 'map';
  readonly at: Instant;
  readonly exact: boolean;
  readonly point: Point;
  /** The form of the VRMO, and how many extents of it lie in a journal. */
  readonly form: string;
  readonly extents: number;
  /** What the opener was told. */
  readonly problems: readonly Problem[];
}

export interface MapExtent {
  readonly type: 'extent';
  /** Addresses of the volume, `[start, end)`. */
  readonly start: number;
  readonly end: number;
  readonly source: 'mim' | 'forward' | 'segment' | 'zero';
  /** Where its first byte lies; undefined for zeros, which lie nowhere. */
  readonly file: string | undefined;
  readonly offset: number | undefined;
  /** The sequence of its descriptor in the forward journal, or segment and index of the one in the backward journal. */
  readonly sequence: number | undefined;
  readonly segment: number | undefined;
  readonly index: number | undefined;
}

export interface MapEnd {
  readonly type: 'end';
  readonly complete: boolean;
  readonly shown: number;
}

export type MapItem = MapHead | MapExtent | MapEnd;

/**
 * The VRMO of the point that a time names: where each byte of the volume lies.
 *
 * @param executor must be read-only
 * @throws as the opening of a store, and `not-found`, `usage` for the time
 */
export async function* inspectMap(
  executor: Executor,
  time: string,
  options: MapsOptions = {},
): AsyncGenerator<MapItem> {
  const volume = await Volume.openOn(executor, { readOnly: true });
  const { point, at, exact } = resolveTime(volume, time);
  const view = await openMapView(volume.engine, volume.timeline, at, true);
  try {
    const { form, extents } = view.map;
    const problems = volume.engine.warnings.map((message) => ({ message, offset: undefined }));
    yield { type: 'map', at, exact, point, form, extents, problems };
    yield* extentsOf(volume, view, options);
  } finally {
    view.close();
  }
}

async function* extentsOf({ engine }: Volume, view: MapView, options: MapsOptions): AsyncGenerator<MapItem> {
  const end = Math.min(options.to ?? view.size, view.size);
  // A row of four numbers for each extent: a map may have millions.
  const rows: number[] = [];
  view.map.lookup(Math.min(options.from ?? 0, end), end, (...row) => void rows.push(...row));
  let shown = 0;
  for (let at = 0; at < rows.length; at += 4) {
    if (shown === options.limit) return yield { type: 'end', complete: false, shown };
    const [start, stop, file, record] = rows.slice(at, at + 4) as [number, number, SourceFile, number];
    yield { type: 'extent', start, end: stop, ...placeOf(engine, start, file, record) };
    shown += 1;
  }
  yield { type: 'end', complete: true, shown };
}

function placeOf(
  { index, fetcher }: Engine,
  start: number,
  source: SourceFile,
  record: number,
): Omit<MapExtent, 'type' | 'start' | 'end'> {
  const place = fetcher.placeOf(source, record, start);
  const nowhere = { sequence: undefined, segment: undefined, index: undefined };
  const at = { file: place?.file, offset: place?.offset, ...nowhere };
  if (source === MIM) return { source: 'mim', ...at };
  if (source === ZERO) return { source: 'zero', ...at };
  if (source === FORWARD) return { source: 'forward', ...at, sequence: index.sequenceOf(record) };
  return { source: 'segment', ...at, segment: source - FIRST_SEGMENT, index: record };
}
