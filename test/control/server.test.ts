import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AnywhenError, type ErrorCode } from '../../src/base/errors.js';
import { ControlClient } from '../../src/control/client.js';
import { MESSAGE_LIMIT } from '../../src/control/contract.js';
import { linesOf } from '../../src/control/lines.js';
import { ControlServer } from '../../src/control/server.js';
import { makeRuntimeFolder, socketPath } from '../../src/control/socket-path.js';
import { activityOf } from '../../src/volume/activity.js';
import { writeDelta } from '../../src/volume/delta.js';
import { type Past, pastVolume, SIZE } from '../namespace/past.js';
import { discard } from '../support/model.js';
import { sleep, until } from '../support/run.js';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js';

const code = (name: ErrorCode) => expect.objectContaining({ code: name });

let folder: string;
let past: Past;
let server: ControlServer;
let stopped: boolean[];
let clients: { close(): void }[];

beforeEach(async () => {
  folder = await temporaryFolder();
  past = await pastVolume();
  stopped = [];
  clients = [];
  const stop = async (lazy: boolean) => void stopped.push(lazy);
  server = await ControlServer.start({ volume: past.volume, folder, mountPoint: '/mnt', stop });
});
afterEach(async () => {
  for (const client of clients) client.close();
  await server.stop();
  await removeFolder(folder);
});

async function client(): Promise<ControlClient> {
  const connected = await ControlClient.connect(server.uuid, folder);
  if (connected === undefined) throw new Error('no daemon');
  clients.push(connected);
  return connected;
}

/** A client that sends bytes, not requests. */
class Raw {
  readonly #lines: AsyncGenerator<string>;

  private constructor(readonly socket: Socket) {
    socket.on('error', () => socket.destroy());
    this.#lines = linesOf(socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>, 2 ** 30);
  }

  static async connect(): Promise<Raw> {
    const socket = connect({ path: server.path, allowHalfOpen: true });
    await once(socket, 'connect');
    const raw = new Raw(socket);
    clients.push({ close: () => socket.destroy() });
    expect(await raw.next()).toMatchObject({ type: 'hello', protocol: 1 });
    return raw;
  }

  /** The next message; undefined when the server has hung up. */
  async next(): Promise<Record<string, unknown> | undefined> {
    const { value, done } = await this.#lines.next().catch(() => ({ value: undefined, done: true }));
    return done === true || value === undefined ? undefined : JSON.parse(value);
  }
}

const request = (operation: string, args: object = {}) =>
  `${JSON.stringify({ operation, arguments: args })}\n`;

describe('the socket', () => {
  it('is for its owner alone, in a folder that is too', () => {
    const path = server.path;
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    expect(path.length).toBeLessThanOrEqual(107);
  });

  it('that a dead daemon left is replaced, and gone after a stop', async () => {
    await server.stop();
    expect(await ControlClient.connect(server.uuid, folder)).toBeUndefined();
    makeRuntimeFolder();
    writeFileSync(server.path, '');
    server = await ControlServer.start(server.host);
    expect((await (await client()).call('ping', {})).pid).toBe(process.pid);
  });

  it('is left alone by a daemon whose place another has taken', async () => {
    const second = await ControlServer.start(server.host);
    await server.stop();
    expect((await (await client()).call('ping', {})).pid).toBe(process.pid);
    server = second;
  });
});

