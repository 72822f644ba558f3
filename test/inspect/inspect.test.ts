import { beforeAll, describe, expect, it } from 'vitest';
import { formatInstant } from '../../src/base/instant.js';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { type BackwardItem, inspectBackward } from '../../src/inspect/backward.js';
import { type CatalogItem, inspectCatalog } from '../../src/inspect/catalog.js';
import { type ForwardOptions, type ForwardRow, inspectForward } from '../../src/inspect/forward.js';
import { lookAt, stillAsItWas } from '../../src/inspect/look.js';
import { inspectMap } from '../../src/inspect/maps.js';
import { inspectAll } from '../../src/inspect/overview.js';
import { inspectSums } from '../../src/inspect/sums.js';
import { inspectSuperblock } from '../../src/inspect/superblock.js';
import { encodeEdits } from '../../src/journal/catalog-format.js';
import { encodeDescriptor } from '../../src/journal/forward-descriptor.js';
import { SegmentKind } from '../../src/journal/segment-format.js';
import { newStore, open, readAll, write } from '../support/model.js';
import { DESCRIPTOR_BLOCKS, type GrownStore, grownStore, interruptedStore, SIZE } from './grown-store.js';

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function one<T extends { readonly type: string }, K extends T['type']>(
  items: AsyncIterable<T>,
  type: K,
) {
  const list = await all(items);
  return list.filter((item): item is Extract<T, { type: K }> => item.type === type);
}

async function rows(disk: MemoryExecutor, options: ForwardOptions = {}): Promise<ForwardRow[]> {
  return one(inspectForward(await lookAt(disk), options), 'descriptor');
}

async function forwardEnd(disk: MemoryExecutor, options: ForwardOptions = {}) {
  const [end] = await one(inspectForward(await lookAt(disk), options), 'end');
  if (end === undefined) throw new Error('there is no end');
  return end;
}

function flip(disk: MemoryExecutor, file: string, offset: number): void {
  const byte = new Uint8Array(1);
  disk.files.get(file)?.read(offset, byte);
  disk.files.get(file)?.write(offset, Uint8Array.of((byte[0] as number) ^ 0x10));
}

let grown: GrownStore;
let disk: MemoryExecutor;
let interrupted: MemoryExecutor;

beforeAll(async () => {
  grown = await grownStore();
  disk = grown.disk.copy(true);
  interrupted = await interruptedStore();
});

describe('the superblock', () => {
  it('shows both copies, which say the same, and which one is used', async () => {
    const { copies, problem } = inspectSuperblock(await lookAt(disk));
    const { superblock } = grown.volume.engine.meta;
    expect(problem).toBeUndefined();
    expect(copies.map((copy) => copy.state)).toEqual(['intact', 'intact']);
    expect(copies.find((copy) => copy.used)?.content).toEqual(superblock);
    expect(copies.map((copy) => copy.content)).toEqual([superblock, superblock]);
  });

  it('takes the other copy, and still shows what the damaged one says', async () => {
    const broken = grown.disk.copy();
    const { sequence } = grown.volume.engine.meta.superblock;
    flip(broken, 'superblock', (sequence % 2) * 4096 + 72);
    const { copies } = inspectSuperblock(await lookAt(broken));
    const first = copies[sequence % 2];
    expect(first).toMatchObject({ state: 'damaged', used: false, content: { sequence } });
    expect(first?.problem).toContain('checksum');
    expect(copies[(sequence + 1) % 2]).toMatchObject({ state: 'intact', used: true, content: { sequence } });
  });

  it('calls the copy that a new store had not written yet empty, and nothing else damaged', async () => {
    const young = await newStore(SIZE, 65_536, 16_384, 5n);
    young.files.get('superblock')?.zero(0, 4096);
    const { copies } = inspectSuperblock(await lookAt(young));
    expect(copies.map(({ state, used, problem }) => [state, used, problem])).toEqual([
      ['empty', false, undefined],
      ['intact', true, undefined],
    ]);
  });
});

