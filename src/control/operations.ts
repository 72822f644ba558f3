import { AnywhenError } from '../base/errors.js';
import { formatInstant, type Instant } from '../base/instant.js';
import { Pacer } from '../base/pacer.js';
import { isZero } from '../format/checksum.js';
import { instantOf, nextPoint, type ResolvedTime, resolveTime } from '../namespace/resolve-time.js';
import { checkMarkName, localZone } from '../namespace/time-name.js';
import { activityOf } from '../volume/activity.js';
import { writeDelta } from '../volume/delta.js';
import { type ChangedRange, diffPoints } from '../volume/diff.js';
import { parseRetention } from '../volume/retention.js';
import { volumeStatus } from '../volume/status.js';
import type { Volume } from '../volume/volume.js';
import { ChangeMap } from './change-map.js';
import type { ArgumentsOf, ItemOf, OperationName, ResultOf } from './contract.js';
import { nextSync } from './next-sync.js';
import { parsePolicy } from './policy-text.js';
import { estimateReach } from './reach.js';
import type { Schedule } from './schedule.js';

export const VERSION = '0.1.0';

/** The volume that is asked, and the mount that shows it. */
export interface Host {
  readonly volume: Volume;
  readonly folder: string;
  readonly mountPoint: string | undefined;
  /** The driver of the mount. */
  readonly driver?: string | undefined;
  /** When sync events are due, in a daemon. */
  readonly schedule?: Schedule;
  readonly stop: (lazy: boolean) => Promise<void>;
}

/** What an operation tells before its answer. */
export interface Listener<K extends OperationName = OperationName> {
  progress?(done: number, total: number): void;
  items?(items: readonly ItemOf<K>[]): void | Promise<void>;
  data?(bytes: Uint8Array): Promise<void>;
  hole?(length: number): Promise<void>;
}

type Operations = {
  readonly [K in OperationName]: (
    host: Host,
    args: ArgumentsOf<K>,
    listener: Listener<K>,
  ) => Promise<ResultOf<K>>;
};

const CHUNK = 1024 * 1024;
const ITEMS = 500;

