import { AnywhenError } from '../base/errors.js';
import { formatInstant } from '../base/instant.js';
import { isZero } from '../format/checksum.js';
import { resolveTime } from '../namespace/resolve-time.js';
import { checkMarkName } from '../namespace/time-name.js';
import type { Resolution } from '../volume/model.js';
import { volumeStatus } from '../volume/status.js';
import type { Volume } from '../volume/volume.js';
import type { ArgumentsOf, OperationName, PointItem, ResultOf } from './contract.js';
import { parsePolicy } from './policy-text.js';
import { estimateReach } from './reach.js';

export const VERSION = '0.1.0';

/** The volume that is asked, and the mount that shows it. */
export interface Host {
  readonly volume: Volume;
  readonly folder: string;
  readonly mountPoint: string | undefined;
  readonly stop: (lazy: boolean) => Promise<void>;
}

/** What an operation tells before its answer. */
export interface Listener {
  progress?(done: number, total: number): void;
  items?(items: readonly PointItem[]): void;
  data?(bytes: Uint8Array): Promise<void>;
  hole?(length: number): Promise<void>;
}

type Operations = {
  readonly [K in OperationName]: (
    host: Host,
    args: ArgumentsOf<K>,
    listener: Listener,
  ) => Promise<ResultOf<K>>;
};

const CHUNK = 1024 * 1024;
const ITEMS = 500;

/** The operations over a volume: called by the daemon's server and, where no daemon runs, by the command line itself. */
export const operations: Operations = {
  ping: async () => ({ pid: process.pid, version: VERSION }),

  status: async ({ volume, folder, mountPoint }) => {
    const status = await volumeStatus(volume);
    const reach = estimateReach(status);
    const health = status.warnings.length === 0 ? 'ok' : 'warning';
    return { ...status, store: folder, mountPoint, policy: volume.policy(), reach, health };
  },

  points: async ({ volume }, { from, to, all }, listener) => {
    const bound = (text: string | undefined) =>
      text === undefined ? undefined : resolveTime(volume, text).at;
    const [after, before] = [bound(from), bound(to)];
    const range = {
      all,
      ...(after === undefined ? {} : { from: after }),
      ...(before === undefined ? {} : { to: before }),
    };
    const points = volume.points(range);
    for (let at = 0; at < points.length; at += ITEMS) listener.items?.(points.slice(at, at + ITEMS));
    const { oldest, nearFrom } = volume.timeline;
    return { count: points.length, oldest, nearFrom, now: volume.now() };
  },

  resolve: async ({ volume }, { at }) => resolveTime(volume, at),

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

  policy: async ({ volume }, { set }) => {
    if (set.length > 0) await volume.setPolicy(parsePolicy(set));
    return volume.policy();
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

  restore: async ({ volume }, { at, nearest }, listener) => {
    const resolution = resolveTime(volume, at);
    if (!resolution.exact && !nearest) throw inexact(at, resolution);
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

/** A restore refuses an instant that is not a point. */
export function inexact(text: string, { point }: Resolution): AnywhenError {
  return new AnywhenError(
    'not-found',
    `${text} lies between two points; the older one is ${formatInstant(point.at)}`,
    {
      hint: 'Name that one, or take it with --nearest.',
    },
  );
}
