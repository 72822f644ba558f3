import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { AnywhenError } from '../base/errors.js';
import { formatUuid } from '../volume/status.js';
import {
  contract,
  encodeError,
  MESSAGE_LIMIT,
  type OperationName,
  PROTOCOL,
  pointItemSchema,
  requestSchema,
} from './contract.js';
import { type Host, type Listener, operations, VERSION } from './operations.js';
import { makeRuntimeFolder, socketPath } from './socket-path.js';
import { decodeFrom } from './wire.js';

const MAX_CLIENTS = 32;

/** The daemon's end of the control socket; its folder's mode is the guard. */
export class ControlServer {
  readonly #clients = new Set<Socket>();
  readonly #path: string;

  private constructor(
    readonly host: Host,
    readonly server: Server,
    readonly uuid: string,
  ) {
    this.#path = socketPath(uuid);
  }

  /** The caller holds the store's lock, so a socket that is there is a dead daemon's. */
  static async start(host: Host): Promise<ControlServer> {
    makeRuntimeFolder();
    const uuid = formatUuid(host.volume.engine.meta.superblock.uuid);
    const server = createServer();
    const control = new ControlServer(host, server, uuid);
    server.on('connection', (socket) => control.#connected(socket));
    rmSync(control.#path, { force: true });
    const mask = process.umask(0o177);
    server.listen(control.#path);
    await once(server, 'listening');
    process.umask(mask);
    chmodSync(control.#path, 0o600);
    return control;
  }

  async stop(): Promise<void> {
    for (const socket of this.#clients) socket.end();
    this.server.close();
    rmSync(this.#path, { force: true });
  }

  #connected(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (this.#clients.size >= MAX_CLIENTS) return void socket.destroy();
    this.#clients.add(socket);
    socket.on('close', () => this.#clients.delete(socket));
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
    let received = 0;
    socket.on('data', (data: Buffer) => {
      received = data.includes(10) ? 0 : received + data.length;
      if (received > MESSAGE_LIMIT) socket.destroy();
    });
    let last: Promise<void> = Promise.resolve();
    createInterface({ input: socket }).on('line', (line) => {
      last = last.then(() => this.#request(socket, line));
    });
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
    const result = await operation(this.host, given, this.#listener(socket));
    return z.encode(contract[name].result as z.ZodType, result);
  }

  #listener(socket: Socket): Listener {
    const drained = async () => {
      if (socket.destroyed) throw new AnywhenError('interrupted', 'the client has gone');
      if (socket.writableNeedDrain) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    };
    return {
      progress: (done, total) => this.#send(socket, { type: 'progress', done, total }),
      items: (items) =>
        this.#send(socket, { type: 'items', items: items.map((item) => z.encode(pointItemSchema, item)) }),
      data: async (bytes) => {
        this.#send(socket, { type: 'data', length: bytes.length });
        socket.write(bytes);
        await drained();
      },
      hole: async (length) => {
        this.#send(socket, { type: 'hole', length });
        await drained();
      },
    };
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new AnywhenError('usage', 'the request is not JSON', { cause });
  }
}
