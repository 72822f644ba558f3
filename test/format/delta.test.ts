import fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeDelta } from '../../src/volume/delta.js';
import { Run, step } from '../oracle/run.js';
import { newStore, open, readAll, TestTime, write } from '../support/model.js';
import { decode, expectedCrc, tables, type Values } from './page.js';
import { verified } from './page-store.js';

/*
 * A reader of deltas that was written from anywhen-store(5) alone brings copies of older points to younger ones.
 */
const RUNS = Number(process.env.PAGE_RUNS ?? 40);
const BLOCK = 4096;
const FORMS = { nodes: 4 };

interface PageDelta {
  readonly header: Values;
  readonly marker: Values;
  readonly extents: readonly {
    readonly start: number;
    readonly bytes: Uint8Array;
    readonly stored: boolean;
  }[];
}

/** Reads a delta and verifies every byte of it. */
function readDelta(stream: Buffer): PageDelta {
  const title = 'header of a segment';
  const header = decode(title, stream);
  const uuid = header.uuid as Uint8Array;
  if (header.crc !== expectedCrc(title, stream.subarray(0, BLOCK), uuid)) throw new Error('damaged');
  if (header.magic !== 'ANYSEG\0\0' || header.version !== 1) throw new Error('not a segment');
  if (header.segment !== 0 || header.direction !== 2) throw new Error('not a delta');
  const count = header.descriptors as number;
  const base = BLOCK + Math.ceil((96 * count) / BLOCK) * BLOCK;
  const data = stream.subarray(base);
  if (data.length !== header.data_length) throw new Error(`${data.length} bytes of data`);
  const rows = Array.from({ length: count }, (_, index) => {
    const at = BLOCK + 96 * index;
    const name = [...tables.keys()].find((one) => one.startsWith(`descriptor of kind ${stream[at + 4]}, `));
    if (name === undefined) throw new Error('of a later version');
    const row = decode(name, stream, at);
    if (row.crc !== expectedCrc(name, stream.subarray(at, at + 96), uuid)) throw new Error('damaged');
    if (row.index !== index || row.own_segment !== 0) throw new Error('misplaced');
    return row;
  });
  if (stream.subarray(BLOCK + 96 * count, base).some((byte) => byte !== 0)) throw new Error('no zeros');
  const [marker, ...list] = rows;
  if (marker?.kind !== 3 || marker.extents !== list.length) throw new Error('no marker');
  let end = 0;
  const extents = list.map((row) => {
    const [start, length] = [row.start as number, row.length as number];
    if (start < end || length === 0) throw new Error('out of order');
    end = start + length;
    if (row.kind === 2) return { start, bytes: new Uint8Array(length), stored: false };
    if (row.origin_start !== start || row.origin_length !== length || row.data_segment !== 0)
      throw new Error('not a whole');
    if (length >= BLOCK && ((row.offset as number) - start) % BLOCK !== 0) throw new Error('not congruent');
    return {
      start,
      bytes: verified(data, row.offset as number, start, length, row.sum as number),
      stored: true,
    };
  });
  return { header, marker, extents };
}

function applied(older: Buffer, { marker, extents }: PageDelta): Buffer {
  const younger = Buffer.alloc(marker.size as number);
  older.copy(younger);
  for (const { start, bytes } of extents) younger.set(bytes, start);
  return younger;
}

async function streamOf(volume: Run['volume'], a: bigint, b: bigint) {
  const parts: Uint8Array[] = [];
  const report = await writeDelta(volume, a, b, async (bytes) => void parts.push(bytes));
  const stream = Buffer.concat(parts);
  expect(stream.length).toBe(report.length);
  return { report, stream };
}

test(`a delta brings the older of any two points to the younger one, in ${RUNS} random stores`, {
  timeout: 600_000,
}, async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 30 }),
      fc.array(fc.tuple(fc.nat(1000), fc.nat(1000)), { minLength: 3, maxLength: 6 }),
      async (steps, pairs) => {
        const run = new Run(FORMS);
        await run.begin();
        for (const one of steps) await run.step(one);
        // A sync event that began by itself gives points other places, and drops some.
        while (run.volume.syncs.running) await new Promise((resolve) => setImmediate(resolve));
        const points = run.volume.points({ all: true });
        for (const [one, other] of pairs) {
          const [a, b] = [points[one % points.length], points[other % points.length]];
          if (a === undefined || b === undefined) continue;
          const { report, stream } = await streamOf(run.volume, a.at, b.at);
          const [older, younger] = a.at < b.at ? [a, b] : [b, a];
          expect([report.older.sequence, report.younger.sequence]).toEqual([
            older.sequence,
            younger.sequence,
          ]);
          const delta = readDelta(stream);
          expect(delta.header).toMatchObject({
            older_sequence: older.sequence,
            older_stamp: older.from,
            younger_sequence: younger.sequence,
            younger_stamp: younger.from,
          });
          expect(delta.marker).toMatchObject({ at: younger.at, size: younger.size });
          const after = applied(run.model.at(older.at), delta);
          expect(after.equals(run.model.at(younger.at)), `from ${older.at} to ${younger.at}`).toBe(true);
          const stored = delta.extents.filter((extent) => extent.stored);
          expect(report.extents).toBe(delta.extents.length);
          expect(report.stored).toBe(stored.reduce((sum, { bytes }) => sum + bytes.length, 0));
          compared += 1;
        }
        for (const { view } of run.held) view.close();
      },
    ),
    { numRuns: RUNS },
  );
  expect(compared).toBeGreaterThan(2 * RUNS);
});

test('long changes are cut, zeros in them take no data, and every byte is under a checksum', async () => {
  const time = new TestTime();
  const volume = await open(await newStore(8 << 20, 32 << 20, 64 * BLOCK, time.wall()), { time });
  const before = volume.now();
  time.advance(1_000_000_000n);
  const bytes = Buffer.alloc(8 << 20);
  for (let at = 0; at < 5; at++) bytes.fill(at + 1, at << 20, (at + 1) << 20);
  bytes.fill(0, 100 * BLOCK, 700 * BLOCK);
  for (let at = 0; at < 5; at++) await write(volume, at << 20, bytes.subarray(at << 20, (at + 1) << 20));
  await volume.sync('test');
  const { report, stream } = await streamOf(volume, volume.now(), before);
  expect(report).toMatchObject({ bytes: 5 << 20, stored: (5 << 20) - 600 * BLOCK, extents: 5 });
  const delta = readDelta(stream);
  expect(applied(Buffer.alloc(8 << 20), delta).equals(await readAll(volume.live))).toBe(true);
  for (let round = 0; round < 100; round++) {
    const broken = Buffer.from(stream);
    // The first extent has a hundred blocks, from a multiple of 4 KiB on; before it lie sums.
    const at =
      ((round * 6_700_417) % (round < 50 ? 2 * BLOCK : 100 * BLOCK)) + (round < 50 ? 0 : 3 * BLOCK - 400);
    broken[at] = (broken[at] ?? 0) ^ (1 << (round % 8));
    expect(() => readDelta(broken), `a bit at ${at}`).toThrow();
  }
  expect(() => readDelta(stream.subarray(0, stream.length - 1))).toThrow();
});
