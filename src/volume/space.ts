import { type AnywhenError, messageOf } from '../base/errors.js';
import { formatInstant } from '../base/instant.js';
import { describeSize } from '../base/units.js';
import { isFull, isNoSpace } from '../file/reserve-executor.js';
import type { SnapshotEdit } from '../journal/catalog-format.js';
import type { MappedView } from '../sync/open-views.js';
import { SyncEvent, type SyncRequest, type SyncResult } from '../sync/sync-event.js';
import { pinnedSnapshots, type ThinEvent } from '../sync/thin-event.js';
import type { Engine } from './engine.js';
import type { Marks } from './marks.js';
import type { GivenUp, Mark, Policy } from './model.js';
import { reserveBytes } from './reserve.js';
import type { ScratchView } from './scratch.js';
import type { VolumeEvents } from './volume.js';

/** What giving up needs of the volume. */
export interface SpaceHost {
  readonly engine: Engine;
  readonly events: VolumeEvents;
  readonly live: MappedView;
  policy(): Policy;
  marks(): Mark[];
}

/** What came of giving up one thing: space, perhaps; a window that costs less; nothing was there to give. */
type Given = 'space' | 'window' | 'nothing';

/** The window of a sync event that has no space. */
interface Window {
  readonly end: number;
  economy: boolean;
}

/**
 * What is given up when the filesystem of the store is full: scratch overlays, then unpinned history oldest first, of
 * the window of a sync event too, then marks, then open views oldest first. Marks that are held stay, and open views
 * where the policy says `pins=hard`. Each is told.
 */
export class SpaceKeeper {
  /** The overlays that are open, oldest first. */
  readonly scratches = new Set<ScratchView>();
  /** Since the store was opened. */
  readonly givenUp = { scratches: 0, snapshots: 0, marks: 0, views: 0 } satisfies GivenUp;
  #shortage: AnywhenError | undefined;
  #spared: MappedView | undefined;
  readonly #host: SpaceHost;
  readonly #thinning: ThinEvent;
  readonly #marks: Marks;

  constructor(host: SpaceHost, thinning: ThinEvent, marks: Marks) {
    this.#host = host;
    this.#thinning = thinning;
    this.#marks = marks;
  }

  /** Why there is no space for what clients write; nothing is left that may be given up. */
  get shortage(): AnywhenError | undefined {
    return this.#shortage;
  }

  /** Bytes that the reserve is to hold, and those that it holds. */
  get reserve(): { readonly size: number; readonly held: number } {
    const { engine } = this.#host;
    return { size: reserveBytes(engine.meta), held: engine.reserve?.held ?? 0 };
  }

