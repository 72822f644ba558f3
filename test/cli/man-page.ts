/** One `.TP` of a page: its head, and the text under it, both without fonts and escapes. */
export interface Entry {
  readonly head: string;
  readonly text: string;
}

/** A `.SS` of a page; the part of a section before its first `.SS` has the title ''. */
export interface Part {
  readonly title: string;
  /** What stands before its first entry. */
  readonly text: string;
  readonly entries: readonly Entry[];
}

export type Section = readonly Part[];

const ESCAPES: Readonly<Record<string, string>> = { '\\-': '-', '\\(ti': '~', '\\(ga': '`', '\\e': '\\' };

/** The text of a line of a man page, as a reader sees it. */
export function plainLine(line: string): string {
  const macro = /^\.([A-Z]+)(?: (.*))?$/.exec(line);
  let text = line;
  if (macro !== null) {
    const words = [...(macro[2] ?? '').matchAll(/"([^"]*)"|(\S+)/g)].map((word) => word[1] ?? word[2] ?? '');
    // `.BR a b` sets its words without spaces, `.B a b` with them.
    text = words.join(/^(BR|IR|RB|RI|BI|IB)$/.test(macro[1] ?? '') ? '' : ' ');
  }
  return text.replace(/\\f[A-Z]|\\f\(..|\\&/g, '').replace(/\\(-|\(ti|\(ga|e)/g, (one) => ESCAPES[one] ?? '');
}

/** The sections of a page written in man(7). What lies between `.RS` and `.RE` belongs to the entry before it. */
export function parsePage(source: string): Map<string, Section> {
  const sections = new Map<string, Section>();
  let parts: { title: string; text: string; entries: { head: string; text: string }[] }[] = [];
  let depth = 0;
  let headNext = false;
  for (const line of source.split('\n')) {
    if (line.startsWith('.\\"')) continue;
    if (line.startsWith('.SH ')) {
      parts = [{ title: '', text: '', entries: [] }];
      sections.set(plainLine(line), parts);
    } else if (line.startsWith('.SS ')) parts.push({ title: plainLine(line), text: '', entries: [] });
    else if (line === '.RS') depth += 1;
    else if (line === '.RE') depth -= 1;
    else if (line === '.TP' && depth === 0) headNext = true;
    else if (headNext) {
      parts.at(-1)?.entries.push({ head: plainLine(line), text: '' });
      headNext = false;
    } else {
      const part = parts.at(-1);
      const place = part?.entries.at(-1) ?? part;
      if (place !== undefined) place.text += `${plainLine(line)} `;
    }
  }
  return sections;
}

/** The lines of the displays (`.EX` to `.EE`) of a page. */
export function displays(source: string): string[] {
  const blocks = [...source.matchAll(/^\.EX\n(.*?)^\.EE$/gms)].map(([, body]) => body ?? '');
  return blocks.flatMap((block) => block.split('\n').map(plainLine)).filter((line) => line !== '');
}
