import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemCode } from '../../src/base/errors.js';
import { seededRandom } from '../../src/file/seeded-random.js';
import { anywhen, describeMounted, MountedStore } from '../support/mounted-store.js';
import { run } from '../support/run.js';
import { SECTOR, sectorsOf } from '../support/sectors.js';

/* One bit of each file of a store turns over; `anywhen check` and the mount are asked what they make of it. */
const SEED = Number(process.env.DAMAGE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SIZE = 2 ** 20;
const BLOCK = 4096;

interface Shown {
  readonly wrong: readonly string[];
  readonly errors: number;
}

describeMounted('a damaged store', () => {
  const random = seededRandom(SEED);
  const below = (limit: number) => Math.floor(random() * limit);
  const volume = Buffer.alloc(SIZE);
  /** What the volume was at each mark. */
  const marks = new Map<string, Buffer>();
  let mounted: MountedStore;
  let sound: string;
  let files: string[];

  beforeAll(async () => {
    mounted = await MountedStore.create('1M', ['--journal-size', '4M']);
    sound = join(mounted.folder, 'sound');
    await mounted.mount();
    const file = await open(mounted.volume, 'r+');
    let number = 1;
    for (const mark of ['one', 'two', 'three', 'four']) {
      for (let count = 0; count < 40; count++) {
        const sectors = 1 + below(24);
        const first = below(SIZE / SECTOR - sectors);
        const data = sectorsOf(number++, first, sectors);
        await file.write(data, 0, data.length, first * SECTOR);
        data.copy(volume, first * SECTOR);
      }
      await file.sync();
      await mounted.command('mark', mark);
      marks.set(mark, Buffer.from(volume));
      if (mark !== 'four') await mounted.command('sync');
    }
    await file.close();
    expect(await mounted.end()).toBe(0);
    await run('cp', ['-a', '--sparse=always', mounted.store, sound]);
    files = (await readdir(sound, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(sound.length + 1));
  });
  afterAll(() => mounted?.dispose());

  const renew = async () => {
    await run('rm', ['-rf', mounted.store]);
    await run('cp', ['-a', '--sparse=always', sound, mounted.store]);
  };
  const digest = async () =>
    (await run('sh', ['-c', 'find . -type f | sort | xargs sha256sum'], { cwd: mounted.store })).stdout;

  /** Turns over a bit of a byte that was written. */
  const flip = async (file: string): Promise<number> => {
    const bytes = await readFile(join(mounted.store, file));
    let offset = below(bytes.length);
    for (let tries = 0; bytes[offset] === 0 && tries < 10_000; tries++) offset = below(bytes.length);
    const handle = await open(join(mounted.store, file), 'r+');
    await handle.write(Buffer.of((bytes[offset] ?? 0) ^ (1 << below(8))), 0, 1, offset);
    await handle.close();
    return offset;
  };

  /** Reads a file of the mount block by block. */
  const compare = async (path: string, expected: Buffer): Promise<Shown> => {
    const wrong: string[] = [];
    let errors = 0;
    const file = await open(path, 'r').catch((error: unknown) => {
      expect(systemCode(error), path).toMatch(/EIO|ENOENT/);
    });
    if (file === undefined) return { wrong, errors: 1 };
    for (let at = 0; at < SIZE; at += BLOCK) {
      const found = Buffer.alloc(BLOCK);
      try {
        await file.read(found, 0, BLOCK, at);
        if (!found.equals(expected.subarray(at, at + BLOCK))) wrong.push(`${path} at ${at}`);
      } catch (error) {
        expect(systemCode(error), path).toBe('EIO');
        errors += 1;
      }
    }
    await file.close();
    return { wrong, errors };
  };

  /** Mounts it; what every file shows, or undefined when the mount is refused with a word about the damage. */
  const look = async (): Promise<Shown | undefined> => {
    const attempt = await mounted.mount().catch((error: unknown) => error as Error);
    if (attempt instanceof Error) {
      expect(attempt.message).toMatch(/damaged|checksum|match|cut short|move record|lost/);
      expect(attempt.message).not.toMatch(/ at .*\.js:\d+/);
      return undefined;
    }
    const shown = [await compare(mounted.volume, volume)];
    for (const [mark, expected] of marks) shown.push(await compare(mounted.image(mark), expected));
    expect(await mounted.end()).toBe(0);
    return {
      wrong: shown.flatMap(({ wrong }) => wrong),
      errors: shown.reduce((sum, { errors }) => sum + errors, 0),
    };
  };

  it('that is sound is said to be so', async () => {
    await renew();
    expect((await anywhen(['check', mounted.store, '--data'])).stdout).toBe('no errors\n');
    expect(await look()).toEqual({ wrong: [], errors: 0 });
  });

  it(`is found out by check and shows no wrong byte, file by file, seed ${SEED}`, {
    timeout: 300_000,
  }, async () => {
    const said: string[] = [];
    for (const file of files) {
      await renew();
      const offset = await flip(file);
      const what = `${file} offset ${offset}`;
      const before = await digest();
      const check = await anywhen(['check', mounted.store, '--data'], { allow: [0, 4] });
      expect(await digest(), `${what}: check writes nothing`).toBe(before);
      // A copy of the superblock beside a whole one is a warning; what was overwritten since may be damaged.
      const place = new RegExp(
        `^(error|warning): ${file.replaceAll('.', '\\.')}, offset (\\d+): .`,
        'm',
      ).exec(check.stdout);
      expect(check.status, `${what}: ${check.stdout}`).toBe(place?.[1] === 'error' ? 4 : 0);
      if (place !== null)
        expect(Math.abs(offset - Number(place[2])), `${what}: ${check.stdout}`).toBeLessThan(SIZE);
      const json = await anywhen(['check', mounted.store, '--data', '--json'], { allow: [0, 4] });
      const { findings } = JSON.parse(json.stdout) as { findings: { file: string; offset: number }[] };
      expect(findings.some((finding) => finding.file === file)).toBe(place !== null);
      const shown = await look();
      expect(shown?.wrong ?? [], what).toEqual([]);
      if (place === null) expect(shown, `${what}: check found nothing`).toEqual({ wrong: [], errors: 0 });
      said.push(
        `${what}: ${check.stdout.split('\n')[0]} -> ${shown === undefined ? 'refused' : `${shown.errors} EIO`}`,
      );
    }
    console.info(said.join('\n'));
    expect(said.length).toBeGreaterThan(8);
  });
});
