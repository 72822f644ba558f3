import type { FileName } from '../../src/file/executor.js';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import type { Barrier, Change, Recorded } from '../../src/file/recording-executor.js';
import { DiskModel, type Effect, EffectReader } from './disk-model.js';
import { type Random, tornWrites } from './torn-writes.js';

/** What may be on the disk after the power was cut, and what the test had remarked up to then. */
export interface DiskState {
  /** A disk of its own each time it is asked for. */
  readonly disk: MemoryExecutor;
  readonly notes: readonly unknown[];
  /** Names the state, so that a failure can be understood. */
  readonly what: string;
}

export interface StateOptions {
  /** So many unsynced effects at most are tried in every combination; beyond, in picked ones. */
  readonly exhaustive?: number;
  /** Random combinations where not every one is tried. */
  readonly random?: number;
  /** Borders at which a write is torn, at most. */
  readonly borders?: number;
  /** Whether a write that is not durable may leave zeros or garbage in its place. By default it may. */
  readonly garbage?: (file: FileName) => boolean;
}

/** An effect that no barrier has covered yet. */
interface Pending {
  /** Of its change in the recording. */
  readonly index: number;
  readonly effect: Effect;
  readonly what: string;
}

interface Moment {
  readonly base: DiskModel;
  readonly pending: readonly Pending[];
  readonly notes: readonly unknown[];
  readonly when: string;
}

/**
 * The states of the disk that a power cut may leave, for a recording that began with `base`:
 * - every prefix of the changes;
 * - before each barrier and each remark, and at the end: what is durable, and every combination of the effects
 *   that are not (see `StateOptions`), for whole files too;
 * - there, too, each write that is not durable, torn, with and without the rest that is not durable.
 *
 * What a barrier covers is there for good; all else may be missing, whatever came after it.
 */
export function* diskStates(
  base: MemoryExecutor,
  recorded: readonly Recorded[],
  random: Random,
  options: StateOptions = {},
): Generator<DiskState> {
  let durable = DiskModel.of(base);
  const reader = new EffectReader(durable);
  let pending: Pending[] = [];
  const notes: unknown[] = [];
  /** The first change whose write has not been torn yet at every border. */
  let fresh = 0;
  yield state(
    { base: durable, pending, notes: [], when: 'cut before the first step' },
    [],
    'nothing was begun',
  );
  for (const [index, entry] of recorded.entries()) {
    if (entry.op === 'note') notes.push(entry.note);
    else if (entry.op === 'datasync' || entry.op === 'syncdir') {
      const synced = settle(entry, pending, reader);
      pending = synced.open;
      durable = durable.copy();
      for (const { effect } of synced.done) durable.apply(effect);
    } else {
      const effects = reader.read(entry);
      pending = [
        ...pending,
        ...effects.map((effect) => ({ index, effect, what: nameOf(index, entry, effect) })),
      ];
    }
    const when = `cut after ${describe(index, entry)}`;
    const moment: Moment = { base: durable, pending, notes: [...notes], when };
    yield state(moment, pending, 'with all that was begun');
    const next = recorded[index + 1];
    if (next !== undefined && isChange(next)) continue;
    yield* combinations(moment, random, options);
    yield* torn(moment, fresh, random, options);
    fresh = index + 1;
  }
}

function isChange(entry: Recorded): entry is Change {
  return entry.op !== 'note' && entry.op !== 'datasync' && entry.op !== 'syncdir';
}

/** What a barrier makes durable, and what stays open. */
function settle(
  barrier: Barrier,
  pending: readonly Pending[],
  reader: EffectReader,
): { done: Pending[]; open: Pending[] } {
  const done: Pending[] = [];
  const open: Pending[] = [];
  const synced = barrier.op === 'datasync' ? reader.inodeOf(barrier.file) : undefined;
  for (const one of pending) {
    const { index, effect } = one;
    if (index >= barrier.before || barrier.except.includes(index)) open.push(one);
    else if (effect.kind === 'data') {
      const covered = barrier.op === 'datasync' ? effect.inode === synced : effect.madeIn === barrier.file;
      (covered ? done : open).push(one);
    } else if (barrier.op === 'datasync') open.push(one);
    else {
      const folders = effect.folders.filter((folder) => folder !== barrier.file);
      if (folders.length === 0) done.push(one);
      else open.push({ ...one, effect: { ...effect, folders } });
    }
  }
  return { done, open };
}

