import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { MemoryFile } from '../../src/file/memory-file.js';
import { contentOf } from './executor-suite.js';

it('keeps a copy as it is, whatever is done to the original, and the other way round', async () => {
  const edit = fc.record({
    copy: fc.boolean(),
    offset: fc.nat(20_000),
    length: fc.nat(9000),
    byte: fc.nat(255),
    op: fc.constantFrom('write', 'punch', 'truncate', 'snapshot'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { maxLength: 30 }), async (edits) => {
      const executors = [new MemoryExecutor(), new MemoryExecutor()];
      const models = [Buffer.alloc(0), Buffer.alloc(0)];
      for (const executor of executors) await executor.run([{ op: 'create', file: 'a', size: 0 }]);
      for (const { copy, offset, length, byte, op } of edits) {
        const [one, other] = copy ? [1, 0] : [0, 1];
        if (op === 'snapshot') {
          executors[one] = (executors[other] as MemoryExecutor).copy();
          models[one] = Buffer.from(models[other] as Buffer);
          continue;
        }
        const before = models[one] as Buffer;
        const size =
          op === 'truncate'
            ? length
            : op === 'write' && length > 0
              ? Math.max(before.length, offset + length)
              : before.length;
        const after = Buffer.alloc(size);
        before.copy(after);
        if (op !== 'truncate')
          after.fill(op === 'write' ? byte : 0, Math.min(size, offset), Math.min(size, offset + length));
        models[one] = after;
        await executors[one]?.run([
          op === 'write'
            ? { op: 'write', file: 'a', offset, from: [new Uint8Array(length).fill(byte)] }
            : op === 'punch'
              ? { op: 'punch', file: 'a', offset, length }
              : { op: 'truncate', file: 'a', size: length },
        ]);
      }
      for (const [at, executor] of executors.entries()) {
        expect((await contentOf(executor, 'a')).equals(models[at] as Buffer)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

it('takes memory for written pages only, and gives it back', () => {
  const file = new MemoryFile();
  file.truncate(2 ** 50);
  file.write(2 ** 49 - 1, new Uint8Array(2).fill(1));
  expect(file.allocated).toBe(8192);
  file.zero(2 ** 49 - 4096, 4096);
  expect(file.allocated).toBe(4096);
  file.truncate(0);
  expect(file.allocated).toBe(0);
});

it('copies folders, empty ones too', async () => {
  const executor = new MemoryExecutor();
  await executor.run([
    { op: 'mkdir', file: 'backward' },
    { op: 'mkdir', file: 'backward/deep' },
  ]);
  expect(await executor.copy().list('backward')).toEqual(['deep']);
});

it('does every plan at once', () => {
  const executor = new MemoryExecutor();
  expect(
    executor.runNow([
      { op: 'create', file: 'a', size: 5 },
      { op: 'datasync', file: 'a' },
      { op: 'syncdir', file: '' },
    ]),
  ).toBe(true);
});
