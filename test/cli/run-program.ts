import { vi } from 'vitest';
import { buildProgram } from '../../src/cli/program.js';
import { reportOf } from '../../src/cli/report.js';

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program in this process, as `src/cli/index.ts` does. */
export async function runProgram(...args: string[]): Promise<Outcome> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const into = (list: Buffer[]) => (data: string | Uint8Array) => {
    list.push(Buffer.from(data as Uint8Array));
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(into(out)),
    vi.spyOn(process.stderr, 'write').mockImplementation(into(err)),
  ];
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await buildProgram().parseAsync(args, { from: 'user' });
    return outcome(Number(process.exitCode ?? 0));
  } catch (error) {
    const report = reportOf(error, { debug: args.includes('--debug'), json: args.includes('--json') });
    err.push(Buffer.from(report.text));
    return outcome(report.status);
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }

  function outcome(status: number): Outcome {
    return { status, stdout: Buffer.concat(out).toString('latin1'), stderr: Buffer.concat(err).toString() };
  }
}
