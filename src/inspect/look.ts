import { AnywhenError } from '../base/errors.js';
import type { Executor, FileName } from '../file/executor.js';
import {
  CATALOG_HEADER_SIZE,
  FILES,
  FORWARD_HEADER_SIZE,
  SEGMENT_HEADER_SIZE,
  SUPERBLOCK_SIZE,
} from '../format/layout.js';
import type { Superblock } from '../format/superblock.js';
import { type SuperblockCopy, superblockCopies, usedCopy } from '../format/superblock-copies.js';
import { decodeCatalogHeader } from '../journal/catalog-format.js';
import { decodeForwardHeader } from '../journal/forward-header.js';
import { decodeSegmentHeader } from '../journal/segment-format.js';
import { storeSeed } from '../journal/store-meta.js';

/**
 * A look at a store: what is needed to read its structures, found as far as the store still tells. Everything in
 * this folder reads through an executor and writes nothing; it says what is wrong and goes on with the rest.
 */
export interface Look {
  readonly executor: Executor;
  /** The size of the file `superblock`, or undefined if there is none. */
  readonly superblockSize: number | undefined;
  readonly copies: readonly SuperblockCopy[];
  /** The copy that counts; if none does, the best that a damaged one says. */
  readonly superblock: Superblock | undefined;
  /** Why no copy counts: then `superblock` is not to be trusted. */
  readonly distrust: AnywhenError | undefined;
  /** The uuid of the store and the file that told it. */
  readonly identity: Identity | undefined;
}

export interface Identity {
  readonly uuid: Uint8Array;
  readonly from: FileName;
  /** What the checksums of records begin with. */
  readonly seed: number;
}

/** What is wrong with a structure, and where in its file, bytes. */
export interface Problem {
  readonly message: string;
  readonly offset: number | undefined;
}

/** An error as a problem. */
export function problemOf(error: AnywhenError): Problem {
  const { offset } = error.data;
  return { message: error.message, offset: typeof offset === 'number' ? offset : undefined };
}

/**
 * Begins a look.
 *
 * @throws `no-store` if no file of a store is there, `unsupported` for a store of a later version, `denied`, `io`
 */
export async function lookAt(executor: Executor): Promise<Look> {
  const { superblockSize, copies, fault } = await readCopies(executor);
  if (superblockSize === undefined && fault === undefined) await checkIsStore(executor);
  let superblock: Superblock | undefined;
  let distrust = fault;
  distrust ??= await faultOf(() => {
    superblock = usedCopy(copies).content;
  });
  for (const { content } of copies) {
    if (distrust !== undefined && content !== undefined && content.sequence > (superblock?.sequence ?? -1))
      superblock = content;
  }
  const identity =
    distrust === undefined && superblock !== undefined
      ? { uuid: superblock.uuid, from: FILES.superblock, seed: storeSeed(superblock.uuid) }
      : await findIdentity(executor);
  return { executor, superblockSize, copies, superblock, distrust, identity };
}

/** Whether the superblock is what it was when the look began: if not, what was read may be of two times. */
export async function stillAsItWas(look: Look): Promise<boolean> {
  const { copies } = await readCopies(look.executor);
  const sequences = (all: readonly SuperblockCopy[]) => all.map((copy) => copy.content?.sequence).join();
  return sequences(copies) === sequences(look.copies);
}

/** The first `length` bytes of a file. @throws `damaged` if it is missing or shorter */
export async function readHead(executor: Executor, file: FileName, length: number): Promise<Uint8Array> {
  const size = await executor.size(file);
  if (size === undefined) throw new AnywhenError('damaged', `${file}: is missing`);
  if (size < length) throw new AnywhenError('damaged', `${file}: is cut short, at ${size} bytes`);
  const bytes = new Uint8Array(length);
  await executor.run([{ op: 'read', file, offset: 0, into: bytes }]);
  return bytes;
}

/** The error that `work` ends with, if it is one of the store and not of the machine. */
export async function faultOf(work: () => Promise<unknown> | unknown): Promise<AnywhenError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof AnywhenError && isFault(error)) return error;
    throw error;
  }
}

/** Whether an error tells of the store itself. */
export function isFault(error: AnywhenError): boolean {
  return error.code === 'damaged' || error.code === 'unsupported' || error.code === 'not-found';
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => other[index] === byte);
}

/** `fault`: why the file cannot be looked at, when it is no file of ours. */
async function readCopies(
  executor: Executor,
): Promise<Pick<Look, 'superblockSize' | 'copies'> & { readonly fault: AnywhenError | undefined }> {
  const found: { size?: number | undefined; bytes: Uint8Array } = { bytes: new Uint8Array(0) };
  const fault = await faultOf(async () => {
    found.size = await executor.size(FILES.superblock);
    const bytes = new Uint8Array(Math.min(2 * SUPERBLOCK_SIZE, found.size ?? 0));
    await executor.run([{ op: 'read', file: FILES.superblock, offset: 0, into: bytes }]);
    found.bytes = bytes;
  });
  const missing = fault?.code === 'not-found' ? undefined : fault;
  return { superblockSize: found.size, copies: superblockCopies(found.bytes), fault: missing };
}

/** A store without its superblock is damaged; a folder with none of the files is no store. */
async function checkIsStore(executor: Executor): Promise<void> {
  const names = await executor.list('');
  const { forward, catalog, backward, sums } = FILES;
  if ([forward, catalog, backward, sums].some((name) => names.includes(name))) return;
  throw new AnywhenError('no-store', 'there is no store here: the superblock is missing', {
    hint: 'Create one with `anywhen create STORE --size SIZE`.',
  });
}

/** Every header carries the uuid under a checksum that needs no seed: without a superblock, the first intact one tells. */
async function findIdentity(executor: Executor): Promise<Identity | undefined> {
  const sources: [FileName, number, (bytes: Uint8Array) => { readonly uuid: Uint8Array }][] = [
    [FILES.forward, FORWARD_HEADER_SIZE, decodeForwardHeader],
    [FILES.catalog, CATALOG_HEADER_SIZE, decodeCatalogHeader],
  ];
  for (const name of await executor.list(FILES.backward)) {
    if (!name.endsWith('.descriptors')) continue;
    const file = `${FILES.backward}/${name}`;
    sources.push([file, SEGMENT_HEADER_SIZE, (bytes) => decodeSegmentHeader(bytes, file)]);
  }
  for (const [from, length, decode] of sources) {
    const found: { uuid?: Uint8Array } = {};
    await faultOf(async () => {
      found.uuid = decode(await readHead(executor, from, length)).uuid;
    });
    if (found.uuid !== undefined) return { uuid: found.uuid, from, seed: storeSeed(found.uuid) };
  }
  return undefined;
}
