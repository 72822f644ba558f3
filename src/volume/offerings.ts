import { messageOf } from '../base/errors.js';
import { formatInstant } from '../base/instant.js';
import { isNoSpace } from '../file/reserve-executor.js';
import type { SnapshotEdit } from '../journal/catalog-format.js';
import type { MappedView } from '../sync/open-views.js';
import { pinnedSnapshots, type ThinEvent } from '../sync/thin-event.js';
import type { Engine } from './engine.js';
import type { VolumeEvents } from './events.js';
import type { Marks } from './marks.js';
import type { GivenUp, Mark, Policy } from './model.js';
import type { ScratchView } from './scratch.js';

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
export interface ShortWindow {
  readonly end: number;
  economy: boolean;
}

/**
 * What may be given up, one thing at a time: scratch overlays, then unpinned history oldest first, of the window of a
 * sync event too, then marks, then open views oldest first. Marks that are held stay, and open views where the policy
 * says `pins=hard`. Each is told.
 */
export class Offerings {
  /** The overlays that are open, oldest first. */
  readonly scratches = new Set<ScratchView>();
  /** Since the store was opened. */
  readonly givenUp = { scratches: 0, snapshots: 0, marks: 0, views: 0 } satisfies GivenUp;
  /** A view that is needed just now. */
  spared: MappedView | undefined;
  readonly #host: SpaceHost;
  readonly #thinning: ThinEvent;
  readonly #marks: Marks;

  constructor(host: SpaceHost, thinning: ThinEvent, marks: Marks) {
    this.#host = host;
    this.#thinning = thinning;
    this.#marks = marks;
  }

  /** The ways in their order; after one that gave space those from `again` on are tried anew. */
  ways(window: ShortWindow | undefined): { readonly ways: (() => Promise<Given>)[]; readonly again: number } {
    const ways = [
      () => this.#shortenCatalog(),
      () => this.#giveScratch(),
      () => this.#giveSnapshots(),
      () => this.#giveWindow(window),
      () => this.#giveMark(window),
      () => this.#giveView(window),
    ];
    return { ways, again: 2 };
  }

  #warn(message: string): void {
    this.#host.events.warning?.(message);
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
        if ((await this.#drop(some)) === 'space') return 'space';
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
  async #giveWindow(window: ShortWindow | undefined): Promise<Given> {
    if (window === undefined || window.economy) return 'nothing';
    window.economy = true;
    this.#warn('for want of space a sync event keeps only what marks and open views need');
    return 'window';
  }

  /** The oldest mark that is not held, and whose state is kept for nothing else. */
  async #giveMark(window: ShortWindow | undefined): Promise<Given> {
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
  async #giveView(window: ShortWindow | undefined): Promise<Given> {
    const { engine, live } = this.#host;
    if (this.#host.policy().pins === 'hard') return 'nothing';
    const { mimSequence } = engine.meta.superblock;
    const held = this.#heldStates();
    const views = [...engine.views.views].filter(
      (view) => view !== live && view !== this.spared && !held.has(view.sequence),
    );
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

  /** The states that a mark holds, by sequence: to give up a view of one gives nothing. */
  #heldStates(): Set<number> {
    const { meta, index } = this.#host.engine;
    const held = new Set<number>();
    for (const { at, sequence, hold } of this.#host.marks()) {
      if (!hold) continue;
      const snapshot = meta.catalog.snapshots.find(({ from, to }) => at >= from && at < to);
      let state = sequence;
      while (state >= index.first && !index.changes(state)) state -= 1;
      held.add(snapshot?.sequence ?? (state < index.first ? meta.superblock.mimSequence : state));
    }
    return held;
  }
}
