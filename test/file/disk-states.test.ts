import { expect, it } from 'vitest';
import type { Step } from '../../src/file/executor.js';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { RecordingExecutor } from '../../src/file/recording-executor.js';
import { seededRandom } from '../../src/file/seeded-random.js';
import { type DiskState, diskStates, type StateOptions } from '../support/disk-states.js';
import { bordersIn } from '../support/torn-writes.js';

const random = () => {
  const next = seededRandom(1);
  return (below: number) => Math.floor(next() * below);
};

const WHOLE: StateOptions = { borders: 0, garbage: () => false };

const write = (file: string, text: string, offset = 0): Step => ({
  op: 'write',
  file,
  offset,
  from: [Buffer.from(text)],
});

/** A disk with the durable file `a` ("....") and the folder `backward`. */
async function begin(): Promise<{ base: MemoryExecutor; executor: RecordingExecutor }> {
  const base = new MemoryExecutor();
  await base.run([
    { op: 'create', file: 'a', size: 0 },
    write('a', '....'),
    { op: 'mkdir', file: 'backward' },
  ]);
  return { base, executor: new RecordingExecutor(base.copy()) };
}

/** The disk in one line: `a=.... backward/ b=(missing)`. */
function seen(state: DiskState): string {
  const { disk } = state;
  const files = [...disk.files].map(([name, file]) => {
    const bytes = Buffer.alloc(file.size);
    file.read(0, bytes);
    return `${name}=${bytes.toString().replaceAll('\0', '0')}`;
  });
  return [...files, ...[...disk.folders].filter((name) => name !== '').map((name) => `${name}/`)]
    .sort()
    .join(' ');
}

async function statesOf(steps: readonly (Step | string)[], options = WHOLE): Promise<DiskState[]> {
  const { base, executor } = await begin();
  for (const step of steps) {
    if (typeof step === 'string') executor.note(step);
    else await executor.run([step]);
  }
  return [...diskStates(base, executor.recorded, random(), options)];
}

const distinct = (states: readonly DiskState[]) => [...new Set(states.map(seen))].sort();

it('tries every combination of what no barrier covers', async () => {
  const states = await statesOf([write('a', '1', 0), write('a', '2', 1), write('a', '3', 2)]);
  // The beginning, three prefixes, and at the end seven combinations beside the last prefix.
  expect(states.length).toBe(1 + 3 + 7);
  expect(distinct(states)).toEqual(
    ['....', '1...', '.2..', '12..', '..3.', '1.3.', '.23.', '123.']
      .map((text) => `a=${text} backward/`)
      .sort(),
  );
});

it('keeps what a datasync covers, and nothing else', async () => {
  const states = await statesOf([
    write('a', '1', 0),
    { op: 'datasync', file: 'a' },
    write('a', '2', 1),
    'flushed',
  ]);
  const after = states.filter((state) => state.notes.includes('flushed'));
  expect(distinct(after)).toEqual(['a=1... backward/', 'a=12.. backward/']);
});

it('leaves the rest of a disk open when one file is made durable', async () => {
  const states = await statesOf([
    { op: 'create', file: 'b', size: 0 },
    { op: 'syncdir', file: '' },
    write('a', '1'),
    write('b', '2'),
    { op: 'datasync', file: 'b' },
    'done',
  ]);
  expect(distinct(states.filter((state) => state.notes.length > 0))).toEqual([
    'a=.... b=2 backward/',
    'a=1... b=2 backward/',
  ]);
});

it('may miss a new file whose bytes are durable and whose name is not', async () => {
  const states = await statesOf([
    { op: 'create', file: 'b', size: 3 },
    write('b', 'new'),
    { op: 'datasync', file: 'b' },
    'synced',
    { op: 'syncdir', file: '' },
    'named',
  ]);
  const at = (note: string) =>
    distinct(states.filter((state) => state.notes[state.notes.length - 1] === note));
  expect(at('synced')).toEqual(['a=.... b=new backward/', 'a=.... backward/']);
  expect(at('named')).toEqual(['a=.... b=new backward/']);
});

it('may find a new file without its size, until its name or its bytes are durable', async () => {
  const states = await statesOf([
    { op: 'create', file: 'b', size: 2 },
    'made',
    { op: 'syncdir', file: '' },
    'named',
  ]);
  const at = (note: string) =>
    distinct(states.filter((state) => state.notes[state.notes.length - 1] === note));
  expect(at('made')).toEqual(['a=.... b= backward/', 'a=.... b=00 backward/', 'a=.... backward/']);
  expect(at('named')).toEqual(['a=.... b=00 backward/']);
});

