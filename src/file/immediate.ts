import type { Plan, Step } from './executor.js';

/**
 * Bytes that one plan may write into the page cache on the calling thread, and that one step of `run` may read
 * from it: 128 KiB of data, their sums and descriptors. More is copied on the pool, by another core.
 */
export const INLINE = 144 * 1024;

/**
 * Whether a plan may be done at once, as far as its form goes: reads, then small writes, so that nothing is
 * changed before it is known that all of it can be done.
 */
export function fitsNow(plan: Plan): boolean {
  let bytes = 0;
  let writing = false;
  for (const step of plan) {
    if (step.op === 'write') {
      bytes += bytesOf(step);
      writing = true;
    } else if (step.op !== 'read' || writing) return false;
  }
  return bytes <= INLINE;
}

/** The bytes of a write. */
export function bytesOf(step: Extract<Step, { op: 'write' }>): number {
  let bytes = 0;
  for (const part of step.from) bytes += part.length;
  return bytes;
}
