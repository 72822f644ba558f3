import type { Instant } from '../base/instant.js';
import type { ReadPlan } from '../journal/read-plan.js';

/** How much a point can be trusted: some write, a flush that a client asked for, or a frozen filesystem. */
export type Quality = 'write' | 'flush' | 'frozen';

/** An instant that can be shown exactly. */
export interface Point {
  /** The sequence number of the last descriptor that belongs to it. */
  readonly sequence: number;
  /** The instant that names it; `from <= at < to`. */
  readonly at: Instant;
  /** The half-open interval of time in which the volume looked so; `to` is undefined for the newest. */
  readonly from: Instant;
  readonly to: Instant | undefined;
  /** Where it is kept: near = forward journal, snapshot = backward journal. */
  readonly place: 'near' | 'snapshot';
  readonly quality: Quality;
  /** The size of the volume then, bytes. */
  readonly size: number;
  /** The marks on it, in order of time. */
  readonly marks: readonly string[];
}

export interface Mark {
  readonly name: string;
  readonly at: Instant;
  readonly sequence: number;
  /** Kept even when space runs out. */
  readonly hold: boolean;
}

/** The answer to "which point is the volume at T?" */
export interface Resolution {
  readonly point: Point;
  /** The instant that will be shown: T itself where T is exact, else the instant of the newest older point. */
  readonly at: Instant;
  /** False when T lies between two points and the older one was taken. */
  readonly exact: boolean;
}

/** The volume at a point. Open until `close`; its bytes never change. */
export interface View {
  readonly at: Instant;
  readonly sequence: number;
  /** Bytes. */
  readonly size: number;
  /** Reads `[offset, offset + into.length)`, which must lie within the size, if no disk need be waited for. */
  readNow(offset: number, into: Uint8Array): boolean;
  read(offset: number, into: Uint8Array): Promise<void>;
  /**
   * Where the bytes of `[offset, offset + length)` lie, into `plan`; false if that is not known without waiting, or no
   * descriptor reaches them. The places hold until the caller next waits; longer with `hold`.
   */
  plan(offset: number, length: number, plan: ReadPlan): boolean;
  /** Keeps the places of plans as they are until what it returns is called. */
  hold(): () => void;
  /**
   * Where the next data (or, with `data` false, hole) at or behind `offset` begins; undefined if there is none. What is
   * known to be zeros without reading it is a hole, and so is the end.
   */
  seek(offset: number, data: boolean): Promise<number | undefined>;
  close(): void;
}

/** A view with a throw-away overlay for what is written to it. */
export interface Scratch {
  readonly at: Instant;
  readonly size: number;
  read(offset: number, into: Uint8Array): Promise<void>;
  write(offset: number, data: Uint8Array): Promise<void>;
  discard(offset: number, length: number): Promise<void>;
  flush(): Promise<void>;
  /** Drops the overlay. */
  close(): Promise<void>;
}

export interface SyncReport {
  readonly trigger: string;
  /** Undefined when there was nothing to move. */
  readonly moved: boolean;
  /** The point at which the MIM is now. */
  readonly sequence: number;
  readonly at: Instant;
  readonly writes: number;
  readonly snapshots: number;
  /** Net change moved to the MIM, bytes. */
  readonly bytesMoved: number;
  /** Saved to the backward journal, bytes. */
  readonly bytesSaved: number;
  readonly milliseconds: number;
}

export interface RestoreReport {
  /** The point that was restored. */
  readonly at: Instant;
  /** An instant of the state before; restoring it undoes the restore. */
  readonly before: Instant;
  /** The instant at which the restored state entered the journal. */
  readonly done: Instant;
  readonly bytesCompared: number;
  readonly bytesWritten: number;
  readonly ranges: number;
}

export interface Policy {
  /** Which instants of a sync event's window become snapshots: every write, or one each so many ns. */
  readonly granularity: 'all' | bigint;
  /** A sync event starts when the forward journal is fuller than this, percent; 100: only when it is full. */
  readonly highWater: number;
  /** A sync event starts this long after the last one if there is something to move; 0n = never. ns. */
  readonly syncInterval: bigint;
  /** A sync event starts at these times of day if there is something to move: `never`, or cron lines with `;` between. */
  readonly syncTimes: string;
  /** The daemon flushes by itself this often, ns, and after so many unflushed bytes. */
  readonly flushInterval: bigint;
  readonly flushBytes: number;
  /** A sync event at unmount, with each mark, and when the daemon gets SIGUSR1. */
  readonly syncOnUnmount: boolean;
  readonly syncOnMark: boolean;
  readonly syncOnSignal: boolean;
  /** Which snapshots stay, as `parseRetention` reads it; applied after each sync event. `all`: every one. */
  readonly retention: string;
}

export interface VolumeStatus {
  readonly uuid: string;
  readonly historyUuid: string;
  readonly readOnly: boolean;
  readonly size: number;
  readonly createdAt: Instant;
  /** The oldest instant that can be shown, the start of near history (every instant), and now. */
  readonly oldest: Instant;
  readonly nearFrom: Instant;
  readonly now: Instant;
  readonly lastWrite: Instant;
  readonly sequence: number;
  readonly durableSequence: number;
  readonly forward: {
    readonly dataBytes: number;
    readonly dataUsed: number;
    readonly descriptors: number;
    readonly descriptorsUsed: number;
    /** Bytes that changes without data set to zeros. */
    readonly zeros: number;
  };
  readonly backward: {
    readonly segments: number;
    /** Older data that history holds, bytes. What thinning dropped is not counted, even before its space is given back. */
    readonly bytes: number;
    /** Bytes that history holds as zeros, without data. */
    readonly zeros: number;
    readonly snapshots: number;
  };
  readonly marks: number;
  readonly openViews: number;
  /** Since this process opened the store. */
  readonly written: { readonly writes: number; readonly bytes: number; readonly flushes: number };
  readonly syncEvents: number;
  readonly lastSync: SyncReport | undefined;
  readonly syncRunning: boolean;
  readonly space: { readonly total: number; readonly free: number };
  /** One line for each thing that is wrong; empty = healthy. */
  readonly warnings: readonly string[];
}
