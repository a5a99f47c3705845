/**
 * What a node tells of its friends, and of the links that there are or are not.
 *
 * Part of the contract of node-api.ts, which says in what units.
 */

/**
 * How it stands with a friend. `refused`: the two reach one another, and one end will have no
 * link as things are; `refusal` and `lastError` say why.
 */
export type FriendState = 'offline' | 'connecting' | 'connected' | 'refused';

/** No group in common and plaintext forbidden, one end unknown to the other, ciphers that differ. */
export type Refusal = 'plaintext-refused' | 'unknown-peer' | 'no-common-cipher';

/** It speaks another version of the handshake. */
export type UnprovenRefusal = 'version';

export interface FriendStatus {
  readonly uid: string;
  readonly name: string;
  readonly state: FriendState;
  /** URLs we may dial. */
  readonly addresses: readonly string[];
  /** UIDs they had before they proved to have another key, the latest last; absent when none. */
  readonly formerUids?: readonly string[];
  /** How we know them: the configuration, a ticket we gave, a ticket we took. */
  readonly source: 'config' | 'invited' | 'joined';
  /** Octets of Ethernet that went in the clear, over all links, also of earlier runs of the node. */
  readonly clearOctetsIn: number;
  readonly clearOctetsOut: number;
  /** Since when these are counted: an ISO 8601 time. */
  readonly clearSince: string;
  /** The link in use, if any: the number in `kith links`. */
  readonly link?: number;
  /** Why none of its addresses answered when last called, as a sentence; absent when one did. */
  readonly unreached?: string;
  /** Set when the state is `refused`: one end has said so, and has proved who it is. */
  readonly refusal?: Refusal;
  /** What can be done about the refusal, as a sentence. */
  readonly mend?: string;
  /** Somebody at its address has said no when last called, and has proved nothing: a hint at most. */
  readonly unproven?: UnprovenRefusal;
  /** Why the last attempt failed, as a sentence. */
  readonly lastError?: string;
  readonly retryIn?: number;
}

export interface LinkStatus {
  readonly state: 'up';
  /** The switch port of the link. */
  readonly port: number;
  readonly friend: string;
  readonly friendName: string;
  /** 'udp', 'tcp', 'relay' … */
  readonly provider: string;
  readonly remote: string;
  /** The name of the friend who relays the link, where one does. */
  readonly relay?: string;
  readonly security: 'sealed' | 'clear';
  readonly cipher: string;
  readonly sharedGroups: readonly string[];
  readonly role: 'initiator' | 'responder';
  readonly since: number;
  /** Round trip, smoothed; absent before the first measurement. */
  readonly rtt?: number;
  /** Fraction of keepalives lost, 0 … 1. */
  readonly loss: number;
  /** Octets of the largest link message that passes whole. */
  readonly pathMtu: number;
  readonly framesIn: number;
  readonly framesOut: number;
  readonly octetsIn: number;
  readonly octetsOut: number;
  /** Octets of Ethernet that went in the clear with this friend, as in FriendStatus. */
  readonly clearOctetsIn: number;
  readonly clearOctetsOut: number;
  readonly clearSince: string;
  readonly keyUpdates: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/** A friend without a link. `refused`, as in FriendStatus; `waiting`: until the next attempt. */
export interface MissingLink {
  /** The switch port that the link will have. */
  readonly port: number;
  readonly friend: string;
  readonly friendName: string;
  readonly state: 'refused' | 'dialling' | 'waiting' | 'no-address';
  /** For so long there has been no link. */
  readonly since: number;
  /** Attempts of ours that have failed, one after another. */
  readonly attempts: number;
  /** URLs we dial, in this order. */
  readonly addresses: readonly string[];
  /** Until the next attempt; absent while none waits. */
  readonly retryIn?: number;
  /** Why the last attempt failed, as a sentence. */
  readonly lastError?: string;
  /** For so long that has been known. */
  readonly lastErrorAge?: number;
  readonly refusal?: Refusal;
  readonly unproven?: UnprovenRefusal;
  readonly mend?: string;
}

/** How a link came to be what it is: the decision and all its inputs. */
export interface WhyReport {
  readonly friend: string;
  readonly friendName: string;
  readonly state: FriendState;
  /** One sentence: the answer. */
  readonly answer: string;
  /** The inputs, in the order in which they were weighed. */
  readonly inputs: readonly { readonly name: string; readonly value: string }[];
}

export interface InviteOptions {
  /** Lifetime of the ticket; by default a day. */
  readonly expiresInMs?: number;
  /** Addresses to put in instead of the ones the node believes in. */
  readonly addresses?: readonly string[];
}