describe('the forward journal', () => {
  it('shows exactly the descriptors that an opening finds, in order', async () => {
    const { index } = grown.volume.engine;
    const counted = (await rows(disk)).filter((row) => row.state === 'counts');
    expect(counted.map((row) => row.descriptor.sequence)).toEqual(
      Array.from({ length: index.count }, (_, at) => index.first + at),
    );
    for (const { descriptor } of counted) {
      const { sequence } = descriptor;
      expect(descriptor.stamp).toBe(index.stamp(sequence));
      expect(descriptor.kind).toBe(index.kind(sequence));
      expect([descriptor.start, descriptor.length]).toEqual([index.start(sequence), index.length(sequence)]);
    }
    expect((await forwardEnd(disk)).next).toBe(index.next);
  });

  it('accounts for every place of the queue', async () => {
    const { states } = await forwardEnd(disk);
    expect(Object.values(states).reduce((sum, count) => sum + count, 0)).toBe(
      (DESCRIPTOR_BLOCKS * 4096) / 128,
    );
    expect(states.passed).toBeGreaterThan(0);
    expect(states.damaged).toBeUndefined();
  });

  it('says where the data lies, and the names of marks', async () => {
    const last = (await rows(disk)).find((row) => row.descriptor.start === 777);
    const bytes = new Uint8Array(3000);
    disk.files.get('forward')?.read(last?.dataOffset ?? 0, bytes);
    expect(bytes.every((byte) => byte === 99)).toBe(true);
    const names = (await rows(disk)).flatMap(({ name }) => (name === undefined ? [] : [name]));
    expect(names).toEqual(['second']);
  });

  it('shows what lies in a range of sequences or of time, and no more than the limit', async () => {
    const { index } = grown.volume.engine;
    const from = index.first + 3;
    const some = await rows(disk, { from, to: from + 4 });
    expect(some.map((row) => row.descriptor.sequence)).toEqual([from, from + 1, from + 2, from + 3]);
    expect(await rows(disk, { from: index.stamp(from), to: index.stamp(from + 4) })).toEqual(some);
    expect(await rows(disk, { limit: 2 })).toEqual((await rows(disk)).slice(0, 2));
    expect((await forwardEnd(disk, { limit: 2 })).complete).toBe(false);
  });

  it('says that a durable descriptor is lost, as an opening does', async () => {
    const broken = grown.disk.copy();
    const third = (await rows(disk))[3];
    flip(broken, 'forward', (third?.offset ?? 0) + 48);
    const end = await forwardEnd(broken);
    const opened = await open(broken.copy(true), { readOnly: true });
    expect(end.next).toBe(third?.descriptor.sequence);
    expect(end.problems.map((problem) => problem.message)).toEqual([opened.engine.scan.damage]);
    expect(opened.engine.scan.damage).toContain('is lost');
    const seen = (await rows(broken)).find((row) => row.offset === third?.offset);
    expect(seen?.state).toBe('damaged');
  });

  it('does not call the torn last write damage', async () => {
    const broken = grown.disk.copy();
    const last = (await rows(disk)).filter((row) => row.state === 'counts').pop();
    flip(broken, 'forward', (last?.offset ?? 0) + 48);
    expect(await forwardEnd(broken)).toMatchObject({ next: last?.descriptor.sequence, problems: [] });
  });

  it('refuses what an earlier opening left behind its end', async () => {
    const cut = grown.disk.copy();
    const before = await open(cut, { time: grown.time });
    await write(before, 0, Buffer.alloc(10, 1));
    await write(before, 0, Buffer.alloc(10, 2));
    const [lost, left] = (await rows(cut)).filter((row) => row.state === 'counts').slice(-2);
    flip(cut, 'forward', (lost?.offset ?? 0) + 48);
    const again = await open(cut, { time: grown.time });
    await write(again, 0, Buffer.alloc(10, 3));
    const found = await rows(cut);
    expect(found.find((row) => row.offset === left?.offset)).toMatchObject({
      state: 'refused',
      refusal: 'epoch',
    });
    const last = found.filter((row) => row.state === 'counts').pop();
    expect(last?.descriptor).toMatchObject({
      epoch: again.engine.epoch,
      sequence: lost?.descriptor.sequence,
    });
  });

  it('tells of a descriptor of a later version, at which an opening refuses the store', async () => {
    const later = grown.disk.copy();
    const last = (await rows(later)).filter((row) => row.state === 'counts').pop();
    if (last === undefined) throw new Error('the journal is empty');
    const { sequence, position } = last.descriptor;
    const next = { ...last.descriptor, kind: 99 as never, sequence: sequence + 1, position: position + 128 };
    const bytes = new Uint8Array(128);
    encodeDescriptor(new DataView(bytes.buffer), 0, next, grown.volume.engine.meta.seed);
    later.files.get('forward')?.write(last.offset + 128, bytes);
    const message = `forward: the descriptor of sequence ${sequence + 1} is of a later version`;
    expect((await forwardEnd(later)).problems).toEqual([{ message, offset: last.offset + 128 }]);
    await expect(open(later.copy())).rejects.toMatchObject({ code: 'unsupported', message });
    // A left-over of another epoch in its place is none of the journal's.
    encodeDescriptor(new DataView(bytes.buffer), 0, { ...next, epoch: 1 }, grown.volume.engine.meta.seed);
    later.files.get('forward')?.write(last.offset + 128, bytes);
    expect((await forwardEnd(later)).problems).toEqual([]);
    await open(later.copy(), { time: grown.time });
  });

  it('finds damaged data only when it is asked to read data', async () => {
    const broken = grown.disk.copy();
    const stored = (await rows(disk)).find((row) => row.dataOffset !== undefined);
    flip(broken, 'forward', stored?.dataOffset ?? 0);
    expect((await forwardEnd(broken)).problems).toEqual([]);
    const end = await forwardEnd(broken, { data: true });
    expect(end.problems).toMatchObject([
      { message: `forward: the data of sequence ${stored?.descriptor.sequence} does not match its checksum` },
    ]);
    expect((await forwardEnd(disk, { data: true })).problems).toEqual([]);
  });

  it('finds every descriptor without a superblock too', async () => {
    const broken = grown.disk.copy();
    broken.files.delete('superblock');
    const found = await rows(broken);
    expect(new Set(found.map((row) => row.state))).toEqual(new Set(['found']));
    const places = new Set(found.map((row) => row.offset));
    for (const row of await rows(disk, { all: true }))
      expect(places.has(row.offset)).toBe(row.state !== 'empty');
  });
});

