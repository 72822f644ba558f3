import { AnywhenError } from '../base/errors.js';
import { MAX_MARK_NAME } from '../format/layout.js';
import { Flag, Kind } from '../journal/forward-descriptor.js';
import type { ForwardJournal } from '../journal/forward-journal.js';
import type { JournalMark } from '../sync/journal-marks.js';
import type { Engine } from './engine.js';
import type { Mark } from './model.js';

/** The names of instants: those in the catalog, and those that are still in the forward journal. */
export class Marks {
  #near: JournalMark[];
  /** Names that are being given. */
  readonly #coming = new Set<string>();

  constructor(
    readonly engine: Engine,
    near: JournalMark[],
  ) {
    this.#near = near;
  }

  /** Oldest first. */
  list(): Mark[] {
    const { marks } = this.engine.meta.catalog;
    const near = this.#near.filter((mark) => !marks.has(mark.sequence));
    return [...marks.values(), ...near].map(({ name, at, sequence, hold }) => ({ name, at, sequence, hold }));
  }

  /** Those of the forward journal up to `end`. */
  upTo(end: number): JournalMark[] {
    return this.#near.filter((mark) => mark.sequence >= this.engine.index.first && mark.sequence <= end);
  }

  /** The catalog has those up to `end` now. */
  moved(end: number): void {
    this.#near = this.#near.filter((mark) => mark.sequence > end);
  }

  /** @throws `exists`, `usage` */
  async set(journal: ForwardJournal, name: string, hold: boolean): Promise<Mark> {
    const data = new TextEncoder().encode(name);
    if (data.length === 0 || data.length > MAX_MARK_NAME) {
      throw new AnywhenError('usage', `a mark's name has from 1 to ${MAX_MARK_NAME} bytes`);
    }
    if (this.#coming.has(name) || this.list().some((mark) => mark.name === name)) {
      throw new AnywhenError('exists', `there is a mark named ${name} already`, {
        hint: `\`anywhen mark --delete\` removes it.`,
      });
    }
    this.#coming.add(name);
    try {
      const flags = Flag.client | (hold ? Flag.hold : 0);
      const sequence = await journal.enter({ kind: Kind.mark, flags, data });
      // Known before it is durable: a sync event that begins now must keep its state.
      const mark = { name, sequence, at: this.engine.index.stamp(sequence), hold };
      this.#near.push(mark);
      await journal.flush();
      return mark;
    } finally {
      this.#coming.delete(name);
    }
  }

  /** The state that it named stays. @throws `not-found` */
  async drop(name: string): Promise<void> {
    const mark = this.list().find((one) => one.name === name);
    if (mark === undefined) throw new AnywhenError('not-found', `there is no mark named ${name}`);
    await this.engine.meta.commit([{ type: 'mark-drop', sequence: mark.sequence }]);
    this.#near = this.#near.filter((one) => one.sequence !== mark.sequence);
  }
}
