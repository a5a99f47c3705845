/**
 * What a node tells of host interfaces, its own and those that other processes pass to it.
 *
 * Part of the contract of node-api.ts, which says in what units.
 */
import type { TapLease } from './lease-keeper.ts';

/** A host interface that is wanted. */
export interface TapRequest {
  /** By default kith0; a `%d` in it becomes the lowest free number. */
  readonly name?: string;
  /** Addresses with their prefixes, and perhaps the word `dhcp`. */
  readonly ip?: readonly string[];
  /** By default made of UID, name and namespace, and so always the same. */
  readonly mac?: string;
  /** Octets of payload in a frame. */
  readonly mtu?: number;
  /** The name or the path of the network namespace; by default the node's own. */
  readonly netns?: string;
}

/** A host interface on the switch. */
export interface TapStatus {
  /** What it goes by here: `kith0`; `kith0@NETNS` elsewhere, `kith0@PORT` of another process. */
  readonly name: string;
  /** The name of the interface, in its namespace. */
  readonly interface: string;
  readonly port: number;
  readonly mac: string;
  readonly mtu: number;
  /** Those that the node gave it, with prefixes. */
  readonly addresses: readonly string[];
  /** Whether the node asks a DHCP server for an address. */
  readonly dhcp: boolean;
  readonly netns?: string;
  /** Whether another process opened it and passed it here. */
  readonly attached: boolean;
}

/** What a process says of the TAP that it has sent. */
export interface TapAttachment {
  /** Where it sent the descriptor. */
  readonly path: string;
  /** Of the interface, in the namespace of that process. */
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  /** Whether it is to go away unless somebody holds it within ten seconds. */
  readonly held?: boolean;
}

/** How an interface of another process is held. */
export interface TapHoldRequest {
  /** Whether the node shall ask a DHCP server for an address. */
  readonly dhcp?: boolean;
}

/** What happens to an interface that is held. The process that has it sets it up. */
export interface TapEvent {
  /** What a DHCP server granted; null: nothing yet, or nothing any more. */
  readonly lease: TapLease | null;
}
