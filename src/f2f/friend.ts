/**
 * One friend: who it is, where it may be found, and the link to it.
 *
 *              dial or be dialled             established
 *   [offline] --------------------> [connecting] ----------> [connected]
 *       ^                               |                        |
 *       +------- failed, wait ----------+------- link lost ------+
 */
import { BackOff } from '../links/back-off.ts';
import type { Carrier } from '../links/contract.ts';
import type { HandshakeSession } from '../links/handshake/handshake-outcome.ts';
import type { Uid } from './uid.ts';

export type FriendState = 'offline' | 'connecting' | 'connected';
export type FriendSource = 'config' | 'invited' | 'joined';

/** A session with a friend, and what carries it. */
export interface FriendSession {
  readonly session: HandshakeSession;
  carrier: Carrier;
  /** Lower is better: the preference of the provider. */
  readonly preference: number;
  /** Frames leave through it, or did before another replaced it. */
  used: boolean;
  /** When that began, milliseconds. */
  since: number;
  /** A bulk packet has been handed over and has not left yet. */
  bulkQueued: boolean;
}

/** Addresses that we keep of what a friend says of itself. */
const MAX_LEARNT_ADDRESSES = 16;
/** Kinds of links that a friend can offer; others it could make us dial. */
const LEARNT_SCHEMES = /^(?:udp|tcp):/;

/** What of a friend's own addresses we keep: not all that it may say. */
export function fitAddresses(addresses: readonly string[]): readonly string[] {
  return addresses.filter((address) => LEARNT_SCHEMES.test(address)).slice(0, MAX_LEARNT_ADDRESSES);
}

export class Friend {
  /** Changes when the friend proves to have another key: `succeed`. */
  #uid: Uid;
  /** UIDs that it had before, the latest last. Nobody is let in by them. */
  formerUids: readonly Uid[];
  readonly source: FriendSource;
  /** Pinned when known beforehand; otherwise the UID alone decides. */
  publicKey: Uint8Array | undefined;
  name: string;
  /** Where to dial, best first, as configured or as a ticket said. */
  addresses: readonly string[];
  #learntAddresses: readonly string[] = [];
  ticketSecret: Uint8Array | undefined;
  /** The switch port of the friend's link, for as long as we know the friend. */
  readonly port: number;

  current: FriendSession | undefined;
  /** Aborts the attempt under way. */
  attempt: AbortController | undefined;
  readonly backOff = new BackOff();
  retryTimer: NodeJS.Timeout | undefined;
  retryAt = 0;
  /** Why the last attempt failed, as a sentence. */
  lastError: string | undefined;

  constructor(init: {
    uid: Uid;
    source: FriendSource;
    name: string;
    addresses: readonly string[];
    port: number;
    publicKey?: Uint8Array | undefined;
    ticketSecret?: Uint8Array | undefined;
    formerUids?: readonly Uid[];
  }) {
    this.#uid = init.uid;
    this.formerUids = init.formerUids ?? [];
    this.source = init.source;
    this.name = init.name;
    this.addresses = init.addresses;
    this.port = init.port;
    this.publicKey = init.publicKey;
    this.ticketSecret = init.ticketSecret;
  }

  get uid(): Uid {
    return this.#uid;
  }

  /** The friend has another key. Whoever files it by UID has to file it anew. */
  succeed(uid: Uid, publicKey: Uint8Array): void {
    this.formerUids = [...this.formerUids, this.#uid];
    this.#uid = uid;
    this.publicKey = publicKey;
  }

  /** Where the friend itself says it can be found; tried last. */
  get learntAddresses(): readonly string[] {
    return this.#learntAddresses;
  }

  set learntAddresses(addresses: readonly string[]) {
    this.#learntAddresses = fitAddresses(addresses);
  }

  get state(): FriendState {
    if (this.current !== undefined) return 'connected';
    return this.attempt === undefined ? 'offline' : 'connecting';
  }

  /** All we may dial, without repeats. */
  get candidates(): readonly string[] {
    return [...new Set([...this.addresses, ...this.learntAddresses])];
  }
}
