import type { Node } from '../../namespace/node.js';
import type { Tree } from '../../namespace/tree.js';
import type { KnownNode } from './nodes.js';
import { Answer } from './session.js';

/** How long the kernel may believe a name, and attributes, seconds. What a name means may change; what an image is does not. */
const TIMEOUTS: Readonly<Record<Node['kind'], readonly [entry: number, attributes: number]>> = {
  root: [60, 60],
  images: [60, 60],
  scratches: [60, 60],
  snapshots: [60, 60],
  snapshot: [1, 60],
  volume: [60, 1],
  status: [60, 0],
  image: [1, 60],
  scratch: [1, 60],
  link: [0, 0],
};

/** Fills in the answer that the addon sends. */
export class Attributing {
  readonly #user = process.getuid?.() ?? 0;
  readonly #group = process.getgid?.() ?? 0;

  constructor(
    readonly tree: Tree,
    readonly answer: Float64Array,
  ) {}

  /** @throws as `Tree.attributesNow` */
  entry(known: KnownNode): void {
    this.attributes(known.node);
    this.answer[Answer.node] = known.id;
    this.answer[Answer.entryTimeout] = TIMEOUTS[known.node.kind][0];
  }

  /** For a listing that tells of type and number only; the kernel keeps nothing of it. */
  nameOnly(node: Node): void {
    this.attributes(node);
    this.answer[Answer.node] = 0;
    this.answer[Answer.entryTimeout] = 0;
  }

  attributes(node: Node): void {
    const { answer } = this;
    const found = this.tree.attributesNow(node);
    const time = found.time.getTime();
    answer[Answer.inode] = found.inode;
    answer[Answer.mode] = found.mode;
    answer[Answer.links] = found.links;
    answer[Answer.size] = found.size;
    answer[Answer.seconds] = Math.floor(time / 1000);
    answer[Answer.nanoseconds] = (time - Math.floor(time / 1000) * 1000) * 1e6;
    answer[Answer.user] = this.#user;
    answer[Answer.group] = this.#group;
    answer[Answer.attributeTimeout] = TIMEOUTS[node.kind][1];
  }
}
