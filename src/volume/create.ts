import { randomFillSync } from 'node:crypto';
import { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { ADDRESS_LIMIT, alignUp, BLOCK } from '../base/range.js';
import type { Executor, Step } from '../file/executor.js';
import { FILES, FORWARD_HEADER_SIZE, SUMS_PAGE_SIZE, SUMS_PER_PAGE } from '../format/layout.js';
import { encodeForwardHeader } from '../journal/forward-header.js';
import { StoreMeta, storeSeed } from '../journal/store-meta.js';
import { blockSums } from '../mirror/block-sum.js';
import { emptySums, encodeSumsPage } from '../mirror/sums-page.js';
import { usualReserve } from './reserve.js';

const MIB = 1024 * 1024;

/** Bytes that a new volume begins with: `data` calls back with each part that is not a hole, in order, in whole blocks. */
export interface Origin {
  readonly size: number;
  parts(): AsyncIterable<{ readonly offset: number; readonly bytes: Uint8Array }>;
}

export interface CreateOptions {
  /** Bytes of the data queue of the forward journal; by default an eighth of the volume, from 16 MiB to 1 GiB. */
  readonly forwardBytes?: number;
  /** Bytes of its descriptor queue; by default a thirty-second of the data queue, enough for writes of 4 KiB. */
  readonly descriptorBytes?: number;
  readonly now: Instant;
  /** Bytes copied of how many. */
  readonly progress?: (done: number, total: number) => void;
}

/** The sizes of the two queues for a volume. */
export function journalSizes(
  size: number,
  options: Pick<CreateOptions, 'forwardBytes' | 'descriptorBytes'>,
): { data: number; descriptors: number } {
  const usual = Math.min(1024 * MIB, Math.max(16 * MIB, size / 8));
  const data = alignUp(Math.ceil(options.forwardBytes ?? usual), BLOCK);
  return { data, descriptors: alignUp(Math.max(options.descriptorBytes ?? data / 32, 4 * BLOCK), BLOCK) };
}

/**
 * Makes a store in an empty folder. The superblock comes last: until it is durable there is no store.
 *
 * @throws `usage`, `no-space`, `exists`, `io`
 */
export async function createOn(
  executor: Executor,
  origin: Origin,
  options: CreateOptions,
): Promise<{ uuid: Uint8Array }> {
  if (!Number.isSafeInteger(origin.size) || origin.size < 1 || origin.size >= ADDRESS_LIMIT) {
    throw new AnywhenError('usage', `a volume of ${origin.size} bytes is not possible`, {
      hint: 'From 1 byte to 8 PiB.',
    });
  }
  const uuid = randomFillSync(new Uint8Array(16));
  const historyUuid = randomFillSync(new Uint8Array(16));
  const { data, descriptors } = journalSizes(origin.size, options);
  const dataOffset = FORWARD_HEADER_SIZE + descriptors;
  await executor.run([
    { op: 'mkdir', file: FILES.backward },
    { op: 'create', file: FILES.forward, size: 0 },
    { op: 'allocate', file: FILES.forward, offset: 0, length: dataOffset + data },
    { op: 'write', file: FILES.forward, offset: 0, from: [encodeForwardHeader(uuid)] },
    { op: 'create', file: FILES.mim, size: alignUp(origin.size, BLOCK) },
    { op: 'create', file: FILES.sums, size: 0 },
    { op: 'create', file: FILES.reserve, size: 0 },
    { op: 'allocate', file: FILES.reserve, offset: 0, length: usualReserve(data) },
  ]);
  await writeZeros(executor, FORWARD_HEADER_SIZE, descriptors);
  await fillMirror(executor, origin, storeSeed(uuid), options.progress);
  await executor.run([
    { op: 'datasync', file: FILES.forward },
    { op: 'datasync', file: FILES.mim },
    { op: 'datasync', file: FILES.sums },
    { op: 'syncdir', file: FILES.backward },
  ]);
  await StoreMeta.create(executor, {
    sequence: 0,
    uuid,
    historyUuid,
    createdAt: options.now,
    mimSize: origin.size,
    mimSequence: 0,
    mimStamp: options.now,
    mimQuality: 0,
    mimName: FILES.mim,
    catalogGeneration: 0,
    catalogLength: 0,
    copied: undefined,
    journal: {
      volumeId: 0,
      portId: 0,
      kind: 0,
      descriptorOffset: FORWARD_HEADER_SIZE,
      descriptorLength: descriptors,
      dataOffset,
      dataLength: data,
      descriptorTail: 0,
      dataTail: 0,
      firstSequence: 1,
    },
    epochs: [],
  });
  return { uuid };
}

/** Blocks that were written once need no conversion at a flush; the data queue has that done in idle time. */
async function writeZeros(executor: Executor, offset: number, length: number): Promise<void> {
  const zeros = new Uint8Array(Math.min(MIB, length));
  for (let at = 0; at < length; at += zeros.length) {
    const from = [zeros.subarray(0, Math.min(zeros.length, length - at))];
    await executor.run([{ op: 'write', file: FILES.forward, offset: offset + at, from }]);
  }
}

/** Copies the origin; blocks of zeros stay holes. */
async function fillMirror(
  executor: Executor,
  origin: Origin,
  seed: number,
  progress?: (done: number, total: number) => void,
): Promise<void> {
  let page = -1;
  let sums = emptySums();
  const flush = async () => {
    if (page < 0) return;
    const from = [encodeSumsPage(page, sums, seed)];
    await executor.run([{ op: 'write', file: FILES.sums, offset: page * SUMS_PAGE_SIZE, from }]);
  };
  let done = 0;
  for await (const { offset, bytes } of origin.parts()) {
    const whole = bytes.length % BLOCK === 0 ? bytes : padded(bytes);
    const first = offset / BLOCK;
    const found = blockSums(first, whole);
    for (const [at, sum] of found.entries()) {
      if (sum === 0) continue;
      const block = first + at;
      if (Math.floor(block / SUMS_PER_PAGE) !== page) {
        await flush();
        page = Math.floor(block / SUMS_PER_PAGE);
        sums = emptySums();
      }
      sums[block % SUMS_PER_PAGE] = sum;
    }
    await executor.run(writesOf(offset, whole, found));
    done = offset + bytes.length;
    progress?.(done, origin.size);
  }
  await flush();
  // A hole at the end is no part.
  if (done > 0 && done < origin.size) progress?.(origin.size, origin.size);
}

/** A write for each run of blocks that are not zeros. */
function writesOf(offset: number, bytes: Uint8Array, sums: Uint32Array): Step[] {
  const steps: Step[] = [];
  let run = -1;
  for (let at = 0; at <= sums.length; at++) {
    const present = at < sums.length && sums[at] !== 0;
    if (present && run < 0) run = at;
    if (present || run < 0) continue;
    const from = [bytes.subarray(run * BLOCK, at * BLOCK)];
    steps.push({ op: 'write', file: FILES.mim, offset: offset + run * BLOCK, from });
    run = -1;
  }
  return steps;
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(alignUp(bytes.length, BLOCK));
  whole.set(bytes);
  return whole;
}

/** An empty volume. */
export function emptyOrigin(size: number): Origin {
  return { size, async *parts() {} };
}
