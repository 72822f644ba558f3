#!/usr/bin/env node
// Compiles the benchmark together with the engine and runs it in this process: `npm run bench -- --help`.
import { spawnSync } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OUTPUT = join(ROOT, 'bench', 'dist');

const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const compiled = spawnSync(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.bench.json')], {
  stdio: 'inherit',
});
if (compiled.status !== 0) process.exit(1);

// The engine looks for its addon beside the folder that it was compiled to.
const native = join(OUTPUT, 'native');
if (!existsSync(native)) symlinkSync('../../native', native);

const { main } = await import(pathToFileURL(join(OUTPUT, 'bench', 'main.js')).href);
await main(process.argv.slice(2));
