import { createHash } from 'node:crypto';
import { AnywhenError } from '../base/errors.js';
import { formatInstant, type Instant } from '../base/instant.js';
import type { Point } from '../volume/model.js';
import type { Volume } from '../volume/volume.js';
import { type Attributes, type Node, S_IFDIR, S_IFLNK, S_IFREG } from './node.js';
import { resolveTime } from './resolve-time.js';
import { type NameStyle, nameOf, parseTimeName } from './time-name.js';

/** So many points are listed at the most; every other instant is found by its name. */
const LISTED = 200;

/** Names that desktops and indexers ask for everywhere. */
const PROBES =
  /^(\.Trash.*|\.DS_Store|\._.*|\.fseventsd|\.Spotlight.*|desktop\.ini|\.hidden|autorun\.inf|\.xdg-volume-info)$/;

export interface TreeOptions {
  /** The content of status.json. */
  readonly status: () => Promise<string>;
  /** How canonical names are written; `extended` when not given. */
  readonly names?: NameStyle;
}

/** The names under a mount point: pure lookups over a volume, nothing of FUSE. */
export class Tree {
  #statusText = '{}\n';

  constructor(
    readonly volume: Volume,
    readonly options: TreeOptions,
  ) {}

  /** The node of a path that begins with '/'. @throws `not-found`, also for a name that is no possible time */
  lookup(path: string): Node {
    // The hot one.
    if (path === '/volume') return { kind: 'volume' };
    try {
      return this.#find(path);
    } catch (cause) {
      if (cause instanceof AnywhenError && cause.code === 'usage') throw absent(path, cause);
      throw cause;
    }
  }

