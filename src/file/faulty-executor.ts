import type { AnywhenError } from '../base/errors.js';
import type { Executor, FileName, Plan, Space, Step } from './executor.js';
import { errorOf, syncFailure } from './file-errors.js';
import { fitsNow } from './immediate.js';
import { seededRandom } from './seeded-random.js';

/** Which steps fail, and how. */
export interface FaultRule {
  /** A kind of step, or a question; all when absent. */
  readonly op?: Step['op'] | 'size' | 'list' | 'space';
  /** A file by name or pattern; all when absent. */
  readonly file?: FileName | RegExp;
  /** Of the steps that match, the first that fails, counted from 1. Default 1. */
  readonly nth?: number;
  /** How many fail from there on. Default 1; `Infinity` for ever. */
  readonly times?: number;
  /** In place of `nth` and `times`: how likely each step that matches is to fail, from 0 to 1. */
  readonly chance?: number;
  /** The system's code, such as `EIO`, `ENOSPC` or `EDQUOT`. */
  readonly error: string;
  /** Bytes that a write still writes before it fails: a short write. Default 0. */
  readonly written?: number;
}

type Sync = Extract<Step, { op: 'datasync' | 'syncdir' }>;
interface Attempted {
  readonly op: Step['op'] | 'size' | 'list' | 'space';
  readonly file: FileName;
}

/**
 * Passes steps on, and lets those fail that its rules name: for tests of how errors are borne. A datasync or
 * syncdir that failed was not passed on, and stays failed, as the contract says.
 */
export class FaultyExecutor implements Executor {
  /** Faults that struck. 0 after a run means that the rules reached nothing. */
  fired = 0;
  /** How often each kind of step was tried on each file: `write forward`. */
  readonly sites = new Map<string, number>();
  #matched: number[];
  readonly #random: () => number;
  /** Of files and folders that can't be made durable any more. */
  readonly #failures = new Map<string, AnywhenError>();

  constructor(
    readonly below: Executor,
    readonly rules: readonly FaultRule[],
    seed = 1,
  ) {
    this.#matched = rules.map(() => 0);
    this.#random = seededRandom(seed);
  }

  get readOnly(): boolean {
    return this.below.readOnly;
  }

  async run(plan: Plan): Promise<void> {
    for (const step of plan) {
      const failure = this.#failureOf(step);
      if (failure !== undefined) throw failure;
      const rule = this.#strike(step);
      if (rule !== undefined) await this.#fail(step, rule);
      await this.below.run([step]);
      this.#follow(step);
    }
  }

  runNow(plan: Plan): boolean {
    if (!fitsNow(plan)) return false;
    const before = { matched: [...this.#matched], fired: this.fired };
    const done: Step[] = [];
    let failure: AnywhenError | undefined;
    for (const step of plan) {
      failure = this.#failureOf(step);
      const rule = failure === undefined ? this.#strike(step) : undefined;
      if (rule !== undefined) failure = errorOf(step, rule.error);
      const short = rule === undefined ? undefined : shortened(step, rule);
      if (short !== undefined) done.push(short);
      if (failure !== undefined) break;
      done.push(step);
    }
    if (!this.below.runNow(done)) {
      // `run` comes next, and meets the same fault.
      this.#matched = before.matched;
      this.fired = before.fired;
      return false;
    }
    if (failure !== undefined) throw failure;
    return true;
  }

  /** Reads are done here and nowhere else. */
  descriptor(): undefined {
    return undefined;
  }

  async size(file: FileName): Promise<number | undefined> {
    this.#ask({ op: 'size', file });
    return this.below.size(file);
  }

  async list(folder: FileName): Promise<string[]> {
    this.#ask({ op: 'list', file: folder });
    return this.below.list(folder);
  }

  async space(): Promise<Space> {
    this.#ask({ op: 'space', file: '' });
    return this.below.space();
  }

  close(): Promise<void> {
    return this.below.close();
  }

  #ask(attempt: Attempted): void {
    const rule = this.#strike(attempt);
    if (rule !== undefined) throw errorOf(attempt, rule.error);
  }

  async #fail(step: Step, rule: FaultRule): Promise<never> {
    const short = shortened(step, rule);
    if (short !== undefined) await this.below.run([short]);
    if (!isSync(step)) throw errorOf(step, rule.error);
    const failure = syncFailure(step.file, Object.assign(new Error(rule.error), { code: rule.error }));
    this.#failures.set(keyOf(step), failure);
    throw failure;
  }

  /** Counts the step, and says by which rule it fails. */
  #strike(attempt: Attempted): FaultRule | undefined {
    const site = `${attempt.op} ${attempt.file}`;
    this.sites.set(site, (this.sites.get(site) ?? 0) + 1);
    let struck: FaultRule | undefined;
    for (const [index, rule] of this.rules.entries()) {
      if (!matches(rule, attempt)) continue;
      const count = (this.#matched[index] ?? 0) + 1;
      this.#matched[index] = count;
      if (struck === undefined && this.#hits(rule, count)) struck = rule;
    }
    if (struck !== undefined) this.fired += 1;
    return struck;
  }

  #hits(rule: FaultRule, count: number): boolean {
    if (rule.chance !== undefined) return this.#random() < rule.chance;
    const { nth = 1, times = 1 } = rule;
    return count >= nth && count < nth + times;
  }

  #failureOf(step: Step): AnywhenError | undefined {
    if (step.op === 'read' || step.op === 'unlink') return undefined;
    return this.#failures.get(keyOf(step));
  }

  /** What is gone or replaced has no failure any more; a file takes its own along to a new name. */
  #follow(step: Step): void {
    if (step.op !== 'unlink' && step.op !== 'rename') return;
    this.#failures.delete(keyOf(step));
    if (step.op === 'rename') this.#failures.delete(keyOf({ op: 'write', file: step.to }));
  }
}

/** What a write that fails still writes; undefined when it is nothing. */
function shortened(step: Step, rule: FaultRule): Step | undefined {
  if (step.op !== 'write' || rule.written === undefined || rule.written <= 0) return undefined;
  return { ...step, from: [Buffer.concat(step.from).subarray(0, rule.written)] };
}

function isSync(step: Step): step is Sync {
  return step.op === 'datasync' || step.op === 'syncdir';
}

/** Names of folders and files in one map. */
function keyOf({ op, file }: Attempted): string {
  return op === 'syncdir' ? `folder ${file}` : `file ${file}`;
}

function matches(rule: FaultRule, { op, file }: Attempted): boolean {
  if (rule.op !== undefined && rule.op !== op) return false;
  if (rule.file === undefined) return true;
  return typeof rule.file === 'string' ? rule.file === file : rule.file.test(file);
}
