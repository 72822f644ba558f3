/**
 * The contract between the engine and the operating system. The engine says what is to happen as a *plan* (a
 * list of steps); an executor makes it happen. Production and every test harness run the same plans.
 *
 * Order: the steps of a plan take effect in their order, each one wholly before the next begins; the first
 * failure ends the plan, and what came after it did not happen. Plans given to `run` at the same time are not
 * ordered with respect to each other.
 *
 * Durability: `write`, `truncate`, `punch` and `copy` are durable after a later `datasync` of the same file
 * returned; `create`, `rename`, `unlink` and `mkdir` after a later `syncdir` of their folder. Nothing else
 * promises anything about what is on the disk after a power cut, nor in which order it got there.
 *
 * Transfers are whole: a short write is continued or ends in an error, a short read (past the end of the file)
 * is an error of code `damaged`. Errors are `AnywhenError`s: `no-space` for ENOSPC and EDQUOT, `not-found` for
 * ENOENT, `exists` for EEXIST, `read-only` for EROFS, `io` for the rest, with file, offset and the system's code.
 */

/** A file or folder of the store, by its path relative to the store's folder; '' is the folder itself. */
export type FileName = string;

export type Step =
  /** Makes an empty file of `size` bytes (sparse), mode 0600. Fails with `exists` if there is one. */
  | { readonly op: 'create'; readonly file: FileName; readonly size: number }
  /** Reserves blocks for `[offset, offset + length)`; the file grows if need be. Where the filesystem cannot, it only grows. */
  | { readonly op: 'allocate'; readonly file: FileName; readonly offset: number; readonly length: number }
  | {
      readonly op: 'write';
      readonly file: FileName;
      readonly offset: number;
      readonly from: readonly Uint8Array[];
    }
  | { readonly op: 'read'; readonly file: FileName; readonly offset: number; readonly into: Uint8Array }
  | { readonly op: 'truncate'; readonly file: FileName; readonly size: number }
  /** Makes `[offset, offset + length)` read as zeros and gives its space back where the filesystem can; writes zeros where it cannot. */
  | { readonly op: 'punch'; readonly file: FileName; readonly offset: number; readonly length: number }
  | { readonly op: 'datasync'; readonly file: FileName }
  | { readonly op: 'rename'; readonly file: FileName; readonly to: FileName }
  /** No error when the file is not there. */
  | { readonly op: 'unlink'; readonly file: FileName }
  /** No error when the folder is there. Mode 0700. */
  | { readonly op: 'mkdir'; readonly file: FileName }
  | { readonly op: 'syncdir'; readonly file: FileName };

export type Plan = readonly Step[];

export interface Executor {
  /** True when nothing may be written; every changing step then fails with `read-only`. */
  readonly readOnly: boolean;

  /** Executes the plan; resolves when its last step is done. */
  run(plan: Plan): Promise<void>;

  /**
   * Executes the plan on the calling thread if that can be done without waiting for a disk: reads that are in
   * the page cache, writes into it. Returns false when a step would block; then no step that changes
   * anything was executed, and the caller uses `run`.
   */
  runNow(plan: Plan): boolean;

  /** The size of a file in bytes, or undefined if there is none. A link, FIFO or folder in its place is `damaged`. */
  size(file: FileName): Promise<number | undefined>;

  /** The names in a folder, sorted; empty if there is none. */
  list(folder: FileName): Promise<string[]>;

  /** Bytes that the store's filesystem has in all and has free for us. */
  space(): Promise<{ readonly total: number; readonly free: number }>;

  /** Closes every file. No plan may be running. */
  close(): Promise<void>;
}
