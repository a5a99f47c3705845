/**
 * A cable from this process to a VDE switch: the client's side of the handshake.
 *
 * Read first: docs/protocol/vde.md, vde-server.ts (the other side, with a drawing).
 */
import { chmodSync, chownSync, existsSync, realpathSync, rmSync, statSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { KithError } from '../../errors.ts';
import type { SystemSockets } from '../../io/system-contract.ts';
import { CONTROL_NAME, codeOf } from './control-directory.ts';
import {
  emitRequest,
  MAX_WANTED_PORT,
  REPLY_LENGTH,
  RequestKind,
  requestLength,
  type VdeRequest,
} from './request.ts';
import { fitsSockaddr, parseSockaddr } from './sockaddr.ts';

/** Where a client's socket may live when the switch's directory is closed to it, as libvdeplug has it. */
const FALLBACK_DIRECTORIES = ['/var/run', '/var/tmp', '/tmp'] as const;

/** Permission bits of the client's socket (libvdeplug's). */
const DEFAULT_MODE = 0o700;

const DEFAULT_TIMEOUT = 5_000;
const SOCKET_BUFFER_LENGTH = 1024 * 1024;

export interface VdeClientOptions {
  /** The switch's directory, or its control socket. */
  readonly switchPath: string;
  readonly sockets: SystemSockets;
  /** How `kith ports` and its like name this cable. */
  readonly description: string;
  /** Wanted port; 0 or absent for any. */
  readonly port?: number;
  /** Permission bits of the client's socket while the handshake lasts. */
  readonly mode?: number;
  /** Group (gid) of the client's socket, for a switch of another user. */
  readonly group?: number;
  /** Milliseconds the switch may take to answer. */
  readonly timeout?: number;
}

export interface VdeCable {
  /** A connected, non-blocking Unix datagram socket. The caller's to close. */
  readonly systemDescriptor: number;
  /** The data socket of the switch. */
  readonly switchSocket: string;
  /** Settles when the control stream has ended, at whichever side. Never fails. */
  readonly ended: Promise<void>;
  /** Ends the control stream, which frees the port. The descriptor stays open. */
  close(): void;
}

/**
 * Plugs a cable in. KithError 'not-found' when there is no switch, 'permission'
 * when it may not be used, 'system' when it refuses or does not answer; nothing
 * is left behind then.
 */
export async function connectVde(options: VdeClientOptions): Promise<VdeCable> {
  const { sockets, port = 0 } = options;
  if (!(Number.isInteger(port) && port >= 0 && port <= MAX_WANTED_PORT)) {
    throw new KithError('usage', `There is no port ${port}; ports are numbered from 1 up.`);
  }
  const control = controlPath(options.switchPath);
  const connection = await dial(control);
  const ended = new Promise<void>((settle) => connection.once('close', () => settle()));
  let local: LocalSocket | undefined;
  try {
    local = bindLocal(dirname(control), options);
    const switchSocket = await ask(connection, control, local.path, options);
    sockets.connectUnixDatagram(local.descriptor, switchSocket);
    connection.on('error', () => {}).resume();
    return {
      systemDescriptor: local.descriptor,
      switchSocket,
      ended,
      close: () => connection.destroy(),
    };
  } catch (error) {
    connection.destroy();
    if (local !== undefined) sockets.closeDescriptor(local.descriptor);
    throw error;
  } finally {
    // Both ends are connected, or it failed: nobody needs the name any more.
    if (local !== undefined) rmSync(local.path, { force: true });
  }
}

function controlPath(switchPath: string): string {
  const missing = `There is no switch at ${switchPath}; start one with "kith up" or name its directory.`;
  try {
    const path = realpathSync(switchPath);
    const found = statSync(path);
    if (found.isDirectory()) return join(path, CONTROL_NAME);
    if (found.isSocket()) return path;
  } catch (cause) {
    if (codeOf(cause) === 'EACCES') throw closed(switchPath, cause);
    throw new KithError('not-found', missing, { cause });
  }
  throw new KithError('not-found', missing);
}

function closed(path: string, cause: unknown): KithError {
  const mend = 'ask its owner for its mode or group to be set';
  return new KithError('permission', `You may not use the switch at ${path}; ${mend}.`, { cause });
}

function dial(control: string): Promise<Socket> {
  return new Promise((settle, fail) => {
    const connection = createConnection(control);
    connection.once('connect', () => {
      connection.off('error', refused);
      settle(connection);
    });
    connection.once('error', refused);
    function refused(cause: Error): void {
      const mend = 'start a switch there with "kith up" or name another directory';
      const absent = `No switch listens on ${control}; ${mend}.`;
      const denied = codeOf(cause) === 'EACCES';
      fail(denied ? closed(control, cause) : new KithError('not-found', absent, { cause }));
    }
  });
}

interface LocalSocket {
  readonly path: string;
  readonly descriptor: number;
}

/** A socket with a name of its own, in the first directory that takes one. */
function bindLocal(directory: string, options: VdeClientOptions): LocalSocket {
  const places = [`${directory}/.`, ...FALLBACK_DIRECTORIES.map((at) => `${at}/vde.`)];
  let cause: unknown;
  for (const prefix of places) {
    const path = freeName(prefix);
    if (!fitsSockaddr(path)) continue;
    let descriptor = -1;
    try {
      descriptor = options.sockets.openUnixDatagram(path, '', SOCKET_BUFFER_LENGTH);
      if (options.group !== undefined) chownSync(path, -1, options.group);
      chmodSync(path, options.mode ?? DEFAULT_MODE);
      return { path, descriptor };
    } catch (error) {
      cause = error;
      if (descriptor >= 0) {
        options.sockets.closeDescriptor(descriptor);
        rmSync(path, { force: true });
      }
    }
  }
  const mend = 'make /tmp or the switch directory writable';
  throw new KithError('permission', `No directory takes a socket for the cable; ${mend}.`, {
    cause,
  });
}

/** `<prefix><pid>-<n>` with five digits each, as libvdeplug names its sockets. */
function freeName(prefix: string): string {
  for (let n = 0; ; n++) {
    const path = `${prefix}${digits(process.pid)}-${digits(n)}`;
    if (!existsSync(path)) return path;
  }
}

function digits(value: number): string {
  return String(value).padStart(5, '0');
}

/** Sends the request and waits for the reply. @returns the path of the switch's data socket */
function ask(
  connection: Socket,
  control: string,
  path: string,
  options: VdeClientOptions,
): Promise<string> {
  const request: VdeRequest = {
    version: 3,
    kind: RequestKind.newControl,
    wantedPort: options.port ?? 0,
    path,
    description: options.description,
  };
  const octets = new Uint8Array(requestLength(request));
  emitRequest(request, octets, 0);
  return new Promise((settle, fail) => {
    let reply = Buffer.alloc(0);
    const timer = setTimeout(() => {
      finish(new KithError('system', `The switch at ${control} does not answer; restart it.`));
    }, options.timeout ?? DEFAULT_TIMEOUT);
    function finish(outcome: string | KithError): void {
      clearTimeout(timer);
      connection.off('data', gather).off('close', refused).off('error', refused);
      if (typeof outcome === 'string') settle(outcome);
      else fail(outcome);
    }
    function gather(chunk: Uint8Array): void {
      reply = Buffer.concat([reply, chunk]);
      if (reply.length < REPLY_LENGTH) return;
      const address = parseSockaddr(reply, 0);
      const foreign = `${control} is not a VDE switch; name another directory.`;
      finish(typeof address === 'string' ? new KithError('protocol', foreign) : address.path);
    }
    function refused(): void {
      const wanted = options.port ? `port ${options.port}` : 'a port';
      const mend = 'see who has its ports with "kith ports"';
      finish(new KithError('system', `The switch at ${control} refuses ${wanted}; ${mend}.`));
    }
    connection.on('data', gather).on('close', refused).on('error', refused);
    connection.write(octets);
  });
}
