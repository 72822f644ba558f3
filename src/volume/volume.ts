import { AnywhenError, messageOf } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { Mutex } from '../base/mutex.js';
import { ADDRESS_LIMIT, alignUp, BLOCK } from '../base/range.js';
import type { Executor } from '../file/executor.js';
import { isZero } from '../format/checksum.js';
import { MAX_WRITE } from '../format/layout.js';
import { Flag, Kind } from '../journal/forward-descriptor.js';
import { ForwardJournal } from '../journal/forward-journal.js';
import { buildNear, follow } from '../sync/build-view.js';
import { type JournalMark, readMarks } from '../sync/journal-marks.js';
import { SyncEvent } from '../sync/sync-event.js';
import { ThinEvent } from '../sync/thin-event.js';
import { FORWARD, type Vrmo } from '../vrmo/vrmo.js';
import { type Engine, type EngineOptions, endEpoch, openEngine } from './engine.js';
import { MapView } from './map-view.js';
import { Marks } from './marks.js';
import type { Mark, Point, Policy, Resolution, RestoreReport, Scratch, SyncReport, View } from './model.js';
import { openMapView } from './open-view.js';
import { checkPolicy, readPolicy } from './policy.js';
import { restorePaused } from './restore.js';
import { ScratchView } from './scratch.js';
import { applyRetention, type ThinChoice, type ThinReport, thinVolume } from './thin.js';
import { Timeline } from './timeline.js';

/** A sync event that failed is tried again after so many ms. */
const RETRY = 1000;

/** Called once: when the change is in the journal, or when it failed. */
export type Done = (error: AnywhenError | undefined) => void;

/** Told of what the owner may want to log. */
export interface VolumeEvents {
  readonly synced?: (report: SyncReport) => void;
  readonly warning?: (message: string) => void;
}

export interface VolumeOptions extends EngineOptions {
  readonly events?: VolumeEvents;
}

/**
 * A volume with a past: the live state, which is written to, and every point of its history.
 *
 * A write: into the forward journal, then into the live map, then it is acknowledged. A read: the map of a view
 * says where the bytes lie; they are fetched and verified. A view of the past is just another map.
 */
export class Volume {
  readonly live: MapView;
  readonly timeline: Timeline;
  /** Sync event, restore and the like: one at a time. */
  readonly #maintenance = new Mutex();
  readonly #marks: Marks;
  readonly #thinning: ThinEvent;
  #size: number;
  #syncWanted = false;
  #syncs = 0;
  #lastSync: SyncReport | undefined;
  #written = { writes: 0, bytes: 0, flushes: 0 };
  #failure: AnywhenError | undefined;
  #closed = false;

