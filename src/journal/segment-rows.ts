import { AnywhenError } from '../base/errors.js';
import { readChunks } from '../file/chunks.js';
import type { Executor } from '../file/executor.js';
import { SEGMENT_DESCRIPTOR_SIZE, SEGMENT_HEADER_SIZE, segmentDescriptors } from '../format/layout.js';
import {
  decodeSegmentDescriptor,
  readSegmentDescriptor,
  type SegmentExtent,
  type SegmentMarker,
} from './segment-format.js';

/** A descriptor of a segment as it lies in the file. */
export interface SegmentRow {
  readonly index: number;
  /** Its place in the file, bytes. */
  readonly offset: number;
  readonly crc: number;
  /** The fields that stand there, not to be trusted where there is an error. */
  readonly descriptor: SegmentExtent | SegmentMarker;
  /** Why it does not count. */
  readonly error: AnywhenError | undefined;
}

const CHUNK = 4096 * SEGMENT_DESCRIPTOR_SIZE;

/**
 * Descriptors `[first, first + count)` of a segment, sound or not; never more than a chunk of them in memory.
 *
 * @throws `damaged` if the file ends before, `not-found`, `io`
 */
export async function* readSegmentRows(
  executor: Executor,
  segment: number,
  count: number,
  seed: number,
  first = 0,
): AsyncGenerator<SegmentRow> {
  const begin = SEGMENT_HEADER_SIZE + first * SEGMENT_DESCRIPTOR_SIZE;
  const end = begin + count * SEGMENT_DESCRIPTOR_SIZE;
  const chunks = readChunks(executor, segmentDescriptors(segment), begin, end, CHUNK);
  for await (const { offset, bytes } of chunks) {
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += SEGMENT_DESCRIPTOR_SIZE) {
      const index = (offset + at - SEGMENT_HEADER_SIZE) / SEGMENT_DESCRIPTOR_SIZE;
      const row = { index, offset: offset + at, crc: view.getUint32(at, true) };
      yield { ...row, ...judge(view, at, index, segment, seed) };
    }
  }
}

function judge(
  view: DataView,
  at: number,
  index: number,
  segment: number,
  seed: number,
): Pick<SegmentRow, 'descriptor' | 'error'> {
  try {
    return { descriptor: decodeSegmentDescriptor(view, at, index, segment, seed), error: undefined };
  } catch (error) {
    if (!(error instanceof AnywhenError)) throw error;
    return { descriptor: readSegmentDescriptor(view, at), error };
  }
}
