import type { Instant } from '../base/instant.js';

/** What a name under the mount point stands for. */
export type Node =
  | { readonly kind: 'root' | 'images' | 'scratches' | 'snapshots' | 'volume' | 'status' }
  | { readonly kind: 'snapshot'; readonly at: Instant }
  | { readonly kind: 'image'; readonly at: Instant }
  | { readonly kind: 'scratch'; readonly at: Instant; readonly name: string }
  | { readonly kind: 'link'; readonly target: string; readonly at: Instant };

export interface Attributes {
  /** File type and permissions, as in `st_mode`. */
  readonly mode: number;
  readonly size: number;
  readonly time: Date;
  readonly inode: number;
  readonly links: number;
}

export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
