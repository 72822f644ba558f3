import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Executor, Plan, Step } from '../../src/file/executor.js';
import { codeOf, NaiveFiles } from './naive-files.js';

export interface Opened {
  readonly executor: Executor;
  /** A second executor on the same files, read-only. */
  readOnly(): Promise<Executor>;
  dispose(): Promise<void>;
}

const FILES = ['a', 'b', 'folder/a', 'folder', 'nowhere/a'];
const SIZE = 12_000;

const place = fc.record({ offset: fc.nat(SIZE), length: fc.oneof(fc.nat(40), fc.nat(9000)) });
const file = fc.constantFrom(...FILES);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: fc.constant('create' as const), file, size: fc.nat(SIZE) }) },
  { weight: 6, arbitrary: write() },
  {
    weight: 4,
    arbitrary: fc.record({ file, place }).map(({ file, place }) => ({
      op: 'read' as const,
      file,
      offset: place.offset,
      into: new Uint8Array(place.length),
    })),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('truncate' as const), file, size: fc.nat(SIZE) }) },
  {
    weight: 4,
    arbitrary: fc
      .record({ op: fc.constantFrom('allocate' as const, 'punch' as const), file, place })
      .map(({ op, file, place }) => ({ op, file, ...place })),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('rename' as const), file, to: file }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('unlink' as const, 'datasync' as const), file }) },
  { weight: 1, arbitrary: fc.constant({ op: 'mkdir' as const, file: 'folder' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('syncdir' as const),
      file: fc.constantFrom('', 'folder', 'nowhere', 'a'),
    }),
  },
);

function write(): fc.Arbitrary<Step> {
  const part = fc.record({
    length: fc.oneof(fc.nat(20), fc.nat(3000)),
    byte: fc.integer({ min: 1, max: 255 }),
  });
  return fc.record({ file, offset: fc.nat(SIZE), parts: fc.array(part, { maxLength: 4 }) }).map((it) => ({
    op: 'write',
    file: it.file,
    offset: it.offset,
    from: it.parts.map(({ length, byte }) => new Uint8Array(length).fill(byte)),
  }));
}

