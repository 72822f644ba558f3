export const SECTOR = 512;

/** Bytes without a pattern, of which each sector shows a part that depends on where all of it comes from. */
const NOISE = noise(64 * 1024);

function noise(length: number): Buffer {
  const words = new Uint32Array(length / 4);
  let state = 0x9e3779b9;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state >>> 0;
  }
  return Buffer.from(words.buffer);
}

/** Puts what write `number` (from 1 on) wrote to `sector` at `offset` of `into`: the same in every run. */
export function putSector(into: Buffer, offset: number, number: number, sector: number): void {
  const shift = (Math.imul(number, 0x85ebca6b) ^ Math.imul(sector, 0xc2b2ae35)) >>> 0;
  const from = shift % (NOISE.length - SECTOR);
  NOISE.copy(into, offset, from, from + SECTOR);
  into.writeUInt32LE(number, offset);
  into.writeUInt32LE(sector, offset + 4);
}

/** The data of write `number` to sectors `[first, first + count)`. */
export function sectorsOf(number: number, first: number, count: number): Buffer {
  const data = Buffer.allocUnsafe(count * SECTOR);
  for (let at = 0; at < count; at++) putSector(data, at * SECTOR, number, first + at);
  return data;
}

/** What a sector says of itself, for a message. */
export function describeSector(bytes: Buffer, offset: number): string {
  return `write ${bytes.readUInt32LE(offset)} of sector ${bytes.readUInt32LE(offset + 4)}`;
}
