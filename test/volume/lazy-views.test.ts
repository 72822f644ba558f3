import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import type { CatalogEdit } from '../../src/journal/catalog-format.js';
import { Direction, SegmentKind } from '../../src/journal/segment-format.js';
import { SegmentWriter } from '../../src/journal/segment-writer.js';
import { StoreMeta } from '../../src/journal/store-meta.js';
import { LazyLists } from '../../src/sync/lazy-lists.js';
import type { MapView } from '../../src/volume/map-view.js';
import { openMapView } from '../../src/volume/open-view.js';
import type { Volume } from '../../src/volume/volume.js';
import { newStore, open, TestTime, write } from '../support/model.js';

/*
 * Views that are resolved where they are read beside views whose maps are built at once, from all lists: over a large
 * address space, with extents of all sizes, whatever comes between. Where the bytes lie is compared, so that no data are
 * needed.
 */
const SIZE = 2 ** 36;
const FORWARD = 64 * 1024;

const address = fc.oneof(
  fc.nat(SIZE / 4096 - 1).map((block) => block * 4096),
  // Few cells, and their borders.
  fc.nat(40).map((at) => at * 32_768),
  fc.nat(300_000),
);
const length = fc.oneof(
  fc.integer({ min: 1, max: 100_000 }),
  fc.constantFrom(512, 4096, 65_536, 65_537, 2 ** 20),
  fc.constantFrom(2 ** 24, 2 ** 30, 2 ** 34),
);
const extent = fc.record({ start: address, length, zero: fc.boolean() });
const list = fc.array(extent, { maxLength: 12 });
const histories = fc.array(fc.array(list, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ op: fc.constant('look' as const), which: fc.nat(1000), start: address, length }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('hold' as const), which: fc.nat(1000) }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('thin' as const), chosen: fc.nat(2 ** 31 - 1) }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('sync' as const), start: fc.nat(70_000) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('settle' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('reopen' as const),
      clean: fc.boolean(),
      chosen: fc.nat(2 ** 31 - 1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('harm' as const),
      how: fc.constantFrom('flip', 'cut', 'remove', 'foreign', 'garbage'),
      at: fc.nat(2 ** 20),
      which: fc.nat(100),
      reopen: fc.boolean(),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Extents = readonly { readonly start: number; readonly length: number; readonly zero: boolean }[];

/** Segments and a catalog as sync events would have left them, ten sequences from one snapshot to the next. */
async function writeHistory(executor: MemoryExecutor, segments: readonly Extents[][], now: bigint) {
  const meta = await StoreMeta.load(executor);
  const { uuid, historyUuid } = meta.superblock;
  const edits: CatalogEdit[] = [];
  let snapshot = 0;
  for (const [number, lists] of segments.entries()) {
    const segment = number + 1;
    const writer = new SegmentWriter(executor, segment, meta.seed);
    await writer.begin();
    for (const one of lists) {
      snapshot += 1;
      const at = now + BigInt(snapshot);
      const point = { sequence: snapshot * 10, at, from: at, to: at + 1n, quality: 0, size: SIZE };
      await writer.beginList(point);
      const record = writer.count;
      await writeList(writer, one, snapshot);
      const extents = writer.count - record;
      edits.push({ type: 'snapshot', ...point, segment, record, extents, bytes: 0, stored: 0 });
    }
    const stamps = { olderSequence: 1, olderStamp: 1n, youngerSequence: 2, youngerStamp: 2n };
    await writer.finish({ uuid, historyUuid, direction: Direction.undo, ...stamps });
    const { count: descriptors } = writer;
    edits.push({ type: 'segment', segment, direction: Direction.undo, descriptors, dataLength: 1 });
  }
  const mimSequence = snapshot * 10 + 10;
  await meta.commit(edits, ({ journal }) => ({
    mimSequence,
    mimStamp: now + BigInt(snapshot) + 1n,
    journal: { ...journal, firstSequence: mimSequence + 1 },
  }));
}

async function writeList(writer: SegmentWriter, extents: Extents, snapshot: number): Promise<void> {
  let end = 0;
  for (const { start: wanted, length, zero } of [...extents].sort((a, b) => a.start - b.start)) {
    const start = Math.max(end, wanted);
    const room = Math.min(length, SIZE - start);
    if (room <= 0) continue;
    const bytes = zero ? room : Math.min(room, 2 ** 20);
    end = start + bytes;
    if (zero) await writer.zero(start, bytes);
    else
      await writer.cut({
        kind: SegmentKind.extent,
        start,
        length: bytes,
        originStart: start,
        originLength: bytes,
        pieces: 1,
        dataSegment: writer.segment,
        offset: snapshot * 2 ** 38 + start,
        sum: 1,
      });
  }
}

/** Where the bytes lie, in words; neighbours that continue each other are one. */
function places(volume: Volume, view: MapView, start: number, end: number): string[] {
  const rows: { from: number; to: number; file: string; offset: number }[] = [];
  view.map.lookup(start, end, (from, to, source, record) => {
    const place = volume.engine.fetcher.placeOf(source, record, from);
    const row = { from, to, file: place?.file ?? 'zeros', offset: place?.offset ?? from };
    const last = rows[rows.length - 1];
    if (last?.file === row.file && last.offset + from - last.from === row.offset) last.to = to;
    else rows.push(row);
  });
  return rows.map(({ from, to, file, offset }) => `${from} ${to} ${file} ${offset}`);
}

class Bench {
  readonly time = new TestTime();
  readonly held: MapView[] = [];
  executor!: MemoryExecutor;
  volume!: Volume;
  writes = 0;

  async begin(segments: readonly Extents[][]): Promise<void> {
    this.executor = await newStore(SIZE, FORWARD, 8 * 4096, this.time.wall());
    await writeHistory(this.executor, segments, this.time.wall());
    this.time.advance(1_000_000_000n);
    await this.reopen();
  }

  async reopen(): Promise<void> {
    for (const view of this.held.splice(0)) view.close();
    this.volume = await open(this.executor, { time: this.time, runs: { inMemory: 3, sorted: 5 } });
  }

  async step(step: Step): Promise<void> {
    const { volume } = this;
    this.time.advance(1_000_000_000n);
    switch (step.op) {
      case 'look':
        return this.look(step.which, step.start, Math.min(SIZE, step.start + step.length));
      case 'hold': {
        const { snapshots } = volume.engine.meta.catalog;
        const at = snapshots[step.which % snapshots.length]?.at;
        if (at !== undefined) this.held.push(await openMapView(volume.engine, volume.timeline, at));
        // So few that it begins anew now and then.
        const last = this.held[this.held.length - 1];
        const { engine } = volume;
        if (last?.lists !== undefined && step.which % 2 === 0)
          last.lists = new LazyLists(engine.history, last.sequence, engine.forms, 4);
        return;
      }
      case 'thin':
        return this.thin(step.chosen);
      case 'sync':
        await write(volume, Math.min(step.start, SIZE - 10), Buffer.alloc(10, 1 + (this.writes++ % 255)));
        return void (await volume.sync('test'));
      case 'settle':
        return volume.engine.history.settled();
      case 'reopen':
        if (step.clean) await volume.close();
        else this.executor = this.executor.copy();
        await this.reopen();
        // Before anybody looked at the runs.
        return this.thin(step.chosen);
      case 'harm':
        if (step.reopen) this.executor = this.executor.copy();
        this.harm(step.how, step.which, step.at);
        if (step.reopen) await this.reopen();
    }
  }

  async thin(bits: number): Promise<void> {
    const { snapshots } = this.volume.engine.meta.catalog;
    const chosen = snapshots.filter((_, at) => ((bits >>> (at % 31)) & 1) === 1);
    await this.volume.thin({ sequences: new Set(chosen.map(({ sequence }) => sequence)) });
  }

  /** A region of each view that is held, and of one that is opened for it. */
  async look(which: number, start: number, end: number): Promise<void> {
    const { engine, timeline } = this.volume;
    const { snapshots } = engine.meta.catalog;
    const at = snapshots[which % snapshots.length]?.at;
    const fresh = at === undefined ? [] : [await openMapView(engine, timeline, at)];
    for (const view of [...this.held, ...fresh]) {
      const whole = await openMapView(engine, timeline, view.at, true);
      const found = await view.resolved(start, end, () => places(this.volume, view, start, end));
      expect(found).toEqual(places(this.volume, whole, start, end));
      view.map.verify();
      whole.close();
    }
    for (const view of fresh) view.close();
  }

  harm(how: string, which: number, at: number): void {
    const names = [...this.executor.files.keys()].filter((name) => name.startsWith('runs/'));
    const name = names[which % names.length];
    if (how === 'garbage') this.put('runs/00000099.run', Buffer.alloc(at % 9000, 7));
    if (name === undefined) return;
    const bytes = Buffer.alloc(this.executor.files.get(name)?.size ?? 0);
    this.executor.runNow([{ op: 'read', file: name, offset: 0, into: bytes }]);
    if (bytes.length === 0) return;
    const used = [...bytes.keys()].filter((one) => bytes[one] !== 0);
    const flipped = used[at % used.length] ?? 0;
    if (how === 'flip') bytes.writeUInt8((bytes[flipped] ?? 0) ^ 0x10, flipped);
    if (how === 'remove') this.executor.runNow([{ op: 'unlink', file: name }]);
    else if (how === 'foreign') this.put('runs/00000098.run', bytes);
    else this.put(name, how === 'cut' ? bytes.subarray(0, at % bytes.length) : bytes);
  }

  put(file: string, bytes: Uint8Array): void {
    this.executor.runNow([
      { op: 'mkdir', file: 'runs' },
      { op: 'unlink', file },
      { op: 'create', file, size: 0 },
      { op: 'write', file, offset: 0, from: [bytes] },
    ]);
  }
}

const RUNS = Number(process.env.LAZY_RUNS ?? 300);

test('a view that is resolved where it is read finds the same places as one that is built whole', {
  timeout: 600_000,
}, async () => {
  let files = 0;
  await fc.assert(
    fc.asyncProperty(histories, fc.array(step, { maxLength: 25 }), async (segments, steps) => {
      const bench = new Bench();
      await bench.begin(segments);
      for (const one of steps) await bench.step(one);
      await bench.look(0, 0, SIZE);
      files += [...bench.executor.files.keys()].filter((name) => name.startsWith('runs/')).length;
      await bench.volume.close();
    }),
    { numRuns: RUNS, timeout: 20_000 },
  );
  expect(files).toBeGreaterThan(RUNS / 4);
});

const block = (start: number) => ({ start, length: 4096, zero: false });
const inFile = [0, 8192, 16_384, 24_576].map(block);

test('what was resolved is resolved again when the MIM moves', async () => {
  const bench = new Bench();
  await bench.begin([[inFile]]);
  await bench.step({ op: 'hold', which: 1 });
  await bench.look(0, 0, 100_000);
  await bench.step({ op: 'sync', start: 4096 });
  await bench.look(0, 0, 100_000);
});

test('a list that took in one that no run has is looked at again', async () => {
  const bench = new Bench();
  await bench.begin([[inFile]]);
  await bench.look(0, 0, 100_000);
  await bench.step({ op: 'settle' });
  await bench.step({ op: 'sync', start: 4096 });
  await bench.step({ op: 'sync', start: 12_288 });
  // The runs in memory are gone; the one in the file knows nothing of what the oldest list takes in now.
  bench.executor = bench.executor.copy();
  await bench.reopen();
  await bench.thin(0b110);
  await bench.look(0, 0, 100_000);
  expect(bench.volume.engine.meta.catalog.snapshots).toHaveLength(1);
});

test('a run of the same store with another history is thrown away', async () => {
  const bench = new Bench();
  await bench.begin([[inFile]]);
  const other = new Bench();
  other.executor = bench.executor.copy();
  await other.reopen();
  for (const [one, start] of [
    [bench, 4096],
    [other, 12_288],
  ] as const) {
    one.time.advance(BigInt(start));
    await one.step({ op: 'sync', start });
    await one.step({ op: 'sync', start: start + 4096 });
    await one.look(0, 0, 100_000);
    await one.step({ op: 'settle' });
  }
  const names = (one: Bench) => [...one.executor.files.keys()].filter((name) => name.startsWith('runs/'));
  expect(names(other).length).toBeGreaterThan(0);
  for (const name of names(bench)) bench.executor.runNow([{ op: 'unlink', file: name }]);
  for (const name of names(other)) {
    const bytes = Buffer.alloc(other.executor.files.get(name)?.size ?? 0);
    other.executor.runNow([{ op: 'read', file: name, offset: 0, into: bytes }]);
    bench.put(name, bytes);
  }
  bench.executor = bench.executor.copy();
  await bench.reopen();
  await bench.look(0, 0, 100_000);
});
