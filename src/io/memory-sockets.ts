/** SystemSockets of one host of a MemoryNetwork. */
import { KithError } from '../errors.ts';
import { emitAddress, formatAddress, parseAddress, type SocketAddress } from './address.ts';
import { ADDRESS_LENGTH } from './contract.ts';
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
import { MemoryTap } from './memory-tap.ts';
import type { Steering } from './steering.ts';
import type { InterfaceSettings, SystemSockets } from './system-contract.ts';

/** Octets that wait in one direction of a pair of datagram sockets. */
const PAIR_CAPACITY = 212_992;
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

  openUdpGroup(host: string, port: number, count: number, steering: Steering): readonly number[] {
    const local = this.#bind(host, port, this.#host.udp, 'use UDP');
    const group: MemoryUdp[] = [];
    for (let i = 0; i < count; i++) {
      group.push(new MemoryUdp(this.#network, this.#host, local, { sockets: group, steering }));
    }
    return group.map((socket) => this.#network.register(socket));
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

  openDatagramPair(): [number, number] {
    const a = new MemoryDatagramSocket(PAIR_CAPACITY);
    const b = new MemoryDatagramSocket(PAIR_CAPACITY);
    a.peer = b;
    b.peer = a;
    return [this.#network.register(a), this.#network.register(b)];
  }

  openStreamPair(): [number, number] {
    const [a, b] = MemoryStream.pair(NOWHERE, NOWHERE);
    return [this.#network.register(a), this.#network.register(b)];
  }

  tryNamespace(namespace: string): void {
    if (namespace === '' || this.#network.namespaces.has(namespace)) return;
    throw systemError(`enter the network namespace ${namespace}`, Errno.ENOENT);
  }

  /** It is found in the network's `taps` under its real name, until it is closed. */
  openTap(name: string, namespace: string): { descriptor: number; name: string } {
    const { taps } = this.#network;
    let real = name;
    for (let i = 0; real.includes('%d'); i++) {
      const candidate = name.replace('%d', String(i));
      if (!taps.has(placed(candidate, namespace))) real = candidate;
    }
    const key = placed(real, namespace);
    if (taps.has(key)) throw systemError(`open the TAP device ${real}`, Errno.EBUSY);
    const tap = new MemoryTap(real, () => taps.delete(key));
    taps.set(key, tap);
    this.#network.interfaceSettings.set(key, []);
    return { descriptor: this.#network.register(tap), name: real };
  }

  adoptTap(descriptor: number): string {
    const tap = this.#network.descriptor(descriptor);
    if (tap?.type === 'tap') return tap.name;
    throw systemError(`use descriptor ${descriptor} as a TAP`, Errno.EINVAL);
  }

  configureInterface(name: string, namespace: string, settings: InterfaceSettings): void {
    const key = placed(name, namespace);
    if (!this.#network.taps.has(key)) throw systemError(`find the interface ${name}`, Errno.ENODEV);
    this.#network.interfaceSettings.get(key)?.push(settings);
  }

  /** The descriptor gets a second number; closing either closes both. */
  sendDescriptor(path: string, descriptor: number, payload: Uint8Array): void {
    const doing = `send descriptor ${descriptor} to ${path}`;
    const to = this.#network.paths.get(path);
    const sent = this.#network.descriptor(descriptor);
    if (to === undefined) throw systemError(doing, Errno.ENOENT);
    if (sent === undefined) throw systemError(doing, Errno.EBADF);
    const waiting = this.#network.rights.get(to) ?? [];
    waiting.push({ descriptor: this.#network.register(sent), payload: payload.slice() });
    this.#network.rights.set(to, waiting);
  }

  receiveDescriptor(descriptor: number): { descriptor: number; payload: Uint8Array } | undefined {
    const socket = this.#network.descriptor(descriptor);
    if (socket?.type !== 'datagram') {
      throw systemError(`receive a descriptor on descriptor ${descriptor}`, Errno.EBADF);
    }
    return this.#network.rights.get(socket)?.shift();
  }

  localAddress(descriptor: number): { host: string; port: number } {
    const socket = this.#network.descriptor(descriptor);
    if (socket && 'local' in socket) return { ...socket.local };
    throw systemError(`tell the address of descriptor ${descriptor}`, Errno.EAFNOSUPPORT);
  }

  /** Everybody on a memory network is one user. */
  peerUser(descriptor: number): number {
    if (this.#network.descriptor(descriptor)?.type === 'stream') return process.getuid?.() ?? 0;
    throw systemError(`tell who is at the other end of ${descriptor}`, Errno.ENOTCONN);
  }

  /** The number alone: the thing itself goes with the first of the two that is closed. */
  duplicateDescriptor(descriptor: number): number {
    const original = this.#network.descriptor(descriptor);
    if (original === undefined) throw systemError(`duplicate ${descriptor}`, Errno.EBADF);
    return this.#network.register(original);
  }

  async closeSlowly(descriptor: number): Promise<void> {
    this.closeDescriptor(descriptor);
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

/** The key of a TAP in the network's tables. */
function placed(name: string, namespace: string): string {
  return namespace === '' ? name : `${namespace}:${name}`;
}

function numeric(host: string, port: number): SocketAddress {
  const octets = new Uint8Array(ADDRESS_LENGTH);
  const local = emitAddress({ host, port }, octets) ? parseAddress(octets) : undefined;
  if (local) return local;
  const given = formatAddress({ host, port });
  throw new KithError('address', `${given} is not a numeric address and port; use one`);
}
