#!/usr/bin/env node
import { AnywhenError, messageOf, systemCode } from '../base/errors.js';
import { buildProgram } from './program.js';
import { reportOf } from './report.js';

const asked = (flag: string) => process.argv.includes(flag);

// Whoever reads our output may stop when it has enough: that is no error. A full disk is one.
process.stdout.on('error', (error) => {
  if (systemCode(error) === 'EPIPE') process.exit(0);
  process.exit(tell(new AnywhenError('io', `standard output: ${messageOf(error)}`, { cause: error })));
});
try {
  await buildProgram().parseAsync();
} catch (error) {
  process.exitCode = tell(error);
  // A parent that waits for the mount hears why there is none.
  if (process.send !== undefined) process.send({ error: wire(error) }, () => process.exit());
}

function tell(error: unknown): number {
  const { text, status } = reportOf(error, { debug: asked('--debug'), json: asked('--json') });
  process.stderr.write(text);
  return status;
}

function wire(error: unknown): { code: string; message: string; hint?: string } {
  if (!(error instanceof AnywhenError)) return { code: 'io', message: messageOf(error) };
  return {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}
