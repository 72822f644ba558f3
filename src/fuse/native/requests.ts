import { constants } from 'node:os';
import { AnywhenError } from '../../base/errors.js';
import type { Handle, Handles } from '../../namespace/handles.js';
import type { Node } from '../../namespace/node.js';
import type { Tree } from '../../namespace/tree.js';
import { errnoOf } from '../errno.js';
import { Attributing } from './attributing.js';
import { FileRequests } from './file-requests.js';
import { Listing } from './listing.js';
import { type KnownNode, Nodes } from './nodes.js';
import { Answer, DIRECT_IO, type Exchange, FIELDS, Field, KEEP_CACHE, Op, type Session } from './session.js';

const { errno } = constants;

/** The attributes that a request may set, bits of `flags`. */
const SET_SIZE = 8;
const SET_MODE_OR_OWNER = 1 | 2 | 4;

/** An image never changes, and of the live volume the kernel is told what does; a scratch may begin anew. */
const CACHING: Partial<Record<Node['kind'], number>> = {
  image: KEEP_CACHE,
  volume: KEEP_CACHE,
  status: DIRECT_IO,
};

/** Answers the kernel's requests from the tree, each once. */
export class Requests {
  readonly nodes: Nodes;
  readonly #attributing: Attributing;
  readonly #files: FileRequests;
  readonly #listings = new Map<number, Listing>();
  #nextListing = 1;
  #session: Session | undefined;

  constructor(
    readonly tree: Tree,
    readonly handles: Handles,
    readonly exchange: Exchange,
    readonly started: () => void,
  ) {
    this.nodes = new Nodes(tree);
    this.#attributing = new Attributing(tree, exchange.answer);
    this.#files = new FileRequests(exchange);
  }

  /** Must be told before the first batch. */
  set session(session: Session) {
    this.#session = session;
    this.#files.session = session;
  }

  get session(): Session {
    return this.#session as Session;
  }

  /** Answers the first `count` requests of the batch, at once or later. */
  serve(count: number): void {
    if (count === 1) this.#serve(1);
    else this.tree.volume.gather(() => this.#serve(count));
  }

  #serve(count: number): void {
    const { batch } = this.exchange;
    for (let at = 0; at < count * FIELDS; at += FIELDS) {
      const slot = batch[at + Field.slot] as number;
      try {
        if (!this.#files.serve(at)) this.#answer(slot, at);
      } catch (error) {
        this.#fail(slot, error);
      }
    }
  }

  /** What the kernel has cached of the live volume is old. Resolves when it has dropped it. */
  async forgetVolume(): Promise<void> {
    const id = this.nodes.idOf('/volume');
    // It fails when the mount has gone, and then nothing is cached.
    if (id !== undefined) await this.session.forgetData(id).catch(() => undefined);
  }

  #fail(slot: number, error: unknown): void {
    this.session.replyError(slot, -errnoOf(error));
  }

