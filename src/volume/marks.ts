import { AnywhenError } from '../base/errors.js';
import { formatInstant, type Instant } from '../base/instant.js';
import { MAX_MARK_NAME } from '../format/layout.js';
import { Flag, Kind } from '../journal/forward-descriptor.js';
import type { ForwardJournal } from '../journal/forward-journal.js';
import type { JournalMark } from '../sync/journal-marks.js';
import type { Engine } from './engine.js';
import type { HoldOptions, Mark } from './model.js';

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
    const now = this.engine.clock.peek();
    return [...marks.values(), ...near].map((mark) => this.#withHold(mark, now));
  }

  /** A hold that has ended is none; who held it is still told. */
  #withHold({ name, at, sequence, hold }: JournalMark, now: Instant): Mark {
    const known = this.engine.meta.catalog.holds.get(sequence);
    if (known === undefined) return { name, at, sequence, hold, owner: undefined, until: undefined };
    const until = known.until === 0n ? undefined : known.until;
    const held = known.held && (until === undefined || now < until);
    return { name, at, sequence, hold: held, owner: known.owner, until };
  }

  /** Keeps a mark even when space runs out, up to an instant or for ever, or no longer. @throws `not-found`, `usage` */
  async hold(name: string, how: HoldOptions | 'release'): Promise<Mark> {
    const { sequence, owner: before } = this.#named(name);
    const held = how !== 'release';
    const { owner = before ?? '', until }: HoldOptions = held ? how : {};
    if (until !== undefined && until <= this.engine.clock.peek())
      throw new AnywhenError('usage', `a hold until ${formatInstant(until)} would be over already`);
    if (new TextEncoder().encode(owner).length > MAX_MARK_NAME)
      throw new AnywhenError('usage', `the owner of a hold has at most ${MAX_MARK_NAME} bytes`);
    await this.engine.meta.commit([{ type: 'hold', sequence, held, until: until ?? 0n, owner }]);
    return this.#named(name);
  }

  #named(name: string): Mark {
    const mark = this.list().find((one) => one.name === name);
    if (mark === undefined) throw new AnywhenError('not-found', `there is no mark named ${name}`);
    return mark;
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
      return { ...mark, owner: undefined, until: undefined };
    } finally {
      this.#coming.delete(name);
    }
  }

  /** The state that it named stays. @throws `not-found`, `denied` while it is held */
  async drop(name: string): Promise<void> {
    const mark = this.#named(name);
    if (mark.hold) {
      const by = mark.owner === undefined || mark.owner === '' ? '' : ` by ${mark.owner}`;
      throw new AnywhenError('denied', `the mark ${name} is held${by}`, {
        hint: '`anywhen hold --release` lets it go.',
      });
    }
    await this.engine.meta.commit([{ type: 'mark-drop', sequence: mark.sequence }]);
    this.#near = this.#near.filter((one) => one.sequence !== mark.sequence);
  }
}
