import type { SourceFile, Vrmo } from '../vrmo/vrmo.js';
import type { Fetcher } from './fetch.js';

interface Part {
  readonly start: number;
  readonly end: number;
  readonly file: SourceFile;
  readonly record: number;
}

/** The extents of `[start, end)` by the map, resolved at once: what happens to the map later does not matter. */
function resolve(map: Vrmo, start: number, end: number): Part[] {
  const parts: Part[] = [];
  map.lookup(start, end, (from, to, file, record) => parts.push({ start: from, end: to, file, record }));
  return parts;
}

/** Reads `[start, start + into.length)` as the map says, if no disk need be waited for. */
export function readMapNow(fetcher: Fetcher, map: Vrmo, start: number, into: Uint8Array): boolean {
  for (const part of resolve(map, start, start + into.length)) {
    const slice = into.subarray(part.start - start, part.end - start);
    if (!fetcher.readNow(part.file, part.record, part.start, slice)) return false;
  }
  return true;
}

/**
 * Reads `[start, start + into.length)` as the map says now. What is in memory comes at once, the rest side by side.
 * When it fails nothing is on its way into the buffer any more.
 */
export async function readMap(fetcher: Fetcher, map: Vrmo, start: number, into: Uint8Array): Promise<void> {
  const late: Promise<void>[] = [];
  try {
    for (const part of resolve(map, start, start + into.length)) {
      const slice = into.subarray(part.start - start, part.end - start);
      if (fetcher.readNow(part.file, part.record, part.start, slice)) continue;
      late.push(fetcher.read(part.file, part.record, part.start, slice));
    }
  } finally {
    await Promise.allSettled(late);
  }
  await Promise.all(late);
}
