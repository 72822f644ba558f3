import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { engineSection } from './engine-section.js';
import { describeEnvironment } from './environment.js';
import { formsSection } from './forms-section.js';
import { historySection } from './history-section.js';
import { liveSection } from './live-section.js';
import { mountSection } from './mount-section.js';
import type { BenchOptions, SectionName } from './options.js';
import type { Report, Results, Row } from './report.js';
import { syncSection } from './sync-section.js';
import { touchSection } from './touch-section.js';
import { traceSection } from './trace-section.js';
import type { Undo } from './undo.js';
import { viewsSection } from './views-section.js';

/** What a section works with. */
export interface Bench {
  readonly options: BenchOptions;
  /** A folder of its own, removed at the end. */
  readonly folder: string;
  readonly undo: Undo;
  readonly results: Results;
}

const RUN: Readonly<Record<SectionName, (bench: Bench) => Promise<void>>> = {
  mount: mountSection,
  engine: engineSection,
  views: viewsSection,
  history: historySection,
  forms: formsSection,
  touch: touchSection,
  sync: syncSection,
  live: liveSection,
  trace: traceSection,
};

/** Runs the sections one after another; what it made is in `undo`. */
export async function runBench(
  options: BenchOptions,
  undo: Undo,
  progress: (text: string) => void,
): Promise<Report> {
  const started = performance.now();
  const startedAt = new Date().toISOString();
  const folder = realpathSync(mkdtempSync(join(options.folder, 'anywhen-bench-')));
  undo.add(() => rmSync(folder, { recursive: true, force: true }));
  const environment = describeEnvironment(folder);
  const rows: Row[] = [];
  const skipped: Report['skipped'] = [];
  const results: Results = {
    row: (row) => void rows.push(row),
    skip: (what, reason) => void skipped.push({ what, reason }),
    progress,
  };
  for (const section of options.sections) {
    progress(section);
    await RUN[section]({ options, folder, undo, results });
  }
  return {
    schema: 'anywhen/bench/1',
    startedAt,
    seconds: (performance.now() - started) / 1000,
    options: facts(options),
    environment,
    rows,
    skipped,
  };
}

/** The options that decided the figures; no path of a machine. */
function facts(options: BenchOptions): Report['options'] {
  const { quick, seconds, rounds, size, journal, throughMount } = options;
  return {
    sections: options.sections.join(','),
    driver: options.driver ?? 'default',
    quick,
    seconds,
    rounds,
    size,
    journal,
    throughMount,
  };
}
