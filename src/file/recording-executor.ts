import type { Executor, FileName, Plan, Step } from './executor.js';

/** A step that changed something or made it durable, or a remark of the test between steps. */
export type Recorded = Exclude<Step, { op: 'read' }> | { readonly op: 'note'; readonly note: unknown };

/** Passes everything on, and keeps what changes the disk, in order, bytes included: the input of the crash harness. */
export class RecordingExecutor implements Executor {
  readonly recorded: Recorded[] = [];
  readonly readOnly = false;

  constructor(readonly below: Executor) {}

  /** Leaves a remark at this place of the recording, such as "this write was acknowledged". */
  note(note: unknown): void {
    this.recorded.push({ op: 'note', note });
  }

  async run(plan: Plan): Promise<void> {
    for (const step of plan) {
      await this.below.run([step]);
      this.#record(step);
    }
  }

  runNow(plan: Plan): boolean {
    if (plan.some((step) => step.op === 'datasync' || step.op === 'syncdir')) return false;
    if (!this.below.runNow(plan)) return false;
    for (const step of plan) this.#record(step);
    return true;
  }

  size(file: FileName): Promise<number | undefined> {
    return this.below.size(file);
  }

  list(folder: FileName): Promise<string[]> {
    return this.below.list(folder);
  }

  space(): Promise<{ readonly total: number; readonly free: number }> {
    return this.below.space();
  }

  close(): Promise<void> {
    return this.below.close();
  }

  #record(step: Step): void {
    if (step.op === 'read') return;
    this.recorded.push(step.op === 'write' ? { ...step, from: step.from.map((part) => part.slice()) } : step);
  }
}
