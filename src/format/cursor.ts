import { AnywhenError } from '../base/errors.js';

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

function outOfBounds(what: string): AnywhenError {
  return new AnywhenError('damaged', `${what}: a record is cut short`);
}

/** A bounds-checked little-endian reader. Every refusal is `damaged`. */
export class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  offset = 0;

  constructor(
    bytes: Uint8Array,
    readonly what: string,
  ) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.offset;
  }

  #take(length: number): number {
    const at = this.offset;
    if (length > this.#bytes.length - at) throw outOfBounds(this.what);
    this.offset = at + length;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** A u64 that must be a safe integer. */
  u53(): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    if (value > MAX_SAFE) throw new AnywhenError('damaged', `${this.what}: a number is beyond 2^53`);
    return Number(value);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A string of a u16 length and so many bytes of UTF-8. */
  text(): string {
    const bytes = this.bytes(this.u16());
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (cause) {
      throw new AnywhenError('damaged', `${this.what}: a name is not UTF-8`, { cause });
    }
  }

  /** The next `length` bytes must be zero: they are reserved. */
  reserved(length: number): void {
    for (const byte of this.bytes(length)) {
      if (byte !== 0) {
        throw new AnywhenError(
          'unsupported',
          `${this.what}: uses a feature that this version does not know`,
          {
            hint: 'Open the store with the version of anywhen that wrote it.',
          },
        );
      }
    }
  }
}

/** A little-endian writer into a given buffer; writing past its end is a fault of ours (RangeError). */
export class Writer {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(value: number): this {
    this.#view.setUint8(this.offset, value);
    this.offset += 1;
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.offset, value, true);
    this.offset += 2;
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.offset, value, true);
    this.offset += 4;
    return this;
  }

  u53(value: number): this {
    this.#view.setBigUint64(this.offset, BigInt(value), true);
    this.offset += 8;
    return this;
  }

  i64(value: bigint): this {
    this.#view.setBigInt64(this.offset, value, true);
    this.offset += 8;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#bytes.set(value, this.offset);
    this.offset += value.length;
    return this;
  }

  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.u16(bytes.length).bytes(bytes);
  }

  reserved(length: number): this {
    this.#bytes.fill(0, this.offset, this.offset + length);
    this.offset += length;
    return this;
  }
}