  private constructor(
    readonly engine: Engine,
    readonly journal: ForwardJournal | undefined,
    readonly events: VolumeEvents,
    marks: JournalMark[],
    map: Vrmo,
  ) {
    const { index, fetcher, views } = engine;
    this.#marks = new Marks(engine, marks);
    this.#thinning = new ThinEvent(engine);
    this.timeline = new Timeline({
      ...engine,
      marks: () => this.marks(),
      now: () => this.now(),
      leaving: (sequence) => views.isLeaving(sequence),
      dropping: () => views.dropping,
    });
    this.#size = this.timeline.sizeAt(index.next - 1);
    this.live = new MapView(fetcher, views, map, Number.MAX_SAFE_INTEGER, 0n, () => this.#size);
  }

  /** Opens the store that an executor reaches; the caller holds its lock. */
  static async openOn(executor: Executor, options: VolumeOptions = {}): Promise<Volume> {
    const engine = await openEngine(executor, options);
    const marks = await readMarks(engine.fetcher, engine.index, engine.meta.catalog.droppedMarks);
    for (const { name, renamed } of marks)
      if (renamed === true) engine.warnings.push(`forward: the name of a mark is damaged; it is now ${name}`);
    const { scan, meta, clock, epoch, index } = engine;
    const map = await buildNear(engine, index.next - 1);
    if (engine.readOnly) return new Volume(engine, undefined, options.events ?? {}, marks, map);
    const holder: { volume?: Volume } = {};
    const journal = new ForwardJournal(
      executor,
      clock,
      { index, descriptors: scan.descriptors, data: scan.data, epoch, seed: meta.seed },
      {
        committed: (sequence, sums) => holder.volume?.$committed(sequence, sums),
        full: () => holder.volume?.$full(),
        failed: (error) => holder.volume?.$failed(error),
      },
    );
    holder.volume = new Volume(engine, journal, options.events ?? {}, marks, map);
    return holder.volume;
  }

  get size(): number {
    return this.#size;
  }

  get readOnly(): boolean {
    return this.journal === undefined || this.#failure !== undefined;
  }

  get written(): { readonly writes: number; readonly bytes: number; readonly flushes: number } {
    return this.#written;
  }

  get syncs(): { readonly count: number; readonly last: SyncReport | undefined; readonly running: boolean } {
    return { count: this.#syncs, last: this.#lastSync, running: this.#syncWanted };
  }

  get failure(): AnywhenError | undefined {
    return this.#failure ?? this.journal?.failure;
  }

  now(): Instant {
    return this.engine.clock.now();
  }

  /** Writes at most 1 MiB. `data` must not change before `done`. */
  write(offset: number, data: Uint8Array, done: Done): void {
    const refusal = this.#refuse(offset, data.length);
    if (refusal !== undefined) return done(refusal);
    if (data.length > MAX_WRITE)
      return done(new AnywhenError('usage', `a write of ${data.length} bytes is too long`));
    if (data.length === 0) return done(undefined);
    this.#written.writes += 1;
    this.#written.bytes += data.length;
    const { length } = data;
    // What mkfs and the like write: a range without data says the same.
    if (length >= BLOCK && isZero(data))
      this.journal?.submit({ kind: Kind.zero, start: offset, length, done });
    else this.journal?.submit({ kind: Kind.write, start: offset, data, done });
  }

  /** From here on `[offset, offset + length)` reads as zeros. Costs a descriptor, no data. */
  discard(offset: number, length: number, done: Done): void {
    const refusal = this.#refuse(offset, length);
    if (refusal !== undefined) return done(refusal);
    if (length === 0) return done(undefined);
    this.journal?.submit({ kind: Kind.zero, start: offset, length, done });
  }

  /** Makes all that was acknowledged durable, and leaves a sync indicator. */
  async flush(): Promise<void> {
    if (this.journal === undefined) return;
    await this.journal.flush(Flag.client);
    this.#written.flushes += 1;
  }

  /** The newest state that is durable by itself, without an indicator. */
  async checkpoint(): Promise<void> {
    await this.journal?.flush();
  }

  /** Follows the wall clock; a jump of a second or more is recorded in the journal and told. */
  async followClock(): Promise<void> {
    const jump = this.engine.clock.follow();
    if (jump === 0n || this.journal === undefined) return;
    const milliseconds = Number((jump < 0n ? -jump : jump) / 1_000_000n);
    await this.journal.enter({ kind: Kind.clock, start: milliseconds, length: jump < 0n ? 1 : 0 });
    this.events.warning?.(
      `the system clock jumped by ${jump < 0n ? '-' : ''}${milliseconds} ms; stamps go on rising`,
    );
  }

  resolve(at: Instant): Resolution {
    return this.timeline.resolve(at);
  }

  exact(at: Instant): boolean {
    return this.timeline.exact(at);
  }

  lastFlush(at: Instant): Instant | undefined {
    return this.timeline.lastFlush(at);
  }

  points(range?: { from?: Instant; to?: Instant; all?: boolean }): Point[] {
    return this.timeline.points(range);
  }

  /**
   * Opens the view at an exact instant.
   *
   * @throws `not-found`, `usage` as `resolve`; `not-found` too when the instant is not exact
   */
  async openView(at: Instant): Promise<View> {
    await this.#pinNow(at);
    return openMapView(this.engine, this.timeline, at);
  }

  /** The same, writable over a throw-away overlay. @throws as `openView`, and `read-only` */
  async openScratch(at: Instant): Promise<Scratch> {
    this.#writable();
    return new ScratchView(this.engine.executor, await this.openView(at));
  }

  marks(): Mark[] {
    return this.#marks.list();
  }

  /** A named sync indicator at this instant, durable when it returns. @throws `exists`, `usage`, `read-only` */
  async mark(name: string, options: { hold?: boolean } = {}): Promise<Mark> {
    return this.#marks.set(this.#writable(), name, options.hold === true);
  }

  /** @throws `not-found`, `read-only` */
  async deleteMark(name: string): Promise<void> {
    this.#writable();
    await this.#maintenance.run(() => this.#marks.drop(name));
  }

  /** A sync event over everything that is in the forward journal. */
  async sync(trigger: string): Promise<SyncReport> {
    const report = await this.#maintenance.run(() => this.#sync(trigger));
    this.engine.history.tend();
    void applyRetention(this);
    return report;
  }

  async #sync(trigger: string): Promise<SyncReport> {
    const journal = this.#writable();
    const started = performance.now();
    const { meta } = this.engine;
    const before = meta.superblock.mimSequence;
    try {
      // The window ends where the flush did: there, and only there, both queues go on at a border.
      const end = await journal.flush();
      const marks = this.#marks.upTo(end);
      const result = await new SyncEvent(this.engine).run({
        end,
        granularity: this.policy().granularity,
        marks,
      });
      const { journal: entry } = meta.superblock;
      this.#marks.moved(end);
      journal.release(entry.firstSequence, entry.descriptorTail, entry.dataTail);
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
      this.#syncs += 1;
      this.#lastSync = report;
      this.events.synced?.(report);
      return report;
    } catch (cause) {
      // Behind either commit, memory and disk no longer tell the same: only another opening brings them together.
      if (meta.superblock.copied !== undefined || meta.superblock.mimSequence !== before) {
        this.$failed(
          new AnywhenError('io', `a sync event was interrupted while it moved the MIM: ${messageOf(cause)}`, {
            cause,
          }),
        );
      }
      throw cause;
    }
  }

  /** Drops snapshots and gives their space back. @throws `read-only`, `no-space`, `io` */
  thin(choice: ThinChoice, dryRun = false): Promise<ThinReport> {
    return this.#maintenance.run(async () => {
      if (!dryRun) this.#writable();
      if (this.#closed) throw new AnywhenError('read-only', 'the volume is closed');
      return thinVolume(this.engine, this.#thinning, this.marks(), choice, this.now(), dryRun);
    });
  }

  /**
   * Brings the volume back to the state at an exact instant (B7, C1): one `bulk` entry of the journal, so that
   * it is the old or the new state, and the state before stays a point.
   */
  async restore(at: Instant, progress?: (done: number, total: number) => void): Promise<RestoreReport> {
    const journal = this.#writable();
    const before = this.now();
    return this.#maintenance.run(async () => {
      await journal.settled();
      const target = await openMapView(this.engine, this.timeline, at);
      try {
        // The view is open, and thereby its state is kept, when the sync event makes room for the entry.
        const { descriptors } = journal;
        if (!descriptors.fits(alignUp(descriptors.head, BLOCK) + 4 * BLOCK)) await this.#sync('space');
        await journal.pause();
        try {
          return await restorePaused(this.engine, journal, this.live, target, before, progress);
        } finally {
          journal.resume();
        }
      } finally {
        target.close();
      }
    });
  }

  /** @throws `usage`, `read-only` */
  async resize(size: number): Promise<void> {
    const journal = this.#writable();
    if (!Number.isSafeInteger(size) || size < 1 || size >= ADDRESS_LIMIT) {
      throw new AnywhenError('usage', `a volume of ${size} bytes is not possible`);
    }
    const length = Math.max(0, this.#size - size);
    await journal.enter({ kind: Kind.resize, start: size, length, size });
    await journal.flush();
  }

  policy(): Policy {
    return readPolicy(this.engine.meta.catalog.policy);
  }

  /** @throws `usage`, `read-only` */
  async setPolicy(changes: Partial<Policy>): Promise<void> {
    this.#writable();
    checkPolicy({ ...this.policy(), ...changes });
    const edits = Object.entries(changes).map(([key, value]) => ({
      type: 'policy' as const,
      key,
      value: String(value),
    }));
    await this.engine.meta.commit(edits);
  }

  /** Flushes and closes. Views that are still open are closed with it. */
  async close(options: { sync?: boolean } = {}): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      if (!this.readOnly) {
        await this.#maintenance.run(async () => undefined);
        if (options.sync === true) await this.sync('unmount');
        if (this.journal !== undefined) await endEpoch(this.engine, this.journal);
      }
    } finally {
      this.journal?.fail(new AnywhenError('read-only', 'the volume is closed'));
      await this.journal?.idled();
      await this.engine.history.stop();
      await this.engine.executor.close();
    }
  }

  /** The journal took a descriptor: the live map follows. */
  $committed(sequence: number, sums: Uint32Array): void {
    const { index, fetcher } = this.engine;
    const kind = index.kind(sequence);
    if (kind === Kind.write && sums.length > 1) fetcher.remember(FORWARD, sequence % 2 ** 32, sums);
    this.live.map = follow(this.engine, this.live.map, sequence);
    if (kind === Kind.resize || kind === Kind.bulk) this.#size = index.size(sequence);
    const { data, descriptors } = this.engine.scan;
    const limit = this.policyHighWater / 100;
    if (data.used > data.length * limit || descriptors.used > descriptors.length * limit)
      this.#wantSync('high-water');
  }

  /** Percent; cached, since every write asks. */
  get policyHighWater(): number {
    return Number(this.engine.meta.catalog.policy.get('highWater') ?? 70);
  }

  $full(): void {
    this.#wantSync('space');
  }

  $failed(error: AnywhenError): void {
    if (this.#failure !== undefined || this.#closed) return;
    this.#failure = error;
    this.journal?.fail(error);
    this.events.warning?.(error.message);
  }

  #wantSync(trigger: string): void {
    if (this.#syncWanted || this.#closed) return;
    this.#syncWanted = true;
    setImmediate(() => {
      void this.#syncInBackground(trigger);
    });
  }

  async #syncInBackground(trigger: string): Promise<void> {
    // Once closed, the store may be another's.
    if (this.#closed) return;
    try {
      await this.sync(trigger);
    } catch (error) {
      this.events.warning?.(`sync event: ${messageOf(error)}`);
      await new Promise((resolve) => setTimeout(resolve, RETRY).unref());
    }
    this.#syncWanted = false;
    if (this.#failure === undefined) this.journal?.retry();
  }

  /** A view behind the last stamp: an indicator keeps that instant fixed across a restart with a wrong clock. */
  async #pinNow(at: Instant): Promise<void> {
    if (this.journal === undefined || this.#failure !== undefined) return;
    const last = this.journal.lastStamp ?? this.timeline.nearFrom;
    if (at > last && at <= this.now()) await this.journal.enter({ kind: Kind.indicator });
    await this.journal.settled();
  }

  #writable(): ForwardJournal {
    if (this.failure !== undefined) throw this.failure;
    if (this.journal === undefined) throw new AnywhenError('read-only', 'the store is open read-only');
    return this.journal;
  }

  #refuse(offset: number, length: number): AnywhenError | undefined {
    if (this.#failure !== undefined) return this.#failure;
    if (this.journal === undefined) return new AnywhenError('read-only', 'the store is open read-only');
    if (offset >= 0 && offset + length <= this.#size) return undefined;
    return new AnywhenError(
      'no-space',
      `[${offset}, ${offset + length}) goes beyond the end of the volume at ${this.#size}`,
    );
  }
}
