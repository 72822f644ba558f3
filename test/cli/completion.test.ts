import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { completionScript, SHELLS } from '../../src/cli/completion.js';
import { buildProgram } from '../../src/cli/program.js';

const program = buildProgram();

/** What bash would offer for these words, the last one being completed. */
function offered(...words: string[]): string[] {
  const list = words.map((word) => `'${word}'`).join(' ');
  const script = `${completionScript(program, 'bash')}
COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; COMPREPLY=(); _anywhen; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, status, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout.split('\n').filter((line) => line !== '');
}

describe('completion', () => {
  it('offers in bash every command, and only those that begin so', () => {
    const names = program.commands.map((command) => command.name());
    expect(offered('anywhen', '')).toEqual([...names, '--help', '--version']);
    expect(offered('anywhen', 'res')).toEqual(['restore', 'resize']);
  });

  it('offers in bash the options of the command that is there', () => {
    expect(offered('anywhen', 'restore', 's', '--n')).toEqual(['--nearest']);
    expect(offered('anywhen', 'status', '--n')).toEqual([]);
  });

  it('leaves paths to bash', () => {
    expect(offered('anywhen', 'status', 's')).toEqual([]);
  });

  it.each(SHELLS)('names in %s every command and every long option', (shell) => {
    const script = completionScript(program, shell);
    for (const command of program.commands) {
      expect(script).toContain(command.name());
      for (const option of command.options) {
        expect(script).toContain(shell === 'fish' ? `-l ${option.long?.slice(2)}` : option.long);
      }
    }
  });
});
