import type { Command } from 'commander';
import { storeFolder } from '../control/locate.js';
import type { Finding } from '../inspect/check.js';
import { checkFolder } from '../inspect/open.js';
import { EXIT } from './exit-codes.js';
import { type OutputOptions, print, printJson, progressBar } from './output.js';

export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .argument('<store>', 'the folder of the store')
    .description('verify a store; writes nothing')
    .option('--data', 'read and verify all data too')
    .action(check);
}

async function check(path: string, flags: OutputOptions & { data?: boolean }): Promise<void> {
  const findings: Finding[] = [];
  const options = { data: flags.data === true, progress: progressBar('checking', flags) };
  for await (const finding of checkFolder(await storeFolder(path), options)) {
    findings.push(finding);
    const { level, file, offset, message } = finding;
    const place = offset === undefined ? file : `${file}, offset ${offset}`;
    if (flags.json !== true) print(`${level}: ${place}: ${message}`);
  }
  if (flags.json === true) printJson('check', { findings });
  const errors = findings.filter((finding) => finding.level === 'error').length;
  if (errors > 0) process.exitCode = EXIT.damaged;
  else if (flags.json !== true && flags.quiet !== true) print('no errors');
}
