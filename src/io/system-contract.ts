/**
 * What is asked of the system outside the loop: descriptors to hand to a BatchedIo, and the
 * interfaces that stand behind some of them.
 *
 * Whoever opens a descriptor owns it until `addDescriptor` of contract.ts has taken it over, and
 * closes it otherwise. Nothing here is on the path of frames. What the system refuses fails with
 * a KithError.
 */
import type { Steering } from './steering.ts';

/** An address of an interface with the length of its network's prefix. */
export interface InterfaceAddress {
  /** Numeric, IPv4 or IPv6, without a zone. */
  readonly host: string;
  /** Bits: 0 … 32 or 0 … 128. */
  readonly prefix: number;
}

/** What of an interface is to be set. */
export interface InterfaceSettings {
  /** Six octets. */
  readonly mac?: Uint8Array;
  /** Octets of payload in a frame. */
  readonly mtu?: number;
  /** The longest super-frames that the kernel makes; one that cannot be told makes them as it likes. */
  readonly superFrame?: { readonly octets: number; readonly segments: number };
  /** Taken away if they are there. */
  readonly removeAddresses?: readonly InterfaceAddress[];
  /** Added; one that is there already is replaced. */
  readonly addresses?: readonly InterfaceAddress[];
  readonly up?: boolean;
  /** The default route goes there instead of where it went. The interface has to be up. */
  readonly gateway?: string;
}

/** Octets that may come with a descriptor. */
export const MAX_DESCRIPTOR_PAYLOAD = 256;

/** What the control side asks of the system outside the loop. Each fails with a KithError. */
export interface SystemSockets {
  /** An eventfd; poll returns when it is rung. */
  openDoorbell(): number;
  ringDoorbell(doorbell: number): void;
  /**
   * A non-blocking Unix datagram socket bound to `path` and connected to `peer`,
   * with send and receive buffers of at least `bufferLength` octets where the system lets us.
   * An empty `peer` leaves it unconnected until `connectUnixDatagram`. The file at `path` is
   * made here but removed by nobody: it stays the caller's to unlink, after a failure as well.
   */
  openUnixDatagram(path: string, peer: string, bufferLength: number): number;
  connectUnixDatagram(descriptor: number, peer: string): void;
  /** A UDP socket bound to a numeric address; `::` is dual-stack. Datagrams carry DF. Port 0: any. */
  openUdp(host: string, port: number): number;
  /**
   * So many UDP sockets as above, bound to one address and port; the system gives each datagram
   * to the one that `steering` names. What is joined in one receive has come together, so a
   * datagram may come to another all the same. Nobody else can have the address then, nor before.
   */
  openUdpGroup(host: string, port: number, count: number, steering: Steering): readonly number[];
  /** A listening TCP socket at a numeric address. Port 0: any. */
  openTcpListener(host: string, port: number): number;
  /**
   * A TCP socket on its way to a numeric address, Nagle off. After `watchWritable`, `writable` or
   * `closed` tells how it went; what is refused at once (often so on loopback) fails here.
   */
  openTcpConnection(host: string, port: number): number;
  /**
   * Whether a network namespace can be entered. Namespaces are named by their path
   * (`/run/netns/NAME`, `/proc/PID/ns/net`); `''` is the process's own. The process itself
   * stays where it is.
   */
  tryNamespace(namespace: string): void;
  /**
   * An Ethernet TAP with virtio-net headers; `name` may be a pattern (`kith%d`) and is returned
   * real. The interface is down, and goes away with the last descriptor of it.
   */
  openTap(name: string, namespace: string): { descriptor: number; name: string };
  /**
   * Makes sure that a descriptor of another process is a TAP of that kind, and non-blocking.
   * It stays the caller's, after a failure as well.
   * @returns the name of the interface in its own namespace
   */
  adoptTap(descriptor: number): string;
  /** Sets what is named and leaves the rest; in the order of InterfaceSettings. */
  configureInterface(name: string, namespace: string, settings: InterfaceSettings): void;
  /**
   * Sends a descriptor, which stays the caller's, to the Unix datagram socket at `path`.
   * @param payload one octet or more
   */
  sendDescriptor(path: string, descriptor: number, payload: Uint8Array): void;
  /**
   * Takes a descriptor that came to a bound Unix datagram socket; it is the caller's then.
   * @returns undefined when none has come; what is no single descriptor with at most
   *   MAX_DESCRIPTOR_PAYLOAD octets is closed, and fails
   */
  receiveDescriptor(descriptor: number): { descriptor: number; payload: Uint8Array } | undefined;
  /** Two connected stream descriptors (for tests and helpers). */
  openStreamPair(): [number, number];
  /** Two connected Unix datagram descriptors without a name. */
  openDatagramPair(): [number, number];
  /** The bound address of a socket. */
  localAddress(descriptor: number): { host: string; port: number };
  /**
   * The user (uid) at the other end of a connected Unix stream, as the system saw it when the
   * connection was made (SO_PEERCRED of unix(7)); nobody can say another.
   */
  peerUser(descriptor: number): number;
  /** A second number for the same thing, which is there until both are closed. */
  duplicateDescriptor(descriptor: number): number;
  closeDescriptor(descriptor: number): void;
  /**
   * Closes on a thread that may wait: with the last descriptor of a TAP the kernel takes the
   * interface apart, which lasts from milliseconds to seconds.
   */
  closeSlowly(descriptor: number): Promise<void>;
}
