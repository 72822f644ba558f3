import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import { AnywhenError } from '../base/errors.js';
import {
  type ArgumentsOf,
  contract,
  decodeError,
  type Hello,
  messageSchema,
  type OperationName,
  pointItemSchema,
  type ResultOf,
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
    const { done, value } = await this.#source.next();
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

  /** Connects to the daemon of the store with this uuid; undefined if there is none. */
  static async connect(uuid: string): Promise<ControlClient | undefined> {
    const socket = connect(socketPath(uuid));
    const there = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (!there) return undefined;
    const reader = new Reader(socket);
    const hello = decodeFrom(
      messageSchema,
      JSON.parse(await reader.line()),
      'the greeting of the daemon',
      'io',
    );
    if (hello.type !== 'hello') throw new AnywhenError('io', 'the daemon did not greet');
    return new ControlClient(socket, reader, hello);
  }

  async call<K extends OperationName>(
    operation: K,
    args: ArgumentsOf<K>,
    listener: Listener = {},
  ): Promise<ResultOf<K>> {
    const encoded = z.encode(contract[operation].arguments as z.ZodType, args);
    this.socket.write(`${JSON.stringify({ operation, arguments: encoded })}\n`);
    for (;;) {
      const message = decodeFrom(
        messageSchema,
        JSON.parse(await this.reader.line()),
        'what the daemon sent',
        'io',
      );
      if (message.type === 'error') throw decodeError(message.error);
      if (message.type === 'answer') {
        return decodeFrom(
          contract[operation].result as z.ZodType,
          message.result,
          'the answer',
          'io',
        ) as ResultOf<K>;
      }
      if (message.type === 'progress') listener.progress?.(message.done, message.total);
      if (message.type === 'items')
        listener.items?.(message.items.map((item) => decodeFrom(pointItemSchema, item, 'a point', 'io')));
      if (message.type === 'data') await listener.data?.(await this.reader.bytes(message.length));
      if (message.type === 'hole') await listener.hole?.(message.length);
    }
  }

  close(): void {
    this.socket.end();
  }
}
