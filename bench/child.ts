import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Undo } from './undo.js';

/** sbin and libexec hold daemons, and are not in everybody's PATH. */
const PATH = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;
const environment = { ...process.env, PATH, LC_ALL: 'C' };

/** The path of a command, or undefined. */
export function whichCommand(name: string): string | undefined {
  for (const folder of PATH.split(':')) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next folder may have it.
    }
  }
  return undefined;
}

/** Runs a command to its end and returns what it printed. Killed when the run is undone. @throws with its output */
export function run(undo: Undo, command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => out.push(data));
    child.stderr.on('data', (data: Buffer) => err.push(data));
    const release = undo.add(() => child.kill('SIGKILL'));
    child.on('error', reject);
    child.on('close', (status) => {
      void release();
      if (status === 0) return resolve(Buffer.concat(out).toString());
      const output = Buffer.concat([...err, ...out])
        .toString()
        .trim()
        .split('\n')
        .slice(-8)
        .join('\n');
      reject(new Error(`${command} ${args.join(' ')}: ended with status ${status}\n${output}`));
    });
  });
}

/** A process in the background. */
export class Daemon {
  readonly #log: Buffer[] = [];
  readonly #ended: Promise<number | null>;
  #over = false;
  readonly #pid: number;
  readonly #release: () => Promise<void>;

  constructor(
    undo: Undo,
    readonly command: string,
    args: readonly string[],
  ) {
    const child = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#pid = child.pid ?? 0;
    child.stdout.on('data', (data: Buffer) => this.#log.push(data));
    child.stderr.on('data', (data: Buffer) => this.#log.push(data));
    this.#ended = new Promise((resolve) => {
      child.on('error', () => resolve(null));
      child.on('close', resolve);
    });
    void this.#ended.then(() => {
      this.#over = true;
    });
    this.#release = undo.add(() => this.#end(child));
  }

  /** Its processor time so far, us, its memory, bytes, and what it wrote to disks so far, bytes. */
  usage(): { readonly cpu: number; readonly memory: number; readonly written: number } {
    const stat = readFileSync(`/proc/${this.#pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const pages = Number(readFileSync(`/proc/${this.#pid}/statm`, 'utf8').split(' ')[1]);
    // User and system time, in hundredths of a second.
    const cpu = (Number(stat[11]) + Number(stat[12])) * 10_000;
    const io = /^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${this.#pid}/io`, 'utf8'));
    return { cpu, memory: pages * 4096, written: Number(io?.[1]) };
  }

  /** What it printed. */
  get log(): string {
    return Buffer.concat(this.#log).toString();
  }

  /** Waits until `condition` holds. @throws with its output when the process ends before, or after 30 s */
  async until(condition: () => boolean): Promise<void> {
    const limit = performance.now() + 30_000;
    while (!condition()) {
      if (this.#over) throw new Error(`${this.command} ended:\n${this.log}`);
      if (performance.now() > limit) throw new Error(`${this.command}: not ready after 30 s:\n${this.log}`);
      await sleep(20);
    }
  }

  /** Tells it to stop, and waits until it has. */
  stop(): Promise<void> {
    return this.#release();
  }

  async #end(child: ChildProcess): Promise<void> {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await this.#ended;
    clearTimeout(timer);
  }
}

/** Whether something is mounted there. Does not touch the path, which might hang. */
export function isMounted(path: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4] === path);
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