describe('a client', () => {
  it('is greeted, and gets the answer to each of its requests', async () => {
    const one = await client();
    expect(one.hello).toMatchObject({
      pid: process.pid,
      folder,
      mountPoint: '/mnt',
      uuid: server.uuid,
    });
    const mark = await one.call('mark', { name: 'second', hold: false });
    expect((await one.call('instant', { at: 'second' })).at).toBe(mark.at);
    expect((await one.call('resolve', { at: 'first' })).at).toBe(past.first);
    const status = await one.call('status', {});
    expect(status).toMatchObject({ size: SIZE, marks: 2, mountPoint: '/mnt', store: folder });
    expect((await one.call('sync', {})).moved).toBe(true);
  });

  it('gets the bytes of an instant, zeros as holes', async () => {
    const one = await client();
    const { at } = await one.call('resolve', { at: 'first' });
    const bytes = Buffer.alloc(SIZE, 0xee);
    let position = 0;
    const listener = {
      data: async (data: Uint8Array) => {
        bytes.set(data, position);
        position += data.length;
      },
      hole: async (length: number) => {
        bytes.fill(0, position, position + length);
        position += length;
      },
    };
    const answer = await one.call('read', { at, offset: 0, length: undefined }, listener);
    expect(answer).toEqual({ at, offset: 0, length: SIZE });
    expect(bytes).toEqual(Buffer.concat([Buffer.alloc(4096, 1), Buffer.alloc(SIZE - 4096)]));
    position = 0;
    await one.call('read', { at, offset: 8192, length: 100 }, listener);
    expect(position).toBe(100);
    expect(await one.call('read', { at, offset: SIZE + 1, length: 5 }, listener)).toMatchObject({
      length: 0,
    });
  });

  it('gets the points as they are', async () => {
    const items: bigint[] = [];
    const one = await client();
    const listener = {
      items: (more: readonly { at: bigint }[]) => void items.push(...more.map(({ at }) => at)),
    };
    const answer = await one.call('points', { from: undefined, to: undefined, all: true }, listener);
    expect(items).toEqual(past.volume.points({ all: true }).map(({ at }) => at));
    expect(answer).toMatchObject({ count: items.length, oldest: past.volume.timeline.oldest });
  });

  it('gets the changes with their data, the same as in the daemon', async () => {
    const one = await client();
    const [a, b] = [past.first, past.volume.now()];
    const gather = () => {
      const parts: Uint8Array[] = [];
      const data = async (bytes: Uint8Array) => void parts.push(bytes);
      return { data, all: () => Buffer.concat(parts) };
    };
    const [there, here] = [gather(), gather()];
    const answer = await one.call('delta', { a, b }, there);
    expect(answer).toMatchObject({ length: (await writeDelta(past.volume, b, a, here.data)).length });
    expect(answer.stored).toBeGreaterThan(0);
    expect(there.all().equals(here.all())).toBe(true);
  });

  it('gets what was written, bucket by bucket', async () => {
    const one = await client();
    const activity = await one.call('activity', { from: undefined, to: undefined, most: 7 });
    expect(activity).toEqual(await activityOf(past.volume, { to: activity.to, most: 7 }));
    expect(activity.buckets.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(0);
    await expect(one.call('activity', { from: 'now', to: 'oldest', most: 7 })).rejects.toThrowError(
      /ends before it begins/,
    );
  });

  it('gets a difference in order, as many ranges as it asks for, and what they all add up to', async () => {
    const { volume, time, writes } = past;
    const from = volume.now();
    const starts = Array.from({ length: 1200 }, (_, at) => 2 * at);
    for (const start of starts.toReversed()) await discard(volume, start, 1);
    time.advance(1n);
    const one = await client();
    const found: number[] = [];
    const items = (more: readonly { start: number }[]) => void found.push(...more.map(({ start }) => start));
    const args = { a: volume.now(), b: from, limit: undefined, cells: 4 };
    const expected = { bytes: 1200, count: 1200, size: SIZE, cell: SIZE / 4, map: [1200, 0, 0, 0] };
    expect(await one.call('diff', args, { items })).toMatchObject(expected);
    expect(found).toEqual(starts);
    found.length = 0;
    expect(await one.call('diff', { ...args, limit: 700 }, { items })).toMatchObject(expected);
    expect(found).toEqual(starts.slice(0, 700));
    const between = (writes[1] ?? 0n) + 1n;
    await expect(one.call('diff', { ...args, b: between })).rejects.toEqual(code('not-found'));
  });

  it.each([
    ['usage', 'mark', { name: 'latest', hold: false }],
    ['exists', 'mark', { name: 'first', hold: false }],
    ['not-found', 'deleteMark', { name: 'never-marked' }],
    ['not-found', 'resolve', { at: 'never-marked' }],
    ['not-found', 'restore', { at: '2001-01-01', nearest: true }],
    ['usage', 'resolve', { at: '2101-01-01' }],
    ['usage', 'policy', { set: ['high-water=200'] }],
    ['usage', 'resize', { size: 0 }],
  ] as const)('hears an error as what it is: %s of %s', async (expected, operation, args) => {
    const one = await client();
    const error = await one.call(operation, args as never).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AnywhenError);
    expect(error).toMatchObject({ code: expected });
    expect((error as AnywhenError).message).toMatch(/^[^\n]+$/);
    // And the connection lives on.
    expect((await one.call('ping', {})).pid).toBe(process.pid);
  });

  it('hears a fault of the daemon without its stack', async () => {
    past.volume.policy = () => {
      throw new TypeError('a fault');
    };
    const one = await client();
    await expect(one.call('policy', { set: [] })).rejects.toMatchObject({
      code: 'io',
      message: 'internal error: a fault',
    });
  });

  it('asks the daemon to stop, and hears that it did', async () => {
    await (await client()).call('stop', { lazy: true });
    expect(stopped).toEqual([true]);
  });

  it('may mark a name with characters that look like line ends', async () => {
    const one = await client();
    await expect(one.call('mark', { name: 'a\u2028b', hold: false })).rejects.toThrowError(code('usage'));
    await expect(one.call('resolve', { at: 'a\u2028b' })).rejects.toThrowError(code('not-found'));
    expect((await one.call('ping', {})).pid).toBe(process.pid);
  });

  it('is one of many at once, each with its own answers', async () => {
    const many = await Promise.all(Array.from({ length: 12 }, client));
    const marks = await Promise.all(many.map((one, at) => one.call('mark', { name: `m${at}`, hold: false })));
    expect(marks.map(({ name }) => name)).toEqual(many.map((_, at) => `m${at}`));
    const found = await Promise.all(many.map((one, at) => one.call('instant', { at: `m${at}` })));
    expect(found.map(({ at }) => at)).toEqual(marks.map(({ at }) => at));
  });

  it('gets a name only once, also when two ask at the same time', async () => {
    const [one, two] = [await client(), await client()];
    const ask = (each: ControlClient) => each.call('mark', { name: 'same', hold: false });
    const over = await Promise.allSettled([ask(one), ask(two)]);
    const within = await Promise.allSettled([past.volume.mark('other'), past.volume.mark('other')]);
    for (const both of [over, within]) {
      expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'exists' } });
    }
    expect(past.volume.marks().map(({ name }) => name)).toEqual(['first', 'same', 'other']);
  });
});

