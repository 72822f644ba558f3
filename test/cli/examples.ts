import { expect } from 'vitest';
import { parseMountOptions } from '../../src/cli/mount-options.js';
import { buildProgram } from '../../src/cli/program.js';
import { parsePolicy } from '../../src/control/policy-text.js';
import { shellWords } from './shell-words.js';

/** Parses a command line with the real program, whose commands do nothing; returns the command that was meant. */
export async function parsedExample(line: string): Promise<string> {
  const [name, ...args] = shellWords(line);
  expect(name).toBe('anywhen');
  const program = buildProgram();
  let ran = '';
  for (const command of [program, ...program.commands])
    command.configureOutput({ writeErr: () => undefined });
  for (const command of program.commands) {
    command.action(() => {
      ran = command.name();
      // What only the action would look at.
      const options = command.opts<{ options?: string[]; set?: string[] }>();
      parseMountOptions(options.options ?? []);
      parsePolicy(options.set ?? []);
    });
  }
  await program.parseAsync(args, { from: 'user' });
  return ran;
}
