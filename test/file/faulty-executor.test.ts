import { expect, it } from 'vitest';
import type { Plan, Step } from '../../src/file/executor.js';
import { type FaultRule, FaultyExecutor } from '../../src/file/faulty-executor.js';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { contentOf } from './executor-suite.js';
import { codeOf } from './naive-files.js';

const write = (text: string, file = 'a'): Step => ({
  op: 'write',
  file,
  offset: 0,
  from: [Buffer.from(text)],
});
const datasync: Step = { op: 'datasync', file: 'a' };

async function faulty(...rules: FaultRule[]): Promise<FaultyExecutor> {
  const below = new MemoryExecutor();
  await below.run([
    { op: 'create', file: 'a', size: 0 },
    { op: 'create', file: 'b', size: 0 },
  ]);
  return new FaultyExecutor(below, rules);
}

const outcome = (executor: FaultyExecutor, ...plan: Plan) => executor.run(plan).then(() => 'done', codeOf);

it('lets the nth matching step fail, so many times, and no other', async () => {
  const executor = await faulty({ op: 'write', file: 'a', nth: 3, times: 2, error: 'EIO' });
  const found: string[] = [];
  for (let at = 0; at < 6; at++) {
    found.push(await outcome(executor, write('x')));
    expect(await outcome(executor, write('y', 'b'))).toBe('done');
  }
  expect(found).toEqual(['done', 'done', 'io', 'io', 'done', 'done']);
  expect(executor.fired).toBe(2);
  expect(executor.sites).toEqual(
    new Map([
      ['write a', 6],
      ['write b', 6],
    ]),
  );
});

it('meets the same fault when the plan is done at once', async () => {
  const executor = await faulty({ op: 'write', nth: 3, error: 'ENOSPC' });
  expect(executor.runNow([write('one'), write('two')])).toBe(true);
  expect(() => executor.runNow([write('three')])).toThrow('no space left (ENOSPC)');
  expect((await contentOf(executor, 'a')).toString()).toBe('two');
  expect(executor.fired).toBe(1);
});

it('gives the codes of the contract', async () => {
  const codes: Record<string, string> = {
    EIO: 'io',
    ENOSPC: 'no-space',
    EDQUOT: 'no-space',
    EROFS: 'read-only',
  };
  for (const [error, code] of Object.entries(codes)) {
    expect(await outcome(await faulty({ error }), write('x'))).toBe(code);
  }
});

it('writes a part of a write that is cut short', async () => {
  const executor = await faulty({ op: 'write', nth: 2, error: 'EIO', written: 3 });
  await executor.run([write('original')]);
  expect(await outcome(executor, write('XXXXXXXX'))).toBe('io');
  expect((await contentOf(executor, 'a')).toString()).toBe('XXXginal');
});

it('keeps a failed datasync failed for that file, whatever comes later', async () => {
  const executor = await faulty({ op: 'datasync', error: 'EIO' });
  expect(await outcome(executor, datasync)).toBe('io');
  const first = await executor.run([datasync]).catch((error: unknown) => error);
  expect(first).toMatchObject({ code: 'io', data: { file: 'a', system: 'EIO' } });
  expect(await executor.run([write('x')]).catch((error: unknown) => error)).toBe(first);
  expect(() => executor.runNow([write('x')])).toThrow('a: could not be made durable (EIO)');
  expect(await outcome(executor, { op: 'rename', file: 'a', to: 'c' })).toBe('io');
  expect(await outcome(executor, write('x', 'b'), { op: 'datasync', file: 'b' })).toBe('done');
});

it('begins anew with a file that took the place of the failed one', async () => {
  const executor = await faulty({ op: 'datasync', error: 'EIO' });
  await outcome(executor, datasync);
  expect(await outcome(executor, { op: 'rename', file: 'b', to: 'a' }, write('x'), datasync)).toBe('done');
});

it('fails by chance alike for the same seed', async () => {
  const run = async (seed: number) => {
    const { below } = await faulty();
    const executor = new FaultyExecutor(below, [{ chance: 0.3, op: 'write', error: 'EIO' }], seed);
    const found: string[] = [];
    for (let at = 0; at < 200; at++) found.push(await outcome(executor, write('x')));
    return found;
  };
  const found = await run(7);
  expect(await run(7)).toEqual(found);
  expect(await run(8)).not.toEqual(found);
  expect(found.filter((one) => one === 'io').length).toBeGreaterThan(30);
  expect(found.filter((one) => one === 'io').length).toBeLessThan(90);
});

it('lets questions fail, too', async () => {
  const executor = await faulty(
    { op: 'size', error: 'EIO' },
    { op: 'list', error: 'EIO' },
    { op: 'space', error: 'EIO' },
  );
  await expect(executor.size('a')).rejects.toMatchObject({ code: 'io' });
  await expect(executor.list('')).rejects.toMatchObject({ code: 'io' });
  await expect(executor.space()).rejects.toMatchObject({ code: 'io' });
  expect(await executor.list('')).toEqual(['a', 'b']);
});
