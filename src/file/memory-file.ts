const PAGE = 4096;

/**
 * The bytes of a file in memory: the pages that were written; the rest is a hole, which costs nothing. Copies
 * share pages until one of them writes, so that a thousand states of a disk are cheap.
 */
export class MemoryFile {
  #pages = new Map<number, Uint8Array>();
  /** The pages that no copy shares. */
  #own = new Set<number>();
  #size = 0;

  /** Bytes. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that the pages take. */
  get allocated(): number {
    return this.#pages.size * PAGE;
  }

  /** Fills `into`; past the end it is zeros. */
  read(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const { number, within, count } = place(offset + done, into.length - done);
      const page = this.#pages.get(number);
      if (page === undefined) into.fill(0, done, done + count);
      else into.set(page.subarray(within, within + count), done);
      done += count;
    }
  }

  write(offset: number, from: Uint8Array): void {
    for (let done = 0; done < from.length; ) {
      const { number, within, count } = place(offset + done, from.length - done);
      this.#writable(number).set(from.subarray(done, done + count), within);
      done += count;
    }
    if (from.length > 0) this.#size = Math.max(this.#size, offset + from.length);
  }

  /** Zeros in `[offset, offset + length)`, as far as the file goes. */
  zero(offset: number, length: number): void {
    const end = Math.min(offset + length, this.#size);
    for (const number of this.#pagesIn(offset, end)) {
      const start = Math.max(offset, number * PAGE);
      const stop = Math.min(end, (number + 1) * PAGE);
      if (stop - start < PAGE) {
        this.#writable(number).fill(0, start - number * PAGE, stop - number * PAGE);
      } else {
        this.#pages.delete(number);
        this.#own.delete(number);
      }
    }
  }

  /** Makes the pages of a range that are holes, while they take `free` bytes at the most. False: there were more. */
  allocate(offset: number, length: number, free: number): boolean {
    let left = free;
    for (let number = Math.floor(offset / PAGE); number * PAGE < offset + length; number++) {
      if (this.#pages.has(number)) continue;
      if (left < PAGE) return false;
      this.#writable(number);
      left -= PAGE;
    }
    return true;
  }

  truncate(size: number): void {
    if (size < this.#size) this.zero(size, this.#size - size);
    this.#size = size;
  }

  copy(): MemoryFile {
    const file = new MemoryFile();
    file.#pages = new Map(this.#pages);
    file.#size = this.#size;
    this.#own.clear();
    return file;
  }

  /** The numbers of the pages that touch `[start, end)`: by the shorter way, the range or the file. */
  #pagesIn(start: number, end: number): number[] {
    if (end <= start) return [];
    const first = Math.floor(start / PAGE);
    const last = Math.floor((end - 1) / PAGE);
    if (last - first > this.#pages.size) {
      return [...this.#pages.keys()].filter((number) => number >= first && number <= last);
    }
    const numbers: number[] = [];
    for (let number = first; number <= last; number++) if (this.#pages.has(number)) numbers.push(number);
    return numbers;
  }

  #writable(number: number): Uint8Array {
    const known = this.#pages.get(number);
    if (known !== undefined && this.#own.has(number)) return known;
    const page = known === undefined ? new Uint8Array(PAGE) : known.slice();
    this.#pages.set(number, page);
    this.#own.add(number);
    return page;
  }
}

/** The page of an address, the place in it, and how many of `length` bytes fit there. */
function place(address: number, length: number): { number: number; within: number; count: number } {
  const within = address % PAGE;
  return { number: Math.floor(address / PAGE), within, count: Math.min(PAGE - within, length) };
}
