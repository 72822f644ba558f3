import { AnywhenError } from '../base/errors.js';

const LINE_END = 10;

/**
 * The lines of a stream, without their ends; what follows the last line end is no line. A line is cut at the byte
 * 10 and nowhere else: JSON may hold U+2028, and half a character may come in each chunk.
 *
 * @throws `usage` for a line of more than `limit` bytes, as soon as it is known
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<string> {
  let parts: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, from)) {
      checkLength(held + end - from, limit);
      parts.push(chunk.subarray(from, end));
      yield Buffer.concat(parts).toString();
      parts = [];
      held = 0;
      from = end + 1;
    }
    parts.push(chunk.subarray(from));
    held += chunk.length - from;
    checkLength(held, limit);
  }
}

function checkLength(bytes: number, limit: number): void {
  if (bytes > limit) throw new AnywhenError('usage', `a line of the protocol is longer than ${limit} bytes`);
}
