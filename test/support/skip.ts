import { type TestContext, test } from 'vitest';

/** A test that needs something of the machine; where that is missing it is skipped, and its name says why. */
export function testWhere(
  missing: string | undefined,
  name: string,
  body: (context: TestContext) => Promise<void> | void,
): void {
  if (missing === undefined) test(name, body);
  else test.skip(`${name} [skipped: ${missing}]`, body);
}

export const notRoot = process.getuid?.() === 0 ? undefined : 'needs root';
