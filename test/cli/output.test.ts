import { describe, expect, it } from 'vitest';
import { AnywhenError } from '../../src/base/errors.js';
import { EXIT } from '../../src/cli/exit-codes.js';
import { wantsColour } from '../../src/cli/output.js';
import { reportOf } from '../../src/cli/report.js';

const PLAIN = { debug: false, json: false };

describe('colour', () => {
  const terminal = { isTTY: true };
  it('is for terminals', () => {
    expect(wantsColour(terminal, {})).toBe(true);
    expect(wantsColour({}, {})).toBe(false);
    expect(wantsColour({ isTTY: false }, {})).toBe(false);
    expect(wantsColour(terminal, { TERM: 'dumb' })).toBe(false);
  });

  it('is off with NO_COLOR, whatever else is set, unless that is empty', () => {
    expect(wantsColour(terminal, { NO_COLOR: '1' })).toBe(false);
    expect(wantsColour(terminal, { NO_COLOR: '0' })).toBe(false);
    expect(wantsColour(terminal, { NO_COLOR: '1', FORCE_COLOR: '1' })).toBe(false);
    expect(wantsColour(terminal, { NO_COLOR: '' })).toBe(true);
  });

  it('is on with FORCE_COLOR, and off with FORCE_COLOR=0', () => {
    expect(wantsColour({}, { FORCE_COLOR: '1' })).toBe(true);
    expect(wantsColour(terminal, { FORCE_COLOR: '0' })).toBe(false);
    expect(wantsColour({}, { FORCE_COLOR: '' })).toBe(false);
  });
});

describe('the report of an error', () => {
  it('has the exit status of its code', () => {
    for (const [code, status] of Object.entries(EXIT)) {
      const error = new AnywhenError(code as keyof typeof EXIT, 'it failed');
      expect(reportOf(error, PLAIN)).toEqual({ text: 'anywhen: it failed\n', status });
    }
  });

  it('has a second line when there is a way out', () => {
    const error = new AnywhenError('busy', 'it is in use', { hint: 'Wait.' });
    expect(reportOf(error, PLAIN).text).toBe('anywhen: it is in use\n  Wait.\n');
  });

  it('of a fault of ours is plain too, and has its stack with --debug', () => {
    const fault = new TypeError('x is not a function', { cause: new Error('inner') });
    expect(reportOf(fault, PLAIN)).toEqual({ text: 'anywhen: x is not a function\n', status: 1 });
    const { text } = reportOf(fault, { ...PLAIN, debug: true });
    expect(text).toMatch(/^\s+at /m);
    expect(text).toMatch(/caused by: Error: inner/);
  });

  it('of what is no error is still one', () => {
    expect(reportOf('thrown', PLAIN)).toEqual({ text: 'anywhen: thrown\n', status: 1 });
  });
});