it('does a rename whole or not at all, and follows the bytes to the new name', async () => {
  const states = await statesOf([
    { op: 'create', file: 'a.new', size: 0 },
    { op: 'syncdir', file: '' },
    write('a.new', 'new'),
    { op: 'rename', file: 'a.new', to: 'a' },
    'renamed',
  ]);
  expect(distinct(states.filter((state) => state.notes.length > 0))).toEqual([
    'a.new= a=.... backward/',
    'a.new=new a=.... backward/',
    'a= backward/',
    'a=new backward/',
  ]);
});

it('asks for both folders to be synced after a rename from one to the other', async () => {
  const steps: Step[] = [
    { op: 'rename', file: 'a', to: 'backward/a' },
    { op: 'syncdir', file: 'backward' },
  ];
  const half = await statesOf([...steps, 'one']);
  expect(distinct(half.filter((state) => state.notes.length > 0))).toEqual([
    'a=.... backward/',
    'backward/ backward/a=....',
  ]);
  const both = await statesOf([...steps, { op: 'syncdir', file: '' }, 'both']);
  expect(distinct(both.filter((state) => state.notes.length > 0))).toEqual(['backward/ backward/a=....']);
});

it('loses the files in a folder that is lost', async () => {
  const states = await statesOf([
    { op: 'mkdir', file: 'folder' },
    { op: 'create', file: 'folder/x', size: 0 },
    { op: 'syncdir', file: 'folder' },
    'done',
  ]);
  expect(distinct(states.filter((state) => state.notes.length > 0))).toEqual([
    'a=.... backward/',
    'a=.... backward/ folder/ folder/x=',
  ]);
});

it('brings a file back whose unlink is not durable', async () => {
  const states = await statesOf([
    { op: 'unlink', file: 'a' },
    { op: 'create', file: 'a', size: 0 },
    write('a', 'new'),
    'end',
  ]);
  expect(distinct(states)).toContain('a=.... backward/');
  expect(distinct(states)).toContain('a=new backward/');
  expect(distinct(states)).toContain('backward/');
});

it('picks combinations where there are too many', async () => {
  const steps = Array.from({ length: 12 }, (_, at) => write('a', String.fromCharCode(65 + at), at));
  const states = await statesOf(steps, { ...WHOLE, exhaustive: 4, random: 5 });
  // The beginning, twelve prefixes; then nothing, twelve without one, twelve with one only, five by chance.
  expect(states.length).toBe(1 + 12 + 1 + 12 + 12 + 5);
  expect(distinct(states)).toContain('a=ABCDEFGHIJK backward/');
  expect(distinct(states)).toContain(`a=....${'0'.repeat(7)}L backward/`);
});

it('tears a write at the borders of sectors and pages, both ways', async () => {
  expect(bordersIn(1000, 4000)).toEqual([4096 - 1000, 24, 536, 1048, 1560, 2072, 2584, 3608]);
  const data = Buffer.alloc(1024, 'n');
  const states = await statesOf([{ op: 'write', file: 'a', offset: 0, from: [data] }], {
    garbage: () => false,
  });
  const found = states.map((state) => seen(state).split(' ')[0]);
  expect(found).toContain(`a=${'n'.repeat(512)}`);
  expect(found).toContain(`a=....${'0'.repeat(508)}${'n'.repeat(512)}`);
});

it('writes zeros and garbage in the place of a write where that is asked for', async () => {
  const steps = [write('a', 'new')];
  const usual = distinct(await statesOf(steps, { garbage: () => false }));
  expect(usual).toEqual(['a=.... backward/', 'a=new. backward/']);
  const worst = distinct(await statesOf(steps, {}));
  expect(worst).toContain('a=000. backward/');
  expect(worst.length).toBe(4);
});

it('gives each state a disk of its own, a name, and the remarks before it', async () => {
  const states = await statesOf(['first', write('a', '1'), 'second']);
  const last = states[states.length - 1] as DiskState;
  expect(last.notes).toEqual(['first', 'second']);
  expect(last.what).toBe('cut after 2 (a remark), with nothing that was not made durable');
  await last.disk.run([write('a', 'xxxx')]);
  expect(seen(last)).toBe('a=.... backward/');
  expect(states.map((state) => state.what)).toContain('cut after 1 (write a 0+1), with all that was begun');
});
