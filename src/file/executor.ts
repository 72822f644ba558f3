/**
 * The contract between the engine and the operating system. The engine says what is to happen as a *plan* (a
 * list of steps); an executor makes it happen. Production and every test harness run the same plans.
 *
 * Order: the steps of a plan take effect in their order, each one wholly before the next begins; the first
 * failure ends the plan, and what came after it did not happen. Plans given to `run` at the same time are not
 * ordered with respect to each other.
 *
 * Durability: `write`, `truncate`, `allocate` and `punch` are durable once a `datasync` of the same file, begun
 * after they had ended, has returned; `create`, `rename`, `unlink` and `mkdir` once a `syncdir` of their folder
 * has (a rename between folders: of both). Nothing else promises anything about what is on the disk after a
 * power cut, nor in which order it got there.
 *
 * A `datasync` or `syncdir` that failed is final: every later one of that file or folder, and every later write
 * into that file, fails with the same error (`io`, even where the cause was a full disk). An unlink is allowed.
 *
 * Transfers are whole: a short write is continued or ends in an error, a short read (past the end of the file)
 * is an error of code `damaged`. Errors are `AnywhenError`s: `no-space` for ENOSPC and EDQUOT, `not-found` for
 * ENOENT, `exists` for EEXIST, `read-only` for EROFS, `denied` for what is not ours, `damaged` for what is no
 * regular file, `io` for the rest, with file, offset and the system's code. A write that failed may have been
 * done in part.
 */

/**
 * A file or folder of the store, by its path relative to the store's folder; '' is the folder itself. An absolute
 * path is a file or block device elsewhere, which serves as a part of the store: a MIM that was adopted.
 */
export type FileName = string;

/** Bytes of a filesystem in all, and those that we may still use. */
export interface Space {
  readonly total: number;
  readonly free: number;
}

export type Step =
  /** Makes an empty file of `size` bytes (sparse), mode 0600. Fails with `exists` if there is one. */
  | { readonly op: 'create'; readonly file: FileName; readonly size: number }
  /**
   * Reserves blocks for `[offset, offset + length)`; the file grows if need be. Where the filesystem cannot
   * reserve, it only grows.
   */
  | { readonly op: 'allocate'; readonly file: FileName; readonly offset: number; readonly length: number }
  | {
      readonly op: 'write';
      readonly file: FileName;
      readonly offset: number;
      readonly from: readonly Uint8Array[];
    }
  | { readonly op: 'read'; readonly file: FileName; readonly offset: number; readonly into: Uint8Array }
  | { readonly op: 'truncate'; readonly file: FileName; readonly size: number }
  /**
   * Makes `[offset, offset + length)` read as zeros, as far as the file goes, and gives its space back where the
   * filesystem can.
   */
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
   * the page cache, then small writes into it. Returns false when a step would block or can't be done so; then no
   * step that changes anything was executed, and the caller uses `run`.
   */
  runNow(plan: Plan): boolean;

  /**
   * The system's descriptor of a file, for reads that another thread carries out; undefined where there is none. It
   * stays open until the file is unlinked or the executor closed.
   */
  descriptor(file: FileName): number | undefined;

  /** The size of a file in bytes, or undefined if there is none. A link, FIFO or folder in its place is `damaged`. */
  size(file: FileName): Promise<number | undefined>;

  /** The names in a folder, sorted; empty if there is none. */
  list(folder: FileName): Promise<string[]>;

  /** Bytes that the store's filesystem has in all and has free for us. */
  space(): Promise<Space>;

  /** Closes every file. No plan may be running. */
  close(): Promise<void>;
}
