import { AnywhenError } from '../base/errors.js';
import { Mutex } from '../base/mutex.js';
import { alignUp, BLOCK } from '../base/range.js';
import type { Executor } from '../file/executor.js';
import { crc32c } from '../format/checksum.js';
import { CATALOG_HEADER_SIZE, FILES, SUPERBLOCK_SIZE } from '../format/layout.js';
import { encodeSuperblock, type Superblock, superblockOffset } from '../format/superblock.js';
import { superblockCopies, usedCopy } from '../format/superblock-copies.js';
import { Catalog } from './catalog.js';
import { type CatalogEdit, decodeCatalogHeader, encodeCatalogHeader, encodeEdits } from './catalog-format.js';

/** A catalog is compacted when it is longer than this and than four times what is left of it. */
const COMPACT_ABOVE = 4 * 1024 * 1024;

/** What every checksum of this store begins with, so that a record of another store never passes. */
export function storeSeed(uuid: Uint8Array): number {
  return crc32c(uuid);
}

/**
 * The superblock and the catalog, changed together: the edits of a commit count from the moment when the
 * superblock that names the catalog's new length is durable, and not before.
 */
export class StoreMeta {
  readonly seed: number;
  readonly #mutex = new Mutex();
  #failed: AnywhenError | undefined;

  private constructor(
    readonly executor: Executor,
    public superblock: Superblock,
    readonly catalog: Catalog,
  ) {
    this.seed = storeSeed(superblock.uuid);
  }

  /** @throws `no-store`, `damaged`, `unsupported` */
  static async load(executor: Executor): Promise<StoreMeta> {
    const size = await executor.size(FILES.superblock);
    if (size === undefined) {
      throw new AnywhenError('no-store', 'there is no store here: the superblock is missing', {
        hint: 'Create one with `anywhen create STORE --size SIZE`.',
      });
    }
    const bytes = new Uint8Array(2 * SUPERBLOCK_SIZE);
    if (size < bytes.length)
      throw new AnywhenError('damaged', 'superblock: is cut short', { data: { file: FILES.superblock } });
    await executor.run([{ op: 'read', file: FILES.superblock, offset: 0, into: bytes }]);
    const { content: superblock, offset } = usedCopy(superblockCopies(bytes));
    const { catalog, generation, length } = await loadCatalog(executor, superblock);
    // Where its own copy is damaged the other one speaks for it, which must not be the next to be overwritten.
    const sequence = superblock.sequence + (offset === superblockOffset(superblock.sequence) ? 0 : 1);
    const now = { ...superblock, sequence, catalogGeneration: generation, catalogLength: length };
    return new StoreMeta(executor, now, catalog);
  }

  /** The superblock and the empty catalog of a new store; the superblock last. */
  static async create(executor: Executor, superblock: Superblock): Promise<void> {
    const { uuid } = superblock;
    const ownLength = CATALOG_HEADER_SIZE;
    const header = encodeCatalogHeader({
      uuid,
      generation: 1,
      replacesGeneration: 0,
      replacesLength: 0,
      ownLength,
    });
    const first = encodeSuperblock({
      ...superblock,
      sequence: 1,
      catalogGeneration: 1,
      catalogLength: ownLength,
    });
    await executor.run([
      { op: 'create', file: FILES.catalog, size: 0 },
      { op: 'write', file: FILES.catalog, offset: 0, from: [header] },
      { op: 'datasync', file: FILES.catalog },
      { op: 'syncdir', file: '' },
      { op: 'create', file: FILES.superblock, size: 2 * SUPERBLOCK_SIZE },
      { op: 'write', file: FILES.superblock, offset: superblockOffset(1), from: [first] },
      { op: 'write', file: FILES.superblock, offset: superblockOffset(2), from: [first] },
      { op: 'datasync', file: FILES.superblock },
      { op: 'syncdir', file: '' },
    ]);
  }

