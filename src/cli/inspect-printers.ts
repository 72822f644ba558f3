import { formatInstant, type Instant } from '../base/instant.js';
import { inspectBackward } from '../inspect/backward.js';
import { inspectCatalog } from '../inspect/catalog.js';
import { inspectForward } from '../inspect/forward.js';
import type { Look, Problem } from '../inspect/look.js';
import { inspectMap } from '../inspect/maps.js';
import { inspectAll } from '../inspect/overview.js';
import { inspectSums } from '../inspect/sums.js';
import { inspectSuperblock } from '../inspect/superblock.js';
import { jsonLine, printFacts } from './inspect-json.js';
import * as text from './inspect-text.js';
import { print, printTable } from './output.js';
import { printLine, TableStream } from './table-stream.js';

/** What was asked for, parsed. */
export interface InspectFlags {
  readonly at: string | undefined;
  readonly from: number | Instant | undefined;
  readonly to: number | Instant | undefined;
  readonly limit: number | undefined;
  readonly segment: number | undefined;
  readonly all: boolean;
  readonly blocks: boolean;
  readonly data: boolean;
}

export interface PrintOptions {
  readonly json: boolean;
  readonly inUse: string | undefined;
}

/** Prints a structure; returns how many problems were found. */
export type Printer = (look: Look, flags: InspectFlags, options: PrintOptions) => Promise<number>;

interface Item {
  readonly type: string;
  readonly problem?: string | undefined;
  readonly problems?: readonly Problem[];
}

const problemsOf = (item: Omit<Item, 'type'>) => [
  ...(item.problems ?? []).map((problem) => problem.message),
  ...(item.problem === undefined ? [] : [item.problem]),
];

/** Prints items one by one, as JSON lines or by `show`. */
async function each<T extends Item>(
  what: string,
  items: AsyncIterable<T>,
  options: PrintOptions,
  show: (item: T) => Promise<void> | void,
): Promise<number> {
  let problems = 0;
  let first = true;
  for await (const item of items) {
    const own = problemsOf(item);
    problems += own.length;
    if (options.json) {
      const head = first ? { schema: `anywhen/inspect-${what}/1`, inUse: options.inUse } : {};
      await printLine(jsonLine({ ...head, ...item }));
    } else {
      await show(item);
      for (const problem of own) await printLine(`problem: ${problem}`);
    }
    first = false;
  }
  return problems;
}

/** Those of the flags that were given, as options of a look. */
function given<K extends keyof InspectFlags>(flags: InspectFlags, ...keys: readonly K[]) {
  const entries = keys.filter((key) => flags[key] !== undefined).map((key) => [key, flags[key]] as const);
  return Object.fromEntries(entries) as { [key in K]?: Exclude<InspectFlags[key], undefined> };
}

/** The same for bounds that are addresses. */
function addresses(flags: InspectFlags): { from?: number; to?: number } {
  return {
    ...(typeof flags.from === 'number' ? { from: flags.from } : {}),
    ...(typeof flags.to === 'number' ? { to: flags.to } : {}),
  };
}

const more = (complete: boolean) => (complete ? '' : '; there is more');

async function superblock(look: Look, _flags: InspectFlags, options: PrintOptions): Promise<number> {
  const facts = inspectSuperblock(look);
  const problems = facts.copies.flatMap(problemsOf);
  if (options.json) printFacts('superblock', { inUse: options.inUse, ...facts });
  else {
    printTable(text.superblockRows(facts));
    for (const problem of new Set([...problems, ...problemsOf(facts)])) print(`problem: ${problem}`);
  }
  return problems.length + problemsOf(facts).length;
}

async function overview(look: Look, _flags: InspectFlags, options: PrintOptions): Promise<number> {
  const lines = [];
  for await (const line of inspectAll(look)) lines.push(line);
  const problems = lines.flatMap((line) => line.problems);
  if (options.json) printFacts('all', { inUse: options.inUse, files: lines });
  else {
    printTable([
      ['FILE', 'STATE', 'WHAT'],
      ...lines.map(({ file, facts, problems: own }) => [file, own.length === 0 ? 'sound' : 'damaged', facts]),
    ]);
    for (const problem of problems) print(`problem: ${problem}`);
  }
  return problems.length;
}

