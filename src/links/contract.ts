/**
 * The contract between links and those who carry them.
 *
 * A *carrier* moves link messages (link-message.ts) to one far end: a TCP
 * connection, or a UDP socket and an address. A *provider* makes carriers, by
 * dialling or by listening, for one URL scheme. A *session* is what a handshake
 * makes of a carrier; it is no business of a provider.
 *
 * Carriers are descriptors of the data plane (the carrier host), which moves
 * the messages of established sessions by itself, in batches. What comes up to
 * a provider is only what belongs to no session: handshakes.
 *
 * Limits: a message is at most 65,538 octets on a reliable carrier; on a
 * datagram carrier whatever the path lets through, 1,200 octets always.
 * Memory: message and address bytes handed to a callback are the callee's to
 * keep; those handed to `send` may be reused at once.
 * After `close`, or once `closed` has been called, a carrier sends nothing and
 * calls nothing. Closing twice does no harm.
 */
import type { DescriptorKind } from '../io/contract.ts';
import type { SystemSockets } from '../io/system-contract.ts';

/** What the host tells of one descriptor. Calls come from the event loop, never from inside `adopt`. */
export interface DescriptorEvents {
  /** A link message that belongs to no session; `address` as in the slab, zeros on a stream. */
  message?(message: Uint8Array, address: Uint8Array): void;
  /** A connection came in; the system descriptor is the callee's. */
  accepted?(systemDescriptor: number, address: Uint8Array): void;
  /** An attempt to connect succeeded. */
  writable?(): void;
  /** The descriptor is gone; errno, or 0 for end of file. */
  closed?(errno: number): void;
}

/** Where carriers live. Implemented by the data plane. */
export interface CarrierHost {
  readonly sockets: SystemSockets;
  /**
   * Takes a system descriptor over, or those that `openDatagrams` gave, under one index.
   * @returns the index, for the other calls
   */
  adopt(
    systemDescriptor: number | readonly number[],
    kind: DescriptorKind,
    events: DescriptorEvents,
  ): number;
  /**
   * As many UDP sockets of one address as the host divides its sessions among; the first has
   * the address that is asked for. They are the caller's until `adopt` takes them all.
   * @throws KithError 'address'
   */
  openDatagrams(host: string, port: number): readonly number[];
  /** Asks for one `writable` (or `closed`) when a connection attempt is over. */
  watch(descriptor: number): void;
  send(descriptor: number, address: Uint8Array | undefined, message: Uint8Array): void;
  /** Closes it; no further event. */
  release(descriptor: number): void;
}

export interface Carrier {
  /** The provider's scheme: 'udp', 'tcp', … */
  readonly provider: string;
  /** The far end as a URL, for people. */
  readonly remote: string;
  /** Messages arrive whole, in order, or the carrier closes. Otherwise each may be lost. */
  readonly reliable: boolean;
  readonly descriptor: number;
  /** The far end's address on a datagram carrier. */
  readonly address: Uint8Array | undefined;
  close(): void;
}

export interface CarrierEvents {
  /** Somebody opened a reliable carrier to us; who, only a handshake can tell. */
  accepted(carrier: Carrier): void;
  /** A message outside a session. The carrier of a stranger comes to light with its first one. */
  message(carrier: Carrier, message: Uint8Array): void;
  /** A reliable carrier is gone. Datagram carriers never say so. */
  closed(carrier: Carrier, reason: string): void;
}

export interface Listening {
  /** With the port that is really in use. */
  readonly url: string;
  close(): void;
}

export interface LinkProvider {
  readonly scheme: string;
  /** Lower is better: the order in which addresses of a friend are preferred. */
  readonly preference: number;
  /** @throws KithError 'address' when the URL cannot be listened on, with the mend */
  listen(url: string): Promise<Listening>;
  /** @throws KithError 'address' when there is no way there; rejects with the signal's reason when aborted */
  dial(url: string, signal: AbortSignal): Promise<Carrier>;
  /** Closes all that it listens on and carries. */
  close(): void;
}

/** Makes a provider for a host. One folder per provider has one of these. */
export type ProviderFactory = (host: CarrierHost, events: CarrierEvents) => LinkProvider;
