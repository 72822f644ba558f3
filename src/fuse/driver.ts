import type { Handles } from '../namespace/handles.js';
import type { Tree } from '../namespace/tree.js';

export interface MountOptions {
  readonly mountPoint: string;
  /** Shown as the source in the mount table: the folder of the store. */
  readonly source: string;
  readonly readOnly: boolean;
  readonly allowOther: boolean;
  readonly allowRoot: boolean;
  /** How long to look for the next request before sleeping, us; 0 when not given. Costs a share of a core while clients are busy. */
  readonly spin?: number;
}

/** A mount that is there. */
export interface Mounted {
  /** Resolves when it is gone, whoever unmounted it. */
  readonly gone: Promise<void>;
  /** Unmounts; `lazy` also while it is in use. @throws `busy` */
  unmount(lazy: boolean): Promise<void>;
  /** Must be told when the live volume changed by other than a client's write: what the kernel has cached of it is old. */
  volumeChanged(): Promise<void>;
}

/** What brings the kernel's requests to the tree, and the answers back: one answer to each, and only one. */
export interface Driver {
  readonly name: 'native' | 'fuse-native';
  /** Loads what the driver stands on. @throws `unsupported`, with what to install */
  load(): void;
  mount(tree: Tree, handles: Handles, options: MountOptions): Promise<Mounted>;
}
