import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AnywhenError, messageOf } from '../src/base/errors.js';
import { runBench } from './bench.js';
import { type BenchOptions, parseOptions, USAGE } from './options.js';
import { printReport } from './print.js';
import { type Report, reportSchema } from './report.js';
import { Undo } from './undo.js';

/** The command: runs, prints the table on standard output, writes the JSON, and leaves nothing else behind. */
export async function main(args: readonly string[]): Promise<void> {
  const undo = new Undo();
  undo.onSignals();
  try {
    const options = parseOptions(args);
    if (options === 'help') {
      process.stdout.write(USAGE);
      return;
    }
    const report = await runBench(options, undo, (text) => process.stderr.write(`bench: ${text}\n`));
    process.stdout.write(printReport(report));
    process.stderr.write(`bench: written to ${write(report, options)}\n`);
  } catch (error) {
    if (!undo.began) tell(error);
    process.exitCode = 1;
  }
  for (const failure of await undo.run()) {
    process.stderr.write(`bench: cleaning up: ${failure}\n`);
    process.exitCode = 1;
  }
}

function tell(error: unknown): void {
  process.stderr.write(`bench: ${messageOf(error)}\n`);
  if (error instanceof AnywhenError && error.hint !== undefined) process.stderr.write(`${error.hint}\n`);
}

function write(report: Report, options: BenchOptions): string {
  const name = `${report.startedAt.slice(0, 19).replaceAll(':', '')}.json`;
  const path = resolve(options.out ?? join('bench', 'results', name));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(reportSchema.parse(report), undefined, 2)}\n`);
  return path;
}
