import type { Attributing } from './attributing.js';
import type { KnownNode, Nodes } from './nodes.js';
import type { Session } from './session.js';

/** An open folder: the names that it had when it was opened. */
export class Listing {
  readonly #names: readonly string[];

  constructor(
    readonly folder: KnownNode,
    readonly nodes: Nodes,
    readonly attributing: Attributing,
    readonly session: Session,
  ) {
    this.#names = ['.', '..', ...nodes.tree.list(folder.node)];
  }

  /**
   * Fills `into` with the names from number `from` on; gives the bytes that are used.
   *
   * @param plus the kernel learns of each node, as by a lookup
   */
  fill(slot: number, from: number, into: Uint8Array, plus: boolean): number {
    let at = 0;
    for (let index = from; index < this.#names.length; index++) {
      const end = this.#add(slot, index, into, at, plus);
      if (end < 0) break;
      at = end;
    }
    return at;
  }

  #add(slot: number, index: number, into: Uint8Array, at: number, plus: boolean): number {
    const name = this.#names[index] as string;
    const dots = name === '.' || name === '..';
    let known: KnownNode | undefined;
    try {
      if (dots) this.attributing.nameOnly(this.folder.node);
      else if (plus) {
        known = this.nodes.lookup(this.folder, name);
        this.attributing.entry(known);
      } else this.attributing.nameOnly(this.nodes.tree.lookup(`${this.folder.path}/${name}`));
    } catch {
      if (known !== undefined) this.nodes.forget(known.id, 1);
      return at; // It has gone since the folder was opened.
    }
    const end = this.session.addEntry(slot, into, at, name, index + 1, plus);
    if (end < 0 && known !== undefined) this.nodes.forget(known.id, 1);
    return end;
  }
}