  #find(path: string): Node {
    if (path === '/') return { kind: 'root' };
    const parts = path.split('/').slice(1);
    const last = parts[parts.length - 1] as string;
    if (parts.length > 3 || PROBES.test(last)) throw absent(path);
    const [first, second, third] = parts as [string, string | undefined, string | undefined];
    if (second === undefined) return this.#top(first, path);
    if (first === 'images' && third === undefined) return this.#time(second, '@', 'image', path);
    if (first === 'scratch' && third === undefined) return this.#scratch(second, path);
    if (first !== 'snapshots') throw absent(path);
    const node = this.#time(second, '', 'snapshot', path);
    if (third === undefined) return node;
    if (node.kind === 'snapshot' && third === 'image') return { kind: 'image', at: node.at };
    throw absent(path);
  }

  #top(name: string, path: string): Node {
    switch (name) {
      case 'images':
      case 'snapshots':
        return { kind: name };
      case 'scratch':
        return { kind: 'scratches' };
      case 'status.json':
        return { kind: 'status' };
      default:
        throw absent(path);
    }
  }

  /**
   * A canonical name is that instant or nothing; every other form is a link to a canonical name. RFC 3339 with
   * nothing left out keeps that promise where names are basic, too.
   */
  #time(name: string, prefix: string, kind: 'image' | 'snapshot', path: string): Node {
    if (!name.startsWith(prefix)) throw absent(path);
    const text = name.slice(prefix.length);
    const { name: parsed, toFlush } = parseTimeName(text);
    const canonical = parsed.kind === 'instant' && !toFlush ? parsed.canonical : undefined;
    if (parsed.kind === 'instant' && canonical !== undefined) {
      const exact = this.volume.exact(parsed.at);
      if (canonical === this.#style && exact) return { kind, at: parsed.at };
      if (!exact && (canonical === this.#style || canonical === 'extended')) throw absent(path);
    }
    const { at } = resolveTime(this.volume, text);
    return { kind: 'link', target: `${prefix}${nameOf(at, this.#style)}`, at };
  }

  get #style(): NameStyle {
    return this.options.names ?? 'extended';
  }

  #scratch(name: string, path: string): Node {
    const comma = name.indexOf(',');
    const time = comma < 0 ? name : name.slice(0, comma);
    const suffix = comma < 0 ? '' : name.slice(comma + 1);
    const node = this.#time(time, '@', 'image', path);
    if (node.kind === 'link')
      return { ...node, target: comma < 0 ? node.target : `${node.target},${suffix}` };
    if (node.kind !== 'image') throw absent(path);
    return { kind: 'scratch', at: node.at, name: suffix };
  }

  /** The names in a folder. */
  list(node: Node): string[] {
    switch (node.kind) {
      case 'root':
        return ['volume', 'images', 'scratch', 'snapshots', 'status.json'];
      case 'images':
        return this.#times().map((name) => `@${name}`);
      case 'snapshots':
        return [...this.#times(), 'latest'];
      case 'snapshot':
        return ['image'];
      case 'scratches':
        return [];
      default:
        throw new AnywhenError('usage', 'not a folder');
    }
  }

  /** The names of the points that are listed, and of the marks. */
  #times(): string[] {
    const marks = this.volume.marks().map((mark) => mark.name);
    const listed = this.#style === 'basic' ? marks.filter((name) => !name.includes(':')) : marks;
    return [...this.#points().map((point) => nameOf(point.at, this.#style)), ...listed];
  }

  /** Points with marks and the newest are always listed; of the others so many, evenly. */
  #points(): Point[] {
    const points = this.volume.points();
    if (points.length <= LISTED) return points;
    const step = points.length / LISTED;
    let next = 0;
    return points.filter((point, index) => {
      const due = index >= next || index === points.length - 1;
      if (due) next += step;
      return due || point.marks.length > 0;
    });
  }

  async attributes(node: Node): Promise<Attributes> {
    if (node.kind === 'status') await this.renewStatus();
    return this.attributesNow(node);
  }

  /** Of `status` those of the text that was made last. @throws `not-found` for an image that cannot be shown any more */
  attributesNow(node: Node): Attributes {
    const time = this.#timeOf(node);
    const file = (mode: number, size: number, key: string = node.kind) => ({
      mode: S_IFREG | mode,
      size,
      time,
      inode: inodeOf(key),
      links: 1,
    });
    switch (node.kind) {
      case 'volume':
        return file(this.volume.readOnly ? 0o400 : 0o600, this.volume.size);
      case 'status':
        return file(0o400, Buffer.byteLength(this.#statusText));
      case 'image':
        return file(0o400, this.volume.resolve(node.at).point.size, `image ${node.at}`);
      case 'scratch':
        return file(0o600, this.volume.resolve(node.at).point.size, `scratch ${node.at},${node.name}`);
      case 'link':
        return {
          mode: S_IFLNK | 0o777,
          size: Buffer.byteLength(node.target),
          time,
          inode: inodeOf(`link ${node.target}`),
          links: 1,
        };
      default:
        return { mode: S_IFDIR | 0o500, size: 0, time, inode: inodeOf(keyOf(node)), links: 2 };
    }
  }

  /** Makes the text of status.json. */
  async renewStatus(): Promise<void> {
    this.#statusText = await this.options.status();
  }

  /** The text that was made last. */
  get statusText(): string {
    return this.#statusText;
  }

  /** Read-only facts of an image, as extended attributes. */
  facts(node: Node): Record<string, string> {
    if (node.kind !== 'image') return {};
    const { point } = this.volume.resolve(node.at);
    return {
      'user.anywhen.time': formatInstant(node.at),
      'user.anywhen.kind': point.quality,
      'user.anywhen.sequence': String(point.sequence),
    };
  }

  #timeOf(node: Node): Date {
    const at: Instant = 'at' in node ? node.at : this.volume.now();
    return new Date(Number(at / 1_000_000n));
  }
}

/** The nodes that are always there. */
const INODES: Readonly<Record<string, number>> = {
  root: 1,
  volume: 2,
  images: 3,
  scratches: 4,
  snapshots: 5,
  status: 6,
};

/** The same for the same key for ever, without keeping any: programs ask for new times again and again. */
function inodeOf(key: string): number {
  return INODES[key] ?? Number(createHash('sha1').update(key).digest().readBigUInt64LE() >> 12n) + 16;
}

function keyOf(node: Node): string {
  return node.kind === 'snapshot' ? `snapshot ${node.at}` : node.kind;
}

function absent(path: string, cause?: AnywhenError): AnywhenError {
  return new AnywhenError('not-found', cause?.message ?? `${path}: no such file`, { cause });
}
