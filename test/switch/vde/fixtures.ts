/** What the tests of the VDE server and client share. */
import { existsSync, linkSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KithError } from '../../../src/errors.ts';
import type { SystemSockets } from '../../../src/io/system-contract.ts';
import type { EndpointHost } from '../../../src/switch/vde/endpoint-host.ts';
import { emitRequest, requestLength, type VdeRequest } from '../../../src/switch/vde/request.ts';
import { parseSockaddr } from '../../../src/switch/vde/sockaddr.ts';
import { VdeServer, type VdeServerOptions } from '../../../src/switch/vde/vde-server.ts';

/** An empty directory of its own; `remove` takes it away. */
export function scratch(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'kith-vde-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** SystemSockets without sockets: a bound path is a plain file, a descriptor a number. */
export class FakeSockets {
  readonly open = new Map<number, { path: string; peer: string }>();
  /** The next calls of openUnixDatagram fail. */
  failing = false;
  /** Who the system says is at the other end of every connection. */
  peer = process.getuid?.() ?? 0;
  #last = 1000;

  peerUser(): number {
    return this.peer;
  }

  openUnixDatagram(path: string, peer: string): number {
    writeFileSync(path, '', { flag: 'wx' });
    if (this.failing || (peer !== '' && !existsSync(peer))) {
      throw new KithError('system', `cannot connect to ${peer}`);
    }
    const descriptor = ++this.#last;
    this.open.set(descriptor, { path, peer });
    return descriptor;
  }

  connectUnixDatagram(descriptor: number, peer: string): void {
    const socket = this.open.get(descriptor);
    if (socket === undefined || !existsSync(peer)) throw new KithError('system', 'cannot connect');
    socket.peer = peer;
  }

  closeDescriptor(descriptor: number): void {
    if (!this.open.delete(descriptor)) throw new Error(`descriptor ${descriptor} is not open`);
  }

  get system(): SystemSockets {
    return this as unknown as SystemSockets;
  }
}

/** An EndpointHost that keeps account. */
export class FakeHost implements EndpointHost {
  readonly endpoints = new Map<number, { port: number; systemDescriptor: number }>();
  failing = false;
  readonly #sockets: FakeSockets;
  #last = 0;

  constructor(sockets: FakeSockets) {
    this.#sockets = sockets;
  }

  addEndpoint(port: number, systemDescriptor: number): number {
    if (this.failing) throw new KithError('system', 'no room');
    this.endpoints.set(++this.#last, { port, systemDescriptor });
    return this.#last;
  }

  removeEndpoint(handle: number): void {
    const endpoint = this.endpoints.get(handle);
    if (endpoint === undefined) throw new Error(`no endpoint ${handle}`);
    this.endpoints.delete(handle);
    this.#sockets.closeDescriptor(endpoint.systemDescriptor);
  }
}

export interface Bench extends AsyncDisposable {
  readonly root: string;
  readonly directory: string;
  readonly server: VdeServer;
  readonly sockets: FakeSockets;
  readonly host: FakeHost;
  /** A socket file, as a client would have one. */
  readonly clientPath: string;
}

/** A started server over fakes. Disposing of it stops the server and removes every file. */
export async function bench(options: Partial<VdeServerOptions> = {}): Promise<Bench> {
  const { path: root, remove } = scratch();
  const sockets = new FakeSockets();
  const host = new FakeHost(sockets);
  const directory = join(root, 'switch');
  const server = new VdeServer({ directory, sockets: sockets.system, host, ...options });
  await server.start();
  const clientPath = join(root, 'client');
  const client = await socketFile(clientPath);
  return {
    root,
    directory,
    server,
    sockets,
    host,
    clientPath,
    async [Symbol.asyncDispose]() {
      await server.stop();
      client.close();
      remove();
    },
  };
}

/** Makes a socket file by listening on it. */
export async function socketFile(path: string): Promise<Server> {
  const server = createServer();
  await new Promise<void>((settle) => server.listen(path, settle));
  return server;
}

/** Makes a socket file that nobody listens on any more. */
export async function deadSocket(path: string): Promise<void> {
  const server = await socketFile(`${path}.alive`);
  // A second name, which closing does not remove.
  linkSync(`${path}.alive`, path);
  await new Promise((settle) => server.close(settle));
}

export function requestOctets(request: Partial<VdeRequest> & { path: string }): Uint8Array {
  const whole: VdeRequest = { version: 3, kind: 0, wantedPort: 0, description: 'test', ...request };
  const octets = new Uint8Array(requestLength(whole));
  emitRequest(whole, octets, 0);
  return octets;
}

export interface RawClient {
  readonly connection: Socket;
  /** Path of the data socket, or undefined when the server hung up instead. */
  readonly reply: string | undefined;
}

/** Connects, sends `octets` and waits for a reply or the end. */
export function ask(directory: string, octets: Uint8Array): Promise<RawClient> {
  return new Promise((settle, fail) => {
    const connection = createConnection(join(directory, 'ctl'), () => connection.write(octets));
    let reply = Buffer.alloc(0);
    connection.on('data', (chunk) => {
      reply = Buffer.concat([reply, chunk]);
      const address = parseSockaddr(reply, 0);
      if (typeof address !== 'string') settle({ connection, reply: address.path });
    });
    connection.on('close', () => settle({ connection, reply: undefined }));
    connection.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') fail(error);
    });
  });
}

/** Hangs up and waits until the server has noticed. */
export async function hangUp(bench: Bench, client: RawClient): Promise<void> {
  const left = bench.server.list().filter((endpoint) => endpoint.path !== client.reply).length;
  client.connection.destroy();
  await until(() => bench.server.list().length <= left);
}

/** Waits for something that will happen. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((settle) => setTimeout(settle, 2));
}

export function filesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}