describe('the catalog', () => {
  const read = async (from: MemoryExecutor): Promise<CatalogItem[]> =>
    all(inspectCatalog(await lookAt(from)));

  it('shows every record, and comes to what the engine has', async () => {
    const { catalog } = grown.volume.engine.meta;
    const [end] = (await read(disk)).filter((item) => item.type === 'end');
    expect(end).toMatchObject({
      complete: true,
      segments: catalog.segments.size,
      snapshots: catalog.snapshots.length,
      marks: catalog.marks.size,
      policy: { granularity: 'all', highWater: '95' },
    });
    const edits = (await read(disk)).flatMap((item) => (item.type === 'record' ? [item.edit] : []));
    expect(edits).toEqual(expect.arrayContaining([...catalog.snapshots, ...catalog.marks.values()]));
    expect(edits.map((edit) => edit?.type)).toContain('mark-drop');
  });

  it('goes on behind a damaged record at the next border', async () => {
    const broken = grown.disk.copy();
    const records = (await read(disk)).filter((item) => item.type === 'record');
    flip(broken, 'catalog', (records[0]?.offset ?? 0) + 30);
    const found = (await read(broken)).filter((item) => item.type === 'record');
    expect(found[0]?.problem).toContain('checksum');
    const behind = records.filter(({ offset }) => offset >= 8192);
    expect(found.slice(1)).toEqual(behind);
    expect(behind.length).toBeGreaterThan(3);
  });

  it('shows what was never committed as such', async () => {
    const more = grown.disk.copy();
    const end = (await read(disk)).reduce(
      (at, item) => (item.type === 'record' ? item.offset + item.length : at),
      0,
    );
    const { superblock, seed } = grown.volume.engine.meta;
    const at = Math.ceil(end / 4096) * 4096;
    const edit = { type: 'policy', key: 'a', value: 'b' } as const;
    more.files.get('catalog')?.write(at, encodeEdits([edit], superblock.catalogGeneration, at, seed));
    const last = (await read(more)).filter((item) => item.type === 'record').pop();
    expect(last).toMatchObject({ offset: at, committed: false, edit, problem: undefined });
    expect((await read(more)).at(-1)).toMatchObject({ policy: { granularity: 'all', highWater: '95' } });
  });
});

