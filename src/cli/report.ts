import { CommanderError } from 'commander';
import { AnywhenError, messageOf } from '../base/errors.js';
import { encodeError } from '../control/contract.js';
import { EXIT } from './exit-codes.js';

/** What is told of an error on stderr, and the exit status. */
export interface Report {
  readonly text: string;
  readonly status: number;
}

/**
 * An error in one line, and a second one on how to mend it; as one line of JSON with `json`; with its stack when
 * `debug` asks for it. What commander refuses it has told itself.
 */
export function reportOf(error: unknown, flags: { readonly debug: boolean; readonly json: boolean }): Report {
  if (error instanceof CommanderError) return { text: '', status: error.exitCode === 0 ? 0 : EXIT.usage };
  const status = error instanceof AnywhenError ? EXIT[error.code] : EXIT.io;
  if (flags.json) {
    const facts = { schema: 'anywhen/error/1', status, error: encodeError(error) };
    return { text: `${JSON.stringify(facts)}\n`, status };
  }
  const lines = [`anywhen: ${oneLine(messageOf(error))}`];
  if (error instanceof AnywhenError && error.hint !== undefined) lines.push(`  ${oneLine(error.hint)}`);
  if (flags.debug) lines.push(...stacks(error));
  return { text: `${lines.join('\n')}\n`, status };
}

/** What a file name or the system put into a message must not break the line, or paint the terminal. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => JSON.stringify(char).slice(1, -1));
}

function stacks(error: unknown): string[] {
  const lines: string[] = [];
  for (let one = error; one instanceof Error; one = one.cause)
    lines.push(lines.length === 0 ? (one.stack ?? one.message) : `caused by: ${one.stack ?? one.message}`);
  return lines;
}
