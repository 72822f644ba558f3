import type { Command } from 'commander';

/** A command as completion knows it. */
interface Entry {
  readonly name: string;
  readonly description: string;
  readonly options: readonly { readonly flags: readonly string[]; readonly description: string }[];
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A completion script, made from the tree of commands, so that it can name nothing else. Pure. */
export function completionScript(program: Command, shell: Shell): string {
  const entries = program.commands.map(entryOf);
  if (shell === 'bash') return bash(entries);
  return shell === 'zsh' ? zsh(entries) : fish(entries);
}

function entryOf(command: Command): Entry {
  const options = command.options
    .filter((option) => !option.hidden)
    .map(({ short, long, description }) => ({
      flags: [short, long].filter((flag) => flag !== undefined),
      description,
    }));
  return { name: command.name(), description: command.description(), options };
}

const flagsOf = (entry: Entry) => [...entry.options.flatMap((option) => option.flags), '--help'];

function bash(entries: readonly Entry[]): string {
  const cases = entries.map((entry) => `    ${entry.name}) words='${flagsOf(entry).join(' ')}' ;;`);
  return `# bash completion for anywhen
_anywhen() {
  local word=\${COMP_WORDS[COMP_CWORD]} words=
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${entries.map((entry) => entry.name).join(' ')} --help --version' -- "$word"))
    return
  fi
  [[ $word == -* ]] || return
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
# Everything that is no option is a path.
complete -o default -o bashdefault -F _anywhen anywhen
`;
}

function zsh(entries: readonly Entry[]): string {
  const commands = entries.map((entry) => `    '${zshText(`${entry.name}:${entry.description}`)}'`);
  const cases = entries.map((entry) => {
    const specs = entry.options.flatMap(({ flags, description }) =>
      flags.map((flag) => `'${flag}[${zshText(description).replace(/[[\]]/g, '\\$&')}]'`),
    );
    return `    ${entry.name}) _arguments ${specs.join(' ')} '--help[help]' '*:file:_files' ;;`;
  });
  return `#compdef anywhen
# zsh completion for anywhen
_anywhen() {
  local -a commands
  commands=(
${commands.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
if [[ $funcstack[1] == _anywhen ]]; then _anywhen "$@"; else compdef _anywhen anywhen; fi
`;
}

function zshText(text: string): string {
  return text.replaceAll("'", "'\\''");
}

function fish(entries: readonly Entry[]): string {
  const lines = ['# fish completion for anywhen'];
  for (const entry of entries) {
    const about = fishText(entry.description);
    lines.push(`complete -c anywhen -n __fish_use_subcommand -f -a ${entry.name} -d ${about}`);
    for (const { flags, description } of entry.options) {
      const names = flags.map((flag) =>
        flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      );
      const seen = `'__fish_seen_subcommand_from ${entry.name}'`;
      lines.push(`complete -c anywhen -n ${seen} ${names.join(' ')} -d ${fishText(description)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function fishText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
