import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatInstant } from '../../src/base/instant.js';
import type { OutputOptions } from '../../src/cli/output.js';
import { timeBorder, timePoint } from '../../src/cli/time-argument.js';
import type { Target } from '../../src/control/locate.js';
import { type Host, operations } from '../../src/control/operations.js';
import { type Past, pastVolume } from '../namespace/past.js';

const code = (name: string) => expect.objectContaining({ code: name });
const SECOND = 1_000_000_000n;

let past: Past;
let target: Target;
let told: string;

beforeEach(async () => {
  past = await pastVolume();
  const host: Host = {
    volume: past.volume,
    folder: '/nowhere',
    mountPoint: undefined,
    stop: async () => undefined,
  };
  target = {
    daemon: false,
    call: (operation, args, listener = {}) =>
      operations[operation](host, args as never, listener) as Promise<never>,
    close: async () => undefined,
  };
  told = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    told += String(text);
    return true;
  });
  vi.stubEnv('TZ', 'Europe/Berlin');
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

const point = (text: string, flags: OutputOptions = {}, between: 'older' | 'refuse' = 'older') =>
  timePoint(target, text, flags, between);

/** The same instant by every clock face of the command line. */
function spaced(at: bigint): string[] {
  const [date, time] = formatInstant(at).slice(0, 19).split('T') as [string, string];
  return [
    `${date}T${time}Z`,
    `${date} ${time}Z`,
    `${date} ${time} Z`,
    `${date} ${time} +00:00`,
    `${date}t${time}z`,
  ];
}

describe('a time of the command line', () => {
  it('has every form that a name under the mount has', async () => {
    const { first, writes, flushed } = past;
    const canonical = formatInstant(first);
    const basic = canonical.replace(/[-:]/g, '');
    const samba = `@GMT-${canonical.slice(0, 10).replaceAll('-', '.')}-${canonical.slice(11, 19).replaceAll(':', '.')}`;
    for (const text of [canonical, basic, samba, 'first', 'first~', ...spaced(first)])
      expect((await point(text)).at, text).toBe(first);
    expect((await point('latest')).at).toBe(writes[4]);
    expect((await point('now~')).at).toBe(flushed);
    expect((await point('-2s')).at).toBe(past.volume.now() - 2n * SECOND);
  });

  it('may be a phrase, by the clock of the store', async () => {
    expect((await point('2 seconds ago')).at).toBe(past.volume.now() - 2n * SECOND);
    expect((await point('2 seconds ago~')).at).toBe(past.flushed);
    past.time.advance(3n * SECOND);
    expect((await point('2 seconds ago')).at).toBe(past.volume.now() - 2n * SECOND);
  });

  it('that is the name of a mark means the mark, even where it could be a phrase', async () => {
    const { at } = await past.volume.mark('yesterday 17:00');
    past.time.advance(SECOND);
    expect((await point('yesterday 17:00')).at).toBe(at);
  });

  it('loses no digit', async () => {
    const at = (past.writes[3] as bigint) + 123_456_789n;
    expect((await point(formatInstant(at))).at).toBe(at);
    expect((await point(formatInstant(at).replace('T', ' '))).at).toBe(at);
  });

  it('is told as it was understood, in UTC and in the zone', async () => {
    await point('2 seconds ago');
    expect(told).toBe('anywhen: 2 seconds ago is 2023-11-14T22:13:28Z (2023-11-14T23:13:28+01:00)\n');
  });

  it('is not told when it was written so, nor to the quiet', async () => {
    await point(formatInstant(past.first));
    await point('first', { quiet: true });
    expect(told).toBe('');
  });

  it('between two points is told with the older one, or refused with both', async () => {
    const between = (past.writes[1] as bigint) + SECOND;
    expect(await point(formatInstant(between))).toMatchObject({ at: past.first, exact: false });
    expect(told).toContain(`showing ${formatInstant(past.first)}, the newest point before it`);
    told = '';
    const refused = point(formatInstant(between), {}, 'refuse');
    await expect(refused).rejects.toThrowError(code('not-found'));
    await expect(refused).rejects.toThrowError(
      `${formatInstant(between)} lies between two points, ${formatInstant(past.first)} and ${formatInstant(past.writes[2] as bigint)}`,
    );
    expect(told).toBe('');
  });

  it.each([
    [
      'tomorrow 10:00',
      'usage',
      /^tomorrow 10:00: 2023-11-15T09:00:00Z is in the future; now is 2023-11-14T22:13:30Z$/,
    ],
    ['2101-01-01', 'usage', /^2101-01-01: .* is in the future; now is 2023-11-14T22:13:30Z$/],
    ['2 years ago', 'not-found', /^2 years ago: .* is before the oldest point, 2023-11-14T22:13:20Z$/],
    ['-1000h', 'not-found', /^-1000h: .* is before the oldest point, 2023-11-14T22:13:20Z$/],
    ['2023-10-29T02:30', 'usage', /2023-10-29T00:30:00Z and 2023-10-29T01:30:00Z/],
    ['2023-10-29 02:30', 'usage', /2023-10-29T00:30:00Z and 2023-10-29T01:30:00Z/],
    ['2023-02-30 10:00', 'usage', /no such date/],
    ['-2x', 'usage', /duration '2x'/],
    ['never-marked', 'not-found', /^never-marked is neither a time nor a mark$/],
    ['just before 9am', 'not-found', /^just before 9am is neither a time nor a mark$/],
    ['3/4/2023', 'usage', /^3\/4\/2023: /],
    ['', 'usage', /from 1 to 256 characters/],
    [' ', 'usage', /from 1 to 256 characters/],
    ['x'.repeat(257), 'usage', /from 1 to 256 characters/],
  ])('that cannot be shown is refused in one line that says why: %s', async (text, which, message) => {
    await expect(point(text)).rejects.toThrowError(code(which));
    await expect(point(text)).rejects.toThrowError(message);
    await expect(point(text)).rejects.toThrowError(/^[^\n]+$/);
    expect(told).toBe('');
  });
});

