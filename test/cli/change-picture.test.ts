import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cellsInLine, changePicture, ROWS } from '../../src/cli/change-picture.js';
import { ChangeMap } from '../../src/control/change-map.js';

const KIB = 1024;

function drawn(size: number, ranges: readonly (readonly [start: number, length: number])[], columns: number) {
  const map = new ChangeMap(size, ROWS * cellsInLine(columns));
  for (const [start, length] of ranges) map.add(start, length);
  return changePicture({ size, cell: map.cell, map: map.bytes }, columns, false);
}

it('draws a small volume with a character for each block', () => {
  expect(drawn(20_000, [], 80)).toEqual([
    '         0 .....',
    '  each 4KiB: . nothing  - to 10 %  + to half  * more  # all of it changed',
  ]);
  const ranges = [
    [0, 1] as const,
    [4096, 2048] as const,
    [8192, 4000] as const,
    [12_288, 20_000 - 12_288] as const,
  ];
  expect(drawn(20_000, ranges, 80)[0]).toBe('         0 -+*##');
});

it('draws a large one in four lines with the address of each', () => {
  const lines = drawn(640 * 4 * KIB * KIB, [[0, 640 * KIB * KIB]], 177);
  expect(lines.length).toBe(ROWS + 1);
  expect(lines[0]).toBe(`         0 ${'#'.repeat(160)}`);
  expect(lines[1]).toBe(`    640MiB ${'.'.repeat(160)}`);
  expect(lines[3]?.slice(0, 10)).toBe('   1920MiB');
});

it('shows a single byte of a huge volume', () => {
  const size = 2 ** 53 - 1;
  expect(drawn(size, [[size - 1, 1]], 80).join('')).toContain('.-  each');
});

it('stays within the width of the terminal, and counts each byte once', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.integer({ min: 1, max: 2 ** 20 }), fc.integer({ min: 1, max: 2 ** 52 })),
      fc.integer({ min: 21, max: 400 }),
      fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 1, max: 9000 }))),
      (size, columns, picks) => {
        const map = new ChangeMap(size, ROWS * cellsInLine(columns));
        let end = 0;
        let bytes = 0;
        for (const [at, length] of picks.sort(([a], [b]) => a - b)) {
          const start = Math.max(end, Math.floor(at * size));
          const kept = Math.min(length, size - start);
          if (kept <= 0) continue;
          map.add(start, kept);
          end = start + kept;
          bytes += kept;
        }
        expect(map.bytes.reduce((sum, one) => sum + one, 0)).toBe(bytes);
        expect(map.bytes.length).toBe(Math.ceil(size / map.cell));
        for (const [part, changed] of map.bytes.entries())
          expect(changed).toBeLessThanOrEqual(Math.min(map.cell, size - part * map.cell));
        const lines = changePicture({ size, cell: map.cell, map: map.bytes }, columns, false);
        expect(lines.length).toBeLessThanOrEqual(ROWS + 1);
        const cells = lines.slice(0, -1);
        for (const line of cells) expect(line.length).toBeLessThanOrEqual(columns);
        const touched = cells
          .map((line) => line.slice(11))
          .join('')
          .replaceAll('.', '').length;
        expect(touched).toBe(map.bytes.filter((changed) => changed > 0).length);
      },
    ),
  );
});

it('says the same without colour', () => {
  const facts = { size: 8192, cell: 4096, map: [0, 4096] };
  const painted = changePicture(facts, 80, true).join('\n');
  expect(painted).toContain('\u001b[');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal takes for colour
  expect(painted.replace(/\u001b\[[\d;]*m/g, '')).toBe(changePicture(facts, 80, false).join('\n'));
});
