import { AnywhenError } from '../base/errors.js';
import { formatInstant, type Instant } from '../base/instant.js';
import type { Fetcher } from '../journal/fetch.js';
import { readMap, readMapNow } from '../journal/read-map.js';
import type { ReadPlan } from '../journal/read-plan.js';
import type { LazyLists } from '../sync/lazy-lists.js';
import { MissingBlocks } from '../sync/missing-blocks.js';
import type { MappedView, OpenViews } from '../sync/open-views.js';
import type { Vrmo } from '../vrmo/vrmo.js';
import type { View } from './model.js';
import { seekMap } from './seek.js';

/** A view over a map. While it is registered its map is kept right when the MIM moves under it. */
export class MapView implements View, MappedView {
  #open = true;
  #givenUp = false;
  lists: LazyLists | undefined;

  constructor(
    readonly fetcher: Fetcher,
    readonly views: OpenViews,
    public map: Vrmo,
    readonly sequence: number,
    readonly at: Instant,
    readonly sizeOf: () => number,
  ) {
    views.views.add(this);
  }

  get size(): number {
    return this.sizeOf();
  }

  readNow(offset: number, into: Uint8Array): boolean {
    this.#check(offset, into.length);
    return this.resolveNow(offset, offset + into.length) && readMapNow(this.fetcher, this.map, offset, into);
  }

  /** Whether the map says where `[start, end)` lies, without waiting for a disk. It does until something else runs. */
  resolveNow(start: number, end: number, missing = new MissingBlocks()): boolean {
    return this.lists?.resolveNow(this, start, end, missing) ?? true;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    this.#check(offset, into.length);
    const phase = this.views.enter();
    try {
      const reading = await this.resolved(offset, offset + into.length, () => ({
        // Both take from the map what they need before they return.
        done:
          readMapNow(this.fetcher, this.map, offset, into) || readMap(this.fetcher, this.map, offset, into),
      }));
      await reading.done;
    } finally {
      this.views.leave(phase);
    }
  }

  /** Calls `use` while the map says where `[start, end)` lies. */
  async resolved<T>(start: number, end: number, use: () => T): Promise<T> {
    const missing = new MissingBlocks();
    while (!this.resolveNow(start, end, missing)) await this.lists?.bring(missing);
    return use();
  }

  plan(offset: number, length: number, plan: ReadPlan): boolean {
    this.#check(offset, length);
    plan.clear();
    let whole = this.resolveNow(offset, offset + length);
    if (!whole) return false;
    this.map.lookup(offset, offset + length, (start, end, file, record) => {
      whole = whole && this.fetcher.plan(file, record, start, end, plan);
    });
    return whole;
  }

  hold(): () => void {
    const phase = this.views.enter();
    return () => this.views.leave(phase);
  }

  async seek(offset: number, data: boolean): Promise<number | undefined> {
    this.#check(offset, 0);
    const phase = this.views.enter();
    try {
      return await seekMap(this, offset, data);
    } finally {
      this.views.leave(phase);
    }
  }

  close(): void {
    this.#open = false;
    this.views.views.delete(this);
    this.lists?.close();
  }

  /** The space of its state was needed. */
  giveUp(): void {
    this.#givenUp = true;
  }

  #check(offset: number, length: number): void {
    if (!this.#open) throw new AnywhenError('usage', 'the view is closed');
    if (this.#givenUp) throw givenUp(this.at);
    if (offset < 0 || offset + length > this.size) {
      throw new AnywhenError(
        'usage',
        `a read of [${offset}, ${offset + length}) of a view of ${this.size} bytes`,
      );
    }
  }
}

/** What a view or an overlay answers when its space was needed. */
export function givenUp(at: Instant): AnywhenError {
  return new AnywhenError('io', `the view of ${formatInstant(at)} was given up for want of space`, {
    hint: 'Marks with --hold and, with the policy pins=hard, open images are kept.',
  });
}
