import { spawn } from 'node:child_process';

export interface Outcome {
  /** The exit status; 128 + number for a signal, as a shell says it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** The exit statuses that are no error. */
  readonly allow?: readonly number[];
  readonly input?: string;
  /** After so many milliseconds the command is killed and the test fails. */
  readonly timeout?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly cwd?: string;
}

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** sbin holds mkfs, losetup and mount, and is not in everybody's PATH. */
export const environment: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`,
  LC_ALL: 'C',
};

/** Runs a command to its end. Fails with its whole output when the status is not an allowed one. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { allow = [0], input, timeout = 120_000, env = environment, uid, cwd } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env,
      ...(cwd === undefined ? {} : { cwd }),
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const shown = [command, ...args].join(' ');
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${shown}: no end after ${timeout} ms`));
    }, timeout);
    child.stdout.on('data', (data: Buffer) => out.push(data));
    child.stderr.on('data', (data: Buffer) => err.push(data));
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`${shown}: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const status = code ?? 128 + (SIGNAL_NUMBERS[signal ?? ''] ?? 0);
      const stdout = Buffer.concat(out).toString();
      const stderr = Buffer.concat(err).toString();
      if (allow.includes(status)) resolve({ status, stdout, stderr });
      else reject(new Error(`${shown}: exit status ${status}\n${stdout}${stderr}`));
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

export async function sha256(path: string): Promise<string> {
  const { stdout } = await run('sha256sum', [path]);
  return stdout.slice(0, 64);
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Waits until `condition` holds; fails with `what` after `timeout` ms. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeout = 30_000,
): Promise<void> {
  const end = performance.now() + timeout;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`${what}: not after ${timeout} ms`);
    await sleep(10);
  }
}
