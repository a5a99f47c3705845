/**
 * One friend: who it is, where it may be found, and the link to it.
 *
 *              dial or be dialled             established
 *   [offline] --------------------> [connecting] ----------> [connected]
 *       ^                               |   |                    |
 *       +------- failed, wait ----------+---|--- link lost ------+
 *       |                                   | one end says no, and will again
 *       +--- nobody says so any more --- [refused]  (goes on dialling)
 */
import { BackOff } from '../links/back-off.ts';
import type { Carrier } from '../links/contract.ts';
import type { HandshakeFailure, HandshakeSession } from '../links/handshake/handshake-outcome.ts';
import type { Uid } from './uid.ts';

export type FriendState = 'offline' | 'connecting' | 'connected' | 'refused';
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

/** Why one end will have no link with the other; a policy or a list of friends has to change. */
export const REFUSALS = ['plaintext-refused', 'unknown-peer', 'no-common-cipher'] as const;
export type Refusal = (typeof REFUSALS)[number];

/**
 * The refusal that a handshake ended with, if that is how it ended. Only who has proved its key
 * can refuse: what comes before the proof, somebody on the path may have made up.
 */
export function refusalOf({
  reason,
  peerUid,
}: Pick<HandshakeFailure, 'reason' | 'peerUid'>): Refusal | undefined {
  return peerUid === undefined ? undefined : REFUSALS.find((each) => each === reason);
}

/** A no that nobody has vouched for. It ends nothing, and is told to people as what it is. */
export type UnprovenRefusal = 'version';

/** What a handshake was told by somebody who has proved nothing, if that is how it ended. */
export function unprovenRefusalOf({
  reason,
  peerUid,
}: Pick<HandshakeFailure, 'reason' | 'peerUid'>): UnprovenRefusal | undefined {
  return reason === 'version' && peerUid === undefined ? reason : undefined;
}

/**
 * Milliseconds that a refusal outlasts attempts that nobody answered: who is refused may
 * be able to reach us while we cannot reach it. Longer than two waits between its attempts.
 */
export const REFUSAL_MEMORY = 60_000;

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
  /** There has been a link: what we know is more than a ticket said. */
  wasLinked: boolean;
  /** The switch port of the friend's link, for as long as we know the friend. */
  readonly port: number;

  current: FriendSession | undefined;
  /** Aborts the attempt under way. */
  attempt: AbortController | undefined;
  readonly backOff = new BackOff();
  retryTimer: NodeJS.Timeout | undefined;
  retryAt = 0;
  /** Why the last attempt failed, as a sentence; that of the refusal while there is one. */
  lastError: string | undefined;
  /** Why none of its addresses answered when we last called, as a sentence; it may be able to call us. */
  unreached: string | undefined;
  /** What somebody at its address said when we last called, unproven: the friend, or not. */
  unproven: UnprovenRefusal | undefined;
  /** Since when there is no link, milliseconds; of no account while there is one. */
  absentSince = 0;
  /** When an attempt last failed, milliseconds, the friend's or ours; absent: none has since there was a link. */
  failedAt: number | undefined;
  #refusal: Refusal | undefined;
  #refusedAt = 0;

  constructor(init: {
    uid: Uid;
    source: FriendSource;
    name: string;
    addresses: readonly string[];
    port: number;
    publicKey?: Uint8Array | undefined;
    ticketSecret?: Uint8Array | undefined;
    wasLinked?: boolean | undefined;
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
    // Until the first link the secret of its ticket is kept.
    this.wasLinked = init.wasLinked ?? init.ticketSecret === undefined;
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

  /** Why there can be no link; it is forgotten when there is one. */
  get refusal(): Refusal | undefined {
    return this.current === undefined ? this.#refusal : undefined;
  }

  /** An attempt has failed, of the friend's or of ours. @param now milliseconds */
  failed(trouble: string, now: number, refusal?: Refusal): void {
    this.failedAt = now;
    if (refusal !== undefined) this.#refusedAt = now;
    else if (this.#refusal !== undefined && now - this.#refusedAt < REFUSAL_MEMORY) return;
    this.#refusal = refusal;
    this.lastError = trouble;
  }

  /** What was in the way is over, or may be. */
  forgetTrouble(): void {
    this.#refusal = undefined;
    this.lastError = undefined;
    this.unproven = undefined;
    this.failedAt = undefined;
  }

  get state(): FriendState {
    if (this.current !== undefined) return 'connected';
    if (this.#refusal !== undefined) return 'refused';
    return this.attempt === undefined ? 'offline' : 'connecting';
  }

  /** All we may dial, without repeats. */
  get candidates(): readonly string[] {
    return [...new Set([...this.addresses, ...this.learntAddresses])];
  }
}