  /** The answer to a request that asks for a promise. */
  #later(slot: number, work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#fail(slot, error));
  }

  #answer(slot: number, at: number): void {
    const { batch } = this.exchange;
    const id = batch[at + Field.node] as number;
    const length = batch[at + Field.length] as number;
    switch (batch[at + Field.op]) {
      case Op.init:
        return this.started();
      case Op.lookup:
        return this.#lookup(slot, id, this.#text(at));
      case Op.forget:
        return this.nodes.forget(id, length);
      case Op.getattr:
        return this.#getattr(slot, id);
      case Op.setattr:
        return this.#setattr(slot, id, batch[at + Field.flags] as number, length);
      case Op.readlink:
        return this.#readlink(slot, id);
      case Op.open:
        return this.#later(slot, this.#open(slot, id, batch[at + Field.flags] as number));
      case Op.opendir:
        return this.#opendir(slot, id);
      case Op.readdir:
      case Op.readdirplus:
        return this.#readdir(slot, at, batch[at + Field.op] === Op.readdirplus);
      case Op.releasedir:
        this.#listings.delete(batch[at + Field.handle] as number);
        return this.session.replyError(slot, 0);
      case Op.statfs:
        return this.#later(slot, this.#statfs(slot));
      case Op.getxattr:
        return this.#getxattr(slot, id, this.#text(at), length);
      case Op.listxattr:
        return this.#bytes(slot, Buffer.from(this.#factNames(id)), length);
      default:
        return this.session.replyError(slot, errno.ENOSYS);
    }
  }

  #text(at: number): string {
    const { batch, text } = this.exchange;
    const place = batch[at + Field.place] as number;
    return text.toString('utf8', place, place + (batch[at + Field.flags] as number));
  }

  #known(id: number): KnownNode {
    const known = this.nodes.get(id);
    if (known === undefined) throw new AnywhenError('not-found', `node ${id} is not known`);
    return known;
  }

  #lookup(slot: number, parent: number, name: string): void {
    const known = this.nodes.lookup(this.#known(parent), name);
    try {
      this.#attributing.entry(known);
    } catch (error) {
      this.nodes.forget(known.id, 1);
      throw error;
    }
    this.session.replyEntry(slot);
  }

  #getattr(slot: number, id: number): void {
    const { node } = this.#known(id);
    if (node.kind === 'status') return this.#later(slot, this.#statusAttributes(slot));
    this.#attributing.attributes(node);
    this.session.replyAttributes(slot);
  }

  async #statusAttributes(slot: number): Promise<void> {
    await this.tree.renewStatus();
    this.#attributing.attributes({ kind: 'status' });
    this.session.replyAttributes(slot);
  }

  /** A volume behaves as a block device: it has the size that it has. Times are not kept. */
  #setattr(slot: number, id: number, which: number, size: number): void {
    const { node, path } = this.#known(id);
    const writable = node.kind === 'volume' || node.kind === 'scratch';
    if (!writable) throw new AnywhenError('read-only', `${path}: cannot be changed`);
    if ((which & SET_MODE_OR_OWNER) !== 0)
      throw new AnywhenError('denied', `${path}: mode and owner are fixed`);
    const changes = (which & SET_SIZE) !== 0 && this.tree.attributesNow(node).size !== size;
    if (changes) throw new AnywhenError('denied', `${path}: has a fixed size; \`anywhen resize\` changes it`);
    this.#getattr(slot, id);
  }

  #readlink(slot: number, id: number): void {
    const { node } = this.#known(id);
    if (node.kind !== 'link') throw new AnywhenError('usage', 'not a link');
    this.session.replyLink(slot, node.target);
  }

  async #open(slot: number, id: number, flags: number): Promise<void> {
    const { node, path } = this.#known(id);
    const writes = (flags & 3) !== 0;
    if (writes && node.kind !== 'volume' && node.kind !== 'scratch') {
      throw new AnywhenError('read-only', `${path}: cannot be written`);
    }
    if (node.kind === 'status') await this.tree.renewStatus();
    const handle: Handle = await this.handles.open(node);
    const { answer } = this.exchange;
    const number = this.#files.add(handle);
    answer[Answer.handle] = number;
    answer[Answer.openFlags] = CACHING[node.kind] ?? 0;
    if (!this.session.replyOpen(slot)) await this.#files.remove(number);
  }

  #opendir(slot: number, id: number): void {
    const number = this.#nextListing++;
    this.#listings.set(number, new Listing(this.#known(id), this.nodes, this.#attributing, this.session));
    const { answer } = this.exchange;
    answer[Answer.handle] = number;
    answer[Answer.openFlags] = 0;
    if (!this.session.replyOpen(slot)) this.#listings.delete(number);
  }

  #readdir(slot: number, at: number, plus: boolean): void {
    const { batch } = this.exchange;
    const listing = this.#listings.get(batch[at + Field.handle] as number);
    if (listing === undefined) return this.session.replyError(slot, errno.EBADF);
    const into = new Uint8Array(batch[at + Field.length] as number);
    const used = listing.fill(slot, batch[at + Field.offset] as number, into, plus);
    this.session.replyBytes(slot, into.subarray(0, used));
  }

  async #statfs(slot: number): Promise<void> {
    const { total, free } = await this.tree.volume.engine.executor.space();
    this.session.replySpace(slot, Math.floor(total / 4096), Math.floor(free / 4096));
  }

  #factNames(id: number): string {
    const names = Object.keys(this.tree.facts(this.#known(id).node));
    return names.map((name) => `${name}\0`).join('');
  }

  #getxattr(slot: number, id: number, name: string, room: number): void {
    const value = this.tree.facts(this.#known(id).node)[name];
    if (value === undefined) return this.session.replyError(slot, errno.ENODATA);
    this.#bytes(slot, Buffer.from(value), room);
  }

  /** An attribute, or the list of them; with no room only how long it is. */
  #bytes(slot: number, value: Uint8Array, room: number): void {
    if (room === 0) return this.session.replyLength(slot, value.length);
    if (value.length > room) return this.session.replyError(slot, errno.ERANGE);
    this.session.replyBytes(slot, value);
  }
}
