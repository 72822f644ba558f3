import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import { AnywhenError, messageOf } from '../base/errors.js';
import {
  type ArgumentsOf,
  contract,
  decodeError,
  type Hello,
  type ItemOf,
  itemSchema,
  messageSchema,
  type OperationName,
  PROTOCOL,
  type ResultOf,
  type ServerMessage,
} from './contract.js';
import type { Listener } from './operations.js';
import { socketPath } from './socket-path.js';
import { decodeFrom } from './wire.js';

/** Takes lines and runs of raw bytes out of a stream. */
class Reader {
  #buffered = Buffer.alloc(0);
  readonly #source: AsyncIterator<Buffer>;

  constructor(socket: Socket) {
    this.#source = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async line(): Promise<string> {
    let at = this.#buffered.indexOf(10);
    while (at < 0) {
      await this.#more();
      at = this.#buffered.indexOf(10);
    }
    const line = this.#buffered.subarray(0, at).toString();
    this.#buffered = this.#buffered.subarray(at + 1);
    return line;
  }

  async bytes(length: number): Promise<Buffer> {
    while (this.#buffered.length < length) await this.#more();
    const bytes = this.#buffered.subarray(0, length);
    this.#buffered = this.#buffered.subarray(length);
    return bytes;
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next().catch((cause: unknown) => {
      throw new AnywhenError('io', `the daemon is gone: ${messageOf(cause)}`, { cause });
    });
    if (done === true) throw new AnywhenError('io', 'the daemon closed the connection');
    this.#buffered = Buffer.concat([this.#buffered, value]);
  }
}

/** The command line's end of the control socket. */
export class ControlClient {
  private constructor(
    readonly socket: Socket,
    readonly reader: Reader,
    readonly hello: Hello,
  ) {}

  /** Connects to the daemon of the store with this uuid in this folder; undefined if there is none. */
  static async connect(uuid: string, folder: string): Promise<ControlClient | undefined> {
    const path = possiblePath(uuid, folder);
    if (path === undefined) return undefined;
    const socket = connect(path);
    const there = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (!there) return undefined;
    const reader = new Reader(socket);
    try {
      const hello = await message(reader);
      if (hello.type === 'error') throw decodeError(hello.error);
      if (hello.type !== 'hello') throw new AnywhenError('io', 'the daemon did not greet');
      if (hello.protocol !== PROTOCOL) {
        throw new AnywhenError(
          'unsupported',
          `the daemon speaks protocol ${hello.protocol}, this program ${PROTOCOL}`,
          { hint: `It is version ${hello.version}: unmount with that, and mount again.` },
        );
      }
      return new ControlClient(socket, reader, hello);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  async call<K extends OperationName>(
    operation: K,
    args: ArgumentsOf<K>,
    listener: Listener<K> = {},
  ): Promise<ResultOf<K>> {
    const encoded = z.encode(contract[operation].arguments as z.ZodType, args);
    this.socket.write(`${JSON.stringify({ operation, arguments: encoded })}\n`);
    for (;;) {
      const event = await message(this.reader);
      if (event.type === 'error') throw decodeError(event.error);
      if (event.type === 'answer') {
        return decodeFrom(
          contract[operation].result as z.ZodType,
          event.result,
          'the answer',
          'io',
        ) as ResultOf<K>;
      }
      if (event.type === 'progress') listener.progress?.(event.done, event.total);
      if (event.type === 'items') {
        const items = event.items.map((item) => decodeFrom(itemSchema(operation), item, 'an item', 'io'));
        await listener.items?.(items as ItemOf<K>[]);
      }
      if (event.type === 'data') await listener.data?.(await this.reader.bytes(event.length));
      if (event.type === 'hole') await listener.hole?.(event.length);
    }
  }

  close(): void {
    this.socket.end();
  }
}

/** Where no socket can be, no daemon has one. */
function possiblePath(uuid: string, folder: string): string | undefined {
  try {
    return socketPath(uuid, folder);
  } catch {
    return undefined;
  }
}

async function message(reader: Reader): Promise<ServerMessage> {
  const line = await reader.line();
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new AnywhenError('io', 'what the daemon sent is not JSON', { cause });
  }
  return decodeFrom(messageSchema, value, 'what the daemon sent', 'io');
}