describe('the server', () => {
  it('survives any bytes, and answers each line or hangs up', async () => {
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
      fc.jsonValue().map((value) => Buffer.from(JSON.stringify({ operation: 'read', arguments: value }))),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 5 }), async (parts) => {
        const raw = await Raw.connect();
        const bytes = Buffer.concat(parts.flatMap((part) => [part, Buffer.from('\n')]));
        raw.socket.end(bytes);
        const expected = bytes.filter((byte) => byte === 10).length;
        for (let round = 0; round < expected; round++) {
          expect(await raw.next()).toMatchObject({ type: 'error', error: { code: 'usage' } });
        }
        expect(await raw.next()).toBeUndefined();
      }),
      { numRuns: 60 },
    );
    expect((await (await client()).call('ping', {})).pid).toBe(process.pid);
  });

  it('waits for the other half of a line, and of a character', async () => {
    const raw = await Raw.connect();
    const bytes = Buffer.from(request('resolve', { at: 'größe' }));
    const half = bytes.indexOf(Buffer.from('ö')) + 1;
    raw.socket.write(bytes.subarray(0, half));
    await sleep(20);
    raw.socket.write(bytes.subarray(half));
    const error = { code: 'not-found', message: expect.stringContaining('größe') };
    expect(await raw.next()).toMatchObject({ type: 'error', error });
  });

  it('drops the half of a line that nobody ends', async () => {
    const raw = await Raw.connect();
    raw.socket.end(request('ping').trimEnd());
    expect(await raw.next()).toBeUndefined();
  });

  it('answers requests that come all at once, in their order, also after the client closed its half', async () => {
    const raw = await Raw.connect();
    raw.socket.end(request('instant', { at: 'first' }) + request('nonsense') + request('ping'));
    expect(await raw.next()).toMatchObject({ type: 'answer', result: { at: '2023-11-14T22:13:22Z' } });
    expect(await raw.next()).toMatchObject({ type: 'error' });
    expect(await raw.next()).toMatchObject({ type: 'answer', result: { pid: process.pid } });
    expect(await raw.next()).toBeUndefined();
  });

  it('refuses a line that is too long, with its end or without, and hangs up', async () => {
    for (const end of ['', '\n']) {
      const raw = await Raw.connect();
      raw.socket.write(`${request('ping')}${'x'.repeat(MESSAGE_LIMIT + 1)}${end}`);
      expect(await raw.next()).toMatchObject({ type: 'answer' });
      expect(await raw.next()).toMatchObject({ type: 'error', error: { code: 'usage' } });
      expect(await raw.next()).toBeUndefined();
    }
    expect((await (await client()).call('ping', {})).pid).toBe(process.pid);
  });

  it('says so when it has too many clients, and takes new ones when some have left', async () => {
    const many = await Promise.all(Array.from({ length: 32 }, client));
    await expect(client()).rejects.toThrowError(code('busy'));
    many[0]?.close();
    await until('a place', () =>
      client().then(
        () => true,
        () => false,
      ),
    );
  });

  it('does no more for a client that does not read its answers', async () => {
    let asked = 0;
    const policy = past.volume.policy.bind(past.volume);
    past.volume.policy = () => {
      asked += 1;
      return policy();
    };
    const raw = await Raw.connect();
    raw.socket.write(request('policy', { set: [] }).repeat(20_000));
    let before = -1;
    await until('the server to rest', async () => {
      const rests = asked === before;
      before = asked;
      await sleep(100);
      return rests;
    });
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThan(10_000);
    for (let round = 0; round < 20_000; round++) await raw.next();
    expect(asked).toBe(20_000);
  });

  it('goes on when a client vanishes in the middle of its answer', async () => {
    await past.volume.resize(64 * 2 ** 20);
    const raw = await Raw.connect();
    raw.socket.write(request('read', { at: '2023-11-14T22:13:30Z', offset: 0, length: null }));
    await raw.next();
    raw.socket.destroy();
    await until('the view to be closed', () => past.volume.engine.views.views.size === 1);
    expect((await (await client()).call('ping', {})).pid).toBe(process.pid);
  });

  it('waits for a slow reader, and holds no more than it must', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on('warning', onWarning);
    const size = 48 * 2 ** 20;
    await past.volume.resize(size);
    for (let at = 0; at < size; at += 2 ** 20) {
      await new Promise<void>((resolve) => past.volume.write(at, Buffer.alloc(4096, 1), () => resolve()));
    }
    const one = await client();
    let received = 0;
    const take = async (bytes: Uint8Array) => {
      received += bytes.length;
      await sleep(2);
    };
    const { at } = await one.call('resolve', { at: 'now' });
    await one.call('read', { at, offset: 0, length: undefined }, { data: take });
    process.off('warning', onWarning);
    expect(received).toBe(size);
    expect(warnings).toEqual([]);
  });
});