describe('the backward journal', () => {
  const read = async (from: MemoryExecutor, options = {}): Promise<BackwardItem[]> =>
    all(inspectBackward(await lookAt(from), options));

  it('shows the list of every snapshot, with as many extents as the catalog says', async () => {
    const { snapshots } = grown.volume.engine.meta.catalog;
    const items = await read(disk, { all: true });
    const descriptors = items.filter((item) => item.type === 'descriptor');
    for (const { segment, record, extents, sequence } of snapshots) {
      const of = descriptors.filter((item) => item.segment === segment);
      const list = of.find((item) => item.index === record - 1)?.descriptor;
      expect(list).toMatchObject({ kind: SegmentKind.marker, sequence, extents });
      const kinds = of.filter((item) => item.index >= record && item.index < record + extents);
      expect(kinds.every((item) => item.descriptor.kind !== SegmentKind.marker)).toBe(true);
      expect(kinds.length).toBe(extents);
    }
    expect(items.flatMap((item) => ('problems' in item ? item.problems : []))).toEqual([]);
    expect(snapshots.length).toBeGreaterThan(8);
  });

  it('shows only the lists unless it is asked for all, and only the segment that is wanted', async () => {
    const lists = (await read(disk)).filter((item) => item.type === 'descriptor');
    expect(lists.every((item) => item.descriptor.kind === SegmentKind.marker)).toBe(true);
    const second = (await read(disk, { segment: 2 })).filter((item) => item.type === 'segment');
    expect(second.map((item) => item.segment)).toEqual([2]);
  });

  it('names damaged descriptors, missing files and headers that do not agree', async () => {
    const broken = grown.disk.copy();
    flip(broken, 'backward/00000001.descriptors', 4096 + 96 + 20);
    broken.files.delete('backward/00000002.data');
    flip(broken, 'backward/00000003.descriptors', 100);
    const items = await read(broken);
    expect(items.find((item) => item.type === 'descriptor' && item.problem !== undefined)).toMatchObject({
      segment: 1,
      index: 1,
      problem: 'segment 1, descriptor 1: checksum',
    });
    const segments = items.filter((item) => item.type === 'segment');
    expect(segments[1]?.problems).toMatchObject([{ message: 'backward/00000002.data: is missing' }]);
    expect(segments[2]?.problems).toMatchObject([
      { message: 'backward/00000003.descriptors: the header is damaged' },
    ]);
  });

  it('shows orphans and strangers, and calls neither damage', async () => {
    const more = grown.disk.copy();
    more.files.set(
      'backward/00000077.descriptors',
      more.files.get('backward/00000001.descriptors')?.copy() as never,
    );
    more.files.set('backward/notes.txt', more.files.get('backward/00000001.data')?.copy() as never);
    const items = await read(more);
    expect(items.find((item) => item.type === 'segment' && item.segment === 77)).toMatchObject({
      named: undefined,
      problems: [],
    });
    expect(items.find((item) => item.type === 'stranger')).toEqual({
      type: 'stranger',
      file: 'backward/notes.txt',
    });
  });

  it('shows the move record of a sync event that was interrupted', async () => {
    const [move] = (await read(interrupted)).filter((item) => item.type === 'move');
    expect(move).toMatchObject({ due: true, pages: 1, problem: undefined });
    expect(move?.type === 'move' && move.blocks).toBeGreaterThan(0);
    const broken = interrupted.copy();
    const { superblock } = await lookAt(broken);
    const file = `backward/${String(superblock?.copied?.segment).padStart(8, '0')}.move`;
    flip(broken, file, 5);
    expect((await read(broken)).find((item) => item.type === 'move')).toMatchObject({
      problem: expect.stringContaining('move record'),
    });
    broken.files.delete(file);
    expect((await read(broken)).find((item) => item.type === 'move')).toMatchObject({
      problem: `${file}: is missing`,
    });
  });
});

