import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnywhenError } from '../../src/base/errors.js';
import { OsExecutor } from '../../src/file/os-executor.js';
import { checkStore } from '../../src/inspect/check.js';
import type { View } from '../../src/volume/model.js';
import { createStore, type OpenStore, openStore } from '../../src/volume/store-folder.js';
import { readAll } from '../support/model.js';
import { anywhen, describeMounted, MountedStore } from '../support/mounted-store.js';
import { until } from '../support/run.js';
import { testWhere } from '../support/skip.js';
import { cannotMount, mountSmall, type SmallFilesystem } from '../support/small-filesystem.js';

/*
 * A store on a real filesystem of 96 MiB that fills up. The journal takes 16 MiB of it and the MIM up to 24; what is
 * left is for history.
 */
const MIB = 1024 * 1024;
const DISK = 96;
const SIZE = 24 * MIB;
const WRITE = 64 * 1024;
const missing = cannotMount('ext4');

/** What the disk says that the store takes. */
function used(path: string): number {
  return Number(execFileSync('du', ['-s', '-B1', path]).toString().split('\t')[0]);
}

function free(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** Blocks that tell by themselves which write they are of. */
function content(write: number): Buffer {
  const bytes = Buffer.alloc(WRITE, (write % 255) + 1);
  for (let at = 0; at < WRITE; at += 4096) bytes.writeUInt32LE(write, at);
  return bytes;
}

/** A volume and what it must hold now. */
class Filled {
  readonly now = Buffer.alloc(SIZE);
  readonly warnings: string[] = [];
  store!: OpenStore;
  writes = 0;

  constructor(readonly folder: string) {}

  static async create(folder: string): Promise<Filled> {
    await createStore(folder, { size: SIZE }, { forwardBytes: 16 * MIB });
    const filled = new Filled(folder);
    await filled.open();
    return filled;
  }

  async open(): Promise<void> {
    this.store = await openStore(this.folder, {
      events: { warning: (message) => void this.warnings.push(message) },
    });
  }

  get volume() {
    return this.store.volume;
  }

  /** Writes until so many bytes are in, or one is refused. Returns whether all are. */
  async write(bytes: number): Promise<boolean> {
    for (let end = this.writes + bytes / WRITE; this.writes < end; ) {
      const offset = ((this.writes * 7919) % (SIZE / WRITE)) * WRITE;
      const data = content(this.writes + 1);
      const error = await new Promise<AnywhenError | undefined>((done) =>
        this.volume.write(offset, data, done),
      );
      if (error !== undefined) {
        expect(error.code).toBe('no-space');
        return false;
      }
      data.copy(this.now, offset);
      this.writes += 1;
    }
    return true;
  }

  async expectWell(): Promise<void> {
    expect(this.volume.failure).toBeUndefined();
    expect((await readAll(this.volume.live)).equals(this.now)).toBe(true);
    for (const point of this.volume.points()) {
      const view = await this.volume.openView(point.at).catch((error: unknown) => {
        if (this.volume.exact(point.at)) throw error;
      });
      if (view === undefined) continue;
      await readAll(view);
      view.close();
    }
  }

  /** Closes it and looks at it as `anywhen check --data` does. */
  async close(): Promise<void> {
    await this.store.close();
    const executor = new OsExecutor(this.folder, true);
    const findings = [];
    for await (const finding of checkStore(executor, { data: true })) findings.push(finding);
    await executor.close();
    expect(findings).toEqual([]);
  }
}

async function readOrError(view: View): Promise<Buffer | AnywhenError> {
  return readAll(view).catch((error: AnywhenError) => error);
}

describe.skipIf(missing !== undefined)(`a filesystem of ${DISK} MiB that fills up`, () => {
  let disk: SmallFilesystem;
  let store: string;
  let bystander: string;

  beforeAll(async () => {
    disk = await mountSmall('ext4', DISK);
    bystander = join(disk.path, 'bystander');
    writeFileSync(bystander, Buffer.alloc(MIB, 7));
  });

  afterAll(() => disk?.dispose());

  const fresh = async (name: string) => {
    store = join(disk.path, name);
    mkdirSync(store, { mode: 0o700 });
    return Filled.create(store);
  };

  testWhere(missing, 'live writes go on while there is history to give', async () => {
    const filled = await fresh('soft');
    await filled.volume.setPolicy({ granularity: 'all' });
    await filled.write(2 * MIB);
    const held = await filled.volume.mark('held', { hold: true });
    const heldBytes = Buffer.from(filled.now);
    await filled.volume.mark('plain');
    await filled.write(2 * MIB);
    const pinned = await filled.volume.openView(filled.volume.now());
    const pinnedBytes = Buffer.from(filled.now);
    const scratch = await filled.volume.openScratch(filled.volume.now());
    await scratch.write(0, Buffer.alloc(MIB, 9));

    expect(await filled.write(200 * MIB), 'no write is refused').toBe(true);

    const { givenUp } = filled.volume.space;
    expect(givenUp.snapshots).toBeGreaterThan(0);
    expect(givenUp.scratches).toBe(1);
    await expect(scratch.read(0, Buffer.alloc(4096))).rejects.toMatchObject({ code: 'io' });
    // The last to go, and only when all else is gone.
    const found = await readOrError(pinned);
    if (givenUp.views === 0) expect(pinnedBytes.equals(found as Buffer)).toBe(true);
    else expect(found).toMatchObject({ code: 'io' });
    const view = await filled.volume.openView(held.at);
    expect((await readAll(view)).equals(heldBytes), 'what is held').toBe(true);
    view.close();
    await filled.expectWell();
    console.info(
      `soft: 200 MiB written, du ${used(store) / MIB} MiB, free ${free(disk.path) / MIB} MiB, ${JSON.stringify(givenUp)}`,
    );
    expect(used(store)).toBeLessThan((DISK - 1) * MIB);
    expect(execFileSync('cmp', ['-n', String(MIB), bystander, bystander]).length).toBe(0);
    pinned.close();
    await scratch.close();
    await filled.close();
    rmSync(store, { recursive: true });
  });

  testWhere(missing, 'with hard pins writes are refused, and go on when there is space', async () => {
    const filled = await fresh('hard');
    await filled.volume.setPolicy({ granularity: 'all', pins: 'hard' });
    await filled.write(20 * MIB);
    const views: { view: View; bytes: Buffer }[] = [];
    let refused = false;
    for (let round = 0; !refused && round < 20; round++) {
      views.push({ view: await filled.volume.openView(filled.volume.now()), bytes: Buffer.from(filled.now) });
      refused = !(await filled.write(16 * MIB));
    }
    expect(refused).toBe(true);
    for (const { view, bytes } of views) expect((await readAll(view)).equals(bytes)).toBe(true);
    await filled.volume.flush();
    await filled.expectWell();
    expect(filled.volume.space.warnings().join('\n')).toMatch(/writes fail/);
    console.info(`hard: refused with ${views.length} pins, free ${free(disk.path) / MIB} MiB`);

    // What was acknowledged is there after another opening too; then the pins are gone.
    for (const { view } of views.splice(0)) view.close();
    await filled.store.close();
    await filled.open();
    await filled.expectWell();
    expect(await filled.write(64 * MIB), 'writes go on').toBe(true);
    await filled.expectWell();
    await filled.close();
    rmSync(store, { recursive: true });
  });

  testWhere(missing, 'a disk that others filled: the reserve lets history be given up', async () => {
    const filled = await fresh('others');
    await filled.volume.setPolicy({ granularity: 'all' });
    await filled.write(60 * MIB);
    await filled.volume.sync('test');
    const before = filled.volume.points().filter(({ place }) => place === 'snapshot').length;
    const hog = join(disk.path, 'hog');
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${hog}`, 'bs=64k'], { stdio: 'ignore' });
    } catch {
      // It ends when nothing is left.
    }
    expect(free(disk.path)).toBeLessThan(MIB);
    expect(await filled.write(48 * MIB)).toBe(true);
    expect(filled.volume.points().filter(({ place }) => place === 'snapshot').length).toBeLessThan(before);
    await filled.expectWell();
    rmSync(hog);
    await filled.volume.space.tend();
    const { size, held } = filled.volume.space.reserve;
    expect(held).toBe(size);
    await filled.close();
    rmSync(store, { recursive: true });
  });
});

describeMounted(`a mount whose store is on a filesystem of ${DISK} MiB that fills up`, () => {
  let disk: SmallFilesystem;
  let mounted: MountedStore;
  const before = process.env.TMPDIR;

  beforeAll(async () => {
    disk = await mountSmall('ext4', DISK);
    process.env.TMPDIR = disk.path;
    mounted = await MountedStore.create(String(SIZE), ['--journal-size', '16MiB']);
    process.env.TMPDIR = before;
    await mounted.mount();
  });

  afterAll(async () => {
    process.env.TMPDIR = before;
    await mounted?.dispose();
    await disk?.dispose();
  });

  interface Facts {
    readonly givenUp: { readonly snapshots: number; readonly views: number };
    readonly holds: number;
    readonly health: string;
    readonly reserve: { readonly size: number; readonly held: number };
  }

  /** Overwrites the volume with one byte, as often as asked. */
  function fill(byte: number, times: number): void {
    const file = openSync(mounted.volume, 'r+');
    try {
      for (let round = 0; round < times; round++)
        for (let at = 0; at < SIZE; at += MIB) writeSync(file, Buffer.alloc(MIB, byte + round), 0, MIB, at);
    } finally {
      closeSync(file);
    }
  }

  it('gives up history and then open images, which answer with EIO, and refuses with ENOSPC what cannot be', async () => {
    await mounted.command('policy', '--set', 'granularity=1s');
    fill(1, 1);
    const { at } = await mounted.facts<{ at: string }>('mark', 'pinned');
    const image = openSync(mounted.image('pinned'), 'r');
    fill(2, 12);
    const soft = await mounted.facts<Facts>('status');
    expect(soft.givenUp.snapshots).toBeGreaterThan(0);
    expect(soft.health).toBe('warning');
    expect(mounted.log).toMatch(/for want of space/);
    const bytes = Buffer.alloc(4096);
    if (soft.givenUp.views > 0) expect(() => readSync(image, bytes, 0, 4096, 8192)).toThrow(/EIO/);
    else {
      readSync(image, bytes, 0, 4096, 8192);
      expect(bytes.equals(Buffer.alloc(4096, 1)), at).toBe(true);
    }
    closeSync(image);

    // What is held is in the way now: writes fail, and go on when it is released.
    const names: string[] = [];
    const fillAndHold = async () => {
      for (let round = 0; round < 8; round++) {
        const name = `held-${round}`;
        await mounted.command('mark', name, '--hold-until', '1d');
        names.push(name);
        fill(40 + round, 1);
      }
    };
    await expect(fillAndHold()).rejects.toThrow(/ENOSPC|no space/i);
    const hard = await mounted.facts<Facts>('status');
    expect(hard.holds).toBeGreaterThan(0);
    const held = openSync(mounted.image('held-0'), 'r');
    readSync(held, bytes, 0, 4096, 8192);
    expect(bytes.equals(Buffer.alloc(4096, 13))).toBe(true);
    closeSync(held);
    for (const name of names) await mounted.command('hold', name, '--release').catch(() => undefined);
    await until('writes to go on', () => {
      try {
        fill(60, 1);
        return true;
      } catch {
        return false;
      }
    });
    fill(70, 4);
    expect(await mounted.end()).toBe(0);
    const { stdout } = await anywhen(['check', mounted.store, '--data', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ findings: [] });
    await mounted.mount();
  });
});