describe('a daemon of another kind', () => {
  async function daemonThatSays(...lines: string[]): Promise<unknown> {
    const uuid = '00000000-0000-0000-0000-000000000000';
    makeRuntimeFolder();
    const other = createServer((socket) => {
      socket.on('error', () => undefined);
      for (const line of lines) socket.write(`${line}\n`);
      socket.end();
    });
    await server.stop();
    other.listen(socketPath(uuid, folder));
    await once(other, 'listening');
    try {
      const connected = await ControlClient.connect(uuid, folder);
      return await connected?.call('ping', {});
    } catch (error) {
      return error;
    } finally {
      other.close();
    }
  }
  const hello = {
    type: 'hello',
    version: '9.9.9',
    pid: 1,
    uuid: '',
    folder: '',
    mountPoint: null,
    stores: [],
  };

  it.each([
    ['nothing', []],
    ['what is not JSON', ['hello']],
    ['what is no greeting', ['{"type":"answer","result":1}']],
    ['a message of an unknown type', [JSON.stringify({ ...hello, protocol: 1 }), '{"type":"news"}']],
    [
      'an answer of another shape',
      [JSON.stringify({ ...hello, protocol: 1 }), '{"type":"answer","result":{"pid":-1}}'],
    ],
    ['too few bytes', [JSON.stringify({ ...hello, protocol: 1 }), '{"type":"data","length":1000}', 'x']],
    [
      'more bytes than may be',
      [JSON.stringify({ ...hello, protocol: 1 }), '{"type":"data","length":99999999}'],
    ],
  ])('that sends %s is an error of one line', async (_what, lines) => {
    const error = await daemonThatSays(...lines);
    expect(error).toBeInstanceOf(AnywhenError);
    expect(error).toMatchObject({ code: 'io', message: expect.stringMatching(/^[^\n]+$/) });
  });

  it('that speaks a later protocol is refused by both numbers', async () => {
    const error = await daemonThatSays(JSON.stringify({ ...hello, protocol: 2 }));
    expect(error).toMatchObject({ code: 'unsupported', message: expect.stringMatching(/2.*1/) });
  });
});
