import { expect, it } from 'vitest';
import { DelayingExecutor } from '../../src/file/delaying-executor.js';
import type { Step } from '../../src/file/executor.js';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { type Recorded, RecordingExecutor } from '../../src/file/recording-executor.js';

const write = (offset: number, bytes: Uint8Array = Buffer.from('x')): Step => ({
  op: 'write',
  file: 'a',
  offset,
  from: [bytes],
});
const create: Step = { op: 'create', file: 'a', size: 0 };
const datasync: Step = { op: 'datasync', file: 'a' };

const kinds = (recorded: readonly Recorded[]) => recorded.map((entry) => entry.op);

it('keeps changes, barriers and remarks in their order, and no reads', async () => {
  const executor = new RecordingExecutor(new MemoryExecutor());
  await executor.run([create, write(0), { op: 'read', file: 'a', offset: 0, into: new Uint8Array(1) }]);
  executor.note('acknowledged');
  expect(executor.runNow([write(1)])).toBe(true);
  await executor.run([datasync, { op: 'syncdir', file: '' }]);
  expect(executor.recorded).toEqual([
    create,
    write(0, new Uint8Array([120])),
    { op: 'note', note: 'acknowledged' },
    write(1, new Uint8Array([120])),
    { op: 'datasync', file: 'a', before: 4, except: [] },
    { op: 'syncdir', file: '', before: 5, except: [] },
  ]);
});

it('keeps the bytes of the moment, not those that the buffer holds later', async () => {
  const executor = new RecordingExecutor(new MemoryExecutor());
  const bytes = Buffer.from('before');
  await executor.run([create, write(0, bytes)]);
  bytes.fill(0);
  expect(executor.recorded[1]).toMatchObject({ from: [new Uint8Array(Buffer.from('before'))] });
});

it('does not let a datasync cover a write that was begun after it or still under way', async () => {
  const executor = new RecordingExecutor(new DelayingExecutor(new MemoryExecutor(), 3, 20));
  await executor.run([create, write(0)]);
  const under = executor.run([write(1)]);
  const sync = executor.run([datasync]);
  const later = executor.run([write(2)]);
  await Promise.all([under, sync, later]);
  const barrier = executor.recorded.find((entry) => entry.op === 'datasync');
  expect(barrier).toEqual({ op: 'datasync', file: 'a', before: 3, except: [2] });
  expect(executor.recorded[2]).toMatchObject({ offset: 1 });
});

it('records a change when it begins', async () => {
  const executor = new RecordingExecutor(new DelayingExecutor(new MemoryExecutor(), 1, 5));
  await executor.run([create]);
  const writing = executor.run([write(0)]);
  expect(kinds(executor.recorded)).toEqual(['create', 'write']);
  await writing;
});

it('never covers a write that failed, and forgets other changes that failed', async () => {
  const executor = new RecordingExecutor(new MemoryExecutor());
  await executor.run([create, write(0)]);
  await expect(executor.run([create])).rejects.toMatchObject({ code: 'exists' });
  await expect(executor.run([{ ...write(0), file: 'b' } as Step])).rejects.toMatchObject({
    code: 'not-found',
  });
  await executor.run([datasync]);
  expect(executor.recorded.slice(2)).toEqual([
    { op: 'write', file: 'a', offset: 0, from: [] },
    { ...write(0, new Uint8Array([120])), file: 'b' },
    { op: 'datasync', file: 'a', before: 4, except: [2, 3] },
  ]);
});
