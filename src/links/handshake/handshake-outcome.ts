/** How a handshake can end: a session, or a failure that says why. */

import type { CipherId } from '../../io/contract.ts';
import type { HandshakeRole } from './group-tags.ts';
import type { CipherOffer, LinkMode, PlaintextFloor } from './handshake-payload.ts';
import type { Uid } from './identity-proof.ts';
import type { Succession } from './succession.ts';

/** An established session. All octets are the caller's; wipe the secrets after use. */
export interface HandshakeSession {
  readonly role: HandshakeRole;
  readonly friendUid: Uid;
  /** Ed25519 public key, 32 octets. */
  readonly friendPublicKey: Uint8Array;
  /** Set when the friend was known under another UID, and has proved to be that one's successor. */
  readonly formerUid: Uid | undefined;
  /** How it became that: the changes of keys, oldest first. */
  readonly successions: readonly Succession[];
  readonly friendName: string;
  /** URLs that the friend says it can be reached under; unverified. */
  readonly friendAddresses: readonly string[];
  /** Who sent message 1; `keepWhich` needs it. */
  readonly initiatorUid: Uid;
  /** The receiver index of records that come to us. */
  readonly localIndex: number;
  /** The receiver index of records that we send. */
  readonly remoteIndex: number;
  readonly cipher: CipherId;
  /** Traffic secrets of epoch 0, for SendKeys and ReceiveKeys. */
  readonly sendSecret: Uint8Array;
  readonly receiveSecret: Uint8Array;
  /** Number 0 of epoch 0 belongs to the handshake in both directions. */
  readonly firstRecordNumber: number;
  /** How Ethernet frames travel; control packets are sealed in either case. */
  readonly mode: LinkMode;
  readonly sharedGroups: readonly string[];
  /** The caller's number of the policy that the handshake was made under; 0 if it gave none. */
  readonly policy: number;
  /** Octets: the smaller of both ends' largest frames. */
  readonly largestFrame: number;
  /** Feature bits that both ends have. */
  readonly features: number;
  /** h after message 3, equal at both ends and unique to this handshake. */
  readonly transcriptHash: Uint8Array;
  /** Milliseconds; absent when every flight had to be repeated. */
  readonly roundTrip: number | undefined;
  /** When this end saw the handshake finished. */
  readonly establishedAt: number;
  /** The ticket that an unknown initiator came with: add the friend, burn the ticket. */
  readonly redeemedTicket: string | undefined;
  /** The inputs of the decisions, for `kith why`. */
  readonly why: HandshakeInputs;
}

export interface HandshakeInputs {
  readonly ownGroups: readonly string[];
  /** Shared groups that the friend proved by an old key alone. */
  readonly byOldKey: readonly string[];
  readonly ownFloor: PlaintextFloor;
  readonly friendFloor: PlaintextFloor;
  /** Tags that came in, noise among them. */
  readonly tagsReceived: number;
  readonly ownCiphers: readonly CipherOffer[];
  readonly friendCiphers: readonly CipherOffer[];
  readonly cipherReason: string;
}

export type FailureReason =
  | 'timeout' // nobody answered, or not to the end
  | 'wrong-peer' // somebody else than the expected UID answered
  | 'unknown-peer' // one end does not know the other
  | 'plaintext-refused' // no group in common, and one end never sends in the clear
  | 'no-common-cipher' // the two ends offer different ciphers
  | 'version' // the two ends speak different versions
  | 'malformed'; // an authentic message made no sense, or any message on a stream

export interface HandshakeFailure {
  readonly reason: FailureReason;
  /** Who found out. */
  readonly by: 'us' | 'peer';
  /** One sentence for the operator. */
  readonly detail: string;
  /** The peer's proven UID, if it came to that. */
  readonly peerUid: Uid | undefined;
}
