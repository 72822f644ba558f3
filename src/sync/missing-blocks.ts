import { AnywhenError } from '../base/errors.js';
import type { Run } from '../journal/run.js';
import type { History } from './history.js';

/** Blocks of runs that a region of a view needs: held until it is resolved, whatever the cache does. */
export class MissingBlocks {
  /** Made when it is needed: mostly it is not. */
  #blocks: Map<Run, Map<number, Uint32Array | undefined>> | undefined;

  /** A block that was brought. */
  get(run: Run, block: number): Uint32Array | undefined {
    return this.#blocks?.get(run)?.get(block);
  }

  want(run: Run, block: number): void {
    this.#blocks ??= new Map();
    const wanted = this.#blocks.get(run) ?? new Map<number, Uint32Array | undefined>();
    wanted.set(block, undefined);
    this.#blocks.set(run, wanted);
  }

  /** Brings what is wanted, side by side; a run that cannot be read is distrusted. */
  async bring(history: History): Promise<void> {
    const loads: Promise<void>[] = [];
    for (const [run, wanted] of this.#blocks ?? []) {
      for (const [block, words] of wanted)
        if (words === undefined) loads.push(bringOne(history, run, block, wanted));
    }
    await Promise.all(loads);
  }
}

async function bringOne(
  history: History,
  run: Run,
  block: number,
  wanted: Map<number, Uint32Array | undefined>,
): Promise<void> {
  try {
    const [words] = await run.readBlocks(block, 1);
    wanted.set(block, words);
  } catch (error) {
    if (!(error instanceof AnywhenError)) throw error;
    wanted.delete(block);
    history.distrust(run);
  }
}
