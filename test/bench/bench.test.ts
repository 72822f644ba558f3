import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { runBench } from '../../bench/bench.js';
import { parseOptions } from '../../bench/options.js';
import { printReport } from '../../bench/print.js';
import { makeRow, quantile, type Report, reportSchema } from '../../bench/report.js';
import { parseTrace, readTrace } from '../../bench/trace.js';
import { Undo } from '../../bench/undo.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';

const TRACE = `version,time,op,size,lbn
1,100,2a,512,8
1,101,28,4096,16
1,101,35,0,0
1,104,2a,69632,24
`;

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await temporaryFolder();
  try {
    return await work(folder);
  } finally {
    await removeFolder(folder);
  }
}

/** Runs sections in a folder and checks that nothing is left in it. */
async function runIn(folder: string, ...args: string[]): Promise<Report> {
  const options = parseOptions(['--quick', '--seconds', '1', '--size', '16MiB', '--folder', folder, ...args]);
  if (options === 'help') throw new Error('options were asked for');
  const undo = new Undo();
  const before = readdirSync(folder);
  try {
    return await runBench(options, undo, () => undefined);
  } finally {
    expect(await undo.run()).toEqual([]);
    expect(readdirSync(folder)).toEqual(before);
  }
}

test('the sections without a mount fill a report of the documented shape, and leave nothing behind', () =>
  inFolder(async (folder) => {
    const trace = join(folder, 'trace.csv.gz');
    writeFileSync(trace, gzipSync(TRACE));
    const report = await runIn(folder, '--only', 'engine,views,forms,touch,sync,trace', '--trace', trace);
    expect(reportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
    expect(report.skipped).toEqual([]);
    expect([...new Set(report.rows.map((row) => row.section))]).toEqual([
      'engine, without FUSE',
      'opening a view',
      'forms of a VRMO',
      'in proportion',
      'sync event',
      'trace, engine',
    ]);
    for (const row of report.rows) {
      for (const { rounds } of [row.ours, ...row.beside.map((one) => one.sample)]) {
        expect(rounds, row.name).toHaveLength(1);
        expect(rounds[0], row.name).toBeGreaterThan(0);
        expect(Number.isFinite(rounds[0]), row.name).toBe(true);
      }
    }
    expect(JSON.stringify(report)).not.toContain(folder);
  }));

test('a trace is replayed whole: its writes, reads and bytes are counted', () =>
  inFolder(async (folder) => {
    const trace = join(folder, 'trace.csv');
    writeFileSync(trace, TRACE);
    const { rows } = await runIn(folder, '--only', 'trace', '--trace', trace);
    expect(rows[0]?.details).toMatchObject({ writes: 2, reads: 1, 'sync events': 1 });
    // Two descriptors of 128 bytes, 17 sums of 4, and at most a block before each to lie at the same offset in it.
    const journal = (rows[0]?.details['journal bytes/user byte'] as number) * (512 + 69_632);
    expect(journal).toBeGreaterThan(512 + 69_632 + 2 * 128 + 17 * 4 - 50);
    expect(journal).toBeLessThan(512 + 69_632 + 4 * 4096);
  }));

test('what cannot be run is skipped, and the table says why', () =>
  inFolder(async (folder) => {
    const report = await runIn(folder, '--only', 'trace');
    expect(report.rows).toEqual([]);
    expect(report.skipped).toEqual([{ what: 'trace', reason: 'no trace was given with --trace FILE' }]);
    expect(printReport(report)).toContain('trace: no trace was given');
  }));

test('a row holds the medians of its rounds and their ratio', () => {
  const row = makeRow('s', 'n', { unit: 'IOPS', ours: [30, 10, 20], beside: { raw: [80, 40] } });
  expect(row.ours).toEqual({ median: 20, rounds: [30, 10, 20] });
  expect(row.beside).toEqual([{ name: 'raw', sample: { median: 60, rounds: [80, 40] }, ratio: 0.3333 }]);
  expect(quantile([4, 1, 3, 2, 5], 1)).toBe(5);
  expect(quantile([1, 2], 0.25)).toBe(1.25);
  expect(() => quantile([], 0.5)).toThrow(RangeError);
});

test('a target is held against the median or a ratio, and the table says whether it is reached', () => {
  const of = (better: 'more' | 'less', value: number, ratioTo?: string) => {
    const target = { value, ...(ratioTo === undefined ? {} : { ratioTo }) };
    return makeRow('s', 'n', { unit: 'ms', better, ours: [20], beside: { raw: [40] }, target });
  };
  expect(of('more', 20).target?.reached).toBe(true);
  expect(of('more', 21).target?.reached).toBe(false);
  expect(of('less', 19).target?.reached).toBe(false);
  expect(of('less', 0.5, 'raw').target?.reached).toBe(true);
  expect(of('more', 0.6, 'raw').target?.reached).toBe(false);
  expect(() => of('more', 1, 'qemu')).toThrow(/qemu/);
  const environment = { cpu: 'c', cores: 1, kernel: 'k', node: 'n', filesystem: 'f' };
  const rows = [of('more', 0.6, 'raw'), of('less', 20)];
  const parts = { startedAt: '2024-01-01T00:00:00Z', seconds: 1, options: {}, skipped: [] };
  const text = printReport({ schema: 'anywhen/bench/1', ...parts, environment, rows });
  expect(text).toContain('MISSED: at least 0.6x raw');
  expect(text).toContain('reached: at most 20 ms');
});

test('a trace is understood line by line, and a bad line is named', () => {
  const trace = parseTrace(TRACE);
  expect([...trace.writes]).toEqual([1, 0, 1]);
  expect([...trace.offsets]).toEqual([4096, 8192, 12_288]);
  expect([...trace.lengths]).toEqual([512, 4096, 69_632]);
  expect(trace).toMatchObject({ seconds: 4, end: 12_288 + 69_632 });
  expect(parseTrace(TRACE, 1).end).toBe(4608);
  expect(() => parseTrace('1,100,2a,512,8\n1,100,2a,huge,8\n')).toThrow(/line 2/);
  expect(() => parseTrace('version,time,op,size,lbn\n')).toThrow(/no line/);
});

test('a packed trace is the same as a plain one', () =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, 'a'), TRACE);
    writeFileSync(join(folder, 'b'), gzipSync(TRACE));
    expect(readTrace(join(folder, 'b'), 9)).toEqual(readTrace(join(folder, 'a'), 9));
  }));

test('everything is undone, the latest first, also what comes behind a failure, and only once', async () => {
  const undo = new Undo();
  const done: string[] = [];
  undo.add(() => done.push('first'));
  undo.add(() => {
    throw new Error('stuck');
  });
  const release = undo.add(() => done.push('released'));
  undo.add(async () => done.push('last'));
  await release();
  await release();
  expect(await undo.run()).toEqual(['stuck']);
  await undo.run();
  expect(done).toEqual(['released', 'last', 'first']);
});

test('options that make no sense are refused', () => {
  expect(() => parseOptions(['--only', 'mount,nothing'])).toThrow(/no section nothing/);
  expect(() => parseOptions(['--seconds', '0'])).toThrow(/seconds/);
  expect(() => parseOptions(['--size', 'big'])).toThrow(/size/);
  expect(() => parseOptions(['--fast'])).toThrow(/fast/);
});