describe('the map of an instant', () => {
  it('leads to the bytes of the view, wherever they lie', async () => {
    const { volume } = grown;
    let sources = new Set<string>();
    for (const point of volume.points({ all: true })) {
      const view = await volume.openView(point.at);
      const expected = await readAll(view);
      view.close();
      const time = formatInstant(point.at);
      const items = await all(inspectMap(disk.copy(true), time));
      const bytes = Buffer.alloc(expected.length, 0xee);
      for (const item of items) {
        if (item.type !== 'extent') continue;
        sources = sources.add(item.source);
        const into = bytes.subarray(item.start, item.end);
        if (item.file === undefined) into.fill(0);
        else disk.files.get(item.file)?.read(item.offset ?? 0, into);
      }
      expect(bytes.equals(expected), time).toBe(true);
    }
    expect([...sources].sort()).toEqual(['forward', 'mim', 'segment', 'zero']);
  });

  it('is cut at the bounds', async () => {
    const items = await all(inspectMap(disk.copy(true), 'now', { from: 780, to: 800 }));
    expect(items.filter((item) => item.type === 'extent')).toMatchObject([
      { start: 780, end: 800, source: 'forward' },
    ]);
  });
});

describe('the sums of the MIM', () => {
  const read = async (from: MemoryExecutor, options = {}) => all(inspectSums(await lookAt(from), options));

  it('match the blocks of a sound store', async () => {
    const [page] = (await read(disk, { data: true })).filter((item) => item.type === 'page');
    expect(page).toMatchObject({ page: 0, state: 'intact', mismatches: 0 });
    const blocks = (await read(disk, { blocks: true })).filter((item) => item.type === 'block');
    expect(blocks.length).toBe(page?.summed);
    expect(blocks.length).toBeGreaterThan(5);
  });

  it('name each block that does not match', async () => {
    const broken = grown.disk.copy();
    flip(broken, 'mim', 2 * 4096 + 17);
    const items = await read(broken, { data: true });
    expect(items.filter((item) => item.type === 'block')).toMatchObject([{ block: 2, offset: 8192 }]);
    expect(items.find((item) => item.type === 'page')).toMatchObject({ mismatches: 1 });
  });

  it('name the blocks that a MIM that was cut short does not have, and no others', async () => {
    const broken = grown.disk.copy();
    broken.files.get('mim')?.truncate(3 * 4096);
    const all = (await read(disk, { blocks: true })).flatMap((item) =>
      item.type === 'block' ? [item.block] : [],
    );
    const bad = (await read(broken, { data: true })).filter((item) => item.type === 'block');
    expect(bad.map((item) => item.block)).toEqual(all.filter((block) => block >= 3));
    expect(bad.every((item) => item.found === undefined && item.problem !== undefined)).toBe(true);
  });

  it('of a damaged page are shown and not believed', async () => {
    const broken = grown.disk.copy();
    flip(broken, 'mim.sums', 40);
    const items = await read(broken, { data: true });
    expect(items.find((item) => item.type === 'page')).toMatchObject({
      state: 'damaged',
      problem: 'mim.sums: page 0 is damaged (checksum)',
    });
    expect(items.some((item) => item.type === 'block')).toBe(false);
  });
});

describe('a look', () => {
  it('sums a sound store up in a line for each file, without a problem', async () => {
    for (const store of [disk, interrupted]) {
      const lines = await all(inspectAll(await lookAt(store)));
      expect(lines.flatMap((line) => line.problems)).toEqual([]);
      expect(lines.map((line) => line.file)).toEqual([
        'superblock',
        'forward',
        'backward',
        'catalog',
        'mim.sums',
        'reserve',
      ]);
    }
  });

  it('sees everything that still can be seen when both copies of the superblock are damaged', async () => {
    const broken = grown.disk.copy();
    flip(broken, 'superblock', 72);
    flip(broken, 'superblock', 4096 + 72);
    const look = await lookAt(broken);
    expect(look.distrust?.message).toContain('neither copy');
    expect(look.identity).toMatchObject({ uuid: grown.volume.engine.meta.superblock.uuid, from: 'forward' });
    const end = await one(inspectForward(look), 'end');
    expect(end[0]?.next).toBe(grown.volume.engine.index.next);
    const catalog = await one(inspectCatalog(look), 'end');
    expect(catalog[0]?.snapshots).toBe(grown.volume.engine.meta.catalog.snapshots.length);
  });

  it('says no-store where there is none', async () => {
    await expect(lookAt(new MemoryExecutor())).rejects.toMatchObject({ code: 'no-store' });
  });

  it('notices when the store changed under it', async () => {
    const moving = grown.disk.copy();
    const look = await lookAt(moving);
    expect(await stillAsItWas(look)).toBe(true);
    const volume = await open(moving, { time: grown.time });
    await volume.close();
    expect(await stillAsItWas(look)).toBe(false);
  });
});
