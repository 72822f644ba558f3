import { Command } from 'commander';
import { VERSION } from '../control/operations.js';
import { addAttachCommands } from './command-attach.js';
import { addCheckCommand } from './command-check.js';
import { addCompletionCommand } from './command-completion.js';
import { addDiffCommand } from './command-diff.js';
import { addInspectCommand } from './command-inspect.js';
import { addMountCommands } from './command-mount.js';
import { addStoreCommands } from './command-store.js';
import { addThinCommand } from './command-thin.js';
import { addVolumeCommands } from './command-volume.js';
import { EXAMPLES, examplesText, OVERVIEW } from './examples.js';

/** These print no facts: their output is the bytes, or the script. */
const NO_FACTS = new Set(['read', 'completion']);

/** The whole command line; each command parses, calls, prints. */
export function buildProgram(): Command {
  const program = new Command('anywhen');
  program.description('Shows a disk volume as it is now and as it was at any earlier time.').version(VERSION);
  program.configureHelp({ sortSubcommands: false }).addHelpText('after', examplesText(OVERVIEW));
  speakPlainly(program, 'anywhen');
  addStoreCommands(program);
  addMountCommands(program);
  addVolumeCommands(program);
  addAttachCommands(program);
  addThinCommand(program);
  addDiffCommand(program);
  addCheckCommand(program);
  addInspectCommand(program);
  addCompletionCommand(program);
  for (const command of program.commands) {
    const name = command.name();
    if (!NO_FACTS.has(name)) command.option('--json', 'print facts as JSON');
    command.option('-q, --quiet', 'say less').option('-v, --verbose', 'say more');
    command.option('--debug', 'show the stack of an error');
    command.addHelpText('after', examplesText(EXAMPLES[name] ?? []));
    speakPlainly(command, `anywhen ${name}`);
  }
  return program;
}

/** Errors of the command line read as all others do; nothing here ends the process. */
function speakPlainly(command: Command, name: string): void {
  command
    .exitOverride()
    .showHelpAfterError(`  \`${name} --help\` shows how.`)
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, `${name}: `)),
    });
}
