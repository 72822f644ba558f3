import { AnywhenError, messageOf } from '../base/errors.js';
import { isNoSpace } from '../file/reserve-executor.js';
import type { ForwardJournal } from '../journal/forward-journal.js';
import { refillCheckpoints } from '../sync/refill-checkpoints.js';
import type { Engine } from './engine.js';
import type { VolumeEvents } from './events.js';
import type { Marks } from './marks.js';
import type { Policy, SyncReport } from './model.js';
import type { SpaceKeeper } from './space.js';

/** A sync event that failed is tried again after so many ms. */
const RETRY = 1000;

/** What a sync event needs of the volume. */
export interface SyncHost {
  readonly engine: Engine;
  readonly journal: ForwardJournal | undefined;
  readonly events: VolumeEvents;
  readonly space: SpaceKeeper;
  readonly failure: AnywhenError | undefined;
  readonly closed: boolean;
  policy(): Policy;
  /** A sync event in its turn, one at a time with restores and the like. */
  sync(trigger: string): Promise<SyncReport>;
  /** Nothing is written any more. */
  fail(error: AnywhenError): void;
}

/** Runs sync events, in the background when the journal fills up, and remembers what the last one did. */
export class SyncRunner {
  readonly #host: SyncHost;
  readonly #marks: Marks;
  #wanted = false;
  #count = 0;
  #last: SyncReport | undefined;

  constructor(host: SyncHost, marks: Marks) {
    this.#host = host;
    this.#marks = marks;
  }

  /** The number of sync events so far, and the last one. */
  get count(): number {
    return this.#count;
  }

  get last(): SyncReport | undefined {
    return this.#last;
  }

  /** Whether one runs, or is about to, that nobody asked for. */
  get running(): boolean {
    return this.#wanted;
  }

  /**
   * A sync event over everything that is in the journal. The caller lets no other run meanwhile.
   *
   * @throws `no-space`, `io`, `damaged`
   */
  async run(journal: ForwardJournal, trigger: string): Promise<SyncReport> {
    const { engine, events } = this.#host;
    const { meta } = engine;
    const started = performance.now();
    const before = meta.superblock.mimSequence;
    try {
      // The window ends where the flush did: there, and only there, both queues go on at a border.
      const end = await journal.flush();
      const { granularity } = this.#host.policy();
      const result = await this.#host.space.sync({ end, granularity });
      const { journal: entry } = meta.superblock;
      this.#marks.moved(end);
      engine.traffic.waiting = false;
      journal.release(entry.firstSequence, entry.descriptorTail, entry.dataTail);
      // Nobody waits for it, and it reads and writes nothing.
      void refillCheckpoints(engine, () => this.#host.closed);
      const report = {
        trigger,
        moved: result.changes > 0,
        sequence: result.end,
        at: result.at,
        writes: result.changes,
        snapshots: result.snapshots,
        bytesMoved: result.bytesMoved,
        bytesSaved: result.bytesSaved,
        milliseconds: Math.round(performance.now() - started),
      };
      this.#count += 1;
      this.#last = report;
      engine.history.tend();
      events.synced?.(report);
      return report;
    } catch (cause) {
      // Behind either commit, memory and disk no longer tell the same: only another opening brings them together.
      if (meta.superblock.copied !== undefined || meta.superblock.mimSequence !== before) {
        this.#host.fail(
          new AnywhenError('io', `a sync event was interrupted while it moved the MIM: ${messageOf(cause)}`, {
            cause,
          }),
        );
      }
      throw cause;
    }
  }

  /** After each write: a sync event is wanted when a queue of the journal is fuller than the policy allows. */
  watch(): void {
    const { data, descriptors } = this.#host.engine.scan;
    const limit = this.#highWater / 100;
    if (data.used > data.length * limit || descriptors.used > descriptors.length * limit)
      this.want('high-water');
  }

  /** Clients wait for space: a sync event is wanted, and no longer gives way to them. */
  full(): void {
    this.#host.engine.traffic.waiting = true;
    this.want('space');
  }

  /** Begins a sync event soon, unless there is one. Whatever comes of it, the journal then looks for space again. */
  want(trigger: string): void {
    if (this.#wanted || this.#host.closed) return;
    this.#wanted = true;
    setImmediate(() => {
      void this.#runInBackground(trigger);
    });
  }

  /** Percent; without reading the whole policy, since every write asks. */
  get #highWater(): number {
    return Number(this.#host.engine.meta.catalog.policy.get('highWater') ?? 70);
  }

  async #runInBackground(trigger: string): Promise<void> {
    const host = this.#host;
    // Once closed, the store may be another's.
    if (host.closed) return;
    const told = host.space.shortage !== undefined;
    try {
      await host.sync(trigger);
    } catch (error) {
      if (!told || !isNoSpace(error)) host.events.warning?.(`sync event: ${messageOf(error)}`);
      // Whoever waits for it need not wait: nothing is left to give up.
      if (isNoSpace(error)) host.journal?.refuse(error);
      await new Promise((resolve) => setTimeout(resolve, RETRY).unref());
    }
    this.#wanted = false;
    if (host.failure === undefined) host.journal?.retry();
  }
}
