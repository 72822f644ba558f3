/** What every command knows of how it should speak. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly debug?: boolean;
}

/** Whether to paint what goes to a stream: not against NO_COLOR, always with FORCE_COLOR, else on a terminal. */
export function wantsColour(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '') return env.FORCE_COLOR !== '0';
  return stream.isTTY === true && env.TERM !== 'dumb';
}

/** Whether what is printed may hold more than ASCII: the locale says so. */
export function wantsUnicode(env: NodeJS.ProcessEnv): boolean {
  const set = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((value) => value !== undefined && value !== '');
  return /utf-?8/i.test(set ?? '');
}

/** Facts for a program: one JSON object with its schema. */
export function printJson(schema: string, facts: object): void {
  process.stdout.write(`${JSON.stringify({ schema: `anywhen/${schema}/1`, ...facts }, undefined, 2)}\n`);
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Columns, the first left-aligned. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  for (const row of rows)
    print(
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

const STEP = 100;

/** A bar on stderr while something long runs, if that is a terminal. */
export function progressBar(label: string, options: OutputOptions): (done: number, total: number) => void {
  if (!process.stderr.isTTY || options.quiet === true || options.json === true) return () => undefined;
  let last = 0;
  return (done, total) => {
    const now = Date.now();
    const finished = done >= total;
    if (now - last < STEP && !finished) return;
    last = now;
    const share = total === 0 ? 1 : done / total;
    const bar = '#'.repeat(Math.round(share * 30)).padEnd(30, '.');
    process.stderr.write(`\r${label} [${bar}] ${Math.floor(share * 100)} %${finished ? '\n' : ''}`);
  };
}