describe('a border of a range', () => {
  it('need not be a point, and may lie before the oldest or after now', async () => {
    for (const text of [
      '2001-01-01T00:00:00Z',
      '2101-01-01T00:00:00Z',
      formatInstant((past.writes[1] as bigint) + 5n),
    ])
      expect((await timeBorder(target, text, {})).at).toBe(text);
    const border = await timeBorder(target, '2 years ago', {});
    expect(border.at).toBe('2021-11-14T22:13:30Z');
    await border.tell();
    expect(told).toBe('anywhen: 2 years ago is 2021-11-14T22:13:30Z (2021-11-14T23:13:30+01:00)\n');
  });

  it('shows exactly the points within it', async () => {
    const shown = async (from: string | undefined, to: string | undefined) => {
      const items: bigint[] = [];
      await target.call(
        'points',
        { from, to, all: false },
        { items: (more) => void items.push(...more.map((one) => one.at)) },
      );
      return items;
    };
    const all = past.volume.points().map((one) => one.at);
    const border = formatInstant(past.first + 1n);
    expect(await shown(undefined, undefined)).toEqual(all);
    expect(await shown('2001-01-01', undefined)).toEqual(all);
    expect(await shown(undefined, '2101-01-01')).toEqual(all);
    expect(await shown(border, undefined)).toEqual(all.filter((at) => at > past.first));
    expect(await shown(undefined, border)).toEqual(all.filter((at) => at <= past.first));
    expect(await shown('first', 'first')).toEqual([past.first]);
    await expect(shown('2101-01-01', undefined)).rejects.toThrowError(/in the future; now is/);
    await expect(shown('latest', 'oldest')).rejects.toThrowError(/ends before it begins/);
  });
});
