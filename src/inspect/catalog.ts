import { CATALOG_HEADER_SIZE, FILES } from '../format/layout.js';
import { Catalog } from '../journal/catalog.js';
import { type CatalogEdit, type CatalogHeader, decodeCatalogHeader } from '../journal/catalog-format.js';
import { readCatalogRecords } from '../journal/catalog-records.js';
import { faultOf, type Look, type Problem, problemOf, readHead, sameBytes } from './look.js';

export interface CatalogHead {
  readonly type: 'catalog';
  readonly size: number | undefined;
  readonly header: CatalogHeader | undefined;
  /** Where the last commit ends, bytes; undefined where the superblock does not tell. */
  readonly committed: number | undefined;
  readonly problems: readonly Problem[];
}

export interface CatalogRow {
  readonly type: 'record';
  readonly offset: number;
  readonly length: number;
  /** False for what lies behind the last commit: it does not count. */
  readonly committed: boolean;
  readonly edit: CatalogEdit | undefined;
  readonly problem: string | undefined;
}

export interface CatalogEnd {
  readonly type: 'end';
  readonly complete: boolean;
  readonly records: number;
  /** What the records that count come to. */
  readonly segments: number;
  readonly snapshots: number;
  readonly marks: number;
  readonly droppedMarks: number;
  readonly policy: Readonly<Record<string, string>>;
}

export type CatalogItem = CatalogHead | CatalogRow | CatalogEnd;

/** The catalog: its header, its records in the order in which they were written, and what they come to. */
export async function* inspectCatalog(
  look: Look,
  options: { readonly limit?: number } = {},
): AsyncGenerator<CatalogItem> {
  const head = await headOf(look);
  yield head;
  const catalog = new Catalog();
  let records = 0;
  const end = (complete: boolean): CatalogEnd => ({
    type: 'end',
    complete,
    records,
    segments: catalog.segments.size,
    snapshots: catalog.snapshots.length,
    marks: catalog.marks.size,
    droppedMarks: catalog.droppedMarks.size,
    policy: Object.fromEntries(catalog.policy),
  });
  for await (const row of rowsOf(look, head)) {
    if (records === options.limit) return yield end(false);
    const { edit } = row;
    const fault = edit !== undefined && row.committed ? await faultOf(() => catalog.apply(edit)) : undefined;
    yield fault === undefined ? row : { ...row, problem: fault.message };
    records += 1;
  }
  yield end(true);
}

/** What the records that count and are intact come to. */
export async function sumOfCatalog(look: Look): Promise<Catalog> {
  const catalog = new Catalog();
  for await (const { edit, committed } of rowsOf(look, await headOf(look))) {
    if (edit !== undefined && committed) await faultOf(() => catalog.apply(edit));
  }
  return catalog;
}

async function headOf(look: Look): Promise<CatalogHead> {
  const { executor, superblock, distrust, identity } = look;
  const problems: Problem[] = [];
  const tell = (message: string) => problems.push({ message, offset: 0 });
  const found: { size?: number | undefined; header?: CatalogHeader; committed?: number } = {};
  const fault = await faultOf(async () => {
    found.size = await executor.size(FILES.catalog);
    found.header = decodeCatalogHeader(await readHead(executor, FILES.catalog, CATALOG_HEADER_SIZE));
  });
  if (fault !== undefined) problems.push(problemOf(fault));
  if (distrust !== undefined) problems.push(problemOf(distrust));
  const { size, header } = found;
  if (header !== undefined && identity !== undefined && !sameBytes(header.uuid, identity.uuid))
    tell('catalog: belongs to another store');
  if (header !== undefined && superblock !== undefined && distrust === undefined) {
    const { catalogGeneration: generation, catalogLength: length } = superblock;
    const replaced = header.replacesGeneration === generation && header.replacesLength === length;
    if (header.generation === generation) found.committed = length;
    else if (header.generation === generation + 1 && replaced) found.committed = header.ownLength;
    else tell(`catalog: generation ${header.generation}, the superblock names ${generation}`);
  }
  const { committed } = found;
  if (committed !== undefined && committed > (size ?? 0))
    problems.push({ message: `catalog: is cut short, at ${size} of ${committed} bytes`, offset: size });
  return { type: 'catalog', size, header, committed, problems };
}

async function* rowsOf(look: Look, head: CatalogHead): AsyncGenerator<CatalogRow> {
  const { executor, identity } = look;
  const generation = head.header?.generation ?? look.superblock?.catalogGeneration;
  if (identity === undefined || generation === undefined) return;
  const end = head.size ?? 0;
  const committed = Math.min(head.committed ?? end, end);
  for await (const { offset, length, edit, error } of readCatalogRecords(
    executor,
    generation,
    committed,
    identity.seed,
  )) {
    yield { type: 'record', offset, length, committed: true, edit, problem: error?.message };
  }
  // What a commit that never came left behind: shown as far as it can be read.
  for await (const { offset, length, edit } of readCatalogRecords(
    executor,
    generation,
    end,
    identity.seed,
    committed,
  )) {
    if (edit === undefined) return;
    yield { type: 'record', offset, length, committed: false, edit, problem: undefined };
  }
}
