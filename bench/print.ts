import { describeSize } from '../src/base/units.js';
import type { Report, Row } from './report.js';

/** The report as a table for people; one line a row, one block a section. */
export function printReport(report: Report): string {
  const lines: string[] = [];
  const { environment } = report;
  lines.push(
    `${environment.cpu} x ${environment.cores}, ${environment.kernel}, node ${environment.node}, ${environment.filesystem}`,
  );
  for (const section of new Set(report.rows.map((row) => row.section))) {
    const rows = report.rows.filter((row) => row.section === section);
    lines.push('', `## ${section}`, ...aligned(rows.map(cellsOf)));
  }
  if (report.skipped.length > 0) {
    lines.push('', '## skipped', ...report.skipped.map(({ what, reason }) => `${what}: ${reason}`));
  }
  lines.push(
    '',
    `${Math.round(report.seconds)} s. A ratio is ours / theirs; less is better where it says so.`,
  );
  return `${lines.join('\n')}\n`;
}

function cellsOf(row: Row): string[] {
  const direction = row.better === 'less' ? ' (less is better)' : '';
  const beside = row.beside.map(
    ({ name, sample, ratio }) => `${short(ratio)}x ${name} (${figure(sample.median, row.unit)})`,
  );
  const details = Object.entries(row.details).map(([key, value]) => `${key} ${value}`);
  const ours = figure(row.ours.median, row.unit) + direction;
  return [row.name, ours, beside.join(', '), targetOf(row), details.join(', ')];
}

function targetOf({ target, better, unit }: Row): string {
  if (target === undefined) return '';
  const { value, ratioTo, reached } = target;
  const wanted = ratioTo === undefined ? figure(value, unit) : `${value}x ${ratioTo}`;
  return `${reached ? 'reached' : 'MISSED'}: ${better === 'more' ? 'at least' : 'at most'} ${wanted}`;
}

/** A figure with its unit: bytes scaled, the rest as it is. */
export function figure(value: number, unit: string): string {
  if (unit === 'B/s') return `${describeSize(value)}/s`;
  if (unit === 'B') return describeSize(value);
  const text = value >= 1000 ? Math.round(value).toLocaleString('en-US') : String(value);
  return `${text} ${unit}`;
}

/** Two digits are what a ratio is worth. */
function short(ratio: number): string {
  if (ratio >= 10) return String(Math.round(ratio));
  return ratio >= 0.1 ? ratio.toFixed(2) : ratio.toPrecision(2);
}

function aligned(rows: readonly string[][]): string[] {
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((cells) => (cells[column] ?? '').length)));
  return rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
