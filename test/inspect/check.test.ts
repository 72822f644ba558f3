import { beforeAll, describe, expect, it } from 'vitest';
import { FaultyExecutor } from '../../src/file/faulty-executor.js';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { inspectBackward } from '../../src/inspect/backward.js';
import { checkStore, type Finding } from '../../src/inspect/check.js';
import { lookAt } from '../../src/inspect/look.js';
import { open } from '../support/model.js';
import { type GrownStore, grownStore, interruptedStore } from './grown-store.js';

async function check(disk: MemoryExecutor, data = true): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const finding of checkStore(disk.copy(true), { data })) findings.push(finding);
  return findings;
}

function flip(disk: MemoryExecutor, file: string, offset: number): void {
  const byte = new Uint8Array(1);
  disk.files.get(file)?.read(offset, byte);
  disk.files.get(file)?.write(offset, Uint8Array.of((byte[0] as number) ^ 0x10));
}

const files = (findings: readonly Finding[]) => [...new Set(findings.map((finding) => finding.file))].sort();

let grown: GrownStore;
let interrupted: MemoryExecutor;

beforeAll(async () => {
  grown = await grownStore();
  interrupted = await interruptedStore();
});

describe('check', () => {
  it('finds nothing in a sound store', async () => {
    expect(await check(grown.disk)).toEqual([]);
  });

  it('finds nothing where a sync event was interrupted, and calls nothing damaged that will be written anew', async () => {
    expect(await check(interrupted)).toEqual([]);
    const torn = interrupted.copy();
    flip(torn, 'mim', 4096 + 5);
    expect(await check(torn)).toEqual([]);
  });

  it('finds nothing in a thinned store, and what an interrupted thinning left to be given back', async () => {
    const disk = grown.disk.copy();
    const volume = await open(disk, { time: grown.time });
    const snapshots = volume.points().filter(({ place }) => place === 'snapshot');
    const first = new Set(snapshots.filter((_, at) => at % 3 > 0).map(({ sequence }) => sequence));
    expect((await volume.thin({ sequences: first })).dropped.length).toBeGreaterThan(3);
    expect(await check(disk)).toEqual([]);
    const faulty = new FaultyExecutor(disk, [{ op: 'punch', file: /data$/, error: 'EIO' }]);
    await volume.close();
    const again = await open(faulty, { time: grown.time });
    const left = again.points().filter(({ place }) => place === 'snapshot');
    const second = new Set(left.slice(1, -1).map(({ sequence }) => sequence));
    await expect(again.thin({ sequences: second })).rejects.toThrow();
    const found = await check(disk);
    expect(found.length).toBeGreaterThan(0);
    for (const { level, message } of found) {
      expect(level).toBe('warning');
      expect(message).toMatch(/nothing needs it any more/);
    }
    const copy = disk.copy();
    const mended = await open(copy, { time: grown.time });
    await mended.thin({ sequences: new Set() });
    expect(await check(copy)).toEqual([]);
  });

  it('names every structure that is damaged, though the store cannot be opened', async () => {
    const broken = grown.disk.copy();
    flip(broken, 'superblock', 72);
    flip(broken, 'superblock', 4096 + 72);
    flip(broken, 'forward', 20);
    flip(broken, 'catalog', 4096 + 30);
    flip(broken, 'backward/00000002.descriptors', 70);
    flip(broken, 'backward/00000003.descriptors', 4096 + 96 + 20);
    flip(broken, 'mim.sums', 100);
    const findings = await check(broken, false);
    expect(files(findings.filter((one) => one.level === 'error'))).toEqual(
      expect.arrayContaining([
        'backward/00000002.descriptors',
        'backward/00000003.descriptors',
        'catalog',
        'forward',
        'mim.sums',
        'superblock',
      ]),
    );
    expect(new Set(findings.map((one) => JSON.stringify(one))).size).toBe(findings.length);
    expect(findings.filter((one) => one.message.includes('neither copy')).length).toBe(1);
  });

  it('warns of a single damaged copy of the superblock, which the next commit mends', async () => {
    const broken = grown.disk.copy();
    const { sequence } = grown.volume.engine.meta.superblock;
    flip(broken, 'superblock', ((sequence + 1) % 2) * 4096 + 72);
    expect(await check(broken)).toMatchObject([{ level: 'warning', file: 'superblock' }]);
  });

  it('finds damaged data in the ring, in segments and on the MIM, if it is asked to read data', async () => {
    const broken = grown.disk.copy();
    const { index, scan } = grown.volume.engine;
    const sequence = Array.from({ length: index.count }, (_, at) => index.first + at).find((at) =>
      index.hasData(at),
    );
    flip(broken, 'forward', scan.data.place(index.dataPosition(sequence ?? 0)));
    flip(broken, 'mim', 4096 + 5);
    const stored: { file: string; offset: number }[] = [];
    for await (const item of inspectBackward(await lookAt(broken), { all: true })) {
      if (item.type === 'descriptor' && item.descriptor.kind === 1) {
        const file = `backward/${String(item.descriptor.dataSegment).padStart(8, '0')}.data`;
        stored.push({ file, offset: item.descriptor.offset });
      }
    }
    const [first] = stored;
    flip(broken, first?.file ?? '', first?.offset ?? 0);
    expect(await check(broken, false)).toEqual([]);
    const findings = await check(broken);
    expect(files(findings)).toEqual([first?.file, 'forward', 'mim'].sort());
    expect(findings.length).toBe(3);
  });

  it('names a file that is missing', async () => {
    for (const file of ['mim', 'mim.sums', 'forward', 'catalog', 'superblock', 'backward/00000002.data']) {
      const broken = grown.disk.copy();
      broken.files.delete(file);
      expect(files((await check(broken)).filter((one) => one.level === 'error'))).toContain(file);
    }
  });

  it('warns of orphans', async () => {
    const more = grown.disk.copy();
    more.files.set('backward/00000099.data', more.files.get('mim.sums')?.copy() as never);
    more.files.set('backward/00000001.move', more.files.get('mim.sums')?.copy() as never);
    const findings = await check(more);
    expect(findings.map(({ level, file }) => [level, file])).toEqual([
      ['warning', 'backward/00000099.descriptors'],
      ['warning', 'backward/00000001.move'],
    ]);
  });

  it('finds a list that is not where the catalog says', async () => {
    const { snapshots } = grown.volume.engine.meta.catalog;
    const broken = grown.disk.copy();
    const [first] = snapshots;
    if (first === undefined) throw new Error('there is no snapshot');
    flip(
      broken,
      `backward/${String(first.segment).padStart(8, '0')}.descriptors`,
      4096 + 96 * (first.record - 1) + 16,
    );
    expect((await check(broken)).map((one) => one.message)).toEqual(
      expect.arrayContaining([`snapshot ${first.sequence}: its list is not in segment ${first.segment}`]),
    );
  });

  it('says no-store where there is none', async () => {
    await expect(check(new MemoryExecutor())).rejects.toMatchObject({ code: 'no-store' });
  });
});
