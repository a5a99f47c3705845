/**
 * The control side of a VDE switch: hands out ports to local programs.
 *
 * Read first: docs/protocol/vde.md; unix(7).
 *
 *   client                                   server
 *     | connect <dir>/ctl ------------------->|
 *     | request (its own socket's path) ----->|  check, claim a port,
 *     |                                       |  data socket bound and connected
 *     |<--------- reply (the data socket) ----|
 *     |         … the stream stays open …     |
 *     | end of file ------------------------->|  endpoint, socket and port go
 *
 * A connection is `asking` until its request came, then `plugged` or closed.
 * Whatever is wrong with a client closes its stream, without a reply, at once;
 * it is counted, and nobody else notices. File and socket calls are synchronous:
 * each is one short system call, and so a handshake is never half done.
 */
import { accessSync, chmodSync, chownSync, constants, lstatSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { KithError } from '../../errors.ts';
import type { SystemSockets } from '../../io/system-contract.ts';
import { loadAccounts } from './accounts.ts';
import { alreadyRunning, ControlDirectory, codeOf } from './control-directory.ts';
import type { EndpointHost } from './endpoint-host.ts';
import { type ClaimFault, type GroupTest, PORT_ZERO, PortTable } from './port-table.ts';
import {
  parseRequest,
  REPLY_LENGTH,
  type RequestFault,
  RequestKind,
  type VdeRequest,
} from './request.ts';
import { emitSockaddr } from './sockaddr.ts';

/** Permission bits of `ctl` and the data sockets (vde_switch's). */
export const DEFAULT_MODE = 0o600;

/** Permission bits of the directory (vde_switch's). */
export const DEFAULT_DIRECTORY_MODE = 0o2700;

/** How long a client may be silent after it connected, milliseconds (ours). */
const DEFAULT_REQUEST_TIMEOUT = 5_000;

/** Endpoints at a time (ours): half of what the data plane can hold. */
const DEFAULT_MAX_ENDPOINTS = 512;

/** Connections that have not asked yet, beyond those with an endpoint (ours). */
const MAX_ASKING = 64;

/**
 * Room for frames on their way in each data socket (ours). Enough for a burst between
 * two turns of the loop; more only makes frames wait, and costs caches (decision 0003).
 */
const SOCKET_BUFFER_LENGTH = 256 * 1024;

const ROOT = 0;

export interface VdeServerOptions {
  /** The switch's directory; made when it is not there. */
  readonly directory: string;
  readonly sockets: SystemSockets;
  readonly host: EndpointHost;
  /** Shared with whoever else gives out ports; absent: one of its own. */
  readonly ports?: PortTable;
  /** Permission bits of `ctl` and of the data sockets. */
  readonly mode?: number;
  /** Permission bits of the directory. */
  readonly directoryMode?: number;
  /** Group (gid) of directory and sockets. */
  readonly group?: number;
  /** Whether a user is in a group; absent: by /etc/passwd and /etc/group. */
  readonly inGroup?: GroupTest;
  /** Milliseconds a client may take to send its request. */
  readonly requestTimeout?: number;
  /** Endpoints at a time. */
  readonly maxEndpoints?: number;
  /** Hears of every change, for logs and consoles. Must not throw. */
  readonly onEvent?: (event: VdeServerEvent) => void;
}

/** Why a client was turned away. */
export type Refusal =
  | RequestFault
  | ClaimFault
  /** It connected and said nothing. */
  | 'silent'
  /** Its path is no socket that we may read and write. */
  | 'client-socket'
  /** Its path is a socket of another user's. */
  | 'foreign-socket'
  /** The system or the data plane had no room; the event has the error. */
  | 'system'
  | 'endpoints-full';

export interface VdeEndpoint {
  /** Unique for the life of the server; the number behind the dot of the data socket. */
  readonly id: number;
  /** Port of the switch. */
  readonly port: number;
  /** Owner of the client's socket. */
  readonly uid: number;
  /** What the client calls itself; control characters are replaced. */
  readonly description: string;
  /** The switch's data socket. */
  readonly path: string;
  /** What the EndpointHost gave. */
  readonly handle: number;
}

export type VdeServerEvent =
  | { readonly type: 'endpoint-added'; readonly endpoint: VdeEndpoint }
  | { readonly type: 'endpoint-removed'; readonly endpoint: VdeEndpoint }
  | { readonly type: 'refused'; readonly reason: Refusal; readonly cause?: unknown };

interface Rejection {
  readonly reason: Refusal;
  readonly cause?: unknown;
}

export class VdeServer {
  /** Who has which port; the console changes its rules here. */
  readonly ports: PortTable;

  readonly #options: VdeServerOptions;
  readonly #inGroup: GroupTest;
  readonly #endpoints = new Map<Socket, VdeEndpoint>();
  readonly #connections = new Set<Socket>();
  readonly #refusals = new Map<Refusal, number>();
  #directory: ControlDirectory | undefined;
  #server: Server | undefined;
  #lastId = 0;

  constructor(options: VdeServerOptions) {
    this.#options = options;
    this.ports = options.ports ?? new PortTable();
    this.#inGroup = options.inGroup ?? ((uid, gid) => loadAccounts().isMember(uid, gid));
  }

  /** Absolute path of the directory; undefined unless started. */
  get directory(): string | undefined {
    return this.#directory?.path;
  }

  /** Makes the directory and listens. KithErrors as ControlDirectory.open; then nothing is left behind. */
  async start(): Promise<void> {
    if (this.#directory !== undefined) throw new Error('a VDE server starts once');
    const { mode = DEFAULT_MODE, group } = this.#options;
    const directory = await ControlDirectory.open({
      path: this.#options.directory,
      mode: this.#options.directoryMode ?? DEFAULT_DIRECTORY_MODE,
      ...(group !== undefined && { group }),
    });
    const server = createServer((connection) => this.#accept(connection));
    server.maxConnections = this.#maxEndpoints + MAX_ASKING;
    try {
      await listen(server, directory.controlPath);
    } catch (error) {
      // Not removed: whoever won the race for the name lives in the directory.
      if (codeOf(error) === 'EADDRINUSE') throw alreadyRunning(directory.controlPath);
      directory.remove();
      throw new KithError(
        'permission',
        `Cannot listen on ${directory.controlPath}: ${codeOf(error)}; choose another directory with --switch DIR.`,
        { cause: error },
      );
    }
    // Later errors are connections that could not be accepted, for want of descriptors.
    server.on('error', (cause) => this.#count('system', cause));
    this.#directory = directory;
    this.#server = server;
    try {
      if (group !== undefined) chownSync(directory.controlPath, -1, group);
      chmodSync(directory.controlPath, mode);
    } catch (cause) {
      await this.stop();
      const doing = `set the mode and group of ${directory.controlPath}`;
      throw new KithError(
        'permission',
        `Cannot ${doing}: ${codeOf(cause)}; use a group of yours.`,
        {
          cause,
        },
      );
    }
  }

  /** Unplugs everybody and removes every file. May be called at any time, and again. */
  async stop(): Promise<void> {
    const server = this.#server;
    const directory = this.#directory;
    this.#server = undefined;
    this.#directory = undefined;
    if (server === undefined || directory === undefined) return;
    const closed = new Promise<void>((settle) => server.close(() => settle()));
    for (const connection of this.#connections) {
      this.#unplug(connection);
      connection.destroy();
    }
    await closed;
    directory.remove();
  }

  /** The endpoints, in order of port and id. */
  list(): VdeEndpoint[] {
    return [...this.#endpoints.values()].sort((a, b) => a.port - b.port || a.id - b.id);
  }

  /** How many clients were turned away since the start, by reason. */
  refusals(): ReadonlyMap<Refusal, number> {
    return this.#refusals;
  }

  /** Unplugs one endpoint; its client sees end of file. @returns false when there is none */
  closeEndpoint(id: number): boolean {
    for (const [connection, endpoint] of this.#endpoints) {
      if (endpoint.id !== id) continue;
      this.#unplug(connection);
      connection.destroy();
      return true;
    }
    return false;
  }

  get #maxEndpoints(): number {
    return this.#options.maxEndpoints ?? DEFAULT_MAX_ENDPOINTS;
  }

  #accept(connection: Socket): void {
    this.#connections.add(connection);
    const timeout = this.#options.requestTimeout ?? DEFAULT_REQUEST_TIMEOUT;
    const timer = setTimeout(() => this.#refuse(connection, 'silent'), timeout);
    let asking = true;
    connection.on('data', (octets) => {
      // After its request a client has nothing to say; it is heard for its end of file only.
      if (!asking) return;
      asking = false;
      clearTimeout(timer);
      this.#answer(connection, octets);
    });
    connection.on('error', () => {
      // 'close' follows, and is all we need.
    });
    connection.on('close', () => {
      clearTimeout(timer);
      this.#connections.delete(connection);
      this.#unplug(connection);
    });
  }

  #answer(connection: Socket, octets: Uint8Array): void {
    const outcome = this.#admit(octets, connection);
    if ('reason' in outcome) {
      this.#refuse(connection, outcome.reason, outcome.cause);
      return;
    }
    this.#endpoints.set(connection, outcome);
    const reply = new Uint8Array(REPLY_LENGTH);
    emitSockaddr(outcome, reply, 0);
    connection.write(reply);
    this.#options.onEvent?.({ type: 'endpoint-added', endpoint: outcome });
  }

  /** A request becomes an endpoint, or leaves nothing behind. */
  #admit(octets: Uint8Array, connection: Socket): VdeEndpoint | Rejection {
    const request = parseRequest(octets);
    if (typeof request === 'string') return { reason: request };
    if (this.#endpoints.size >= this.#maxEndpoints) return { reason: 'endpoints-full' };
    const uid = ownerOf(request.path);
    if (uid === undefined) return { reason: 'client-socket' };
    // Or whoever names the socket of somebody else would have that user's ports.
    const peer = peerUserOf(connection, this.#options.sockets);
    if (peer !== undefined && peer !== uid && peer !== ROOT) return { reason: 'foreign-socket' };
    const wanted = request.kind === RequestKind.newPort0 ? PORT_ZERO : request.wantedPort;
    const port = this.ports.claim(wanted, uid, this.#inGroup);
    if (typeof port === 'string') return { reason: port };
    try {
      return this.#plug(request, port, uid);
    } catch (cause) {
      this.ports.release(port);
      return { reason: 'system', cause };
    }
  }

  /** Makes the data socket and hands it to the data plane; leaves nothing behind when it throws. */
  #plug(request: VdeRequest, port: number, uid: number): VdeEndpoint {
    const { sockets, host, mode = DEFAULT_MODE, group = -1 } = this.#options;
    const directory = this.#directory;
    if (directory === undefined) throw new Error('the VDE server has stopped');
    const id = ++this.#lastId;
    const path = directory.dataPath(port === PORT_ZERO ? 0 : port, id);
    let descriptor = -1;
    try {
      descriptor = sockets.openUnixDatagram(path, request.path, SOCKET_BUFFER_LENGTH);
      // A switch run by root gives the socket to the client, or it could not send.
      const owner = process.getuid?.() === ROOT && uid !== ROOT ? uid : -1;
      if (owner !== -1 || group !== -1) chownSync(path, owner, group);
      chmodSync(path, mode);
      const handle = host.addEndpoint(port, descriptor);
      return { id, port, uid, description: printable(request.description), path, handle };
    } catch (error) {
      if (descriptor >= 0) sockets.closeDescriptor(descriptor);
      rmSync(path, { force: true });
      throw error;
    }
  }

  #unplug(connection: Socket): void {
    const endpoint = this.#endpoints.get(connection);
    if (endpoint === undefined) return;
    this.#endpoints.delete(connection);
    this.#options.host.removeEndpoint(endpoint.handle);
    rmSync(endpoint.path, { force: true });
    this.ports.release(endpoint.port);
    this.#options.onEvent?.({ type: 'endpoint-removed', endpoint });
  }

  #refuse(connection: Socket, reason: Refusal, cause?: unknown): void {
    connection.destroy();
    this.#count(reason, cause);
  }

  #count(reason: Refusal, cause?: unknown): void {
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
    this.#options.onEvent?.({ type: 'refused', reason, ...(cause !== undefined && { cause }) });
  }
}

/** Node shows no descriptor of a Socket; its handle has had one on Unix in every version so far. */
interface WithHandle {
  readonly _handle?: { readonly fd?: number } | null;
}

/**
 * Who connected to us, by the system's word, which no client can change (SO_PEERCRED of unix(7)).
 * @returns undefined when the connection is gone, or the system does not say
 */
function peerUserOf(connection: Socket, sockets: SystemSockets): number | undefined {
  const descriptor = (connection as unknown as WithHandle)._handle?.fd;
  if (descriptor === undefined || descriptor < 0) return undefined;
  try {
    return sockets.peerUser(descriptor);
  } catch {
    return undefined;
  }
}

/** The owner of a socket that we may read and write. A symbolic link is none: bind(2) makes no links. */
function ownerOf(path: string): number | undefined {
  try {
    const found = lstatSync(path);
    if (!found.isSocket()) return undefined;
    accessSync(path, constants.R_OK | constants.W_OK);
    return found.uid;
  } catch {
    return undefined;
  }
}

/** A description as a terminal may show it. */
function printable(description: string): string {
  return description.replace(/\p{C}/gu, '?').trim();
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((settle, fail) => {
    server.once('error', fail);
    server.listen(path, () => {
      server.off('error', fail);
      settle();
    });
  });
}
