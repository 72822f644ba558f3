import { formatInstant } from '../base/instant.js';
import { formatUuid } from '../volume/status.js';
import { printJson } from './output.js';

/** Instants as canonical names, uuids as text, what is not there as null. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return formatInstant(value);
  if (value instanceof Uint8Array) return formatUuid(value);
  return value === undefined ? null : value;
}

/** One line of a long list. */
export function jsonLine(facts: object): string {
  return JSON.stringify(facts, plain);
}

/** One object with its schema. */
export function printFacts(what: string, facts: object): void {
  printJson(`inspect-${what}`, JSON.parse(JSON.stringify(facts, plain)) as object);
}