function forward(look: Look, flags: InspectFlags, options: PrintOptions): Promise<number> {
  const table = new TableStream(text.FORWARD_HEADER);
  const items = inspectForward(look, given(flags, 'from', 'to', 'limit', 'all', 'data'));
  return each('forward', items, options, async (item) => {
    if (item.type === 'forward') return printTable(text.forwardHeadRows(item));
    if (item.type === 'descriptor') return table.row(text.forwardCells(item));
    await table.end();
    const states = Object.entries(item.states).map(([state, count]) => `${count} ${state}`);
    print(`${states.join(', ')}${more(item.complete)}`);
    if (item.next !== undefined) {
      print(`sequence ${item.next} comes next; durable up to ${item.durable}, by what is written there`);
      print(`positions behind the last: descriptors ${item.descriptorEnd}, data ${item.dataEnd}`);
    }
  });
}

function backward(look: Look, flags: InspectFlags, options: PrintOptions): Promise<number> {
  let table: TableStream | undefined;
  const items = inspectBackward(look, given(flags, 'segment', 'limit', 'all'));
  return each('backward', items, options, async (item) => {
    if (item.type === 'descriptor') {
      table ??= new TableStream(text.SEGMENT_HEADER);
      return table.row(text.segmentCells(item));
    }
    await table?.end();
    table = undefined;
    if (item.type === 'end')
      print(`${item.segments} segments, ${item.orphans} of them orphans${more(item.complete)}`);
    else for (const line of text.backwardLines(item)) print(line);
  });
}

function catalog(look: Look, flags: InspectFlags, options: PrintOptions): Promise<number> {
  const table = new TableStream(text.CATALOG_HEADER);
  return each('catalog', inspectCatalog(look, given(flags, 'limit')), options, async (item) => {
    if (item.type === 'record') return table.row(text.catalogCells(item));
    await table.end();
    if (item.type === 'catalog') {
      const { generation, replacesGeneration, ownLength } = item.header ?? {};
      print(`generation ${generation}, replaces ${replacesGeneration}, made with ${ownLength} bytes`);
      print(`${item.size} bytes, committed up to ${item.committed}`);
      return;
    }
    const { segments, snapshots, marks, droppedMarks } = item;
    print(`${item.records} records${more(item.complete)}; they come to:`);
    print(`${segments} segments, ${snapshots} snapshots, ${marks} marks, ${droppedMarks} marks deleted`);
    for (const [key, value] of Object.entries(item.policy)) print(`policy ${key} = ${value}`);
  });
}

function maps(look: Look, flags: InspectFlags, options: PrintOptions): Promise<number> {
  const table = new TableStream(text.MAP_HEADER);
  const items = inspectMap(look.executor, flags.at ?? 'now', {
    ...given(flags, 'limit'),
    ...addresses(flags),
  });
  return each('maps', items, options, async (item) => {
    if (item.type === 'extent') return table.row(text.mapCells(item));
    await table.end();
    if (item.type === 'end') return print(`${item.shown} extents${more(item.complete)}`);
    const { at, exact, point, form, extents } = item;
    print(`${formatInstant(at)}${exact ? '' : ', the older neighbour of what was asked for'}`);
    print(
      `sequence ${point.sequence}, ${point.place}, ${point.size} bytes; ${form}, ${extents} extents in journals`,
    );
  });
}

function sums(look: Look, flags: InspectFlags, options: PrintOptions): Promise<number> {
  const table = new TableStream(text.SUMS_HEADER);
  const items = inspectSums(look, { ...given(flags, 'limit', 'blocks', 'data'), ...addresses(flags) });
  return each('sums', items, options, async (item) => {
    if (item.type === 'page') return table.row(text.pageCells(item));
    if (item.type === 'block') return table.row(text.blockCells(item));
    await table.end();
    if (item.type === 'end') return print(`${item.pages} pages${more(item.complete)}`);
    const { mim, mimSize, blocks, pages, moving } = item;
    print(`${pages} pages for ${blocks ?? '?'} blocks of ${mim ?? '?'}, ${mimSize ?? '?'} bytes`);
    if (moving.length > 0)
      print(`a sync event is moving the MIM: blocks of ${moving.length} pages are on their way`);
  });
}

export const PRINTERS: Readonly<Record<string, Printer>> = {
  all: overview,
  superblock,
  forward,
  backward,
  catalog,
  maps,
  sums,
};