  /**
   * One commit: `edits` and the changed fields of the superblock become durable together, or not at all.
   *
   * @param changes called when earlier commits are through
   * @throws `damaged` before anything is written, when the catalog refuses an edit; `no-space`, `io`
   */
  commit(
    edits: readonly CatalogEdit[],
    changes: (now: Superblock) => Partial<Superblock> = () => ({}),
  ): Promise<void> {
    return this.#mutex.run(async () => {
      if (this.#failed !== undefined) throw this.#failed;
      this.catalog.check(edits);
      const length = await this.#append(edits);
      await this.#write({ ...changes(this.superblock), catalogLength: length });
      for (const edit of edits) this.catalog.apply(edit);
      if (this.superblock.catalogLength > COMPACT_ABOVE) await this.#compact();
    });
  }

  async #append(edits: readonly CatalogEdit[]): Promise<number> {
    const { catalogGeneration, catalogLength } = this.superblock;
    if (edits.length === 0) return catalogLength;
    // Each commit begins at a 4 KiB border: no sector that holds committed records is written again.
    const offset = alignUp(catalogLength, BLOCK);
    const bytes = encodeEdits(edits, catalogGeneration, offset, this.seed);
    // A longer commit that never came may have been written here: up to the next border only zeros may follow.
    const rest = new Uint8Array(alignUp(bytes.length, BLOCK) - bytes.length);
    await this.executor.run([
      { op: 'write', file: FILES.catalog, offset, from: [bytes, rest] },
      { op: 'datasync', file: FILES.catalog },
    ]);
    return offset + bytes.length;
  }

  /**
   * One copy, made durable; then the other, which the next commit makes durable or overwrites first: at rest both say
   * the same, and damage to one is no return to an older state. After a failure nobody knows which superblock is on
   * the disk: nothing more is committed.
   */
  async #write(changes: Partial<Superblock>): Promise<void> {
    const next = { ...this.superblock, ...changes, sequence: this.superblock.sequence + 1 };
    const from = [encodeSuperblock(next)];
    const file = FILES.superblock;
    try {
      await this.executor.run([
        { op: 'write', file, offset: superblockOffset(next.sequence), from },
        { op: 'datasync', file },
        { op: 'write', file, offset: superblockOffset(next.sequence + 1), from },
      ]);
    } catch (cause) {
      this.#failed = new AnywhenError('io', 'the superblock could not be written', {
        cause,
        hint: 'The store is read-only from here on; open it again when the disk is well.',
      });
      throw this.#failed;
    }
    this.superblock = next;
  }

  async #compact(): Promise<void> {
    const { uuid, catalogGeneration, catalogLength } = this.superblock;
    const generation = catalogGeneration + 1;
    const records = encodeEdits(this.catalog.edits(), generation, CATALOG_HEADER_SIZE, this.seed);
    const ownLength = CATALOG_HEADER_SIZE + records.length;
    if (ownLength * 4 > catalogLength) return;
    const replaces = { replacesGeneration: catalogGeneration, replacesLength: catalogLength };
    const header = encodeCatalogHeader({ uuid, generation, ...replaces, ownLength });
    const file = FILES.catalogNew;
    await this.executor.run([
      { op: 'unlink', file },
      { op: 'create', file, size: 0 },
      { op: 'write', file, offset: 0, from: [header, records] },
      { op: 'datasync', file },
      { op: 'rename', file, to: FILES.catalog },
      { op: 'syncdir', file: '' },
    ]);
    await this.#write({ catalogGeneration: generation, catalogLength: ownLength });
  }
}

async function loadCatalog(
  executor: Executor,
  superblock: Superblock,
): Promise<{ catalog: Catalog; generation: number; length: number }> {
  const size = await executor.size(FILES.catalog);
  if (size === undefined)
    throw new AnywhenError('damaged', 'the catalog is missing', { data: { file: FILES.catalog } });
  const head = new Uint8Array(CATALOG_HEADER_SIZE);
  if (size < head.length)
    throw new AnywhenError('damaged', 'catalog: is cut short', { data: { file: FILES.catalog } });
  await executor.run([{ op: 'read', file: FILES.catalog, offset: 0, into: head }]);
  const header = decodeCatalogHeader(head);
  if (!superblock.uuid.every((byte, index) => header.uuid[index] === byte)) {
    throw new AnywhenError('damaged', 'catalog: belongs to another store', {
      data: { file: FILES.catalog, offset: 0 },
    });
  }
  const { catalogGeneration, catalogLength } = superblock;
  const replaced = header.replacesGeneration === catalogGeneration && header.replacesLength === catalogLength;
  if (header.generation !== catalogGeneration && !(header.generation === catalogGeneration + 1 && replaced)) {
    throw new AnywhenError(
      'damaged',
      `catalog: generation ${header.generation}, the superblock names ${catalogGeneration}`,
    );
  }
  const length = header.generation === catalogGeneration ? catalogLength : header.ownLength;
  if (length > size || length < CATALOG_HEADER_SIZE)
    throw new AnywhenError('damaged', 'catalog: is cut short', { data: { file: FILES.catalog } });
  const bytes = new Uint8Array(length - CATALOG_HEADER_SIZE);
  await executor.run([{ op: 'read', file: FILES.catalog, offset: CATALOG_HEADER_SIZE, into: bytes }]);
  const catalog = new Catalog();
  catalog.replay(bytes, header.generation, storeSeed(superblock.uuid));
  return { catalog, generation: header.generation, length };
}
