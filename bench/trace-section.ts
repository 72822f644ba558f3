import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { alignUp, BLOCK } from '../src/base/range.js';
import { MAX_WRITE } from '../src/format/layout.js';
import type { SyncReport } from '../src/volume/model.js';
import { parseRetention } from '../src/volume/retention.js';
import { createStore } from '../src/volume/store-folder.js';
import type { Volume } from '../src/volume/volume.js';
import type { Bench } from './bench.js';
import { noise, withStore, writeAll } from './engine-store.js';
import { QemuExport } from './qemu-targets.js';
import { RawFile } from './raw-file.js';
import { makeRow, quantile, rounded } from './report.js';
import { MountedVolume, mountMissing, qemuMissing, type Target } from './targets.js';
import { readTrace, type Trace } from './trace.js';

/** The trace runs in a fraction of its time: snapshots a tenth of a second apart, thinned to one each second. */
const GRANULARITY = 100_000_000n;
const KEPT = '1s:ever';

/** What one side made of the trace. */
interface Replay {
  readonly milliseconds: number;
  readonly writes: number;
  readonly bytes: number;
  readonly reads: number;
  /** Of the writes, ns. */
  readonly latencies: Float64Array;
  readonly details: Record<string, number>;
}

/** The requests of a real machine, at full speed: on the engine, on an ordinary file, and through the mount. */
export async function traceSection(bench: Bench): Promise<void> {
  const { options, results } = bench;
  if (options.trace === undefined) {
    results.skip('trace', 'no trace was given with --trace FILE');
    return;
  }
  const trace = readTrace(options.trace, options.records);
  const ours: Replay[] = [];
  const theirs: Replay[] = [];
  for (let round = 0; round < options.rounds; round++) {
    results.progress(`trace: round ${round + 1} of ${options.rounds}, ${trace.writes.length} requests`);
    ours.push(await onEngine(bench, trace));
    theirs.push(await onRawFile(bench, trace, 'trace.raw'));
  }
  addRows(bench, 'trace, engine', ours, { pwrite: theirs });
  if (options.throughMount) await throughMount(bench, trace);
}

function size(trace: Trace): number {
  return alignUp(trace.end, BLOCK);
}

async function onEngine(bench: Bench, trace: Trace): Promise<Replay> {
  const reports: SyncReport[] = [];
  let replay: Replay | undefined;
  const wanted = { size: size(trace), journal: bench.options.journal };
  const synced = (report: SyncReport) => void reports.push(report);
  await withStore(
    bench,
    'trace',
    wanted,
    async ({ volume }, folder) => {
      await volume.setPolicy({ granularity: GRANULARITY });
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const before = journalPosition(volume);
      const done = await replayOn(volume, trace);
      delay.disable();
      await volume.sync('bench');
      const sum = (of: (report: SyncReport) => number) => reports.reduce((total, one) => total + of(one), 0);
      const details = {
        'journal bytes/user byte': rounded((journalPosition(volume) - before) / done.bytes),
        'sync events': reports.length,
        'their ms': sum((one) => one.milliseconds),
        'moved MiB': rounded(sum((one) => one.bytesMoved) / 2 ** 20),
        'saved MiB': rounded(sum((one) => one.bytesSaved) / 2 ** 20),
        'longest pause ms': rounded(delay.max / 1e6),
        ...(await historyOf(
          volume,
          folder,
          sum((one) => one.bytesMoved),
        )),
      };
      replay = { ...done, details };
    },
    synced,
  );
  if (replay === undefined) throw new Error('the trace was not replayed');
  return replay;
}

/** What history takes on the disk for each byte that the sync events moved, with all its points and with fewer. */
async function historyOf(volume: Volume, folder: string, moved: number): Promise<Record<string, number>> {
  const count = () => volume.points().filter(({ place }) => place === 'snapshot').length;
  const all = { snapshots: count(), bytes: backwardBytes(folder) };
  const { milliseconds } = await volume.thin({ keep: parseRetention(KEPT) });
  const net = Math.max(moved, 1);
  return {
    snapshots: all.snapshots,
    'backward bytes/net byte': rounded(all.bytes / net),
    'after thinning to': count(),
    'bytes/net byte': rounded(backwardBytes(folder) / net),
    'thinning ms': milliseconds,
  };
}

/** Bytes on the disk: what was punched does not count. */
function backwardBytes(folder: string): number {
  const backward = join(folder, 'backward');
  return readdirSync(backward).reduce((sum, name) => sum + statSync(join(backward, name)).blocks * 512, 0);
}

/** Bytes that the forward journal took so far, descriptors and data; laps included. */
function journalPosition(volume: Volume): number {
  const { descriptors, data } = volume.engine.scan;
  return descriptors.head + data.head;
}

async function replayOn(volume: Volume, trace: Trace): Promise<Replay> {
  const recorder = new Recorder(trace);
  const data = noise(MAX_WRITE, 9);
  const into = new Uint8Array(MAX_WRITE);
  for (let at = 0; at < trace.writes.length; ) {
    while (at < trace.writes.length && trace.writes[at] === 0) {
      for (const [offset, length] of parts(trace, at))
        await volume.live.read(offset, into.subarray(0, length));
      recorder.read();
      at += 1;
    }
    await writeAll(
      volume,
      () => {
        if (at >= trace.writes.length || trace.writes[at] === 0) return undefined;
        const offset = trace.offsets[at] as number;
        const length = Math.min(trace.lengths[at++] as number, MAX_WRITE);
        recorder.bytes += length;
        return { offset, data: data.subarray(0, length) };
      },
      (nanoseconds) => recorder.wrote(nanoseconds),
    );
  }
  await volume.flush();
  return recorder.end();
}

