import { describe, expect, it } from 'vitest';
import { formatInstant } from '../../src/base/instant.js';
import { instantOf, nextPoint, resolveTime } from '../../src/namespace/resolve-time.js';
import { pastVolume } from './past.js';

const code = (name: string) => expect.objectContaining({ code: name });
const SECOND = 1_000_000_000n;

describe('a time on a volume', () => {
  it('of near history is exactly that instant', async () => {
    const { volume, writes } = await pastVolume();
    const at = (writes[3] as bigint) + 1n;
    const resolution = resolveTime(volume, formatInstant(at));
    expect(resolution).toMatchObject({ at, exact: true, point: { from: writes[3], to: writes[4] } });
  });

  it('between two snapshots is the older one, and says so', async () => {
    const { volume, first, writes } = await pastVolume();
    const between = (writes[1] as bigint) + 7n;
    const resolution = resolveTime(volume, formatInstant(between));
    expect(resolution).toMatchObject({ at: first, exact: false, point: { marks: ['first'] } });
    expect(nextPoint(volume, between)).toBe(writes[2]);
  });

  it('inside the interval of a snapshot is exact there', async () => {
    const { volume, first } = await pastVolume();
    expect(resolveTime(volume, formatInstant(first - 1n))).toMatchObject({ at: first - 1n, exact: true });
  });

  it('before the oldest point is refused, naming it and what was asked for', async () => {
    const { volume } = await pastVolume();
    const oldest = formatInstant(volume.timeline.oldest);
    expect(() => resolveTime(volume, '2001-01-01Z')).toThrowError(code('not-found'));
    const act = () => resolveTime(volume, '2001-01');
    expect(act).toThrowError(code('not-found'));
    expect(act).toThrowError(/^2001-01: /);
    expect(act).toThrowError(oldest);
  });

  it('in the future is refused, naming now', async () => {
    const { volume } = await pastVolume();
    const act = () => resolveTime(volume, '2101-01-01T00:00Z');
    expect(act).toThrowError(code('usage'));
    expect(act).toThrowError(formatInstant(volume.now()));
  });

  it('can be meant without being shown', async () => {
    const { volume } = await pastVolume();
    expect(formatInstant(instantOf(volume, '2101-01-01T00:00Z'))).toBe('2101-01-01T00:00:00Z');
    expect(formatInstant(instantOf(volume, '2001-01-01T00:00Z'))).toBe('2001-01-01T00:00:00Z');
  });

  it('as an age counts back from now, which the clock of the store says', async () => {
    const { volume, time } = await pastVolume();
    const now = volume.now();
    expect(instantOf(volume, '-2s')).toBe(now - 2n * SECOND);
    time.advance(SECOND);
    expect(instantOf(volume, '-2s')).toBe(now - SECOND);
  });

  it('as a word is the newest point, the oldest, or now', async () => {
    const { volume, writes } = await pastVolume();
    expect(instantOf(volume, 'latest')).toBe(writes[4]);
    expect(instantOf(volume, 'oldest')).toBe(volume.timeline.oldest);
    expect(instantOf(volume, 'now')).toBe(volume.now());
  });

  it('as the name of a mark is the instant of the mark, also after a sync event and a restart of the name', async () => {
    const { volume, first, time } = await pastVolume();
    expect(instantOf(volume, 'first')).toBe(first);
    await volume.deleteMark('first');
    expect(() => instantOf(volume, 'first')).toThrowError(code('not-found'));
    time.advance(SECOND);
    const { at } = await volume.mark('first');
    expect(instantOf(volume, 'first')).toBe(at);
    await volume.sync('test');
    expect(instantOf(volume, 'first')).toBe(at);
  });

  it('with ~ is the last instant that a client flushed', async () => {
    const { volume, first, flushed } = await pastVolume();
    expect(instantOf(volume, 'now~')).toBe(flushed);
    expect(instantOf(volume, 'latest~')).toBe(flushed);
    expect(instantOf(volume, `${formatInstant(flushed)}~`)).toBe(flushed);
    expect(instantOf(volume, `${formatInstant(flushed - 1n)}~`)).toBe(first);
    expect(instantOf(volume, 'first~')).toBe(first);
    expect(() => instantOf(volume, 'oldest~')).toThrowError(code('not-found'));
  });

  it.each(['never-marked', '2024-02-30', '-', '', '~', 'yesterday 17:00'])(
    'is refused with one line when it is %j',
    async (text) => {
      const { volume } = await pastVolume();
      const act = () => resolveTime(volume, text);
      expect(act).toThrowError(
        expect.objectContaining({ code: expect.stringMatching(/^(usage|not-found)$/) }),
      );
      expect(act).toThrowError(/^[^\n]+$/);
    },
  );
});
