import type { Bench } from './bench.js';
import { fio, type Limits, type Load, type Measured } from './fio.js';
import { RawFile } from './raw-file.js';
import { type Details, makeRow, median, rounded } from './report.js';
import type { Target } from './targets.js';

/** What is compared with what. */
export interface Compared {
  readonly section: string;
  /** Ours by name: `volume` and images. */
  readonly own: ReadonlyMap<string, Target>;
  /** Theirs by name; `raw` is no daemon, and opened without O_DIRECT: with it the disk would be measured on this side alone. */
  readonly beside: ReadonlyMap<string, Target>;
  /** Done before each turn of a side of ours that writes. */
  readonly prepare: () => Promise<unknown>;
}

/** What one turn of one side gave. */
interface Turn extends Measured {
  /** Processor time of the daemon, us a request. */
  readonly cpu: number | undefined;
  readonly memory: number | undefined;
  /** What the daemon wrote to disks for each byte of the client. */
  readonly amplification: number | undefined;
}

/** The same load on every side, round by round, each time beginning with another side. */
export class Sides {
  constructor(
    readonly bench: Bench,
    readonly compared: Compared,
    readonly limits: Limits,
  ) {}

  /** Compilers and caches of every side see the load once before it counts. */
  async warmUp(load: Load): Promise<void> {
    await this.#rounds(load, { ...this.limits, seconds: 0.3 }, false, 1);
  }

  async read(load: Load): Promise<void> {
    const turns = await this.#rounds(load, this.limits, false);
    for (const own of this.compared.own.keys()) {
      this.#row(load, own, turns, own === 'volume' ? load.volume : load.image);
    }
  }

  /** Ours begins with room in the journal, and writes at most `bytes`. */
  async write(load: Load, bytes: number, rounds?: number): Promise<void> {
    const turns = await this.#rounds(load, { ...this.limits, bytes }, true, rounds);
    this.#row(load, 'volume', turns, load.volume);
  }

  async #rounds(
    load: Load,
    limits: Limits,
    writes: boolean,
    rounds = this.bench.options.rounds,
  ): Promise<Map<string, Turn[]>> {
    const { section, own, beside, prepare } = this.compared;
    this.bench.results.progress(`${section}: ${load.name}`);
    const all = [...own, ...beside].filter(([name]) => !writes || name === 'volume' || beside.has(name));
    const turns = new Map<string, Turn[]>(all.map(([name]) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < all.length; turn++) {
        const [name, target] = all[(turn + round) % all.length] as readonly [string, Target];
        if (writes && own.has(name)) await prepare();
        turns.get(name)?.push(await this.#turn(target, load, { ...limits, direct: name !== 'raw' }));
        // What one side left to be written back must not slow the next.
        if (writes) await this.#settle(target.path);
      }
    }
    return turns;
  }

  async #turn(target: Target, load: Load, limits: Limits): Promise<Turn> {
    const before = target.daemon?.usage();
    const measured = await fio(this.bench.undo, target.path, load, limits);
    const after = target.daemon?.usage();
    if (before === undefined || after === undefined)
      return { ...measured, cpu: undefined, memory: undefined, amplification: undefined };
    const requests = Math.max(1, measured.requests);
    const cpu = (after.cpu - before.cpu) / requests;
    const amplification = (after.written - before.written) / (requests * load.block);
    return { ...measured, cpu, memory: after.memory, amplification };
  }

  async #settle(path: string): Promise<void> {
    const file = new RawFile(this.bench.undo, path);
    await file.datasyncLater();
    await file.close();
  }

  #row(load: Load, own: string, turns: ReadonlyMap<string, readonly Turn[]>, wanted?: number): void {
    const { section, beside } = this.compared;
    const sequential = load.pattern === 'read' || load.pattern === 'write';
    const of = (one: Measured) => (sequential ? one.bandwidth : one.rate);
    const mine = turns.get(own) ?? [];
    const theirs = turns.get('qemu') ?? [];
    const details: Details = {
      'p50 us': Math.round(Math.min(...mine.map((one) => one.p50))),
      'p99 us': Math.round(Math.max(...mine.map((one) => one.p99))),
      ...usageOf('', mine),
      ...usageOf('qemu ', theirs),
      ...(load.pattern.endsWith('write')
        ? { 'bytes to disk per byte': rounded(median(mine.map((one) => one.amplification ?? 0))) }
        : {}),
    };
    const figures = {
      unit: sequential ? 'B/s' : 'IOPS',
      ours: mine.map(of),
      beside: Object.fromEntries([...beside.keys()].map((name) => [name, (turns.get(name) ?? []).map(of)])),
      details,
    };
    const target =
      wanted === undefined || !beside.has('qemu') ? undefined : { value: wanted, ratioTo: 'qemu' };
    const name = `${own}: ${load.name}`;
    this.bench.results.row(makeRow(section, name, target === undefined ? figures : { ...figures, target }));
  }
}

function usageOf(who: string, turns: readonly Turn[]): Details {
  const cpu = turns.flatMap((one) => (one.cpu === undefined ? [] : [one.cpu]));
  const memory = turns.flatMap((one) => (one.memory === undefined ? [] : [one.memory]));
  if (cpu.length === 0) return {};
  return {
    [`${who}cpu us`]: Math.round(median(cpu) * 10) / 10,
    [`${who}MiB`]: Math.round(Math.max(...memory) / 2 ** 20),
  };
}
