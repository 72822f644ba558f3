import { expect, test } from 'vitest';
import type { Executor, Plan } from '../../src/file/executor.js';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { FILES } from '../../src/format/layout.js';
import { Mirror } from '../../src/mirror/mirror.js';
import { emptySums, encodeSumsPage } from '../../src/mirror/sums-page.js';

const SEED = 7;

/** Answers the first read last. */
class LateExecutor extends MemoryExecutor implements Executor {
  #reads = 0;

  override async run(plan: Plan): Promise<void> {
    if (plan[0]?.op === 'read' && this.#reads++ === 0)
      for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
    return super.run(plan);
  }
}

test('a page of sums that is asked for twice before it is read is the same array, which the mover changes', async () => {
  const executor = new LateExecutor();
  const page = encodeSumsPage(0, emptySums(), SEED);
  executor.runNow([
    { op: 'create', file: FILES.sums, size: 0 },
    { op: 'write', file: FILES.sums, offset: 0, from: [page] },
  ]);
  const mirror = new Mirror(executor, FILES.mim, SEED);
  await mirror.open();
  const reader = mirror.sums(0);
  const moving = await mirror.pin(0);
  moving[3] = 42;
  expect((await reader)[3]).toBe(42);
  expect((await mirror.sums(0))[3]).toBe(42);
});
