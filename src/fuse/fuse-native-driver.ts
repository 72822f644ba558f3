import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { AnywhenError, messageOf } from '../base/errors.js';
import type { Handle, Handles } from '../namespace/handles.js';
import type { Attributes, Node } from '../namespace/node.js';
import type { Tree } from '../namespace/tree.js';
import type { Driver, Mounted, MountOptions } from './driver.js';
import { errnoOf } from './errno.js';
import { isMountPoint } from './mount-table.js';
import { unmount } from './unmount.js';

const { errno } = constants;

type Answer = (error: number, value?: unknown, more?: unknown) => void;

/** How often the mount table is looked at, ms: the package does not tell that somebody unmounted. */
const LOOK = 250;

/** The driver on the npm package `fuse-native` (libfuse2). */
export const fuseNativeDriver: Driver = {
  name: 'fuse-native',
  load: () => void load(),
  async mount(tree: Tree, handles: Handles, options: MountOptions): Promise<Mounted> {
    const Fuse = load();
    const operations = new Operations(tree, handles);
    const fuse = new Fuse(options.mountPoint, operations.table(), {
      // It would answer an error of its own after 15 s, while the handler still owns the buffer.
      timeout: false,
      defaultPermissions: true,
      allowOther: options.allowOther,
      allowRoot: options.allowRoot,
      fsname: options.source.replaceAll('\\', '\\\\').replaceAll(',', '\\,'),
      // The package passes only options that it knows; the rest rides along here.
      subtype: `anywhen,big_writes,atomic_o_trunc,nosuid,nodev${options.readOnly ? ',ro' : ''}`,
    });
    await new Promise<void>((resolve, reject) => {
      fuse.open((error) =>
        error === null || error === undefined ? resolve() : reject(cannotMount(options, error)),
      );
    });
    return {
      gone: untilGone(options.mountPoint),
      unmount: (lazy) => unmount(options.mountPoint, lazy),
      // The package cannot tell the kernel; that asks for the time of the volume, which is new each time.
      volumeChanged: async () => undefined,
    };
  },
};

function load(): typeof import('fuse-native') {
  try {
    return createRequire(import.meta.url)('fuse-native') as typeof import('fuse-native');
  } catch (cause) {
    throw new AnywhenError(
      'unsupported',
      `the package fuse-native could not be loaded: ${messageOf(cause).split('\n')[0]}`,
      {
        cause,
        hint: 'Install libfuse 2: `apt-get install libfuse2`.',
      },
    );
  }
}

function cannotMount(options: MountOptions, cause: Error): AnywhenError {
  return new AnywhenError('io', `${options.mountPoint}: cannot be mounted: ${cause.message}`, {
    cause,
    hint: 'Is /dev/fuse there, and is the mount point free?',
  });
}

async function untilGone(mountPoint: string): Promise<void> {
  while (isMountPoint(mountPoint)) await new Promise((resolve) => setTimeout(resolve, LOOK));
}

/** The package's callbacks over the tree. Paths come in, nodes are looked up; nothing is kept between requests but handles. */
class Operations {
  readonly #open = new Map<number, Handle>();
  #next = 1;

  constructor(
    readonly tree: Tree,
    readonly handles: Handles,
  ) {}

