import { closeSync, openSync, readSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { limitMemory, peakMemory } from '../support/memory-limit.js';
import { anywhen, describeMounted, MountedStore } from '../support/mounted-store.js';
import { sleep } from '../support/run.js';

/*
 * A sync event over a window that is far larger than the memory of the daemon. `WINDOW_WRITE=4096` for a million
 * writes of 4 KiB, `WINDOW_BYTES=...` for another window.
 */
const MIB = 1024 * 1024;
const WINDOW = Number(process.env.WINDOW_BYTES ?? 4096 * MIB);
const WRITE = Number(process.env.WINDOW_WRITE ?? 65_536);
const MEMORY = 512 * MIB;
const VOLUME = 1.5 * WINDOW;
const SLOTS = VOLUME / WRITE;

const { bavail, bsize } = statfsSync(tmpdir());
const roomy = bavail * bsize > 3 * WINDOW;
const place = roomy ? '' : ` [skipped: needs ${(3 * WINDOW) / MIB} MiB in ${tmpdir()}]`;

/** Slot by slot the number of the write that came last; 0: none. Content and place of a write follow from it. */
type Model = Uint32Array;

function random(state: number): number {
  const mixed = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d);
  return (mixed ^ (mixed >>> 12) ^ Math.imul(state, 0x297a_2d39)) >>> 0;
}

function content(into: Buffer, write: number): Buffer {
  if (write === 0) return into.fill(0);
  into.fill(write & 255);
  for (let at = 0; at < into.length; at += 512) into.writeUInt32LE(write, at);
  return into;
}

function writeMany(path: string, model: Model, from: number, to: number): void {
  const file = openSync(path, 'r+');
  const buffer = Buffer.alloc(WRITE);
  for (let write = from; write < to; write++) {
    const slot = random(write) % SLOTS;
    writeSync(file, content(buffer, write), 0, WRITE, slot * WRITE);
    model[slot] = write;
  }
  closeSync(file);
}

function expectSame(path: string, model: Model, samples: number): void {
  const file = openSync(path, 'r');
  const found = Buffer.alloc(WRITE);
  const expected = Buffer.alloc(WRITE);
  for (let at = 0; at < samples; at++) {
    const slot = random(at + 77) % SLOTS;
    readSync(file, found, 0, WRITE, slot * WRITE);
    if (!found.equals(content(expected, model[slot] as number)))
      throw new Error(`${path}: slot ${slot} is not write ${model[slot]} but ${found.readUInt32LE(0)}`);
  }
  closeSync(file);
}

describeMounted(`a window of ${WINDOW / MIB} MiB in writes of ${WRITE} bytes${place}`, () => {
  const writes = Math.floor(WINDOW / WRITE);
  const model: Model = new Uint32Array(SLOTS);
  let half: Model;
  let mounted: MountedStore;
  let release: (() => void) | undefined;

  beforeAll(async () => {
    if (!roomy) return;
    mounted = await MountedStore.create(String(VOLUME), ['--journal-size', String(Math.floor(WINDOW * 1.2))]);
    await mounted.mount();
    await mounted.command('policy', '--set', 'high-water=95');
    release = limitMemory(mounted.pid, MEMORY);
  });

  afterAll(async () => {
    await mounted?.dispose();
    release?.();
  });

  it.runIf(roomy)(
    'is synced by a daemon of 512 MiB, which goes on serving',
    { timeout: 1_800_000 },
    async () => {
      writeMany(mounted.volume, model, 1, writes / 2);
      await mounted.command('mark', 'half');
      half = model.slice();
      writeMany(mounted.volume, model, writes / 2, writes);
      let over = false;
      const synced = anywhen(['sync', mounted.mnt, '--json'], { timeout: 1_500_000 }).finally(() => {
        over = true;
      });
      synced.catch(() => undefined);
      let longest = 0;
      const file = openSync(mounted.volume, 'r');
      while (!over) {
        const began = performance.now();
        readSync(file, Buffer.alloc(4096), 0, 4096, (random(began) % SLOTS) * WRITE);
        longest = Math.max(longest, performance.now() - began);
        await sleep(5);
      }
      closeSync(file);
      const { stdout } = await synced;
      const { writes: moved, milliseconds } = JSON.parse(stdout) as { writes: number; milliseconds: number };
      expect(moved).toBeGreaterThan(0.98 * writes);
      const peak = peakMemory(mounted.pid);
      console.info(
        `${moved} writes moved in ${milliseconds} ms, longest read meanwhile ${longest.toFixed(0)} ms, ` +
          `peak memory ${(peak / MIB).toFixed(0)} MiB, held by a control group: ${release !== undefined}`,
      );
      expect(peak).toBeLessThan(MEMORY);
      expectSame(mounted.volume, model, 500);
      expectSame(mounted.image('half'), half, 500);
    },
  );
});
