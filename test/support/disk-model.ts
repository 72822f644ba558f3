import type { FileName } from '../../src/file/executor.js';
import { folderOf } from '../../src/file/file-name.js';
import { MemoryExecutor } from '../../src/file/memory-executor.js';
import { MemoryFile } from '../../src/file/memory-file.js';
import type { Change } from '../../src/file/recording-executor.js';

/** A file apart from its names, as a filesystem has it. */
export type Inode = number;

/**
 * What one change does to the disk: to the bytes of a file, or to names. Each may be missing on its own; `folders`
 * are those that have still to be synced before it is durable.
 */
export type Effect =
  | {
      readonly kind: 'data';
      readonly inode: Inode;
      readonly change: DataChange;
      /** The size that a file was made with is durable with its name, too. */
      readonly madeIn?: FileName;
    }
  | {
      readonly kind: 'names';
      readonly folders: readonly FileName[];
      readonly removed?: FileName;
      readonly added?: readonly [FileName, Inode];
    }
  | { readonly kind: 'folder'; readonly folders: readonly FileName[]; readonly name: FileName };

export type DataChange = Extract<Change, { op: 'write' | 'truncate' | 'allocate' | 'punch' }>;

/** Names and bytes of a disk, kept apart, so that either can be durable without the other. */
export class DiskModel {
  readonly files = new Map<Inode, MemoryFile>();
  readonly names = new Map<FileName, Inode>();
  readonly folders = new Set<FileName>();

  static of(executor: MemoryExecutor): DiskModel {
    const disk = new DiskModel();
    for (const folder of executor.folders) disk.folders.add(folder);
    for (const [name, file] of executor.files) {
      disk.names.set(name, disk.files.size);
      disk.files.set(disk.files.size, file.copy());
    }
    return disk;
  }

  copy(): DiskModel {
    const disk = new DiskModel();
    for (const [inode, file] of this.files) disk.files.set(inode, file.copy());
    for (const [name, inode] of this.names) disk.names.set(name, inode);
    for (const folder of this.folders) disk.folders.add(folder);
    return disk;
  }

  apply(effect: Effect): void {
    if (effect.kind === 'folder') this.folders.add(effect.name);
    else if (effect.kind === 'data') applyData(this.#file(effect.inode), effect.change);
    else {
      if (effect.removed !== undefined) this.names.delete(effect.removed);
      if (effect.added !== undefined) this.names.set(...effect.added);
    }
  }

  /** The files that a restarted machine finds. What lies in a folder that is missing is missing. */
  executor(): MemoryExecutor {
    const files = new Map<FileName, MemoryFile>();
    for (const [name, inode] of this.names)
      if (this.#reachable(name)) files.set(name, this.#file(inode).copy());
    const executor = new MemoryExecutor(files);
    const folders = [...this.folders].filter((folder) => folder !== '' && this.#reachable(folder));
    for (const file of folders.sort()) executor.runNow([{ op: 'mkdir', file }]);
    return executor;
  }

  #reachable(name: FileName): boolean {
    const folder = folderOf(name);
    return folder === '' || (this.folders.has(folder) && this.#reachable(folder));
  }

  #file(inode: Inode): MemoryFile {
    let file = this.files.get(inode);
    if (file === undefined) {
      file = new MemoryFile();
      this.files.set(inode, file);
    }
    return file;
  }
}

function applyData(file: MemoryFile, change: DataChange): void {
  switch (change.op) {
    case 'truncate':
      return file.truncate(change.size);
    case 'allocate':
      return file.truncate(Math.max(file.size, change.offset + change.length));
    case 'punch':
      return file.zero(change.offset, change.length);
    case 'write': {
      let { offset } = change;
      for (const part of change.from) {
        file.write(offset, part);
        offset += part.length;
      }
    }
  }
}

/** Follows a recording and says what each change does, by the names that hold at that moment. */
export class EffectReader {
  readonly #names: Map<FileName, Inode>;
  readonly #folders: Set<FileName>;
  #next: Inode;

  constructor(disk: DiskModel) {
    this.#names = new Map(disk.names);
    this.#folders = new Set(disk.folders);
    this.#next = disk.files.size;
  }

  inodeOf(file: FileName): Inode | undefined {
    return this.#names.get(file);
  }

  /** The effects of the next change, in their order. */
  read(change: Change): Effect[] {
    switch (change.op) {
      case 'create':
        return this.#create(change.file, change.size);
      case 'rename':
        return this.#rename(change.file, change.to);
      case 'unlink': {
        if (!this.#names.delete(change.file)) return [];
        return [{ kind: 'names', folders: [folderOf(change.file)], removed: change.file }];
      }
      case 'mkdir': {
        if (this.#folders.has(change.file)) return [];
        this.#folders.add(change.file);
        return [{ kind: 'folder', folders: [folderOf(change.file)], name: change.file }];
      }
      default: {
        const inode = this.#names.get(change.file);
        return inode === undefined ? [] : [{ kind: 'data', inode, change }];
      }
    }
  }

  #create(file: FileName, size: number): Effect[] {
    const inode = this.#next++;
    this.#names.set(file, inode);
    const madeIn = folderOf(file);
    const named: Effect = { kind: 'names', folders: [madeIn], added: [file, inode] };
    if (size === 0) return [named];
    return [named, { kind: 'data', inode, change: { op: 'truncate', file, size }, madeIn }];
  }

  #rename(file: FileName, to: FileName): Effect[] {
    const inode = this.#names.get(file);
    if (inode === undefined || file === to) return [];
    this.#names.delete(file);
    this.#names.set(to, inode);
    const folders = [...new Set([folderOf(file), folderOf(to)])];
    return [{ kind: 'names', folders, removed: file, added: [to, inode] }];
  }
}