  /** A line for each thing that is not as it should be. */
  warnings(): string[] {
    const lines: string[] = [];
    if (this.#shortage !== undefined)
      lines.push(`${this.#shortage.message}: writes fail, and nothing is left that may be given up`);
    const { scratches, snapshots, marks, views } = this.givenUp;
    const given = [
      [scratches, 'scratch overlays'],
      [snapshots, 'snapshots'],
      [marks, 'marks'],
      [views, 'open views'],
    ] as const;
    const told = given.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
    if (told.length > 0) lines.push(`given up for want of space: ${told.join(', ')}`);
    const { size, held } = this.reserve;
    if (held < size && this.#host.engine.reserve !== undefined)
      lines.push(`the reserve holds ${describeSize(held)} of ${describeSize(size)}`);
    return lines;
  }

  /** Takes the reserve again, as far as there is space. */
  async tend(): Promise<void> {
    const { reserve, meta } = this.#host.engine;
    await reserve?.hold(reserveBytes(meta));
  }

  /** A sync event, for which is given up what has to be. @throws `no-space`, `io`, `damaged` */
  async sync(request: Omit<SyncRequest, 'marks' | 'economy'>): Promise<SyncResult> {
    const window: Window = { end: request.end, economy: false };
    const run = () =>
      new SyncEvent(this.#host.engine).run({
        ...request,
        marks: this.#marks.upTo(request.end),
        economy: window.economy,
      });
    const result = await this.#insist(run, window);
    this.#shortage = undefined;
    return result;
  }

  /** Work that fails whole when there is no space, and is then done again. @throws what it does */
  insist<T>(work: () => Promise<T>): Promise<T> {
    return this.#insist(work);
  }

  /** Work that needs a view, which is not given up meanwhile. */
  async sparing<T>(view: MappedView, work: () => Promise<T>): Promise<T> {
    this.#spared = view;
    try {
      return await work();
    } finally {
      this.#spared = undefined;
    }
  }

  async #insist<T>(work: () => Promise<T>, window?: Window): Promise<T> {
    const { meta } = this.#host.engine;
    const before = meta.superblock.mimSequence;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const moving = meta.superblock.copied !== undefined || meta.superblock.mimSequence !== before;
        if (!isFull(error) || moving) throw error;
        const { needed } = error.data;
        if (!(await this.#makeRoom(typeof needed === 'number' ? needed : undefined, window))) {
          if (window !== undefined) this.#shortage = error;
          throw error;
        }
      }
    }
  }

  /**
   * Gives up one thing after the other until so many bytes are free, or until the window must be looked at anew.
   *
   * @param needed bytes; undefined: more than now
   * @returns whether anything was given up
   */
  async #makeRoom(needed: number | undefined, window?: Window): Promise<boolean> {
    const goal = (needed ?? (await this.#free()) + 1) + this.#missing();
    const snapshots = () => this.#giveSnapshots();
    const ways = [
      () => this.#shortenCatalog(),
      () => this.#giveScratch(),
      snapshots,
      () => this.#giveWindow(window),
      () => this.#giveMark(window),
      () => this.#giveView(window),
    ];
    let given = false;
    for (let way = 0; way < ways.length && (await this.#free()) < goal; ) {
      const outcome = (await ways[way]?.()) ?? 'nothing';
      if (outcome === 'window') return true;
      if (outcome === 'nothing') way += 1;
      else {
        given = true;
        // Without its mark or view a snapshot is as any other.
        way = Math.min(way, ways.indexOf(snapshots));
      }
    }
    if ((await this.#free()) >= goal) await this.tend();
    return given;
  }

  #warn(message: string): void {
    this.#host.events.warning?.(message);
  }

  async #free(): Promise<number> {
    return (await this.#host.engine.executor.space()).free;
  }

  #missing(): number {
    const { size, held } = this.reserve;
    return Math.max(0, size - held);
  }

  /** Costs nobody anything: what it says of what is gone. */
  async #shortenCatalog(): Promise<Given> {
    try {
      return (await this.#host.engine.meta.shorten()) ? 'space' : 'nothing';
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      return 'nothing';
    }
  }

  async #giveScratch(): Promise<Given> {
    for (const scratch of this.scratches) {
      if (!scratch.made) continue;
      this.scratches.delete(scratch);
      this.#warn(`for want of space the scratch overlay of ${formatInstant(scratch.at)} is given up`);
      this.givenUp.scratches += 1;
      await scratch.giveUp();
      return 'space';
    }
    return 'nothing';
  }

  /** The oldest ones that nobody needs: those of one segment, and not more than half of all. */
  async #giveSnapshots(): Promise<Given> {
    const all = this.#unneeded();
    const [oldest] = all;
    if (oldest === undefined) return 'nothing';
    const together = all.filter(({ segment }) => segment === oldest.segment);
    const half = together.slice(0, Math.max(1, Math.ceil(all.length / 2)));
    // To leave a part of a segment takes space; to leave nothing of it hardly any.
    for (const some of [half, together, all]) {
      try {
        return await this.#drop(some);
      } catch (error) {
        if (!isNoSpace(error)) throw error;
        this.#warn(`thinning: ${messageOf(error)}`);
      }
    }
    return 'nothing';
  }

  async #drop(snapshots: readonly SnapshotEdit[]): Promise<Given> {
    const sequences = new Set(snapshots.map(({ sequence }) => sequence));
    const { dropped } = await this.#thinning.run({ choose: () => sequences, dryRun: false });
    const last = dropped[dropped.length - 1];
    if (last === undefined) return 'nothing';
    this.givenUp.snapshots += dropped.length;
    const what = dropped.length === 1 ? 'the snapshot' : `${dropped.length} snapshots up to`;
    this.#warn(`for want of space ${what} ${formatInstant(last.at)} went`);
    return 'space';
  }

  /** Snapshots without a mark or an open view, oldest first. */
  #unneeded(): SnapshotEdit[] {
    const { engine } = this.#host;
    const { snapshots } = engine.meta.catalog;
    const pinned = pinnedSnapshots(engine.meta.catalog, engine.views.views);
    const marks = this.#host.marks();
    return snapshots.filter(
      ({ sequence, from, to }) => !pinned.has(sequence) && !marks.some(({ at }) => at >= from && at < to),
    );
  }

  /** The states of the window that nobody needs are unpinned history too, the youngest. */
  async #giveWindow(window: Window | undefined): Promise<Given> {
    if (window === undefined || window.economy) return 'nothing';
    window.economy = true;
    this.#warn('for want of space a sync event keeps only what marks and open views need');
    return 'window';
  }

  /** The oldest mark that is not held, and whose state is kept for nothing else. */
  async #giveMark(window: Window | undefined): Promise<Given> {
    const { engine } = this.#host;
    const { catalog } = engine.meta;
    const { mimStamp } = engine.meta.superblock;
    const pinned = pinnedSnapshots(catalog, engine.views.views);
    const unpinned = catalog.snapshots.filter((snapshot) => !pinned.has(snapshot.sequence));
    for (const { name, at, sequence, hold } of this.#host.marks()) {
      if (hold || sequence > (window?.end ?? 0)) continue;
      const near = at >= mimStamp;
      if (near ? window === undefined : !unpinned.some(({ from, to }) => at >= from && at < to)) continue;
      await this.#marks.drop(name);
      this.givenUp.marks += 1;
      this.#warn(`for want of space the mark ${name} at ${formatInstant(at)} is given up`);
      return near ? 'window' : 'space';
    }
    return 'nothing';
  }

  /** The oldest open view whose state would else not be kept. */
  async #giveView(window: Window | undefined): Promise<Given> {
    const { engine, live } = this.#host;
    if (this.#host.policy().pins === 'hard') return 'nothing';
    const { mimSequence } = engine.meta.superblock;
    const views = [...engine.views.views].filter((view) => view !== live && view !== this.#spared);
    views.sort((a, b) => a.sequence - b.sequence);
    for (const view of views) {
      const near = view.sequence >= mimSequence;
      if (near && (window === undefined || view.sequence > window.end)) continue;
      view.giveUp?.();
      engine.views.views.delete(view);
      this.givenUp.views += 1;
      this.#warn('for want of space the oldest open view is given up: it answers with an I/O error');
      return near ? 'window' : 'space';
    }
    return 'nothing';
  }
}
