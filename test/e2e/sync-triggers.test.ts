import { open } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { anywhen, describeMounted, MountedStore } from '../support/mounted-store.js';
import { sleep, until } from '../support/run.js';

interface Facts {
  readonly syncEvents: number;
  readonly lastSync: { readonly trigger: string } | null;
}

interface PolicyFacts {
  readonly next: { readonly interval: string | null; readonly time: string | null };
}

describeMounted('the triggers of the sync event', () => {
  let mounted: MountedStore;

  beforeAll(async () => {
    mounted = await MountedStore.create('16M');
    await mounted.mount();
  });
  afterAll(() => mounted?.dispose());

  async function fill(value: number): Promise<void> {
    const handle = await open(mounted.volume, 'r+');
    await handle.write(Buffer.alloc(8192, value), 0, 8192, 0);
    await handle.sync();
    await handle.close();
  }

  const facts = () => mounted.facts<Facts>('status');
  const synced = (trigger: string) =>
    until(`a sync event by ${trigger}`, async () => (await facts()).lastSync?.trigger === trigger);

  it('are SIGUSR1, unless the policy switches it off', async () => {
    await fill(1);
    process.kill(mounted.pid, 'SIGUSR1');
    await synced('signal');
    await mounted.command('policy', '--set', 'sync-on-signal=no');
    const { syncEvents } = await facts();
    await fill(2);
    process.kill(mounted.pid, 'SIGUSR1');
    await until('the word of the daemon', () => mounted.log.includes('sync-on-signal=no'));
    await sleep(100);
    expect((await facts()).syncEvents).toBe(syncEvents);
  });

  it('are a mark, if the policy switches it on', async () => {
    const { syncEvents } = await facts();
    await mounted.command('mark', 'quiet');
    expect((await facts()).syncEvents).toBe(syncEvents);
    await mounted.command('policy', '--set', 'sync-on-mark=yes');
    await fill(3);
    await mounted.command('mark', 'loud');
    expect(await facts()).toMatchObject({ syncEvents: syncEvents + 1, lastSync: { trigger: 'mark' } });
  });

  it('are an interval, which the policy tells beforehand', async () => {
    const { next } = await mounted.facts<PolicyFacts>('policy', '--set', 'sync-times=0 3 * * *');
    expect(Date.parse(next.time ?? '')).toBeGreaterThan(Date.now());
    expect(Date.parse(next.interval ?? '')).toBeGreaterThan(Date.now());
    await fill(4);
    await mounted.command('policy', '--set', 'sync-interval=200ms');
    await synced('interval');
  });

  it('are the unmount, if the policy switches it on', async () => {
    await mounted.command('policy', '--set', 'sync-on-unmount=yes', '--set', 'sync-interval=never');
    await fill(5);
    expect(await mounted.end()).toBe(0);
    const { stdout } = await anywhen(['status', mounted.store, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ forward: { descriptorsUsed: 0 } });
  });
});
