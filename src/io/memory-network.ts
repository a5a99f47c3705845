/**
 * The system of MemoryIo: a network of hosts inside one thread, for tests.
 *
 * It hands out integers for descriptors as a kernel does, and keeps what is behind
 * them. Datagrams between UDP sockets pass through `delivery`, which may drop,
 * hold, repeat, rewrite or reorder them; everything else arrives at once.
 */

import { emitAddress, isLoopback, parseAddress, type SocketAddress } from './address.ts';
import { ADDRESS_LENGTH } from './contract.ts';
import { Errno } from './errno.ts';
import type { MemoryTap } from './memory-tap.ts';
import { type Steering, steer } from './steering.ts';
import type { InterfaceSettings } from './system-contract.ts';

/** Octets that wait in one direction of a stream before writing would block. */
const STREAM_CAPACITY = 256 * 1024;
/** What the system's books add to each waiting Unix datagram. */
const DATAGRAM_OVERHEAD = 512;
/** The most datagrams that wait at a UDP socket; more are dropped, as a kernel does. */
const UDP_QUEUE = 4096;
/** RFC 768 over IPv4: 65,535 less 20 of IP and 8 of UDP. */
const LARGEST_UDP_PAYLOAD = 65_507;
/** The most datagrams in one run, as with UDP GRO. */
const MOST_JOINED = 64;
const FIRST_EPHEMERAL_PORT = 49_152;
const FIRST_DESCRIPTOR = 1000;

export interface MemoryDatagram {
  readonly from: SocketAddress;
  readonly to: SocketAddress;
  /** A copy of its own. */
  readonly bytes: Uint8Array;
}

/** Passes a datagram on: calls `deliver` any number of times, now or later. */
export type Delivery = (
  datagram: MemoryDatagram,
  deliver: (datagram: MemoryDatagram) => void,
) => void;

export interface MemoryNetworkOptions {
  /** Default: each datagram arrives once and at once. */
  readonly delivery?: Delivery;
  /** Largest UDP payload that a socket accepts, in octets; larger: EMSGSIZE. Default 65,507. */
  readonly largestDatagram?: number;
  /**
   * Whether datagrams of one source that wait one behind the other, all as long as the first
   * but for a shorter last one, are received as a run in one record, as UDP GRO joins them.
   * Default false.
   */
  readonly joinsDatagrams?: boolean;
}

/** What a UDP socket receives: a datagram, or several. */
export interface MemoryRun {
  readonly from: SocketAddress;
  readonly bytes: Uint8Array;
  /** Octets of each datagram of several but the last, which may be shorter; 0 for one datagram. */
  readonly segmentSize: number;
}

/** A machine: its addresses, and what is bound there. */
export class MemoryHost {
  readonly addresses: readonly string[];
  readonly udp = new Map<number, MemoryUdp>();
  readonly listeners = new Map<number, MemoryListener>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(addresses: readonly string[]) {
    this.addresses = addresses;
  }

  /** The address this host uses towards `remote`; undefined when it has none of that family. */
  addressTowards(remote: string): string | undefined {
    if (isLoopback(remote)) return remote;
    const six = remote.includes(':');
    return this.addresses.find((address) => address.includes(':') === six);
  }

  has(address: string): boolean {
    return isLoopback(address) || this.addresses.includes(address);
  }

