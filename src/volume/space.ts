import type { AnywhenError } from '../base/errors.js';
import { describeSize } from '../base/units.js';
import { isFull } from '../file/reserve-executor.js';
import type { MappedView } from '../sync/open-views.js';
import { SyncEvent, type SyncRequest, type SyncResult } from '../sync/sync-event.js';
import type { ThinEvent } from '../sync/thin-event.js';
import type { Marks } from './marks.js';
import type { GivenUp, View } from './model.js';
import { Offerings, type ShortWindow, type SpaceHost } from './offerings.js';
import { reserveBytes } from './reserve.js';
import { ScratchView } from './scratch.js';

/**
 * Keeps the volume going when the filesystem of the store is full: gives up no more than is needed, and lets fail what
 * cannot be when nothing is left to give.
 */
export class SpaceKeeper {
  #shortage: AnywhenError | undefined;
  readonly #host: SpaceHost;
  readonly #marks: Marks;
  readonly #offerings: Offerings;

  constructor(host: SpaceHost, thinning: ThinEvent, marks: Marks) {
    this.#host = host;
    this.#marks = marks;
    this.#offerings = new Offerings(host, thinning, marks);
  }

  /** Since the store was opened. */
  get givenUp(): GivenUp {
    return this.#offerings.givenUp;
  }

  /** A writable overlay over a view, which is the first to go. */
  scratch(view: View): ScratchView {
    const { scratches } = this.#offerings;
    const scratch = new ScratchView(this.#host.engine.executor, view, () => void scratches.delete(scratch));
    scratches.add(scratch);
    return scratch;
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

  /** Makes the reserve hold what it is to hold, as far as there is space. Costs nothing when it does. */
  async tend(): Promise<void> {
    const { size, held } = this.reserve;
    if (held !== size) await this.#host.engine.reserve?.hold(size);
  }

  /** A sync event, for which is given up what has to be. @throws `no-space`, `io`, `damaged` */
  async sync(request: Omit<SyncRequest, 'marks' | 'economy'>): Promise<SyncResult> {
    const window: ShortWindow = { end: request.end, economy: false };
    const run = () =>
      new SyncEvent(this.#host.engine).run({
        ...request,
        marks: this.#marks.upTo(request.end),
        economy: window.economy,
      });
    const result = await this.#insist(() => this.#urgently(run), window);
    this.#shortage = undefined;
    await this.tend();
    return result;
  }

  /** Work that fails whole when there is no space, and is then done again. @throws what it does */
  insist<T>(work: () => Promise<T>): Promise<T> {
    return this.#insist(work);
  }

  /** Work that needs a view, which is not given up meanwhile. */
  async sparing<T>(view: MappedView, work: () => Promise<T>): Promise<T> {
    this.#offerings.spared = view;
    try {
      return await work();
    } finally {
      this.#offerings.spared = undefined;
    }
  }

  async #insist<T>(work: () => Promise<T>, window?: ShortWindow): Promise<T> {
    const { meta } = this.#host.engine;
    const before = meta.superblock.mimSequence;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const moving = meta.superblock.copied !== undefined || meta.superblock.mimSequence !== before;
        if (!isFull(error) || moving) throw error;
        const { needed } = error.data;
        const goal = typeof needed === 'number' ? needed : undefined;
        if (!(await this.#urgently(() => this.#makeRoom(goal, window)))) {
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
  async #makeRoom(needed: number | undefined, window?: ShortWindow): Promise<boolean> {
    const goal = (needed ?? (await this.#free()) + 1) + this.#missing();
    const { ways, again } = this.#offerings.ways(window);
    let given = false;
    for (let way = 0; way < ways.length && (await this.#free()) < goal; ) {
      const outcome = (await ways[way]?.()) ?? 'nothing';
      if (outcome === 'window') return true;
      if (outcome === 'nothing') way += 1;
      else {
        given = true;
        // Without its mark or view a snapshot is like the rest.
        way = Math.min(way, again);
      }
    }
    if ((await this.#free()) >= goal) await this.tend();
    return given;
  }

  /** With all of the reserve. */
  #urgently<T>(work: () => Promise<T>): Promise<T> {
    const { reserve } = this.#host.engine;
    return reserve === undefined ? work() : reserve.urgently(work);
  }

  async #free(): Promise<number> {
    return (await this.#host.engine.executor.space()).free;
  }

  #missing(): number {
    const { size, held } = this.reserve;
    return Math.max(0, size - held);
  }
}
