import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ImageFile } from '../../src/control/image-file.js';
import { withFolder } from './with-folder.js';

const code = (name: string) => expect.objectContaining({ code: name });

describe('the image file', () => {
  it('holds exactly the bytes and zeros that it was given, in order', async () => {
    const piece = fc.oneof(
      fc.record({ hole: fc.integer({ min: 1, max: 200_000 }) }),
      fc.record({ length: fc.integer({ min: 1, max: 200_000 }), fill: fc.integer({ min: 0, max: 2 }) }),
    );
    let run = 0;
    await withFolder(async (folder) => {
      await fc.assert(
        fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
          const parts = pieces.map((one) =>
            'hole' in one ? Buffer.alloc(one.hole) : Buffer.alloc(one.length, one.fill),
          );
          const expected = Buffer.concat(parts);
          const path = join(folder, `image${run++}`);
          const file = await ImageFile.create(path, expected.length, '/nowhere');
          for (const [at, one] of pieces.entries()) {
            if ('hole' in one) await file.hole(one.hole);
            else await file.write(parts[at] ?? Buffer.alloc(0));
          }
          await file.finish();
          expect(readFileSync(path).equals(expected)).toBe(true);
        }),
        { numRuns: 30 },
      );
    });
  });

  it('takes no space for zeros', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'image');
      const file = await ImageFile.create(path, 64 * 2 ** 20, '/nowhere');
      await file.hole(32 * 2 ** 20);
      await file.write(new Uint8Array(32 * 2 ** 20));
      await file.finish();
      const facts = statSync(path);
      expect(facts.size).toBe(64 * 2 ** 20);
      expect(facts.blocks * 512).toBeLessThan(2 ** 20);
      expect(facts.mode & 0o777).toBe(0o600);
    }));

  it('has its name only when it is whole, and leaves nothing when it is given up', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'image');
      const file = await ImageFile.create(path, 4096, '/nowhere');
      await file.write(new Uint8Array(100).fill(1));
      expect(existsSync(path)).toBe(false);
      expect(existsSync(`${path}.part`)).toBe(true);
      await file.discard();
      expect(existsSync(path)).toBe(false);
      expect(existsSync(`${path}.part`)).toBe(false);
    }));

  it('never writes over a file, a folder or a link that is there', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'there');
      writeFileSync(path, 'precious');
      await expect(ImageFile.create(path, 1, '/nowhere')).rejects.toThrowError(code('exists'));
      const link = join(folder, 'link');
      symlinkSync(path, link);
      await expect(ImageFile.create(link, 1, '/nowhere')).rejects.toThrowError(code('exists'));
      await expect(ImageFile.create(folder, 1, '/nowhere')).rejects.toThrowError(code('exists'));
      writeFileSync(join(folder, 'new.part'), 'another restore');
      await expect(ImageFile.create(join(folder, 'new'), 1, '/nowhere')).rejects.toThrowError(code('exists'));
      expect(readFileSync(path, 'utf8')).toBe('precious');
      expect(readFileSync(join(folder, 'new.part'), 'utf8')).toBe('another restore');
    }));

  it('refuses a place inside the store, also through a link', () =>
    withFolder(async (folder) => {
      const store = join(folder, 'store');
      mkdirSync(join(store, 'backward'), { recursive: true });
      symlinkSync(store, join(folder, 'way'));
      for (const path of ['store/x', 'store/backward/x', 'way/x']) {
        await expect(ImageFile.create(join(folder, path), 1, store)).rejects.toThrowError(code('usage'));
      }
    }));

  it('says which folder is missing', () =>
    withFolder(async (folder) => {
      await expect(ImageFile.create(join(folder, 'no', 'x'), 1, '/nowhere')).rejects.toThrowError(
        code('not-found'),
      );
    }));
});
