import type { Executor, FileName, Plan, Space, Step } from './executor.js';
import { fitsNow } from './immediate.js';

/** A step that changes something. Recorded when it begins: from then on some of it may be on the disk. */
export type Change = Exclude<Step, { op: 'read' | 'datasync' | 'syncdir' }>;

interface Covering {
  readonly file: FileName;
  /** It covers the changes before this index of the recording, ... */
  readonly before: number;
  /** ... without these, which were still under way. */
  readonly except: readonly number[];
}

/**
 * A step that made changes durable. Recorded when it has returned; it covers those changes only that had ended
 * before it began.
 */
export type Barrier = ({ readonly op: 'datasync' } & Covering) | ({ readonly op: 'syncdir' } & Covering);

/** A remark of the test, such as "this write was acknowledged". */
export interface Note {
  readonly op: 'note';
  readonly note: unknown;
}

export type Recorded = Change | Barrier | Note;

/**
 * Passes everything on, and keeps what changes the disk, in order, bytes included: the input of the crash
 * harness. Put a faulty executor above it, not below: then a write that was cut short is recorded as it was.
 */
export class RecordingExecutor implements Executor {
  readonly recorded: Recorded[] = [];
  /** Indexes of changes that have begun and not ended, or failed. */
  readonly #open = new Set<number>();

  constructor(readonly below: Executor) {}

  get readOnly(): boolean {
    return this.below.readOnly;
  }

  /** Leaves a remark at this place of the recording. */
  note(note: unknown): void {
    this.recorded.push({ op: 'note', note });
  }

  async run(plan: Plan): Promise<void> {
    for (const step of plan) {
      if (step.op === 'read') await this.below.run([step]);
      else if (step.op === 'datasync' || step.op === 'syncdir') await this.#barrier(step);
      else await this.#change(step);
    }
  }

  runNow(plan: Plan): boolean {
    if (!fitsNow(plan)) return false;
    const writes = plan.filter((step) => step.op === 'write').map(copyOf);
    try {
      if (!this.below.runNow(plan)) return false;
      this.recorded.push(...writes);
      return true;
    } catch (error) {
      for (const write of writes) this.#begin(write);
      throw error;
    }
  }

  /** Reads are done here and nowhere else. */
  descriptor(): undefined {
    return undefined;
  }

  size(file: FileName): Promise<number | undefined> {
    return this.below.size(file);
  }

  list(folder: FileName): Promise<string[]> {
    return this.below.list(folder);
  }

  space(): Promise<Space> {
    return this.below.space();
  }

  close(): Promise<void> {
    return this.below.close();
  }

  /** Records a change that has not ended. One that fails never does: some of it may be there, and no barrier covers it. */
  #begin(change: Change): number {
    const index = this.recorded.push(change) - 1;
    this.#open.add(index);
    return index;
  }

  async #change(step: Change): Promise<void> {
    const index = this.#begin(copyOf(step));
    try {
      await this.below.run([step]);
      this.#open.delete(index);
    } catch (error) {
      // What is no write was refused whole; an empty write in its place keeps the indexes.
      if (step.op !== 'write') this.recorded[index] = { op: 'write', file: step.file, offset: 0, from: [] };
      throw error;
    }
  }

  async #barrier(step: Extract<Step, { op: Barrier['op'] }>): Promise<void> {
    const before = this.recorded.length;
    const except = [...this.#open];
    await this.below.run([step]);
    this.recorded.push({ op: step.op, file: step.file, before, except });
  }
}

function copyOf<T extends Change>(step: T): T {
  // Not `slice`: that of a Buffer shares the bytes.
  return step.op === 'write' ? { ...step, from: step.from.map((part) => new Uint8Array(part)) } : step;
}
