/** SystemSockets of one host of a MemoryNetwork. */
import { KithError } from '../errors.ts';
import { emitAddress, formatAddress, parseAddress, type SocketAddress } from './address.ts';
import { ADDRESS_LENGTH, type SystemSockets } from './contract.ts';
import { Errno, systemError } from './errno.ts';
import {
  isAnywhere,
  MemoryDatagramSocket,
  MemoryDoorbell,
  type MemoryHost,
  MemoryListener,
  type MemoryNetwork,
  MemoryStream,
  MemoryUdp,
} from './memory-network.ts';

/** As long a queue as a Linux TAP has, in full frames. */
const TAP_CAPACITY = 500 * 1514;
const NOWHERE: SocketAddress = { host: '::', port: 0 };

export class MemorySockets implements SystemSockets {
  readonly #network: MemoryNetwork;
  readonly #host: MemoryHost;

  constructor(network: MemoryNetwork, host: MemoryHost) {
    this.#network = network;
    this.#host = host;
  }

  openDoorbell(): number {
    return this.#network.register(new MemoryDoorbell());
  }

  ringDoorbell(doorbell: number): void {
    const descriptor = this.#network.descriptor(doorbell);
    if (descriptor?.type !== 'doorbell')
      throw systemError(`ring doorbell ${doorbell}`, Errno.EBADF);
    descriptor.rung = true;
  }

  openUnixDatagram(path: string, peer: string, bufferLength: number): number {
    const { paths } = this.#network;
    if (paths.has(path)) throw systemError(`open the Unix socket ${path}`, Errno.EADDRINUSE);
    const socket = new MemoryDatagramSocket(bufferLength, () => {
      if (paths.get(path) === socket) paths.delete(path);
    });
    if (peer !== '') this.#connect(socket, peer);
    paths.set(path, socket);
    return this.#network.register(socket);
  }

  connectUnixDatagram(descriptor: number, peer: string): void {
    const socket = this.#network.descriptor(descriptor);
    if (socket?.type !== 'datagram') throw systemError(`connect to ${peer}`, Errno.EBADF);
    this.#connect(socket, peer);
  }

  openUdp(host: string, port: number): number {
    const local = this.#bind(host, port, this.#host.udp, 'use UDP');
    return this.#network.register(new MemoryUdp(this.#network, this.#host, local));
  }

  openTcpListener(host: string, port: number): number {
    const local = this.#bind(host, port, this.#host.listeners, 'listen');
    return this.#network.register(new MemoryListener(this.#host, local));
  }

  openTcpConnection(host: string, port: number): number {
    const to = numeric(host, port);
    const own = this.#host.addressTowards(to.host);
    if (own === undefined) throw systemError(`connect to ${formatAddress(to)}`, Errno.ENETUNREACH);
    const from = { host: own, port: this.#host.freePort(this.#host.listeners) };
    const listener = this.#network.hostOf(to.host, this.#host)?.listeners.get(to.port);
    const listens =
      listener && (isAnywhere(listener.local.host) || listener.local.host === to.host);
    if (!listens) {
      const stream = new MemoryStream(from);
      stream.failure = Errno.ECONNREFUSED;
      return this.#network.register(stream);
    }
    const [near, far] = MemoryStream.pair(from, to);
    listener.backlog.push({ stream: far, from });
    return this.#network.register(near);
  }

  openStreamPair(): [number, number] {
    const [a, b] = MemoryStream.pair(NOWHERE, NOWHERE);
    return [this.#network.register(a), this.#network.register(b)];
  }

  /** The far side, a datagram socket, is found in the network's `taps` under the name. */
  openTap(name: string): { descriptor: number; name: string } {
    const { taps } = this.#network;
    let real = name;
    for (let i = 0; real.includes('%d'); i++) {
      const candidate = name.replace('%d', String(i));
      if (!taps.has(candidate)) real = candidate;
    }
    if (taps.has(real)) throw systemError(`open the TAP device ${real}`, Errno.EBUSY);
    const near = new MemoryDatagramSocket(TAP_CAPACITY, () => {
      const far = taps.get(real);
      taps.delete(real);
      if (far !== undefined) this.#network.closeDescriptor(far);
    });
    const far = new MemoryDatagramSocket(TAP_CAPACITY);
    near.peer = far;
    far.peer = near;
    taps.set(real, this.#network.register(far));
    return { descriptor: this.#network.register(near), name: real };
  }

  localAddress(descriptor: number): { host: string; port: number } {
    const socket = this.#network.descriptor(descriptor);
    if (socket && 'local' in socket) return { ...socket.local };
    throw systemError(`tell the address of descriptor ${descriptor}`, Errno.EAFNOSUPPORT);
  }

  closeDescriptor(descriptor: number): void {
    if (this.#network.closeDescriptor(descriptor)) return;
    throw systemError(`close descriptor ${descriptor}`, Errno.EBADF);
  }

  #connect(socket: MemoryDatagramSocket, peer: string): void {
    const other = this.#network.paths.get(peer);
    if (!other) throw systemError(`connect to ${peer}`, Errno.ENOENT);
    socket.peer = other;
  }

  #bind(
    host: string,
    port: number,
    taken: ReadonlyMap<number, unknown>,
    doing: string,
  ): SocketAddress {
    const local = numeric(host, port);
    const place = `${doing} at ${formatAddress(local)}`;
    if (!isAnywhere(local.host) && !this.#host.has(local.host)) {
      throw systemError(place, Errno.EADDRNOTAVAIL);
    }
    if (port !== 0 && taken.has(port)) throw systemError(place, Errno.EADDRINUSE);
    return port === 0 ? { host: local.host, port: this.#host.freePort(taken) } : local;
  }
}

function numeric(host: string, port: number): SocketAddress {
  const octets = new Uint8Array(ADDRESS_LENGTH);
  const local = emitAddress({ host, port }, octets) ? parseAddress(octets) : undefined;
  if (local) return local;
  const given = formatAddress({ host, port });
  throw new KithError('address', `${given} is not a numeric address and port; use one`);
}
