import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linesOf } from '../../src/control/lines.js';

async function* cut(bytes: Uint8Array, places: readonly number[]): AsyncGenerator<Uint8Array> {
  const borders = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const border of [...borders, bytes.length]) {
    yield bytes.subarray(from, border);
    from = border;
  }
}

async function lines(bytes: Uint8Array, places: readonly number[], limit = 1000): Promise<string[]> {
  const found: string[] = [];
  for await (const line of linesOf(cut(bytes, places), limit)) found.push(line);
  return found;
}

describe('the lines of a stream', () => {
  it('are cut at line ends alone, however the bytes arrive', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'ö', '€', '😀', '\n', '\r', '\u2028', '\u0000') });
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(), { maxLength: 9 }), async (all, places) => {
        const expected = all.split('\n').slice(0, -1);
        expect(await lines(Buffer.from(all), places)).toEqual(expected);
      }),
    );
  });

  it('may be as long as the limit, and no byte longer, whether or not their end has come', async () => {
    const line = Buffer.alloc(10, 'x');
    const ended = Buffer.concat([line, Buffer.from('\n')]);
    for (const places of [[], [3], [10], [1, 2, 3, 4, 5, 6, 7, 8, 9]]) {
      expect(await lines(ended, places, 10)).toEqual([line.toString()]);
      await expect(lines(ended, places, 9)).rejects.toMatchObject({ code: 'usage' });
      await expect(lines(line, places, 9)).rejects.toMatchObject({ code: 'usage' });
      expect(await lines(line, places, 10)).toEqual([]);
    }
  });

  it('that came before one that is too long are there', async () => {
    const found: string[] = [];
    const read = async () => {
      for await (const line of linesOf(cut(Buffer.from('one\ntwo\nthis is too long\n'), []), 5))
        found.push(line);
    };
    await expect(read()).rejects.toMatchObject({ code: 'usage' });
    expect(found).toEqual(['one', 'two']);
  });
});
