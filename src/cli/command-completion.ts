import { Argument, type Command } from 'commander';
import { completionScript, SHELLS, type Shell } from './completion.js';

export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .description('print a completion script for a shell')
    .action((shell: Shell) => {
      process.stdout.write(completionScript(program, shell));
    });
}