  freePort(taken: ReadonlyMap<number, unknown>): number {
    while (taken.has(this.#nextPort)) this.#nextPort++;
    return this.#nextPort++;
  }
}

export class MemoryDoorbell {
  readonly type = 'doorbell';
  rung = false;
  close(): void {}
}

/** A Unix datagram socket. */
export class MemoryDatagramSocket {
  readonly type = 'datagram';
  readonly inbox: Uint8Array[] = [];
  peer: MemoryDatagramSocket | undefined;
  closed = false;
  readonly #capacity: number;
  readonly #onClose: () => void;
  /** Octets of ours that wait at the peer. */
  #waiting = 0;
  readonly #senders: MemoryDatagramSocket[] = [];

  constructor(capacity: number, onClose: () => void = () => {}) {
    this.#capacity = capacity;
    this.#onClose = onClose;
  }

  get isWritable(): boolean {
    return this.#waiting < this.#capacity;
  }

  /** Takes over `bytes`. Octets taken, or a negated errno. */
  send(bytes: Uint8Array): number {
    const { peer } = this;
    if (!peer) return -Errno.ENOTCONN;
    if (peer.closed) return -Errno.ECONNREFUSED;
    if (!this.isWritable) return -Errno.EAGAIN;
    this.#waiting += bytes.length + DATAGRAM_OVERHEAD;
    peer.inbox.push(bytes);
    peer.#senders.push(this);
    return bytes.length;
  }

  receive(): Uint8Array | undefined {
    const bytes = this.inbox.shift();
    const sender = this.#senders.shift();
    if (bytes && sender) sender.#waiting -= bytes.length + DATAGRAM_OVERHEAD;
    return bytes;
  }

  close(): void {
    while (this.receive());
    this.closed = true;
    this.#onClose();
  }
}

/** Sockets that share an address, and how datagrams are told apart. */
interface UdpGroup {
  readonly sockets: readonly MemoryUdp[];
  readonly steering: Steering;
}

export class MemoryUdp {
  readonly type = 'udp';
  readonly inbox: MemoryDatagram[] = [];
  readonly host: MemoryHost;
  readonly local: SocketAddress;
  readonly #network: MemoryNetwork;
  readonly #group: UdpGroup | undefined;

  constructor(network: MemoryNetwork, host: MemoryHost, local: SocketAddress, group?: UdpGroup) {
    this.#network = network;
    this.#group = group;
    this.host = host;
    this.local = local;
    if (!host.udp.has(local.port)) host.udp.set(local.port, this);
  }

  /** The socket of the group that a datagram goes to. */
  chosenFor(bytes: Uint8Array): MemoryUdp {
    if (this.#group === undefined) return this;
    const { sockets, steering } = this.#group;
    const { length } = sockets;
    return sockets[this.#network.steered(steer(steering, bytes, length), length)];
  }

  /** Octets taken, or a negated errno. */
  send(to: SocketAddress, bytes: Uint8Array): number {
    if (bytes.length > this.#network.largestDatagram) return -Errno.EMSGSIZE;
    const six = to.host.includes(':');
    if (six && !this.local.host.includes(':')) return -Errno.EAFNOSUPPORT;
    const own = isAnywhere(this.local.host) ? this.host.addressTowards(to.host) : this.local.host;
    if (own === undefined) return -Errno.ENETUNREACH;
    this.#network.send(this.host, { from: { host: own, port: this.local.port }, to, bytes });
    return bytes.length;
  }

  receive(): MemoryRun | undefined {
    const first = this.inbox.shift();
    if (!first) return undefined;
    const { from } = first;
    const size = first.bytes.length;
    const joined = [first.bytes];
    let length = size;
    while (this.#network.joinsDatagrams && joined.length < MOST_JOINED) {
      const next = this.inbox.at(0);
      const shorter = (joined.at(-1) as Uint8Array).length < size;
      if (!next || shorter || !continues(first, next)) break;
      if (length + next.bytes.length > LARGEST_UDP_PAYLOAD) break;
      length += next.bytes.length;
      joined.push(next.bytes);
      this.inbox.shift();
    }
    if (joined.length === 1) return { from, bytes: first.bytes, segmentSize: 0 };
    return { from, bytes: Buffer.concat(joined), segmentSize: size };
  }

  close(): void {
    if (this.host.udp.get(this.local.port) === this) this.host.udp.delete(this.local.port);
  }
}

export class MemoryStream {
  readonly type = 'stream';
  readonly local: SocketAddress;
  peer: MemoryStream | undefined;
  closed = false;
  /** The errno that a connection on its way ends with. */
  failure = 0;
  readonly #chunks: Uint8Array[] = [];
  #waiting = 0;

  constructor(local: SocketAddress) {
    this.local = local;
  }

  static pair(a: SocketAddress, b: SocketAddress): [MemoryStream, MemoryStream] {
    const [left, right] = [new MemoryStream(a), new MemoryStream(b)];
    left.peer = right;
    right.peer = left;
    return [left, right];
  }

  get isWritable(): boolean {
    return !this.peer || this.peer.closed || this.peer.#waiting < STREAM_CAPACITY;
  }

  get isReadable(): boolean {
    return this.failure !== 0 || this.#waiting > 0 || this.peer?.closed === true;
  }

  /** Octets taken, fewer than given when there is little room, or a negated errno. */
  write(bytes: Uint8Array): number {
    const { peer } = this;
    if (!peer || peer.closed) return -Errno.EPIPE;
    const room = STREAM_CAPACITY - peer.#waiting;
    if (room <= 0) return bytes.length === 0 ? 0 : -Errno.EAGAIN;
    const taken = bytes.slice(0, room);
    if (taken.length > 0) peer.#chunks.push(taken);
    peer.#waiting += taken.length;
    return taken.length;
  }

  /** Fills `out` as far as it can; 0 at the end, or a negated errno. */
  read(out: Uint8Array): number {
    if (this.failure !== 0) return -this.failure;
    let filled = 0;
    while (filled < out.length && this.#chunks.length > 0) {
      const chunk = this.#chunks[0];
      const part = chunk.subarray(0, out.length - filled);
      out.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    this.#waiting -= filled;
    return filled > 0 || this.peer?.closed ? filled : -Errno.EAGAIN;
  }

  close(): void {
    this.closed = true;
  }
}

export class MemoryListener {
  readonly type = 'listener';
  readonly backlog: { stream: MemoryStream; from: SocketAddress }[] = [];
  readonly host: MemoryHost;
  readonly local: SocketAddress;

  constructor(host: MemoryHost, local: SocketAddress) {
    this.host = host;
    this.local = local;
    host.listeners.set(local.port, this);
  }

  close(): void {
    for (const { stream } of this.backlog) stream.close();
    this.backlog.length = 0;
    if (this.host.listeners.get(this.local.port) === this) {
      this.host.listeners.delete(this.local.port);
    }
  }
}

export type MemoryDescriptor =
  | MemoryDoorbell
  | MemoryDatagramSocket
  | MemoryUdp
  | MemoryStream
  | MemoryListener
  | MemoryTap;

export class MemoryNetwork {
  readonly largestDatagram: number;
  readonly joinsDatagrams: boolean;
  /** May be exchanged at any time. */
  delivery: Delivery;
  /** Unix datagram sockets by path: one file system for all hosts. */
  readonly paths = new Map<string, MemoryDatagramSocket>();
  /** TAPs by name (in a namespace: `PATH:NAME`); what a kernel's stack would send and receive is for tests to do. */
  readonly taps = new Map<string, MemoryTap>();
  /** Paths of the network namespaces there are, besides the one of each host. */
  readonly namespaces = new Set<string>();
  /** Everything a TAP was told to be, by name and oldest first, for tests to look at. */
  readonly interfaceSettings = new Map<string, InterfaceSettings[]>();
  /** Descriptors on their way to a Unix datagram socket. */
  readonly rights = new Map<
    MemoryDatagramSocket,
    { readonly descriptor: number; readonly payload: Uint8Array }[]
  >();
  /**
   * Which socket of a group a datagram really goes to. May be exchanged at any time: a kernel that
   * joins datagrams of one flow gives them all to the socket of the first.
   */
  steered: (place: number, count: number) => number = (place) => place;
  readonly #hosts: MemoryHost[] = [];
  readonly #descriptors = new Map<number, MemoryDescriptor>();
  #next = FIRST_DESCRIPTOR;

  constructor(options: MemoryNetworkOptions = {}) {
    this.delivery = options.delivery ?? ((datagram, deliver) => deliver(datagram));
    this.largestDatagram = options.largestDatagram ?? LARGEST_UDP_PAYLOAD;
    this.joinsDatagrams = options.joinsDatagrams ?? false;
  }

  /** Adds a machine with these numeric addresses. */
  addHost(...addresses: string[]): MemoryHost {
    const host = new MemoryHost(addresses.map(normalHost));
    this.#hosts.push(host);
    return host;
  }

  hostOf(address: string, from: MemoryHost): MemoryHost | undefined {
    if (isLoopback(address)) return from;
    return this.#hosts.find((host) => host.addresses.includes(address));
  }

  // ---- descriptors

  register(descriptor: MemoryDescriptor): number {
    const number = this.#next++;
    this.#descriptors.set(number, descriptor);
    return number;
  }

  descriptor(number: number): MemoryDescriptor | undefined {
    return this.#descriptors.get(number);
  }

  /** Descriptors that are open, for tests that count what was left behind. */
  get openDescriptors(): number {
    return this.#descriptors.size;
  }

  closeDescriptor(number: number): boolean {
    const descriptor = this.#descriptors.get(number);
    this.#descriptors.delete(number);
    descriptor?.close();
    return descriptor !== undefined;
  }

  // ---- datagrams between hosts

  send(sender: MemoryHost, datagram: MemoryDatagram): void {
    this.delivery(datagram, (delivered) => this.#arrive(sender, delivered));
  }

  #arrive(sender: MemoryHost, { from, to, bytes }: MemoryDatagram): void {
    const host = this.hostOf(to.host, sender);
    const socket = host?.udp.get(to.port)?.chosenFor(bytes);
    if (!socket || socket.inbox.length >= UDP_QUEUE) return;
    if (!isAnywhere(socket.local.host) && socket.local.host !== to.host) return;
    socket.inbox.push({ from, to, bytes });
  }
}

/** Whether a datagram is of the same flow as the first of a run, and no longer. */
function continues(first: MemoryDatagram, next: MemoryDatagram): boolean {
  return (
    next.bytes.length > 0 &&
    next.bytes.length <= first.bytes.length &&
    sameAddress(next.from, first.from) &&
    sameAddress(next.to, first.to)
  );
}

function sameAddress(a: SocketAddress, b: SocketAddress): boolean {
  return a.host === b.host && a.port === b.port;
}

/** The one text of a numeric host, so that hosts compare as strings; throws for a bad one. */
function normalHost(host: string): string {
  const octets = new Uint8Array(ADDRESS_LENGTH);
  if (!emitAddress({ host, port: 0 }, octets)) throw new RangeError(`${host} is not numeric`);
  return (parseAddress(octets) as SocketAddress).host;
}

export function isAnywhere(host: string): boolean {
  return host === '::' || host === '0.0.0.0';
}
