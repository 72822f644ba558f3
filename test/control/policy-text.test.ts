import { describe, expect, it } from 'vitest';
import { parsePolicy, SETTINGS } from '../../src/control/policy-text.js';

describe('the settings of the policy', () => {
  it('are read as they are written', () => {
    expect(parsePolicy([])).toEqual({});
    expect(
      parsePolicy([
        'granularity=250ms',
        'high-water=80%',
        'sync-interval=never',
        'sync-times= 0   3 * * *;@weekly',
        'flush-interval=1m',
        'flush-bytes=1MiB',
        'sync-on-unmount=yes',
        'sync-on-mark=off',
        'sync-on-signal=no',
        'retention=all:1h,1d:1y',
      ]),
    ).toEqual({
      granularity: 250_000_000n,
      highWater: 80,
      syncInterval: 0n,
      syncTimes: '0 3 * * *;@weekly',
      flushInterval: 60_000_000_000n,
      flushBytes: 2 ** 20,
      syncOnUnmount: true,
      syncOnMark: false,
      syncOnSignal: false,
      retention: 'all:1h,1d:365d',
    });
    expect(parsePolicy(['granularity=1s', 'granularity=all'])).toEqual({ granularity: 'all' });
    expect(parsePolicy(['high-water=never', 'sync-times=never'])).toEqual({
      highWater: 100,
      syncTimes: 'never',
    });
  });

  it('are all known by their names', () => {
    const message = (setting: string) => {
      try {
        parsePolicy([setting]);
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    for (const name of SETTINGS) expect(message(`${name}=?`), name).not.toContain('no setting');
    expect(message('nonsense=?')).toContain('there is no setting nonsense');
  });

  it.each([
    'granularity',
    '=',
    'granularity=',
    'granularity=10',
    'high-water=',
    'high-water=70.5',
    'high-water=-1',
    'high-water=0x10',
    'high-water=100',
    'sync-times=',
    'sync-times=0 3 * *',
    'sync-times=0 0 3 * * *',
    'sync-times=0 3 * * *;',
    'sync-times=60 3 * * *',
    'sync-times=0 0 31 2 *',
    'sync-times=2027-01-01T00:00:00',
    'sync-on-signal=maybe',
    'sync-interval=-1h',
    'flush-interval=soon',
    'flush-bytes=many',
    'sync-on-mark=maybe',
    'sync-on-mark=',
    'Granularity=1s',
  ])('are refused when they are not understood exactly: %s', (setting) => {
    expect(() => parsePolicy([setting])).toThrowError(expect.objectContaining({ code: 'usage' }));
  });
});
