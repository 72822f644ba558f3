import { AnywhenError } from '../base/errors.js';
import type { ReadPlan } from '../journal/read-plan.js';
import type { Done } from '../volume/events.js';
import type { Scratch, View } from '../volume/model.js';
import type { Node } from './node.js';
import type { Tree } from './tree.js';

/** A scratch lives on for so many ms after its last user closed it: mount and fsck open it one after the other. */
const GRACE = 60_000;

/** An open file. `done` is called once: with the bytes read or an error. */
export interface Handle {
  read(
    offset: number,
    into: Uint8Array,
    done: (error: AnywhenError | undefined, count: number) => void,
  ): void;
  /** The bytes read, fewer at the end; -1 if that would have to wait. */
  readNow(offset: number, into: Uint8Array): number;
  /**
   * The bytes from `offset` on that a read of `length` gives, with their places in `plan`; -1 if they are to be read in
   * another way. See `View.plan`.
   */
  plan(offset: number, length: number, plan: ReadPlan): number;
  /** See `View.hold`. */
  hold(): () => void;
  /** Where the next data (or hole) at or behind `offset` begins; undefined if there is none. A file ends with a hole. */
  seek(offset: number, data: boolean): Promise<number | undefined>;
  /** `[offset, offset + length)` reads as zeros from now on. */
  discard(offset: number, length: number, done: Done): void;
  write(offset: number, data: Uint8Array, done: Done): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Shared<T> {
  readonly opened: Promise<T>;
  users: number;
  timer?: NodeJS.Timeout | undefined;
}

/** Opens nodes. Handles of the same instant share one view, which is pinned as long as one of them is open. */
export class Handles {
  readonly #views = new Map<bigint, Shared<View>>();
  readonly #scratches = new Map<string, Shared<Scratch>>();

  constructor(readonly tree: Tree) {}

  async open(node: Node): Promise<Handle> {
    switch (node.kind) {
      case 'volume':
        return this.#live();
      case 'image':
        return this.#image(node.at);
      case 'scratch':
        return this.#scratch(node.at, node.name);
      case 'status':
        return textHandle(Buffer.from(this.tree.statusText));
      default:
        throw new AnywhenError('usage', 'not a file');
    }
  }

  /** Drops every overlay and view. */
  async closeAll(): Promise<void> {
    for (const shared of this.#scratches.values()) {
      clearTimeout(shared.timer);
      await (await shared.opened).close();
    }
    this.#scratches.clear();
    for (const shared of this.#views.values()) (await shared.opened).close();
    this.#views.clear();
  }

  #live(): Handle {
    const { volume } = this.tree;
    return {
      ...readerOf(volume.live),
      write: (offset, data, done) => volume.write(offset, data, done),
      discard: (offset, length, done) => volume.discard(offset, clipped(offset, length, volume.size), done),
      flush: () => volume.flush(),
      close: async () => undefined,
    };
  }

  async #image(at: bigint): Promise<Handle> {
    let shared = this.#views.get(at);
    if (shared === undefined) {
      shared = { opened: this.tree.volume.openView(at), users: 0 };
      this.#views.set(at, shared);
      shared.opened.catch(() => this.#views.delete(at));
    }
    const pinned = shared;
    pinned.users += 1;
    const view = await pinned.opened;
    return {
      ...readerOf(view),
      ...READ_ONLY,
      close: async () => {
        pinned.users -= 1;
        if (pinned.users > 0) return;
        this.#views.delete(at);
        view.close();
      },
    };
  }

  async #scratch(at: bigint, name: string): Promise<Handle> {
    const key = `${at},${name}`;
    let shared = this.#scratches.get(key);
    if (shared === undefined) {
      shared = { opened: this.tree.volume.openScratch(at), users: 0 };
      this.#scratches.set(key, shared);
      shared.opened.catch(() => this.#scratches.delete(key));
    }
    const used = shared;
    clearTimeout(used.timer);
    used.users += 1;
    const scratch = await used.opened;
    const drop = () => {
      this.#scratches.delete(key);
      scratch.close().catch(() => undefined);
    };
    return {
      read: (offset, into, done) => {
        const count = clipped(offset, into.length, scratch.size);
        if (count === 0) return done(undefined, 0);
        scratch.read(offset, into.subarray(0, count)).then(
          () => done(undefined, count),
          (error) => done(error, 0),
        );
      },
      ...NO_PLAN,
      readNow: () => -1,
      // Without looking: what a filesystem says that keeps no holes.
      seek: async (offset, data) => (offset >= scratch.size ? undefined : data ? offset : scratch.size),
      write: (offset, data, done) => {
        scratch.write(offset, data).then(() => done(undefined), done);
      },
      discard: (offset, length, done) => {
        scratch.discard(offset, clipped(offset, length, scratch.size)).then(() => done(undefined), done);
      },
      flush: () => scratch.flush(),
      close: async () => {
        used.users -= 1;
        if (used.users === 0) used.timer = setTimeout(drop, GRACE).unref();
      },
    };
  }
}

function clipped(offset: number, length: number, size: number): number {
  return Math.max(0, Math.min(length, size - offset));
}

function readerOf(view: View): Pick<Handle, 'read' | 'readNow' | 'seek' | 'plan' | 'hold'> {
  return {
    readNow: (offset, into) => {
      const count = clipped(offset, into.length, view.size);
      if (count === 0) return 0;
      return view.readNow(offset, count === into.length ? into : into.subarray(0, count)) ? count : -1;
    },
    plan: (offset, length, plan) => {
      const count = clipped(offset, length, view.size);
      return count === 0 || view.plan(offset, count, plan) ? count : -1;
    },
    hold: () => view.hold(),
    seek: (offset, data) => view.seek(offset, data),
    read: (offset, into, done) => {
      const count = clipped(offset, into.length, view.size);
      if (count === 0) return done(undefined, 0);
      const part = count === into.length ? into : into.subarray(0, count);
      view.read(offset, part).then(
        () => done(undefined, count),
        (error) => done(error, 0),
      );
    },
  };
}

const NO_PLAN: Pick<Handle, 'plan' | 'hold'> = { plan: () => -1, hold: () => () => undefined };

const READ_ONLY: Pick<Handle, 'write' | 'discard' | 'flush'> = {
  write: (_offset, _data, done) => done(new AnywhenError('read-only', 'an image cannot be written')),
  discard: (_offset, _length, done) => done(new AnywhenError('read-only', 'an image cannot be written')),
  flush: async () => undefined,
};

function textHandle(text: Uint8Array): Handle {
  return {
    ...READ_ONLY,
    ...NO_PLAN,
    read: (offset, into, done) => done(undefined, copy(text, offset, into)),
    readNow: (offset, into) => copy(text, offset, into),
    seek: async (offset, data) => (offset >= text.length ? undefined : data ? offset : text.length),
    close: async () => undefined,
  };
}

function copy(text: Uint8Array, offset: number, into: Uint8Array): number {
  const part = text.subarray(offset, offset + into.length);
  into.set(part);
  return part.length;
}
