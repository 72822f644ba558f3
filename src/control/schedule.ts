import { nextTime } from '../base/cron.js';
import type { Policy } from '../volume/model.js';

/** The clocks that a schedule looks at. */
export interface Clocks {
  /** Never jumps, ms. */
  monotonic(): number;
  /** The clock on the wall, ms since the epoch. */
  wall(): number;
  /** The time zone of times of day. */
  readonly zone: string;
}

/** A clock that was set back by more than this was wrong before, ms; by less, no time of day comes twice. */
const SET_BACK = 3 * 3600 * 1000;

type Times = Pick<Policy, 'syncInterval' | 'syncTimes'>;

/** When sync events are due by time: intervals follow the monotonic clock, times of day the wall. */
export class Schedule {
  readonly clocks: Clocks;
  /** The last sync event, or the start; monotonic. */
  #last: number;
  /** The next time of day is the first after this; wall. */
  #after: number;
  #next: { readonly times: string; readonly at: number | undefined };

  constructor(policy: Times, clocks: Clocks) {
    this.clocks = clocks;
    this.#last = clocks.monotonic();
    this.#after = clocks.wall();
    this.#next = this.#plan(policy.syncTimes);
  }

  /** There was a sync event: the interval begins anew. */
  synced(): void {
    this.#last = this.clocks.monotonic();
  }

  /** What is due now, once; several times of day that passed together, as in a sleep, count as one. */
  due(policy: Times): 'interval' | 'time' | undefined {
    if (this.#timeIsDue(policy)) return 'time';
    const left = this.untilInterval(policy);
    if (left === undefined || left > 0) return undefined;
    this.synced();
    return 'interval';
  }

  #timeIsDue({ syncTimes }: Times): boolean {
    const now = this.clocks.wall();
    const changed = syncTimes !== this.#next.times;
    if (changed || now < this.#after - SET_BACK) {
      this.#after = now;
      this.#next = this.#plan(syncTimes);
    }
    const { at } = this.#next;
    if (at === undefined || now < at) return false;
    this.#after = now;
    this.#next = this.#plan(syncTimes);
    return true;
  }

  #plan(times: string): { times: string; at: number | undefined } {
    return { times, at: nextTime(times, this.#after, this.clocks.zone) };
  }

  /** ms until the interval has passed, not below 0; undefined: never. */
  untilInterval({ syncInterval }: Times): number | undefined {
    if (syncInterval <= 0n) return undefined;
    return Math.max(0, this.#last + Number(syncInterval) / 1e6 - this.clocks.monotonic());
  }

  /** The next time of day, ms since the epoch; undefined: never. */
  nextTime({ syncTimes }: Times): number | undefined {
    return syncTimes === this.#next.times
      ? this.#next.at
      : nextTime(syncTimes, this.clocks.wall(), this.clocks.zone);
  }
}
