import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import type { Recorded } from '../../src/file/recording-executor.js';

type Change = Exclude<Recorded, { op: 'note' | 'datasync' | 'syncdir' }>;

interface Pending {
  readonly step: Change;
  /** Its file was made durable since; it is missing only if its file's name is. */
  synced: boolean;
}

/** What may be on the disk after the power was cut, and what the test remarked up to then. */
export interface CrashState {
  readonly disk: MemoryExecutor;
  readonly notes: readonly unknown[];
  readonly what: string;
}

/** Changes of the names of a folder, durable with `syncdir`. */
const NAMES = new Set(['create', 'rename', 'unlink', 'mkdir']);
const SECTOR = 512;

function folderOf(file: string): string {
  const slash = file.lastIndexOf('/');
  return slash < 0 ? '' : file.slice(0, slash);
}

/**
 * Every prefix of a recording; and behind each, what a disk may have made of the steps that no datasync or syncdir
 * had covered: all of them, none, each one missing, each one alone, random ones, and the last write torn.
 *
 * @param random a seeded source, `random(n)` in [0, n)
 */
export function* crashStates(
  base: MemoryExecutor,
  recorded: readonly Recorded[],
  random: (below: number) => number,
): Generator<CrashState> {
  const durable = base.copy();
  let pending: Pending[] = [];
  const notes: unknown[] = [];
  for (const [index, step] of recorded.entries()) {
    if (step.op === 'note') {
      notes.push(step.note);
      continue;
    }
    if (step.op === 'datasync') {
      for (const one of pending)
        if (one.step.file === step.file && !NAMES.has(one.step.op)) one.synced = true;
    } else if (step.op === 'syncdir') {
      for (const one of pending)
        if (NAMES.has(one.step.op) && folderOf(one.step.file) === step.file) one.synced = true;
    } else {
      pending.push({ step, synced: false });
    }
    pending = settle(durable, pending);
    for (const [name, chosen, torn] of choices(pending, random)) {
      yield {
        disk: materialise(durable, pending, chosen, torn),
        notes: [...notes],
        what: `step ${index} (${step.op} ${step.file}), ${name}`,
      };
    }
  }
}

/** Applies what is durable for good, as far as nothing before it on the same file is still open. */
function settle(durable: MemoryExecutor, pending: readonly Pending[]): Pending[] {
  const left: Pending[] = [];
  const open = new Set<string>();
  for (const one of pending) {
    if (one.synced && !open.has(one.step.file)) apply(durable, one.step);
    else {
      left.push(one);
      open.add(one.step.file);
      if (one.step.op === 'rename') open.add(one.step.to);
    }
  }
  return left;
}

function apply(disk: MemoryExecutor, step: Change): void {
  const needed = step.op !== 'create' && step.op !== 'mkdir' && step.op !== 'unlink';
  if (needed && !disk.files.has(step.file)) return;
  if (step.op === 'create') disk.files.delete(step.file);
  disk.runNow([step]);
}

type Choice = readonly [name: string, chosen: (index: number) => boolean, torn?: number];

function* choices(pending: readonly Pending[], random: (below: number) => number): Generator<Choice> {
  const unsynced = pending.map((one, index) => ({ one, index })).filter(({ one }) => !one.synced);
  yield ['all', () => true];
  if (unsynced.length === 0) return;
  yield ['none', () => false];
  const few =
    unsynced.length <= 4 ? unsynced : [unsynced[random(unsynced.length)], unsynced[random(unsynced.length)]];
  for (const item of few) {
    if (item === undefined) continue;
    yield [`without ${item.index}`, (index) => index !== item.index];
    yield [`only ${item.index}`, (index) => index === item.index];
  }
  const seed = random(2 ** 30);
  yield [
    `random ${seed}`,
    (index) => ((Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(seed, index + 7)) >>> 13) % 2 === 0,
  ];
  const last = unsynced[unsynced.length - 1];
  if (last?.one.step.op !== 'write') return;
  const length = last.one.step.from.reduce((sum, part) => sum + part.length, 0);
  const border = SECTOR - (last.one.step.offset % SECTOR);
  for (let cut = border; cut < length; cut += SECTOR * (1 + random(8)))
    yield [`torn at ${cut}`, () => true, cut];
}

function materialise(
  durable: MemoryExecutor,
  pending: readonly Pending[],
  chosen: (index: number) => boolean,
  torn: number | undefined,
): MemoryExecutor {
  const disk = durable.copy();
  const lastWrite = pending.length - 1;
  for (const [index, { step, synced }] of pending.entries()) {
    if (!synced && !chosen(index)) continue;
    if (torn !== undefined && index === lastWrite && step.op === 'write') {
      const whole = Buffer.concat(step.from);
      apply(disk, { ...step, from: [whole.subarray(0, torn)] });
    } else {
      apply(disk, step);
    }
  }
  return disk;
}
