import type { Node } from '../../namespace/node.js';
import type { Tree } from '../../namespace/tree.js';

export const ROOT = 1;

/** A node that the kernel knows. */
export interface KnownNode {
  readonly id: number;
  readonly path: string;
  /** What the path stood for when it was looked up last. */
  node: Node;
  /** How often the kernel was told of it and has not forgotten it. */
  lookups: number;
}

/** The numbers under which the kernel knows nodes. A number is never given twice. */
export class Nodes {
  readonly #byId = new Map<number, KnownNode>();
  readonly #byPath = new Map<string, KnownNode>();
  #next = ROOT + 1;

  constructor(readonly tree: Tree) {
    const root: KnownNode = { id: ROOT, path: '', node: { kind: 'root' }, lookups: Number.POSITIVE_INFINITY };
    this.#byId.set(ROOT, root);
  }

  get(id: number): KnownNode | undefined {
    return this.#byId.get(id);
  }

  /** The node of a name in a folder, one more time. @throws as `Tree.lookup` */
  lookup(parent: KnownNode, name: string): KnownNode {
    const path = `${parent.path}/${name}`;
    const node = this.tree.lookup(path);
    let known = this.#byPath.get(path);
    if (known === undefined) {
      known = { id: this.#next++, path, node, lookups: 0 };
      this.#byId.set(known.id, known);
      this.#byPath.set(path, known);
    }
    known.node = node;
    known.lookups += 1;
    return known;
  }

  /** The kernel forgot `count` of its lookups. */
  forget(id: number, count: number): void {
    const known = this.#byId.get(id);
    if (known === undefined) return;
    known.lookups -= count;
    if (known.lookups > 0) return;
    this.#byId.delete(id);
    this.#byPath.delete(known.path);
  }

  /** The number of a path, if the kernel knows it. */
  idOf(path: string): number | undefined {
    return this.#byPath.get(path)?.id;
  }
}
