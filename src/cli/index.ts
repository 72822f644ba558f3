#!/usr/bin/env node
import { CommanderError } from 'commander';
import { AnywhenError, messageOf } from '../base/errors.js';
import { EXIT } from './exit-codes.js';
import { buildProgram } from './program.js';

const debug = process.argv.includes('--debug');

process.stdout.on('error', () => process.exit(0));
try {
  await buildProgram().parseAsync();
} catch (error) {
  process.exitCode = report(error);
  // A parent that waits for the mount hears why there is none.
  if (process.send !== undefined) process.send({ error: wire(error) }, () => process.exit());
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
  process.stderr.write(`anywhen: ${messageOf(error)}\n`);
  if (error instanceof AnywhenError && error.hint !== undefined) process.stderr.write(`  ${error.hint}\n`);
  if (debug && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return error instanceof AnywhenError ? EXIT[error.code] : 1;
}

function wire(error: unknown): { code: string; message: string; hint?: string } {
  if (!(error instanceof AnywhenError)) return { code: 'io', message: messageOf(error) };
  return {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}
