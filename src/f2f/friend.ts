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

export class Friend {
  readonly uid: Uid;
  readonly source: FriendSource;
  /** Pinned when known beforehand; otherwise the UID alone decides. */
  publicKey: Uint8Array | undefined;
  name: string;
  /** Where to dial, best first, as configured or as a ticket said. */
  addresses: readonly string[];
  /** Where the friend itself says it can be found; asked last. */
  learntAddresses: readonly string[] = [];
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
  }) {
    this.uid = init.uid;
    this.source = init.source;
    this.name = init.name;
    this.addresses = init.addresses;
    this.port = init.port;
    this.publicKey = init.publicKey;
    this.ticketSecret = init.ticketSecret;
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
