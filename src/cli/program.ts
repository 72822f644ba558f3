import { Command } from 'commander';
import { VERSION } from '../control/operations.js';
import { addCheckCommand } from './command-check.js';
import { addCompletionCommand } from './command-completion.js';
import { addInspectCommand } from './command-inspect.js';
import { addMountCommands } from './command-mount.js';
import { addStoreCommands } from './command-store.js';
import { addVolumeCommands } from './command-volume.js';

/** The whole command line; each command parses, calls, prints. */
export function buildProgram(): Command {
  const program = new Command('anywhen');
  program.description('Shows a disk volume as it is now and as it was at any earlier time.').version(VERSION);
  program.exitOverride().configureHelp({ sortSubcommands: false });
  addStoreCommands(program);
  addMountCommands(program);
  addVolumeCommands(program);
  addCheckCommand(program);
  addInspectCommand(program);
  addCompletionCommand(program);
  for (const command of program.commands) {
    command
      .option('--json', 'print facts as JSON')
      .option('-q, --quiet', 'say less')
      .option('-v, --verbose', 'say more');
    command.option('--debug', 'show the stack of an error').exitOverride();
  }
  return program;
}
