#!/usr/bin/env node
// Cuts some consecutive writes out of a block trace (CSV: version,time,op,size,lbn) for the replay test:
//   node tools/cut-trace.mjs TRACE[.gz] FIRST COUNT > test/trace/vm-disk-cut.csv
// Times begin at 0. Addresses move together: the 4 KiB blocks that nobody writes are left out, but where some
// were, one stays, so that what overlapped, touched or lay apart still does, at the same offset in its block.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const WRITE = '2a';
const SECTOR = 512;
const SECTORS = 8;

const [path, first, count] = process.argv.slice(2);
if (path === undefined || !(Number(first) >= 0) || !(Number(count) > 0)) {
  process.stderr.write('usage: cut-trace.mjs TRACE[.gz] FIRST COUNT\n');
  process.exit(2);
}
const bytes = readFileSync(path);
const [head, ...lines] = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().trim().split('\n');
const writes = lines
  .map((line) => line.split(','))
  .filter(([, , op]) => op === WRITE)
  .slice(Number(first), Number(first) + Number(count))
  .map(([version, time, op, size, lbn]) => ({
    version,
    op,
    time: Number(time),
    size: Number(size),
    lbn: Number(lbn),
  }));

const blocks = new Set();
for (const { lbn, size } of writes) {
  const end = Math.ceil((lbn + size / SECTOR) / SECTORS);
  for (let block = Math.floor(lbn / SECTORS); block < end; block++) blocks.add(block);
}
const moved = new Map();
let next = 0;
let last;
for (const block of [...blocks].sort((a, b) => a - b)) {
  if (last !== undefined && block !== last + 1) next += 1;
  moved.set(block, next++);
  last = block;
}

process.stdout.write(`${head}\n`);
for (const { version, op, time, size, lbn } of writes) {
  const place = moved.get(Math.floor(lbn / SECTORS)) * SECTORS + (lbn % SECTORS);
  process.stdout.write(`${version},${time - writes[0].time},${op},${size},${place}\n`);
}