async function onRawFile(bench: Bench, trace: Trace, name: string): Promise<Replay> {
  const file = new RawFile(bench.undo, join(bench.folder, name), size(trace));
  const replay = replayOnFile(file, trace);
  await file.close();
  return replay;
}

function replayOnFile(file: RawFile, trace: Trace): Replay {
  const recorder = new Recorder(trace);
  const data = noise(MAX_WRITE, 9);
  const into = new Uint8Array(MAX_WRITE);
  for (let at = 0; at < trace.writes.length; at++) {
    if (trace.writes[at] === 0) {
      for (const [offset, length] of parts(trace, at)) file.read(offset, into.subarray(0, length));
      recorder.read();
      continue;
    }
    const length = Math.min(trace.lengths[at] as number, MAX_WRITE);
    const started = performance.now();
    file.write(trace.offsets[at] as number, data.subarray(0, length));
    recorder.bytes += length;
    recorder.wrote((performance.now() - started) * 1e6);
  }
  file.datasync();
  return recorder.end();
}

/** A request in parts of at most 1 MiB. */
function parts(trace: Trace, at: number): [offset: number, length: number][] {
  const offset = trace.offsets[at] as number;
  const length = trace.lengths[at] as number;
  const split: [number, number][] = [];
  for (let done = 0; done < length; done += MAX_WRITE) {
    split.push([offset + done, Math.min(MAX_WRITE, length - done)]);
  }
  return split;
}

class Recorder {
  readonly #started = performance.now();
  readonly #latencies: Float64Array;
  #writes = 0;
  #reads = 0;
  bytes = 0;

  constructor(trace: Trace) {
    this.#latencies = new Float64Array(trace.writes.length);
  }

  wrote(nanoseconds: number): void {
    this.#latencies[this.#writes++] = nanoseconds;
  }

  read(): void {
    this.#reads += 1;
  }

  end(): Replay {
    return {
      milliseconds: performance.now() - this.#started,
      writes: this.#writes,
      bytes: this.bytes,
      reads: this.#reads,
      latencies: this.#latencies.subarray(0, this.#writes),
      details: {},
    };
  }
}

/** The mount and the export of qemu-storage-daemon, written to by system calls from here. */
async function throughMount(bench: Bench, trace: Trace): Promise<void> {
  const missing = mountMissing();
  if (missing !== undefined) return bench.results.skip('trace through the mount', missing);
  const noQemu = qemuMissing();
  if (noQemu !== undefined) bench.results.skip('trace through qemu-storage-daemon', noQemu);
  const ours: Replay[] = [];
  const theirs: Replay[] = [];
  const raw: Replay[] = [];
  for (let round = 0; round < bench.options.rounds; round++) {
    bench.results.progress(`trace: through the mount, round ${round + 1}`);
    const store = join(bench.folder, `trace-mount-${round}`);
    await createStore(store, { size: size(trace) }, { forwardBytes: bench.options.journal });
    ours.push(await onTarget(bench, trace, await MountedVolume.start(bench, store)));
    raw.push(await onRawFile(bench, trace, 'trace-mount.raw'));
    if (noQemu !== undefined) continue;
    const image = join(bench.folder, 'trace-qemu.raw');
    mkdirSync(bench.folder, { recursive: true });
    await new RawFile(bench.undo, image, size(trace)).close();
    theirs.push(await onTarget(bench, trace, await QemuExport.start(bench, image)));
  }
  addRows(bench, 'trace, through the mount', ours, {
    ...(theirs.length > 0 ? { qemu: theirs } : {}),
    pwrite: raw,
  });
}

async function onTarget(bench: Bench, trace: Trace, target: Target): Promise<Replay> {
  try {
    const file = new RawFile(bench.undo, target.path);
    const replay = replayOnFile(file, trace);
    await file.close();
    return replay;
  } finally {
    await target.stop();
  }
}

function addRows(
  bench: Bench,
  section: string,
  ours: readonly Replay[],
  beside: Readonly<Record<string, readonly Replay[]>>,
): void {
  const first = ours[0];
  if (first === undefined) return;
  const add = (
    name: string,
    unit: string,
    better: 'more' | 'less',
    of: (replay: Replay) => number,
    details = {},
  ) =>
    bench.results.row(
      makeRow(section, name, {
        unit,
        better,
        ours: ours.map(of),
        beside: Object.fromEntries(
          Object.entries(beside).map(([other, replays]) => [other, replays.map(of)]),
        ),
        details,
      }),
    );
  add('writes, reads in between', 'writes/s', 'more', (one) => (one.writes * 1000) / one.milliseconds, {
    writes: first.writes,
    reads: first.reads,
    ...first.details,
  });
  add('time of a write', 'us', 'less', (one) => (one.milliseconds * 1000) / Math.max(one.writes, 1));
  add('written', 'B/s', 'more', (one) => (one.bytes * 1000) / one.milliseconds);
  add('latency p50', 'us', 'less', (one) => quantile(one.latencies, 0.5) / 1000);
  add('latency p99', 'us', 'less', (one) => quantile(one.latencies, 0.99) / 1000);
  add('longest', 'us', 'less', (one) => quantile(one.latencies, 1) / 1000);
}
