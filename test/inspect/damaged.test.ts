import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { AnywhenError } from '../../src/base/errors.js';
import type { MemoryExecutor } from '../../src/file/memory-executor.js';
import type { MemoryFile } from '../../src/file/memory-file.js';
import { inspectBackward } from '../../src/inspect/backward.js';
import { inspectCatalog } from '../../src/inspect/catalog.js';
import { checkStore } from '../../src/inspect/check.js';
import { inspectForward } from '../../src/inspect/forward.js';
import { type Look, lookAt } from '../../src/inspect/look.js';
import { inspectMap } from '../../src/inspect/maps.js';
import { inspectAll } from '../../src/inspect/overview.js';
import { inspectSums } from '../../src/inspect/sums.js';
import { inspectSuperblock } from '../../src/inspect/superblock.js';
import { grownStore, interruptedStore } from './grown-store.js';

/*
 * Whatever became of the files: a look at any structure ends, with an error of ours if with any, and not a byte is
 * other than before. `INSPECT_RUNS=20000` for the long run.
 */
const RUNS = Number(process.env.INSPECT_RUNS ?? 150);

/** Rows that a look may bring at the most: a queue of 12 blocks, a few segments, a catalog of some records. */
const ENOUGH = 20_000;

const LOOKS: Readonly<Record<string, (look: Look) => AsyncIterable<unknown>>> = {
  forward: (look) => inspectForward(look, { all: true, data: true }),
  backward: (look) => inspectBackward(look, { all: true }),
  catalog: (look) => inspectCatalog(look),
  sums: (look) => inspectSums(look, { blocks: true, data: true }),
  all: (look) => inspectAll(look),
  maps: (look) => inspectMap(look.executor, 'now'),
  oldest: (look) => inspectMap(look.executor, 'oldest'),
  check: (look) => checkStore(look.executor, { data: true }),
};

/** What can happen to a file: bits flip, a stretch becomes zeros or something else, it is cut short, it is gone. */
const harm = fc.oneof(
  { weight: 6, arbitrary: fc.record({ how: fc.constant('flip' as const), where: fc.nat(), bit: fc.nat(7) }) },
  {
    weight: 1,
    arbitrary: fc.record({ how: fc.constant('zeros' as const), where: fc.nat(), length: fc.nat(5000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ how: fc.constant('noise' as const), where: fc.nat(), length: fc.nat(5000) }),
  },
  { weight: 1, arbitrary: fc.record({ how: fc.constant('cut' as const), where: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ how: fc.constant('gone' as const) }) },
);
type Harm = typeof harm extends fc.Arbitrary<infer T> ? T : never;

function apply(disk: MemoryExecutor, name: string, what: Harm): void {
  const file = disk.files.get(name);
  if (file === undefined || file.size === 0) return;
  if (what.how === 'gone') return void disk.files.delete(name);
  const where = what.where % file.size;
  if (what.how === 'cut') return file.truncate(where);
  if (what.how === 'flip') {
    const byte = new Uint8Array(1);
    file.read(where, byte);
    return file.write(where, Uint8Array.of((byte[0] as number) ^ (1 << what.bit)));
  }
  const length = Math.min(what.length, file.size - where);
  const fill = (at: number) => (what.how === 'zeros' ? 0 : Math.imul(at + where + 1, 2_654_435_761) >>> 24);
  file.write(
    where,
    Uint8Array.from({ length }, (_, at) => fill(at)),
  );
}

function contents(files: ReadonlyMap<string, MemoryFile>): Map<string, Buffer> {
  return new Map(
    [...files].map(([name, file]) => {
      const bytes = Buffer.alloc(file.size);
      file.read(0, bytes);
      return [name, bytes] as const;
    }),
  );
}

let stores: MemoryExecutor[];

beforeAll(async () => {
  const { disk } = await grownStore();
  stores = [disk.copy(), await interruptedStore()];
});

test(`a damaged store is looked at in ${RUNS} random states, and stays as it is`, {
  timeout: 600_000,
}, async () => {
  let problems = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1),
      fc.array(fc.tuple(fc.nat(), harm), { minLength: 1, maxLength: 6 }),
      async (which, harms) => {
        const disk = (stores[which] as MemoryExecutor).copy();
        const names = [...disk.files.keys()];
        for (const [at, what] of harms) apply(disk, names[at % names.length] as string, what);
        const before = contents(disk.files);
        for (const [name, items] of Object.entries(LOOKS)) {
          try {
            const look = await lookAt(disk.copy(true));
            inspectSuperblock(look);
            let count = 0;
            for await (const item of items(look)) {
              count += 1;
              const { problem, problems: more = [] } = item as { problem?: string; problems?: unknown[] };
              problems += more.length + (problem === undefined ? 0 : 1);
              expect(count, `${name} ends`).toBeLessThan(ENOUGH);
            }
          } catch (error) {
            const ours = error instanceof AnywhenError && error.code !== 'read-only';
            if (!ours) throw new Error(`${name} fails`, { cause: error });
          }
        }
        // The copies share pages with the disk: what is written to one of them would show.
        const after = contents(disk.files);
        for (const [name, bytes] of before) expect(after.get(name)?.equals(bytes), name).toBe(true);
      },
    ),
    { numRuns: RUNS },
  );
  // It is of no use to look at stores in which nothing is wrong.
  expect(problems).toBeGreaterThan(RUNS);
});
