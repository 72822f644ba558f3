import type { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { alignUp, BLOCK } from '../base/range.js';
import type { FileName, Plan, Step } from '../file/executor.js';
import { DESCRIPTOR_SIZE, FILES } from '../format/layout.js';
import { descriptorSum, pieceSums, sumArrayBytes, sumArrayLength } from '../format/pieces.js';
import { encodeDescriptor, type ForwardDescriptor, Kind, type KindValue } from './forward-descriptor.js';
import { placeData, type Ring } from './ring.js';

/** Something that asks to enter the forward journal. */
export interface Append {
  readonly kind: KindValue;
  readonly flags?: number;
  readonly start?: number;
  readonly length?: number;
  /** Must not change before `done`. */
  readonly data?: Uint8Array;
  readonly segment?: number;
  readonly size?: number;
  /** Called once: when this and every earlier descriptor are in, or when it failed. */
  readonly done: (error: AnywhenError | undefined, sequence: number, stamp: Instant) => void;
}

/** An append that has its sequence, its stamp and its space. */
export interface Placed {
  readonly append: Append;
  readonly sequence: number;
  readonly stamp: Instant;
  readonly position: number;
  readonly dataPosition: number;
  readonly dataEnd: number;
  readonly sums: Uint32Array<ArrayBuffer>;
  /** Set when its data could not be written: it enters as `void`. */
  failure: AnywhenError | undefined;
}

const NO_SUMS = new Uint32Array(0);

/** The heads of both queues behind an append, or undefined if it does not fit. Does not change the rings. */
export function placeAppend(
  append: Append,
  descriptors: Ring,
  data: Ring,
): { position: number; dataPosition: number; dataEnd: number; sums: Uint32Array<ArrayBuffer> } | undefined {
  const position = descriptors.head;
  if (!descriptors.fits(position + DESCRIPTOR_SIZE)) return undefined;
  if (append.data === undefined) return { position, dataPosition: 0, dataEnd: data.head, sums: NO_SUMS };
  const start = append.start ?? 0;
  const pieces = Math.ceil((start + append.data.length) / BLOCK) - Math.floor(start / BLOCK);
  const before = sumArrayLength(pieces);
  const dataPosition = placeData(data, data.head, start, append.data.length, before);
  const dataEnd = dataPosition + append.data.length;
  if (!data.fits(dataEnd)) return undefined;
  return { position, dataPosition, dataEnd, sums: pieceSums(start, append.data) };
}

/** Whether data of this length could ever enter an empty data queue. */
export function couldFit(length: number, data: Ring): boolean {
  const before = sumArrayLength(Math.ceil(length / BLOCK) + 1);
  return alignUp(before, BLOCK) + alignUp(length, BLOCK) + BLOCK <= data.length;
}

/** A write that others may be joined to. */
export interface WriteStep {
  readonly op: 'write';
  readonly file: FileName;
  readonly offset: number;
  readonly from: Uint8Array[];
}

/** The step that brings the data of a placed append, behind its array of sums, into the data queue. */
export function dataStep(placed: Placed, data: Ring): WriteStep | undefined {
  const bytes = placed.append.data;
  if (bytes === undefined) return undefined;
  const array = placed.sums.length > 1 ? sumArrayBytes(placed.sums) : undefined;
  const begin = placed.dataPosition - (array?.length ?? 0);
  return {
    op: 'write',
    file: FILES.forward,
    offset: data.place(begin),
    from: array ? [array, bytes] : [bytes],
  };
}

/** The descriptor of a placed append as it enters the journal. */
export function descriptorOf(placed: Placed, epoch: number, durable: number): ForwardDescriptor {
  const { append, sums } = placed;
  const failed = placed.failure !== undefined;
  const withData = append.data !== undefined && !failed;
  return {
    kind: failed ? Kind.void : append.kind,
    flags: append.flags ?? 0,
    epoch,
    pieces: withData ? sums.length : 0,
    sequence: placed.sequence,
    position: placed.position,
    stamp: placed.stamp,
    start: append.start ?? 0,
    length: append.length ?? append.data?.length ?? 0,
    dataPosition: withData ? placed.dataPosition : 0,
    storedLength: withData ? (append.data?.length ?? 0) : 0,
    sum: withData ? descriptorSum(sums) : 0,
    durable,
    segment: append.segment ?? 0,
    size: append.size ?? 0,
  };
}

/** The steps that write the descriptors, one for each run without a gap. */
export function descriptorSteps(batch: readonly ForwardDescriptor[], descriptors: Ring, seed: number): Plan {
  const steps: Step[] = [];
  const bytes = new Uint8Array(batch.length * DESCRIPTOR_SIZE);
  const view = new DataView(bytes.buffer);
  let from = 0;
  batch.forEach((descriptor, index) => {
    encodeDescriptor(view, index * DESCRIPTOR_SIZE, descriptor, seed);
    const next = batch[index + 1];
    if (
      next !== undefined &&
      descriptors.place(next.position) === descriptors.place(descriptor.position) + DESCRIPTOR_SIZE
    )
      return;
    const first = batch[from] as ForwardDescriptor;
    const run = bytes.subarray(from * DESCRIPTOR_SIZE, (index + 1) * DESCRIPTOR_SIZE);
    steps.push({ op: 'write', file: FILES.forward, offset: descriptors.place(first.position), from: [run] });
    from = index + 1;
  });
  return steps;
}
