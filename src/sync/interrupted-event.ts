import { assert } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import { BLOCK } from '../base/range.js';
import { SUMS_PER_PAGE } from '../format/layout.js';
import type { CopiedState } from '../format/superblock.js';
import { converted, newMap } from '../vrmo/convert.js';
import { MIM, type Vrmo } from '../vrmo/vrmo.js';
import { applyChange } from './build-view.js';
import { MoveRecordReader } from './move-record.js';
import { Mover } from './mover.js';
import { SyncEvent, type SyncParts } from './sync-event.js';

/** A sync event that was interrupted between its two commits: `copied` is durable, `moved` is not. */
export class InterruptedEvent {
  readonly #copied: CopiedState;
  readonly #mover: Mover;

  constructor(readonly parts: SyncParts) {
    const { copied } = parts.meta.superblock;
    assert(copied !== undefined, 'a move was interrupted');
    this.#copied = copied;
    this.#mover = new Mover(parts);
  }

  /** Repeats the move from the forward journal, before any view reads a block. @throws `damaged`, `io` */
  async redo(): Promise<void> {
    const { map, from } = this.#end();
    const record = await this.#record();
    await this.#mover.apply(record, map, true);
    await new SyncEvent(this.parts).commitMoved(this.#copied, from);
  }

  /** Opened read-only: nothing is moved; what the MIM's blocks will be is held in memory. @throws `damaged`, `io` */
  async overlay(): Promise<void> {
    const { map } = this.#end();
    const { mirror } = this.parts;
    const record = await this.#record();
    for await (const moving of record.pages()) {
      const { page, blocks, after } = moving;
      const sums = await this.#mover.rawPage(page);
      this.#mover.pageAfter(moving, sums);
      for (const [at, block] of blocks.entries()) {
        const number = page * SUMS_PER_PAGE + block;
        sums[block] = after[at] as number;
        if (!reachesMirror(map, number)) continue;
        const content = new Uint8Array(BLOCK);
        await this.#mover.content(number, after.subarray(at, at + 1), map, true, content);
        mirror.overlay.set(number, content);
      }
      mirror.keep(page, sums);
    }
  }

  async #record(): Promise<MoveRecordReader> {
    const record = new MoveRecordReader(this.parts.executor, this.#copied);
    await record.verify();
    return record;
  }

  /** The map of the state that the move leads to, and since when it was so. */
  #end(): { map: Vrmo; from: Instant } {
    const { index, segments, meta } = this.parts;
    let map = newMap(this.parts.forms);
    let from = meta.superblock.mimStamp;
    for (let at = index.first; at <= this.#copied.endSequence; at++) {
      if (!index.changes(at)) continue;
      applyChange(map, index, at, segments);
      map = converted(map, this.parts.forms);
      from = index.stamp(at);
    }
    return { map, from };
  }
}

/** Whether a part of a block comes from the MIM: the rest of it was not overwritten. */
function reachesMirror(map: Vrmo, block: number): boolean {
  let partly = false;
  map.lookup(block * BLOCK, (block + 1) * BLOCK, (_start, _end, file) => {
    partly ||= file === MIM;
  });
  return partly;
}