/** The contract of `Executor`, as far as it can be seen without cutting the power. */
export function executorSuite(
  name: string,
  open: () => Promise<Opened>,
  runs = Number(process.env.FILE_RUNS ?? 150),
): void {
  describe(name, () => {
    let opened: Opened;
    let executor: Executor;

    beforeEach(async () => {
      opened = await open();
      executor = opened.executor;
    });
    afterEach(() => opened.dispose());

    const codes = async (plan: Plan) => executor.run(plan).then(() => undefined, codeOf);
    const content = (file: string) => contentOf(executor, file);

    it('does what a naive map of files does, plan by plan', async () => {
      const plan = fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 4 }), now: fc.boolean() });
      await fc.assert(
        fc.asyncProperty(fc.array(plan, { maxLength: 25 }), async (plans) => {
          const other = await open();
          try {
            await comparePlans(other.executor, plans);
          } finally {
            await other.dispose();
          }
        }),
        { numRuns: runs },
      );
    });

    it('makes a sparse file of a terabyte', async () => {
      const size = 2 ** 40;
      await executor.run([{ op: 'create', file: 'big', size }]);
      expect(await executor.size('big')).toBe(size);
      const into = new Uint8Array(100).fill(7);
      await executor.run([
        { op: 'write', file: 'big', offset: size - 150, from: [new Uint8Array(50).fill(5)] },
        { op: 'read', file: 'big', offset: size - 100, into },
        { op: 'punch', file: 'big', offset: 4096, length: size },
      ]);
      expect(into.every((byte) => byte === 0)).toBe(true);
      await executor.run([{ op: 'read', file: 'big', offset: size - 150, into }]);
      expect(into.every((byte) => byte === 0)).toBe(true);
    });

    it('ends a plan at the first step that fails', async () => {
      await executor.run([{ op: 'create', file: 'a', size: 0 }]);
      const plan: Plan = [
        { op: 'write', file: 'a', offset: 0, from: [Buffer.from('one')] },
        { op: 'create', file: 'a', size: 0 },
        { op: 'write', file: 'a', offset: 0, from: [Buffer.from('two')] },
      ];
      expect(await codes(plan)).toBe('exists');
      expect((await content('a')).toString()).toBe('one');
    });

    it('writes many buffers of all sizes as one', async () => {
      const from = Array.from({ length: 3000 }, (_, at) =>
        new Uint8Array(at % 7 === 0 ? 0 : at % 200).fill(at % 251),
      );
      const large = [...from, new Uint8Array(300_000).fill(9), ...from];
      await executor.run([
        { op: 'create', file: 'a', size: 0 },
        { op: 'create', file: 'b', size: 0 },
        { op: 'write', file: 'a', offset: 3, from },
        { op: 'write', file: 'b', offset: 3, from: large },
      ]);
      expect((await content('a')).equals(Buffer.concat([Buffer.alloc(3), ...from]))).toBe(true);
      expect((await content('b')).equals(Buffer.concat([Buffer.alloc(3), ...large]))).toBe(true);
    });

    it('refuses every change when it is read-only, and reads', async () => {
      await executor.run([
        { op: 'mkdir', file: 'folder' },
        { op: 'create', file: 'a', size: 10 },
      ]);
      const reader = await opened.readOnly();
      const changes: Step[] = [
        { op: 'create', file: 'new', size: 0 },
        { op: 'allocate', file: 'a', offset: 0, length: 1 },
        { op: 'write', file: 'a', offset: 0, from: [new Uint8Array(1)] },
        { op: 'truncate', file: 'a', size: 0 },
        { op: 'punch', file: 'a', offset: 0, length: 1 },
        { op: 'datasync', file: 'a' },
        { op: 'rename', file: 'a', to: 'b' },
        { op: 'unlink', file: 'a' },
        { op: 'mkdir', file: 'other' },
        { op: 'syncdir', file: '' },
      ];
      for (const change of changes) {
        await expect(reader.run([change]), change.op).rejects.toMatchObject({ code: 'read-only' });
      }
      expect(await reader.list('')).toEqual(['a', 'folder']);
      expect((await contentOf(reader, 'a')).length).toBe(10);
      await reader.close();
    });

    it('lists names, sorted, and nothing where there is no folder', async () => {
      await executor.run([
        { op: 'create', file: 'b', size: 0 },
        { op: 'mkdir', file: 'folder' },
        { op: 'create', file: 'folder/x', size: 0 },
        { op: 'create', file: 'a', size: 0 },
      ]);
      expect(await executor.list('')).toEqual(['a', 'b', 'folder']);
      expect(await executor.list('folder')).toEqual(['x']);
      expect(await executor.list('nowhere')).toEqual([]);
      await expect(executor.list('a')).rejects.toMatchObject({ code: 'damaged' });
    });

    it('knows no size of what is not there, and takes no folder for a file', async () => {
      await executor.run([{ op: 'mkdir', file: 'folder' }]);
      expect(await executor.size('a')).toBeUndefined();
      expect(await executor.size('nowhere/a')).toBeUndefined();
      await expect(executor.size('folder')).rejects.toMatchObject({ code: 'damaged' });
    });

    it('refuses names that lead out of the store', async () => {
      for (const file of ['../a', 'folder/../a', './a', 'folder//a', 'a/', 'a\0b']) {
        expect(await codes([{ op: 'create', file, size: 0 }]), file).toBe('denied');
      }
    });

    it('says which file and where when a read goes past the end', async () => {
      await executor.run([{ op: 'create', file: 'a', size: 10 }]);
      const read = executor.run([{ op: 'read', file: 'a', offset: 4, into: new Uint8Array(7) }]);
      await expect(read).rejects.toMatchObject({
        code: 'damaged',
        message: 'a: ends at 10, before offset 11',
        data: { file: 'a', offset: 10 },
      });
    });

    it('tells the space of the filesystem', async () => {
      const { total, free } = await executor.space();
      expect(total).toBeGreaterThan(0);
      expect(free).toBeGreaterThan(0);
      expect(free).toBeLessThanOrEqual(total);
    });

    it('reads what was just written at once, or changes nothing', async () => {
      await executor.run([{ op: 'create', file: 'a', size: 0 }]);
      const from = [Buffer.from('bytes')];
      const before = executor.runNow([{ op: 'write', file: 'a', offset: 0, from }]);
      expect((await content('a')).toString()).toBe(before ? 'bytes' : '');
    });
  });
}

async function comparePlans(
  executor: Executor,
  plans: readonly { steps: Step[]; now: boolean }[],
): Promise<void> {
  const model = new NaiveFiles();
  for (const { steps, now } of plans) {
    const reads = steps.flatMap((step) => (step.op === 'read' ? [step.into] : []));
    for (const into of reads) into.fill(0xaa);
    const found = await attempt(executor, steps, now);
    const got = reads.map((into) => Buffer.from(into));
    for (const into of reads) into.fill(0xaa);
    let expected: string | undefined;
    for (const step of steps) {
      expected = model.step(step);
      if (expected !== undefined) break;
    }
    expect(found).toBe(expected);
    // A read that failed may have filled a part of its buffer.
    if (expected === undefined) expect(got).toEqual(reads.map((into) => Buffer.from(into)));
    for (const name of FILES) {
      expect(await executor.size(name).catch(codeOf)).toBe(model.size(name));
      const bytes = model.files.get(name);
      if (bytes !== undefined) expect((await contentOf(executor, name)).equals(bytes)).toBe(true);
    }
  }
}

/** Through `runNow` when asked for, and `run` when that does not do it. */
async function attempt(executor: Executor, plan: Plan, now: boolean): Promise<string | undefined> {
  try {
    if (!now || !executor.runNow(plan)) await executor.run(plan);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

export async function contentOf(executor: Executor, file: string): Promise<Buffer> {
  const into = Buffer.alloc((await executor.size(file)) ?? 0);
  await executor.run([{ op: 'read', file, offset: 0, into }]);
  return into;
}
