import { FILES } from '../format/layout.js';
import { inspectBackward } from './backward.js';
import { inspectCatalog } from './catalog.js';
import { inspectForward } from './forward.js';
import { faultOf, type Look } from './look.js';
import { inspectSums } from './sums.js';
import { inspectSuperblock } from './superblock.js';

/** One structure of a store in a line. */
export interface OverviewLine {
  readonly file: string;
  readonly facts: string;
  readonly problems: readonly string[];
}

/** Every structure in a line: what is there, and all that is wrong with it. Reads all structures, no data. */
export async function* inspectAll(look: Look): AsyncGenerator<OverviewLine> {
  const { copies } = inspectSuperblock(look);
  const used = copies.find((copy) => copy.used);
  yield {
    file: FILES.superblock,
    facts:
      used === undefined ? 'no copy counts' : `sequence ${used.content?.sequence}, at offset ${used.offset}`,
    problems: copies.flatMap(({ problem, offset }) =>
      problem === undefined ? [] : [`${problem} (offset ${offset})`],
    ),
  };
  yield await forward(look);
  yield await backward(look);
  yield await catalog(look);
  yield await sums(look);
  yield await reserve(look);
}

/** The message that the superblock's line has already. */
function own(look: Look, problems: readonly string[]): string[] {
  return problems.filter((problem) => problem !== look.distrust?.message);
}

async function forward(look: Look): Promise<OverviewLine> {
  const problems: string[] = [];
  let facts = '';
  for await (const item of inspectForward(look)) {
    if (item.type !== 'descriptor') problems.push(...item.problems.map((problem) => problem.message));
    if (item.type !== 'end') continue;
    const { counts = 0, found = 0 } = item.states;
    facts =
      item.next === undefined
        ? `${found} intact descriptors`
        : `${counts} descriptors, up to sequence ${item.next - 1}`;
  }
  return { file: FILES.forward, facts, problems: own(look, problems) };
}

async function backward(look: Look): Promise<OverviewLine> {
  const problems: string[] = [];
  let facts = '';
  let strangers = 0;
  let lists = 0;
  for await (const item of inspectBackward(look)) {
    if (item.type === 'segment') problems.push(...item.problems.map((problem) => problem.message));
    else if (item.type === 'end')
      facts = `${item.segments} segments, ${lists} lists, ${item.orphans + strangers} orphans`;
    else if (item.type === 'stranger') strangers += 1;
    else if (item.problem !== undefined) problems.push(item.problem);
    if (item.type === 'descriptor' && item.problem === undefined) lists += 1;
  }
  return { file: FILES.backward, facts, problems };
}

async function catalog(look: Look): Promise<OverviewLine> {
  const problems: string[] = [];
  let facts = '';
  for await (const item of inspectCatalog(look)) {
    if (item.type === 'catalog') problems.push(...item.problems.map((problem) => problem.message));
    else if (item.type === 'record' && item.problem !== undefined) problems.push(item.problem);
    else if (item.type === 'end')
      facts = `${item.segments} segments, ${item.snapshots} snapshots, ${item.marks} marks`;
  }
  return { file: FILES.catalog, facts, problems: own(look, problems) };
}

async function reserve({ executor }: Look): Promise<OverviewLine> {
  const found: { size?: number | undefined } = {};
  const fault = await faultOf(async () => {
    found.size = await executor.size(FILES.reserve);
  });
  const facts = found.size === undefined ? 'none' : `${found.size} bytes taken ahead`;
  return { file: FILES.reserve, facts, problems: fault === undefined ? [] : [fault.message] };
}

async function sums(look: Look): Promise<OverviewLine> {
  const problems: string[] = [];
  let summed = 0;
  let pages = 0;
  for await (const item of inspectSums(look)) {
    if (item.type === 'sums') problems.push(...item.problems.map((problem) => problem.message));
    if (item.type === 'page') summed += item.summed;
    if (item.type === 'page' && item.problem !== undefined) problems.push(item.problem);
    if (item.type === 'end') pages = item.pages;
  }
  return {
    file: FILES.sums,
    facts: `${pages} pages, ${summed} blocks that are not zeros`,
    problems: own(look, problems),
  };
}