/** The operations over a volume: called by the daemon's server and, where no daemon runs, by the command line itself. */
export const operations: Operations = {
  ping: async () => ({ pid: process.pid, version: VERSION }),

  clock: async ({ volume }) => ({ now: volume.now(), zone: localZone() }),

  instant: async ({ volume }, { at }) => ({ at: instantOf(volume, at) }),

  status: async ({ volume, folder, mountPoint, driver }) => {
    const status = await volumeStatus(volume);
    const reach = estimateReach(status);
    const health = status.warnings.length === 0 ? 'ok' : 'warning';
    return { ...status, store: folder, mountPoint, driver, policy: volume.policy(), reach, health };
  },

  points: async ({ volume }, { from, to, all }, listener) => {
    // A border need not be a point, and may lie before the oldest one: nothing is shown there.
    const [after, before] = borders(volume, from, to);
    const range = {
      all,
      ...(after === undefined ? {} : { from: after }),
      ...(before === undefined ? {} : { to: before }),
    };
    const points = volume.points(range);
    for (let at = 0; at < points.length; at += ITEMS) await listener.items?.(points.slice(at, at + ITEMS));
    const { oldest, nearFrom } = volume.timeline;
    return { count: points.length, oldest, nearFrom, now: volume.now() };
  },

  activity: async ({ volume }, { from, to, most }) => {
    const [after, before] = borders(volume, from, to);
    return activityOf(volume, { from: after, to: before, most });
  },

  resolve: async ({ volume }, { at }) => withNext(volume, resolveTime(volume, at)),

  mark: async ({ volume }, { name, hold }) => {
    checkMarkName(name);
    const mark = await volume.mark(name, { hold });
    if (volume.policy().syncOnMark) await volume.sync('mark');
    return mark;
  },

  deleteMark: async ({ volume }, { name }) => {
    await volume.deleteMark(name);
    return {};
  },

  sync: ({ volume }) => volume.sync('command'),

  thin: async ({ volume }, { before, keep, dryRun }, listener) => {
    const border = before === undefined ? undefined : instantOf(volume, before);
    checkBorders(volume, border, undefined);
    const choice =
      border === undefined ? { keep: parseRetention(keep ?? volume.policy().retention) } : { before: border };
    const points = volume.points();
    const report = await volume.thin(choice, dryRun);
    const gone = new Set(report.dropped);
    const items = points.filter(({ at, place }) => place === 'snapshot' && gone.has(at));
    for (let at = 0; at < items.length; at += ITEMS) await listener.items?.(items.slice(at, at + ITEMS));
    return { ...report, dropped: gone.size };
  },

  policy: async ({ volume, schedule }, { set }) => {
    if (set.length > 0) await volume.setPolicy(parsePolicy(set));
    const policy = volume.policy();
    return { ...policy, next: nextSync(volume, policy, schedule) };
  },

  read: async ({ volume }, { at, offset, length }, listener) => {
    const view = await volume.openView(at);
    try {
      const end = Math.min(view.size, length === undefined ? view.size : offset + length);
      for (let from = offset; from < end; from += CHUNK) {
        const bytes = new Uint8Array(Math.min(CHUNK, end - from));
        await view.read(from, bytes);
        if (isZero(bytes) && listener.hole !== undefined) await listener.hole(bytes.length);
        else await listener.data?.(bytes);
      }
      return { at, offset, length: Math.max(0, end - offset) };
    } finally {
      view.close();
    }
  },

  diff: async ({ volume }, { a, b, limit = Number.POSITIVE_INFINITY, cells }, listener) => {
    const difference = await diffPoints(volume, a, b);
    const { older, younger, size, bytes, count } = difference;
    const pacer = new Pacer();
    const map = new ChangeMap(size, cells);
    let told = 0;
    let items: ChangedRange[] = [];
    for (const range of difference.ranges()) {
      map.add(range.start, range.length);
      if (told < limit) {
        told += 1;
        items.push(range);
      }
      if (items.length >= ITEMS) {
        await listener.items?.(items);
        items = [];
      }
      if (pacer.due()) await pacer.rest();
    }
    if (items.length > 0) await listener.items?.(items);
    return { older, younger, size, bytes, count, cell: map.cell, map: map.bytes };
  },

  delta: ({ volume }, { a, b }, listener) =>
    writeDelta(volume, a, b, async (bytes) => listener.data?.(bytes)),

  restore: async ({ volume }, { at, nearest }, listener) => {
    const resolution = resolveTime(volume, at);
    if (!resolution.exact && !nearest) throw inexact(at, withNext(volume, resolution));
    return volume.restore(resolution.at, (done, total) => listener.progress?.(done, total));
  },

  resize: async ({ volume }, { size }) => {
    const before = volume.size;
    await volume.resize(size);
    return { before, size };
  },

  stop: async ({ stop }, { lazy }) => {
    await stop(lazy);
    return {};
  },
};

type Between = ResolvedTime & { readonly next: Instant | undefined };

function withNext(volume: Volume, resolution: ResolvedTime): Between {
  return { ...resolution, next: resolution.exact ? undefined : nextPoint(volume, resolution.asked) };
}

/** What destroys or replaces refuses an instant that is not a point, and names its neighbours. */
export function inexact(text: string, { asked, point, next }: Between): AnywhenError {
  const name = formatInstant(asked);
  const what = text === name ? text : `${text}, ${name},`;
  // There always is a younger one: where near history begins.
  const neighbours = [point.at, ...(next === undefined ? [] : [next])].map(formatInstant).join(' and ');
  return new AnywhenError('not-found', `${what} lies between two points, ${neighbours}`, {
    hint: 'Name one of them, or take the older one with --nearest.',
  });
}

function borders(volume: Volume, from: string | undefined, to: string | undefined) {
  const after = from === undefined ? undefined : instantOf(volume, from);
  const before = to === undefined ? undefined : instantOf(volume, to);
  checkBorders(volume, after, before);
  return [after, before] as const;
}

function checkBorders(volume: Volume, from: Instant | undefined, to: Instant | undefined): void {
  const now = volume.now();
  if (from !== undefined && from > now) {
    throw new AnywhenError('usage', `${formatInstant(from)} is in the future; now is ${formatInstant(now)}`);
  }
  if (from !== undefined && to !== undefined && from > to) {
    const order = `${formatInstant(from)} is after ${formatInstant(to)}`;
    throw new AnywhenError('usage', `points: the range ends before it begins: ${order}`);
  }
}
