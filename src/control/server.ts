import { once } from 'node:events';
import { chmodSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { AnywhenError, messageOf } from '../base/errors.js';
import { formatUuid } from '../volume/status.js';
import {
  contract,
  encodeError,
  itemSchema,
  MESSAGE_LIMIT,
  type OperationName,
  PROTOCOL,
  requestSchema,
} from './contract.js';
import { linesOf } from './lines.js';
import { type Host, type Listener, operations, VERSION } from './operations.js';
import { makeRuntimeFolder, socketPath } from './socket-path.js';
import { decodeFrom } from './wire.js';

const MAX_CLIENTS = 32;
let counter = 0;

/** The daemon's end of the control socket; its folder's mode is the guard. */
export class ControlServer {
  readonly #clients = new Set<Socket>();
  /** Of the socket: the daemon of a second read-only mount takes the path over. */
  #inode = 0;

  private constructor(
    readonly host: Host,
    readonly server: Server,
    readonly uuid: string,
    readonly path: string,
  ) {}

  /** The caller holds the store's lock, so a socket that is there is a dead daemon's, or one of a read-only mount. */
  static async start(host: Host): Promise<ControlServer> {
    makeRuntimeFolder();
    const uuid = formatUuid(host.volume.engine.meta.superblock.uuid);
    // A client may say all that it has to say, and close its half: it still gets its answers.
    const server = createServer({ allowHalfOpen: true });
    const control = new ControlServer(host, server, uuid, socketPath(uuid, host.folder));
    server.on('connection', (socket) => void control.#connected(socket));
    // Bound elsewhere and moved to its place: the system removes the name that was bound when a server ends,
    // and by then the place may be another daemon's.
    const bound = join(dirname(control.path), `.${process.pid}.${counter++}`);
    rmSync(bound, { force: true });
    const listening = once(server, 'listening');
    // Binding happens within `listen`: nothing else is made with this mask.
    const mask = process.umask(0o177);
    try {
      server.listen(bound);
    } finally {
      process.umask(mask);
    }
    try {
      await listening;
      chmodSync(bound, 0o600);
      control.#inode = statSync(bound).ino;
      renameSync(bound, control.path);
    } catch (cause) {
      server.close();
      const why = messageOf(cause);
      throw new AnywhenError('io', `${control.path}: the control socket cannot be made: ${why}`, { cause });
    }
    return control;
  }

  async stop(): Promise<void> {
    if (statSync(this.path, { throwIfNoEntry: false })?.ino === this.#inode)
      rmSync(this.path, { force: true });
    for (const socket of this.#clients) socket.destroySoon();
    this.server.close();
  }

  async #connected(socket: Socket): Promise<void> {
    socket.on('error', () => socket.destroy());
    if (this.#clients.size >= MAX_CLIENTS) {
      const refusal = new AnywhenError('busy', `the daemon has ${MAX_CLIENTS} clients already`);
      return this.#dismiss(socket, refusal);
    }
    this.#clients.add(socket);
    socket.on('close', () => this.#clients.delete(socket));
    this.#greet(socket);
    try {
      const chunks: AsyncIterable<Buffer> = socket.iterator({ destroyOnReturn: false });
      for await (const line of linesOf(chunks, MESSAGE_LIMIT)) {
        await this.#request(socket, line);
        // Who does not read its answers is not asked for more.
        await drained(socket);
      }
      socket.end();
    } catch (error) {
      if (error instanceof AnywhenError) this.#dismiss(socket, error);
      else socket.destroy();
    }
  }

  #greet(socket: Socket): void {
    const { folder, mountPoint } = this.host;
    const stores = [{ name: 'volume', uuid: this.uuid, folder }];
    this.#send(socket, {
      type: 'hello',
      protocol: PROTOCOL,
      version: VERSION,
      pid: process.pid,
      uuid: this.uuid,
      folder,
      mountPoint: mountPoint ?? null,
      stores,
    });
  }

  /** Says why, and hangs up. */
  #dismiss(socket: Socket, error: AnywhenError): void {
    this.#send(socket, { type: 'error', error: encodeError(error) });
    socket.destroySoon();
  }

  #send(socket: Socket, message: object): void {
    if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
  }

  async #request(socket: Socket, line: string): Promise<void> {
    try {
      const request = decodeFrom(requestSchema, parse(line), 'the request');
      const result = await this.#execute(socket, request.operation, request.arguments);
      this.#send(socket, { type: 'answer', result });
    } catch (error) {
      this.#send(socket, { type: 'error', error: encodeError(error) });
    }
  }

  async #execute<K extends OperationName>(socket: Socket, name: K, args: unknown): Promise<unknown> {
    const schema: z.ZodType = contract[name].arguments;
    const given = decodeFrom(schema, args, 'the arguments');
    const operation = operations[name] as (host: Host, args: unknown, listener: Listener) => Promise<unknown>;
    const result = await operation(this.host, given, this.#listener(socket, name));
    return z.encode(contract[name].result as z.ZodType, result);
  }

  #listener(socket: Socket, name: OperationName): Listener {
    const readOn = async () => {
      if (socket.destroyed) throw new AnywhenError('interrupted', 'the client has gone');
      await drained(socket);
    };
    return {
      progress: (done, total) => this.#send(socket, { type: 'progress', done, total }),
      items: async (items) => {
        this.#send(socket, { type: 'items', items: items.map((item) => z.encode(itemSchema(name), item)) });
        await readOn();
      },
      data: async (bytes) => {
        this.#send(socket, { type: 'data', length: bytes.length });
        socket.write(bytes);
        await readOn();
      },
      hole: async (length) => {
        this.#send(socket, { type: 'hole', length });
        await readOn();
      },
    };
  }
}

/** Resolves when the client took what was sent, or has gone. */
function drained(socket: Socket): Promise<void> {
  if (socket.destroyed || !socket.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new AnywhenError('usage', 'the request is not JSON', { cause });
  }
}
