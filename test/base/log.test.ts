import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AnywhenError } from '../../src/base/errors.js';
import { createFileLogger, createLogger, type LogOptions } from '../../src/base/log.js';

function collect(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line), ...options });
  return { log, lines };
}

describe('the log', () => {
  it('writes one JSON object a line with the level by name and a UTC time', () => {
    const { log, lines } = collect();
    log.warn({ file: 'mim', offset: 4096 }, 'damaged block');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('}\n')).toBe(true);
    const facts = JSON.parse(lines[0] ?? '');
    expect(facts).toMatchObject({ level: 'warn', file: 'mim', offset: 4096, msg: 'damaged block' });
    expect(facts.time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it('keeps every digit of an instant', () => {
    const { log, lines } = collect();
    log.info({ at: 1_700_000_000_123_456_789n }, 'x');
    expect(JSON.parse(lines[0] ?? '').at).toBe('1700000000123456789');
  });

  it('says nothing below its level', () => {
    const { log, lines } = collect({ level: 'error' });
    log.debug({}, 'a');
    log.info({}, 'b');
    log.warn({}, 'c');
    expect(lines).toEqual([]);
    log.error({}, 'd');
    expect(lines).toHaveLength(1);
  });

  it('carries code, hint and cause of an error, and its stack only when asked', () => {
    const error = new AnywhenError('io', 'cannot read', { hint: 'look', cause: new Error('EIO') });
    const plain = collect();
    plain.log.error({ error }, 'read failed');
    expect(JSON.parse(plain.lines[0] ?? '').error).toEqual({
      code: 'io',
      message: 'cannot read',
      hint: 'look',
      cause: { type: 'Error', message: 'EIO' },
    });
    const debug = collect({ stacks: true });
    debug.log.error({ error }, 'read failed');
    expect(JSON.parse(debug.lines[0] ?? '').error.stack).toContain('log.test');
  });

  it('writes a line for people with facts as key=value', () => {
    const { log, lines } = collect({ format: 'human' });
    log.info({ store: '/a b', n: 3 }, 'mounted');
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3}Z info {2}mounted {2}store="\/a b" {2}n=3\n$/);
  });

  it('colours only when told to', () => {
    const plain = collect({ format: 'human' });
    plain.log.error({}, 'x');
    expect(plain.lines[0]).not.toContain('\u001b');
    const coloured = collect({ format: 'human', colour: true });
    coloured.log.error({}, 'x');
    expect(coloured.lines[0]).toContain('\u001b[31m');
  });
});

describe('the log file', () => {
  it('is private, is appended to, and follows a rotation', () => {
    const folder = mkdtempSync(join(tmpdir(), 'log-'));
    try {
      const file = join(folder, 'a.log');
      const first = createFileLogger(file, 'info');
      first.log.info({}, 'one');
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const second = createFileLogger(file, 'info');
      second.log.info({}, 'two');
      expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
      renameSync(file, `${file}.1`);
      second.reopen();
      second.log.info({}, 'three');
      expect(readFileSync(file, 'utf8')).toContain('three');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
