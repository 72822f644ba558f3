/**
 * What the addon of the native driver and we agree on: `native/fuse/session.h` has the same numbers. The addon fills
 * `batch` with requests and calls `onBatch`; each request is answered once, by its slot, now or later.
 */

/** What a request is. */
export const Op = {
  init: 1,
  lookup: 2,
  forget: 3,
  getattr: 4,
  setattr: 5,
  readlink: 6,
  open: 7,
  read: 8,
  write: 9,
  fsync: 10,
  release: 11,
  opendir: 12,
  readdir: 13,
  readdirplus: 14,
  releasedir: 15,
  statfs: 16,
  getxattr: 17,
  listxattr: 18,
  fallocate: 19,
  lseek: 20,
} as const;

/** The fields of a request in the batch. A name is `[place, place + flags)` of the text; data to write begin at `place` of buffer `flags`. */
export const Field = {
  op: 0,
  slot: 1,
  node: 2,
  handle: 3,
  offset: 4,
  length: 5,
  flags: 6,
  place: 7,
} as const;
export const FIELDS = 8;

/** The fields of the answer that `replyEntry`, `replyAttributes`, `replyOpen` and `addEntry` send. */
export const Answer = {
  node: 0,
  inode: 1,
  mode: 2,
  links: 3,
  size: 4,
  seconds: 5,
  nanoseconds: 6,
  user: 7,
  group: 8,
  entryTimeout: 9,
  attributeTimeout: 10,
  handle: 11,
  openFlags: 12,
} as const;
export const ANSWER_FIELDS = 13;

/** `openFlags`: the kernel caches nothing of the file; what it has cached is still good. */
export const DIRECT_IO = 1;
export const KEEP_CACHE = 2;

/** What became of a read by a plan; unless it was replied, the request still waits. */
export const Outcome = { replied: 0, wouldWait: 1, failed: 2 } as const;

/** The bytes that one request may carry. */
export const MAX_TRANSFER = 1024 * 1024;
/** Requests of a batch. */
export const BATCH = 64;
/** Room for a request with the most data, whatever the version of libfuse adds. */
const BUFFER = MAX_TRANSFER + 64 * 1024;
/** Writes that wait for the journal at most; then requests stay in the kernel. Memory is taken when one is used. */
const BUFFERS = 64;
const TEXT = BATCH * 1024;

/** The functions that answer. `slot` is one that was not answered yet. */
export interface Session {
  replyError(slot: number, errno: number): void;
  replyWritten(slot: number, count: number): void;
  replyBytes(slot: number, bytes: Uint8Array): void;
  replyLength(slot: number, bytes: number): void;
  replyLink(slot: number, target: string): void;
  replySeek(slot: number, offset: number): void;
  /** In blocks of 4 KiB. */
  replySpace(slot: number, blocks: number, free: number): void;
  replyEntry(slot: number): void;
  replyAttributes(slot: number): void;
  /** False: nobody has the file open, and nobody will close it. */
  replyOpen(slot: number): boolean;
  /** Adds a name to a listing; where it ends, or -1 when it is full. Does not answer. */
  addEntry(slot: number, into: Uint8Array, at: number, name: string, next: number, plus: boolean): number;
  /** Answers with what the parts of a plan hold, if no disk need be waited for. */
  replyRead(slot: number, parts: Float64Array, count: number, sums: Uint32Array, length: number): number;
  /** The same, waiting for disks on another thread. */
  readOnPool(
    slot: number,
    parts: Float64Array,
    count: number,
    sums: Uint32Array,
    length: number,
  ): Promise<number>;
  /** The kernel drops what it has cached of a node. */
  forgetData(node: number): Promise<void>;
}

/** The memory that is shared with the addon. */
export class Exchange {
  readonly batch = new Float64Array(BATCH * FIELDS);
  readonly answer = new Float64Array(ANSWER_FIELDS);
  readonly text = Buffer.alloc(TEXT);
  readonly buffers: readonly Uint8Array[] = Array.from({ length: BUFFERS }, () => new Uint8Array(BUFFER));
}

export interface SessionSettings {
  readonly batch: Float64Array;
  readonly answer: Float64Array;
  readonly text: Uint8Array;
  readonly buffers: readonly Uint8Array[];
  /** How long to look for the next request before sleeping, ns. */
  readonly spin: number;
  readonly onBatch: (count: number) => void;
  readonly onEnd: () => void;
}

/** The addon on libfuse 3. */
export interface FuseAddon {
  /** Mounts, and serves from the event loop. `options`: what stands behind `-o`. */
  mount(mountPoint: string, options: string, settings: SessionSettings): Session;
  version(): string;
}
