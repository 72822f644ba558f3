import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { AnywhenError } from '../../src/base/errors.js';
import { formatInstant } from '../../src/base/instant.js';
import { errnoOf } from '../../src/fuse/errno.js';
import { type NameStyle, nameOf } from '../../src/namespace/time-name.js';
import { Tree } from '../../src/namespace/tree.js';
import { type Past, pastVolume, SIZE } from './past.js';

const absent = expect.objectContaining({ code: 'not-found' });
const STATUS = '{ "schema": "anywhen/status/1" }\n';
const ENOENT = -2;

let past: Past;
const tree = (names: NameStyle = 'extended') => new Tree(past.volume, { status: async () => STATUS, names });
const name = (at: bigint, style: NameStyle = 'extended') => nameOf(at, style);

beforeAll(async () => {
  past = await pastVolume();
});

describe('the tree', () => {
  it('has five names at the top, and finds each that it lists', async () => {
    const names = tree().list({ kind: 'root' });
    expect(names).toEqual(['volume', 'images', 'scratch', 'snapshots', 'status.json']);
    expect(names.map((one) => tree().lookup(`/${one}`).kind)).toEqual([
      'volume',
      'images',
      'scratches',
      'snapshots',
      'status',
    ]);
    expect(tree().lookup('/')).toEqual({ kind: 'root' });
  });

  it.each(['extended', 'basic'] as const)(
    'with %s names finds every name that it lists, and no name twice',
    async (style) => {
      const shown = tree(style);
      for (const [folder, kind] of [
        ['images', 'image'],
        ['snapshots', 'snapshot'],
      ] as const) {
        const names = shown.list(shown.lookup(`/${folder}`));
        expect(new Set(names).size).toBe(names.length);
        for (const one of names) {
          const node = shown.lookup(`/${folder}/${one}`);
          const target = node.kind === 'link' ? shown.lookup(`/${folder}/${node.target}`) : node;
          expect(target.kind, one).toBe(kind);
          await shown.attributes(node);
        }
      }
    },
  );

  it('lists the points by their canonical names, the marks by theirs, and latest', () => {
    const times = past.volume.points().map((point) => name(point.at));
    expect(tree().list({ kind: 'images' })).toEqual([...times.map((one) => `@${one}`), '@first']);
    expect(tree().list({ kind: 'snapshots' })).toEqual([...times, 'first', 'latest']);
    expect(tree().list({ kind: 'scratches' })).toEqual([]);
  });

  it('lists at most some 200 points of many, the newest and those with marks among them', async () => {
    const many = await pastVolume(1500);
    for (let round = 0; round < 700; round++) {
      many.time.advance(1_000_000_000n);
      many.volume.write(0, Buffer.alloc(512, round), () => undefined);
      await many.volume.flush();
    }
    expect(many.volume.points().length).toBeGreaterThan(600);
    const names = new Tree(many.volume, { status: async () => STATUS }).list({ kind: 'images' });
    expect(names.length).toBeGreaterThan(150);
    expect(names.length).toBeLessThan(210);
    expect(names).toContain(`@${name(many.first)}`);
    expect(names).toContain(`@${name(many.volume.points().at(-1)?.at ?? 0n)}`);
  });

  it.each([
    '/nothing',
    '/volume/x',
    '/status.json/x',
    '/images/2023-11-14T22:13:22Z',
    '/images/first',
    '/images/@',
    '/images/@never-marked',
    '/images/@yesterday 17:00',
    '/images/@2 hours ago',
    '/images/@2023-13-01',
    '/images/@2101-01-01T00:00',
    '/images/@2001-01-01T00:00',
    '/images/@-99999999999999999999w',
    '/images/@-1000w',
    '/images/@first/x',
    '/images/@@GMT-2023.11.14',
    '/images/latest',
    '/scratch/first',
    '/scratch/@',
    '/scratch/@never-marked',
    '/snapshots/never-marked',
    '/snapshots/first/image',
    '/snapshots/2023-11-14T22:13:22Z/other',
    '/snapshots/2023-11-14T22:13:22Z/image/x',
    '/.Trash-0',
    '/images/.DS_Store',
    '/images/.Trash',
    '/snapshots/desktop.ini',
    '//',
    '/images/',
    '',
  ])('says ENOENT to %j', (path) => {
    const act = () => tree().lookup(path);
    expect(act).toThrowError(absent);
    try {
      act();
    } catch (error) {
      expect(errnoOf(error)).toBe(ENOENT);
    }
  });

  it('finds a node or says ENOENT, whatever the path is', () => {
    const part = fc.oneof(
      fc.string(),
      fc.constantFrom('volume', 'images', 'snapshots', 'scratch', 'image', '@first', '@now', 'latest', '..'),
      fc.string({ unit: fc.constantFrom(...'@0123456789-:TZ.,~') }).map((text) => `@${text}`),
    );
    const shown = tree();
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        try {
          shown.lookup(`/${parts.join('/')}`);
        } catch (error) {
          expect(error).toBeInstanceOf(AnywhenError);
          expect(errnoOf(error)).toBe(ENOENT);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a canonical name', () => {
  it('is that instant, in every room', () => {
    const at = past.writes[3] as bigint;
    expect(tree().lookup(`/images/@${name(at)}`)).toEqual({ kind: 'image', at });
    expect(tree().lookup(`/snapshots/${name(at)}`)).toEqual({ kind: 'snapshot', at });
    expect(tree().lookup(`/snapshots/${name(at)}/image`)).toEqual({ kind: 'image', at });
    expect(tree().lookup(`/scratch/@${name(at)}`)).toEqual({ kind: 'scratch', at, name: '' });
    expect(tree().lookup(`/scratch/@${name(at)},two`)).toEqual({ kind: 'scratch', at, name: 'two' });
  });

  it('is exactly that instant or nothing, never the point before', () => {
    const between = (past.writes[1] as bigint) + 1n;
    for (const path of [
      `/images/@${name(between)}`,
      `/snapshots/${name(between)}`,
      `/scratch/@${name(between)}`,
    ])
      expect(() => tree().lookup(path), path).toThrowError(absent);
    // Cut short it is a form of its own, and means the newest point before.
    const short = name(between)
      .replace(/\.\d+Z$/, 'Z')
      .replace('Z', '+00:00');
    expect(tree().lookup(`/images/@${short}`)).toMatchObject({ kind: 'link', at: past.first });
  });

  it('is what every other form links to', () => {
    const { first, writes, flushed } = past;
    const seconds = name(first).slice(0, 19);
    const forms = ['first', `${seconds}+00:00`, nameOf(first, 'basic'), `${name(first + 1n)}~`, 'first~'];
    for (const form of forms)
      expect(tree().lookup(`/images/@${form}`), form).toEqual({
        kind: 'link',
        target: `@${name(first)}`,
        at: first,
      });
    const samba = `@GMT-${seconds.replaceAll('-', '.').replaceAll(':', '.').replace('T', '-')}`;
    expect(tree().lookup(`/images/${samba}`)).toMatchObject({ target: `@${name(first)}` });
    expect(tree().lookup(`/snapshots/${samba}`)).toMatchObject({ target: name(first) });
    expect(tree().lookup('/snapshots/latest')).toMatchObject({ target: name(writes[4] as bigint) });
    expect(tree().lookup('/scratch/@first,two')).toMatchObject({ target: `@${name(first)},two` });
    expect(tree().lookup('/images/@now~')).toMatchObject({ target: `@${name(flushed)}` });
  });
});

describe('basic names', () => {
  it('hold no colon, in listings and in links', async () => {
    const own = await pastVolume();
    await own.volume.mark('a:b');
    const shown = new Tree(own.volume, { status: async () => STATUS, names: 'basic' });
    for (const folder of ['images', 'snapshots']) {
      const names = shown.list(shown.lookup(`/${folder}`));
      expect(names.filter((one) => one.includes(':'))).toEqual([]);
    }
    const link = shown.lookup('/images/@a:b');
    expect(link).toMatchObject({ kind: 'link', target: expect.not.stringContaining(':') });
    const listed = new Tree(own.volume, { status: async () => STATUS }).list({ kind: 'images' });
    expect(listed).toContain('@a:b');
  });

  it('are canonical there: exactly that instant or nothing', () => {
    const shown = tree('basic');
    const at = past.writes[3] as bigint;
    const between = (past.writes[1] as bigint) + 1n;
    expect(shown.lookup(`/images/@${name(at, 'basic')}`)).toEqual({ kind: 'image', at });
    expect(shown.lookup(`/snapshots/${name(at, 'basic')}/image`)).toEqual({ kind: 'image', at });
    expect(shown.lookup(`/scratch/@${name(at, 'basic')},x`)).toEqual({ kind: 'scratch', at, name: 'x' });
    expect(() => shown.lookup(`/images/@${name(between, 'basic')}`)).toThrowError(absent);
  });

  it('leave RFC 3339 its meaning: a link to that instant, or nothing', () => {
    const shown = tree('basic');
    const at = past.writes[3] as bigint;
    const between = (past.writes[1] as bigint) + 1n;
    expect(shown.lookup(`/images/@${name(at)}`)).toEqual({
      kind: 'link',
      target: `@${name(at, 'basic')}`,
      at,
    });
    expect(() => shown.lookup(`/images/@${name(between)}`)).toThrowError(absent);
    expect(shown.lookup('/snapshots/latest')).toMatchObject({
      target: name(past.writes[4] as bigint, 'basic'),
    });
  });
});

describe('the attributes', () => {
  it('give the owner alone what can be done: write the volume and a scratch, read the rest', async () => {
    const shown = tree();
    const at = name(past.first);
    const mode = async (path: string) => (await shown.attributes(shown.lookup(path))).mode.toString(8);
    expect(await mode('/')).toBe('40500');
    expect(await mode('/images')).toBe('40500');
    expect(await mode(`/snapshots/${at}`)).toBe('40500');
    expect(await mode('/volume')).toBe('100600');
    expect(await mode(`/scratch/@${at}`)).toBe('100600');
    expect(await mode(`/images/@${at}`)).toBe('100400');
    expect(await mode('/status.json')).toBe('100400');
    expect(await mode('/images/@first')).toBe('120777');
  });

  it('give the size that the volume had then', async () => {
    const own = await pastVolume();
    await own.volume.resize(SIZE / 2);
    const shown = new Tree(own.volume, { status: async () => STATUS });
    const size = async (path: string) => (await shown.attributes(shown.lookup(path))).size;
    expect(await size('/volume')).toBe(SIZE / 2);
    expect(await size(`/images/@${name(own.first)}`)).toBe(SIZE);
    expect(await size(`/scratch/@${name(own.first)}`)).toBe(SIZE);
    expect(await size(`/images/@${name(own.volume.now())}`)).toBe(SIZE / 2);
    expect(await size('/images/@first')).toBe(`@${name(own.first)}`.length);
    // A link is as long as its bytes.
    expect(await size('/scratch/@first,größe')).toBe(Buffer.byteLength(`@${name(own.first)},größe`));
  });

  it('give an image the time of its instant, and an inode that stays and is its own', async () => {
    const shown = tree();
    const inodes = new Map<number, string>();
    for (const path of [
      '/',
      '/images',
      '/scratch',
      '/snapshots',
      '/volume',
      '/status.json',
      ...past.volume
        .points()
        .flatMap(({ at }) => [
          `/images/@${name(at)}`,
          `/snapshots/${name(at)}`,
          `/scratch/@${name(at)}`,
          `/scratch/@${name(at)},x`,
        ]),
      '/images/@first',
    ]) {
      const found = await shown.attributes(shown.lookup(path));
      expect(found.inode).toBe((await shown.attributes(shown.lookup(path))).inode);
      expect(inodes.get(found.inode), path).toBeUndefined();
      inodes.set(found.inode, path);
    }
    const image = await shown.attributes(shown.lookup(`/images/@${name(past.first)}`));
    expect(image.time.getTime()).toBe(Number(past.first / 1_000_000n));
    // The same file under its two names.
    const same = await shown.attributes(shown.lookup(`/snapshots/${name(past.first)}/image`));
    expect(same.inode).toBe(image.inode);
  });

  it('give the same inodes in every mount of a store', async () => {
    const inode = async (shown: Tree, path: string) => (await shown.attributes(shown.lookup(path))).inode;
    for (const path of ['/', '/volume', `/images/@${name(past.first)}`, `/scratch/@${name(past.first)},x`]) {
      const found = await inode(tree(), path);
      expect(found).toBe(await inode(tree(), path));
      expect(Number.isSafeInteger(found)).toBe(true);
    }
  });

  it('give status.json the size of the text that is read', async () => {
    const shown = tree();
    const { size } = await shown.attributes({ kind: 'status' });
    expect([size, shown.statusText]).toEqual([STATUS.length, STATUS]);
  });

  it('of an image name its point in extended attributes; nothing else has any', () => {
    const shown = tree();
    expect(shown.facts(shown.lookup(`/images/@${name(past.first)}`))).toEqual({
      'user.anywhen.time': formatInstant(past.first),
      'user.anywhen.kind': 'flush',
      'user.anywhen.sequence': '1',
    });
    expect(shown.facts(shown.lookup('/volume'))).toEqual({});
  });
});
