import { AnywhenError } from '../base/errors.js';
import type { Instant } from '../base/instant.js';
import type { Executor } from '../file/executor.js';
import { Vbmm } from '../vrmo/vbmm.js';
import { FORWARD, MIM, type Vrmo, ZERO } from '../vrmo/vrmo.js';
import { givenUp } from './map-view.js';
import type { Scratch, View } from './model.js';

let next = 1;

/**
 * A view that can be written: what is written goes to an overlay file at the same addresses, which is dropped
 * when it is closed. History stays as it is.
 */
export class ScratchView implements Scratch {
  /** MIM = still the view's, FORWARD = in the overlay, ZERO = discarded. */
  readonly #overlay: Vrmo = new Vbmm();
  readonly #file = `scratch.${next++}`;
  /** The file, made with the first write; writes that come meanwhile wait for it. */
  #made: Promise<void> | undefined;
  #givenUp = false;

  /** @param closed called when it is closed */
  constructor(
    readonly executor: Executor,
    readonly view: View,
    readonly closed: (scratch: ScratchView) => void = () => undefined,
  ) {}

  /** Whether there is an overlay that takes space. */
  get made(): boolean {
    return this.#made !== undefined;
  }

  get at(): Instant {
    return this.view.at;
  }

  get size(): number {
    return this.view.size;
  }

  /** Drops the overlay for want of space: from here on everything fails. */
  async giveUp(): Promise<void> {
    this.#givenUp = true;
    await this.close();
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    return this.#unlessGivenUp(() => this.#read(offset, into));
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    return this.#unlessGivenUp(() => this.#write(offset, data));
  }

  discard(offset: number, length: number): Promise<void> {
    return this.#unlessGivenUp(() => this.#discard(offset, length));
  }

  /** What fails while the overlay goes fails because it goes. */
  async #unlessGivenUp(work: () => Promise<void>): Promise<void> {
    if (this.#givenUp) throw givenUp(this.at);
    try {
      await work();
    } catch (error) {
      throw this.#givenUp ? givenUp(this.at) : error;
    }
  }

  async #read(offset: number, into: Uint8Array): Promise<void> {
    const parts: { start: number; end: number; file: number }[] = [];
    this.#overlay.lookup(offset, offset + into.length, (start, end, file) =>
      parts.push({ start, end, file }),
    );
    for (const { start, end, file } of parts) {
      const slice = into.subarray(start - offset, end - offset);
      if (file === MIM) await this.view.read(start, slice);
      else if (file === ZERO) slice.fill(0);
      else await this.executor.run([{ op: 'read', file: this.#file, offset: start, into: slice }]);
    }
  }

  async #write(offset: number, data: Uint8Array): Promise<void> {
    if (offset + data.length > this.size) {
      throw new AnywhenError('no-space', `a write beyond the end of the scratch at ${this.size}`);
    }
    this.#made ??= this.#make();
    await this.#made;
    await this.executor.run([{ op: 'write', file: this.#file, offset, from: [data] }]);
    this.#overlay.replace(offset, offset + data.length, FORWARD, 0);
  }

  async #make(): Promise<void> {
    try {
      await this.executor.run([{ op: 'create', file: this.#file, size: this.size }]);
    } catch (error) {
      this.#made = undefined;
      throw error;
    }
  }

  async #discard(offset: number, length: number): Promise<void> {
    this.#overlay.replace(offset, offset + length, ZERO, 0);
    await this.#made;
    if (this.#made !== undefined)
      await this.executor.run([{ op: 'punch', file: this.#file, offset, length }]);
  }

  /** A throw-away overlay need not survive a power cut. */
  async flush(): Promise<void> {}

  async close(): Promise<void> {
    this.view.close();
    this.closed(this);
    const made = this.#made;
    this.#made = undefined;
    if (made === undefined) return;
    await made;
    await this.executor.run([{ op: 'unlink', file: this.#file }]);
  }
}