function* combinations(moment: Moment, random: Random, options: StateOptions): Generator<DiskState> {
  const { pending } = moment;
  const { exhaustive = 8, random: picked = 32 } = options;
  if (pending.length === 0) return;
  if (pending.length <= exhaustive) {
    for (let chosen = 0; chosen < 2 ** pending.length - 1; chosen++) {
      yield subset(moment, (_one, at) => Math.floor(chosen / 2 ** at) % 2 === 1);
    }
    return;
  }
  yield subset(moment, () => false);
  for (const missing of pending) yield subset(moment, (one) => one !== missing);
  for (const alone of pending) yield subset(moment, (one) => one === alone);
  const groups = new Set(pending.map(groupOf));
  if (groups.size > 1) {
    for (const group of groups) yield subset(moment, (one) => groupOf(one) !== group);
    for (const group of groups) yield subset(moment, (one) => groupOf(one) === group);
  }
  for (let count = 0; count < picked; count++) {
    const kept = new Set(pending.filter(() => random(2) === 0));
    yield subset(moment, (one) => kept.has(one));
  }
}

/** New writes at many borders; older ones, which were torn before, in one way each. */
function* torn(moment: Moment, fresh: number, random: Random, options: StateOptions): Generator<DiskState> {
  for (const one of moment.pending) {
    if (one.effect.kind !== 'data' || one.effect.change.op !== 'write') continue;
    const { change, inode } = one.effect;
    const garbage = options.garbage?.(change.file) ?? true;
    const ways = [...tornWrites(change, random, { borders: options.borders ?? 16, garbage })];
    const tried =
      one.index >= fresh || ways.length === 0 ? ways : [ways[random(ways.length)] as (typeof ways)[0]];
    for (const { what, parts } of tried) {
      const pieces = parts.map(
        (part): Pending => ({ ...one, effect: { kind: 'data', inode, change: part } }),
      );
      const others = moment.pending.flatMap((other) => (other === one ? pieces : [other]));
      yield state(moment, others, `of ${one.what} only ${what}`);
      if (moment.pending.length > 1) yield state(moment, pieces, `of ${one.what} only ${what}, nothing else`);
    }
  }
}

function groupOf({ effect }: Pending): string {
  return effect.kind === 'data' ? `file ${effect.inode}` : `names in ${effect.folders.join()}`;
}

function subset(moment: Moment, keep: (one: Pending, at: number) => boolean): DiskState {
  const kept = moment.pending.filter(keep);
  const missing = moment.pending.filter((one) => !kept.includes(one));
  const few = missing.length <= kept.length || kept.length === 0;
  const list = (few ? missing : kept).map((one) => one.what).join(', ');
  if (kept.length === 0) return state(moment, kept, 'with nothing that was not made durable');
  return state(moment, kept, few ? `without ${list}` : `of what was not durable only ${list}`);
}

function state(moment: Moment, applied: readonly Pending[], what: string): DiskState {
  return {
    get disk() {
      const disk = moment.base.copy();
      for (const { effect } of applied) disk.apply(effect);
      return disk.executor();
    },
    notes: moment.notes,
    what: `${moment.when}, ${what}`,
  };
}

function nameOf(index: number, change: Change, effect: Effect): string {
  const size = change.op === 'create' && effect.kind === 'data' ? ', its size' : '';
  return `step ${describe(index, change)}${size}`;
}

/** A step in a few words: `12 (write forward 4096+512)`. */
function describe(index: number, entry: Recorded): string {
  switch (entry.op) {
    case 'note':
      return `${index} (a remark)`;
    case 'write': {
      const length = entry.from.reduce((sum, part) => sum + part.length, 0);
      return `${index} (write ${entry.file} ${entry.offset}+${length})`;
    }
    case 'allocate':
    case 'punch':
      return `${index} (${entry.op} ${entry.file} ${entry.offset}+${entry.length})`;
    case 'truncate':
      return `${index} (truncate ${entry.file} to ${entry.size})`;
    case 'rename':
      return `${index} (rename ${entry.file} to ${entry.to})`;
    default:
      return `${index} (${entry.op} ${entry.file === '' ? 'the folder' : entry.file})`;
  }
}
