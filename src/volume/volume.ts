import { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { Mutex } from '../base/mutex.js';
import type { Executor } from '../file/executor.js';
import { Kind } from '../journal/forward-descriptor.js';
import { ForwardJournal } from '../journal/forward-journal.js';
import { buildNear, follow } from '../sync/build-view.js';
import { type JournalMark, readMarks } from '../sync/journal-marks.js';
import { ThinEvent } from '../sync/thin-event.js';
import { FORWARD, type Vrmo } from '../vrmo/vrmo.js';
import { closeEngine, type Engine, endEpoch, openEngine } from './engine.js';
import type { Done, VolumeEvents, VolumeOptions } from './events.js';
import { LiveWriter } from './live-writer.js';
import { MapView } from './map-view.js';
import { Marks } from './marks.js';
import type {
  HoldOptions,
  Mark,
  Point,
  Policy,
  Resolution,
  RestoreReport,
  Scratch,
  SyncReport,
  View,
} from './model.js';
import { openMapView } from './open-view.js';
import { checkPolicy, policyEdits, readPolicy } from './policy.js';
import { restoreTo } from './restore.js';
import { SpaceKeeper } from './space.js';
import { SyncRunner } from './sync-runner.js';
import { applyRetention, type ThinChoice, type ThinReport, thinVolume } from './thin.js';
import { Timeline } from './timeline.js';

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
  readonly #writer = new LiveWriter(this);
  /** Sync events; what the last one did. */
  readonly syncs: SyncRunner;
  /** What is given up when the filesystem of the store is full. */
  readonly space: SpaceKeeper;
  #size: number;
  #failure: AnywhenError | undefined;
  #closed = false;
  /** Resolves when whoever caches the live volume knows that it was replaced. */
  #told: Promise<void> | undefined;

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
    this.space = new SpaceKeeper(this, this.#thinning, this.#marks);
    this.syncs = new SyncRunner(this, this.#marks);
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
      engine.executor,
      clock,
      { index, descriptors: scan.descriptors, data: scan.data, epoch, seed: meta.seed },
      {
        committed: (sequence, sums) => holder.volume?.$committed(sequence, sums),
        full: () => holder.volume?.syncs.full(),
        failed: (error) => holder.volume?.fail(error),
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
    return this.#writer.written;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get failure(): AnywhenError | undefined {
    return this.#failure ?? this.journal?.failure;
  }

  now(): Instant {
    return this.engine.clock.now();
  }

  /** What `work` writes enters the journal together, after it: for requests that came together. Not to be nested. */
  gather(work: () => void): void {
    if (this.journal === undefined) work();
    else this.journal.gather(work);
  }

  /** Writes at most 1 MiB. `data` must not change before `done`. */
  write(offset: number, data: Uint8Array, done: Done): void {
    this.#writer.write(offset, data, done);
  }

  /** From here on `[offset, offset + length)` reads as zeros. Costs a descriptor, no data. */
  discard(offset: number, length: number, done: Done): void {
    this.#writer.discard(offset, length, done);
  }

  /** Makes all that was acknowledged durable, and leaves a sync indicator. */
  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /** The newest state that is durable by itself, without an indicator. */
  async checkpoint(): Promise<void> {
    await this.journal?.flush();
  }

  /** Follows the wall clock; a jump of a second or more is recorded in the journal and told. */
  followClock(): Promise<void> {
    return this.#writer.followClock();
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
    await this.#writer.fix(at);
    return openMapView(this.engine, this.timeline, at);
  }

  /** The same, writable over a throw-away overlay. @throws as `openView`, and `read-only` */
  async openScratch(at: Instant): Promise<Scratch> {
    this.#writer.journal();
    return this.space.scratch(await this.openView(at));
  }

  marks(): Mark[] {
    return this.#marks.list();
  }

  /** A named sync indicator at this instant, durable when it returns. @throws `exists`, `usage`, `read-only` */
  async mark(name: string, options: { hold?: boolean } = {}): Promise<Mark> {
    return this.#marks.set(this.#writer.journal(), name, options.hold === true);
  }

  /** Keeps a mark even when space runs out, or no longer. @throws `not-found`, `usage`, `read-only` */
  async holdMark(name: string, how: HoldOptions | 'release' = {}): Promise<Mark> {
    this.#writer.journal();
    return this.#maintenance.run(() => this.#marks.hold(name, how));
  }

  /** @throws `not-found`, `denied`, `read-only` */
  async deleteMark(name: string): Promise<void> {
    this.#writer.journal();
    await this.#maintenance.run(() => this.#marks.drop(name));
  }

  /** A sync event over everything that is in the forward journal. */
  async sync(trigger: string): Promise<SyncReport> {
    const report = await this.#maintenance.run(() => this.syncs.run(this.#writer.journal(), trigger));
    void applyRetention(this);
    return report;
  }

  /** Drops snapshots and gives their space back. @throws `read-only`, `no-space`, `io` */
  thin(choice: ThinChoice, dryRun = false): Promise<ThinReport> {
    return this.#maintenance.run(async () => {
      if (!dryRun) this.#writer.journal();
      if (this.#closed) throw new AnywhenError('read-only', 'the volume is closed');
      return thinVolume(this.engine, this.#thinning, this.marks(), choice, this.now(), dryRun);
    });
  }

  /**
   * Brings the volume back to the state at an exact instant (B7, C1): one `bulk` entry of the journal, so that
   * it is the old or the new state, and the state before stays a point.
   */
  async restore(at: Instant, progress?: (done: number, total: number) => void): Promise<RestoreReport> {
    const journal = this.#writer.journal();
    const before = this.now();
    const report = await this.#maintenance.run(() => restoreTo(this, journal, at, before, progress));
    await this.#told;
    return report;
  }

  /** @throws `usage`, `read-only` */
  async resize(size: number): Promise<void> {
    await this.#writer.resize(size);
    await this.#told;
  }

  policy(): Policy {
    return readPolicy(this.engine.meta.catalog.policy);
  }

  /** @throws `usage`, `read-only` */
  async setPolicy(changes: Partial<Policy>): Promise<void> {
    this.#writer.journal();
    checkPolicy({ ...this.policy(), ...changes });
    await this.engine.meta.commit(policyEdits(changes));
    if (changes.reserve !== undefined) await this.space.tend();
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
      await closeEngine(this.engine);
    }
  }

  /** The journal took a descriptor: the live map follows. */
  $committed(sequence: number, sums: Uint32Array): void {
    const { index, fetcher } = this.engine;
    const kind = index.kind(sequence);
    if (kind === Kind.write && sums.length > 1) fetcher.remember(FORWARD, sequence % 2 ** 32, sums);
    this.live.map = follow(this.engine, this.live.map, sequence);
    if (kind === Kind.resize || kind === Kind.bulk) {
      this.#size = index.size(sequence);
      this.#told = this.events.replaced?.();
    }
    this.syncs.watch();
  }

  /** Nothing is written any more. */
  fail(error: AnywhenError): void {
    if (this.#failure !== undefined || this.#closed) return;
    this.#failure = error;
    this.journal?.fail(error);
    this.events.warning?.(error.message);
  }
}
