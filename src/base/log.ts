import { type DestinationStream, destination, type LoggerOptions, pino, stdTimeFunctions } from 'pino';
import { AnywhenError } from './errors.js';

/**
 * What the engine says to its operator. The facts come first, as in pino: `log.warn({ file, offset }, 'damaged
 * block')`. Facts never hold bytes of the volume. Instants may be given as bigint and are written as strings,
 * because a JSON number would lose their last digits.
 */
export interface Logger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Says nothing. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export interface LogOptions {
  readonly level: LogLevel;
  /** Lines for people, or one JSON object a line. */
  readonly format: 'human' | 'json';
  readonly colour?: boolean;
  /** Print the stack of errors. */
  readonly stacks?: boolean;
  /** Receives whole lines, with their line end. */
  readonly write: (line: string) => void;
}

export function createLogger(options: LogOptions): Logger {
  const stream: DestinationStream = {
    write: (line) =>
      options.write(options.format === 'human' ? humanLine(line, options.colour === true) : line),
  };
  return pino(pinoOptions(options.level, options.stacks === true), stream);
}

/** A log file that is appended to, one JSON object a line, mode 0600. `reopen` follows a rotation. */
export interface FileLogger {
  readonly log: Logger;
  reopen(): void;
}

/** Throws the system's error when the file cannot be opened. */
export function createFileLogger(file: string, level: LogLevel, stacks = false): FileLogger {
  // Written at once: the last lines before a crash are the ones that matter.
  const stream = destination({ dest: file, append: true, sync: true, mode: 0o600 });
  // A full disk under the log must not stop the volume.
  stream.on('error', () => undefined);
  return { log: pino(pinoOptions(level, stacks), stream), reopen: () => stream.reopen() };
}

function pinoOptions(level: LogLevel, stacks: boolean): LoggerOptions {
  const error = (value: unknown) => (value instanceof Error ? describeError(value, stacks) : value);
  return {
    level,
    base: { pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    serializers: { err: error, error, cause: error },
    formatters: { level: (label) => ({ level: label }), log: withoutBigints },
  };
}

function withoutBigints(facts: Record<string, unknown>): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(facts)) {
    plain[key] = typeof value === 'bigint' ? value.toString() : value;
  }
  return plain;
}

function describeError(error: Error, stacks: boolean): object {
  return {
    ...(error instanceof AnywhenError ? { code: error.code, ...error.data } : { type: error.name }),
    message: error.message,
    ...(error instanceof AnywhenError && error.hint !== undefined ? { hint: error.hint } : {}),
    ...(stacks && error.stack !== undefined ? { stack: error.stack } : {}),
    ...(error.cause instanceof Error ? { cause: describeError(error.cause, stacks) } : {}),
  };
}

const COLOURS: Readonly<Record<string, string>> = { warn: '33', error: '31', debug: '2' };
const OWN_KEYS = new Set(['level', 'time', 'pid', 'msg']);

/** A line of JSON as a line for people: `12:00:01.250Z warn  damaged block  file=mim offset=4096`. */
export function humanLine(json: string, colour: boolean): string {
  const facts: Record<string, unknown> = JSON.parse(json);
  const level = String(facts.level);
  const code = colour ? COLOURS[level] : undefined;
  const painted = code === undefined ? level.padEnd(5) : `\u001b[${code}m${level.padEnd(5)}\u001b[0m`;
  const rest = Object.entries(facts)
    .filter(([key]) => !OWN_KEYS.has(key))
    .map(([key, value]) => `${key}=${factText(value)}`);
  const time = String(facts.time).slice(11);
  return `${[`${time} ${painted} ${String(facts.msg)}`, ...rest].join('  ')}\n`;
}

function factText(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value);
}