  table(): object {
    const refuse = (...args: unknown[]) => (args[args.length - 1] as Answer)(-errno.EROFS);
    return {
      getattr: (path: string, answer: Answer) => this.#answer(answer, this.#attributes(path)),
      fgetattr: (path: string, _fd: number, answer: Answer) => this.#answer(answer, this.#attributes(path)),
      readdir: (path: string, answer: Answer) =>
        this.#try(answer, () => this.tree.list(this.tree.lookup(path))),
      readlink: (path: string, answer: Answer) => this.#try(answer, () => target(this.tree.lookup(path))),
      open: (path: string, flags: number, answer: Answer) =>
        this.#answer(answer, this.#openPath(path, flags)),
      read: (_path: string, fd: number, into: Uint8Array, length: number, offset: number, answer: Answer) =>
        this.#read(fd, into.subarray(0, length), offset, answer),
      write: (_path: string, fd: number, data: Uint8Array, length: number, offset: number, answer: Answer) =>
        this.#write(fd, data.subarray(0, length), offset, answer),
      fsync: (_path: string, _datasync: number, fd: number, answer: Answer) =>
        this.#answer(answer, this.#open.get(fd)?.flush() ?? Promise.resolve()),
      flush: (_path: string, _fd: number, answer: Answer) => answer(0),
      release: (_path: string, fd: number, answer: Answer) => this.#answer(answer, this.#release(fd)),
      truncate: (path: string, size: number, answer: Answer) => this.#truncate(path, size, answer),
      ftruncate: (path: string, _fd: number, size: number, answer: Answer) =>
        this.#truncate(path, size, answer),
      statfs: (_path: string, answer: Answer) => this.#answer(answer, this.#statfs()),
      getxattr: (path: string, name: string, _position: number, answer: Answer) =>
        this.#try(answer, () => {
          const value = this.tree.facts(this.tree.lookup(path))[name];
          return value === undefined ? undefined : Buffer.from(value);
        }),
      listxattr: (path: string, answer: Answer) =>
        this.#try(answer, () => Object.keys(this.tree.facts(this.tree.lookup(path)))),
      utimens: (_path: string, _atime: number, _mtime: number, answer: Answer) => answer(0),
      create: refuse,
      mkdir: refuse,
      unlink: refuse,
      rmdir: refuse,
      rename: refuse,
      link: refuse,
      symlink: refuse,
      mknod: refuse,
      chmod: refuse,
      chown: refuse,
    };
  }

  #answer(answer: Answer, work: Promise<unknown>): void {
    work.then(
      (value) => answer(0, value),
      (error) => answer(errnoOf(error)),
    );
  }

  #try(answer: Answer, work: () => unknown): void {
    let value: unknown;
    try {
      value = work();
    } catch (error) {
      answer(errnoOf(error));
      return;
    }
    answer(0, value);
  }

  async #attributes(path: string): Promise<object> {
    const found: Attributes = await this.tree.attributes(this.tree.lookup(path));
    return {
      mode: found.mode,
      size: found.size,
      ino: found.inode,
      nlink: found.links,
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      mtime: found.time,
      atime: found.time,
      ctime: found.time,
      blocks: Math.ceil(found.size / 512),
    };
  }

  async #openPath(path: string, flags: number): Promise<number> {
    const node = this.tree.lookup(path);
    const writes = (flags & 3) !== 0;
    if (writes && node.kind !== 'volume' && node.kind !== 'scratch') {
      throw new AnywhenError('read-only', `${path}: cannot be written`);
    }
    const handle = await this.handles.open(node);
    const fd = this.#next++;
    this.#open.set(fd, handle);
    return fd;
  }

  #read(fd: number, into: Uint8Array, offset: number, answer: Answer): void {
    const handle = this.#open.get(fd);
    if (handle === undefined) return answer(-errno.EBADF);
    handle.read(offset, into, (error, count) => answer(error === undefined ? count : errnoOf(error)));
  }

  #write(fd: number, data: Uint8Array, offset: number, answer: Answer): void {
    const handle = this.#open.get(fd);
    if (handle === undefined) return answer(-errno.EBADF);
    handle.write(offset, data, (error) => answer(error === undefined ? data.length : errnoOf(error)));
  }

  async #release(fd: number): Promise<void> {
    const handle = this.#open.get(fd);
    this.#open.delete(fd);
    await handle?.close();
  }

  /** A volume behaves as a block device: it has the size that it has. */
  #truncate(path: string, size: number, answer: Answer): void {
    this.#try(answer, () => {
      const { kind } = this.tree.lookup(path);
      if (kind !== 'volume' && kind !== 'scratch')
        throw new AnywhenError('read-only', `${path}: cannot be written`);
      if (kind === 'volume' && size === this.tree.volume.size) return undefined;
      throw new AnywhenError('denied', `${path}: has a fixed size; \`anywhen resize\` changes it`);
    });
  }

  async #statfs(): Promise<object> {
    const { total, free } = await this.tree.volume.engine.executor.space();
    const blocks = Math.floor(total / 4096);
    const left = Math.floor(free / 4096);
    return {
      bsize: 4096,
      frsize: 4096,
      blocks,
      bfree: left,
      bavail: left,
      files: 1000,
      ffree: 0,
      favail: 0,
      namemax: 255,
    };
  }
}

function target(node: Node): string {
  if (node.kind !== 'link') throw new AnywhenError('usage', 'not a link');
  return node.target;
}
