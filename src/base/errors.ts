/**
 * The one error class of the program. The `code` is stable and documented in `anywhen(1)`; the CLI turns it
 * into an exit status, the FUSE layer into an errno.
 */
export type ErrorCode =
  /** The caller asked for something malformed: argument, time, name, option. */
  | 'usage'
  /** There is no store at that place. */
  | 'no-store'
  /** Another process has the store open. */
  | 'store-in-use'
  /** A store file is not what it must be: checksum, version, link, owner. */
  | 'damaged'
  /** The store was written by a newer version, or uses a feature that this one does not know. */
  | 'unsupported'
  /** The instant, mark or name does not exist. */
  | 'not-found'
  /** It exists already. */
  | 'exists'
  /** Somebody holds what the operation needs. */
  | 'busy'
  /** The volume, view or store cannot be written. */
  | 'read-only'
  /** No space left: in the volume (write past its end) or in the store's filesystem. */
  | 'no-space'
  /** The operation is not allowed. */
  | 'denied'
  /** The operating system reported an error on a file of the store. */
  | 'io'
  /** The operation was interrupted by the user. */
  | 'interrupted';

export interface ErrorDetails {
  /** How to mend it, one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Machine-readable facts, printed by `--json`. */
  readonly data?: Readonly<Record<string, string | number | boolean>>;
}

export class AnywhenError extends Error {
  override readonly name = 'AnywhenError';
  readonly hint: string | undefined;
  readonly data: Readonly<Record<string, string | number | boolean>>;

  constructor(
    readonly code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.hint = details.hint;
    this.data = details.data ?? {};
  }
}

/** The `code` of a Node system error (`ENOENT`, `EIO` ...), or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A fault of ours, not of the world: crashes rather than going on with a wrong state. The message is made on every call. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
