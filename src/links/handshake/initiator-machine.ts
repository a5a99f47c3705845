/** The initiator's side of handshake-machine.ts, which has the contract. */

import type { CipherId } from '../../io/contract.ts';
import { LinkMessageType, readType } from '../link-message.ts';
import { FIRST_RECORD_NUMBER, isConfirmRecord, openConfirm } from './confirm-record.ts';
import { makeTags, matchTags } from './group-tags.ts';
import {
  type Acquaintance,
  HandshakeBase,
  type PeerFacts,
  type Verdict,
} from './handshake-base.ts';
import {
  COOKIE_LENGTH,
  emitFinal,
  emitInit,
  INIT_PAYLOAD_LENGTH,
  MAX_FINAL_PAYLOAD,
  PROTOCOL_VERSION,
  parseCookieReply,
  parseRefuse,
  parseResponse,
  RefuseReason,
} from './handshake-message.ts';
import type { InitiatorOptions } from './handshake-options.ts';
import type { FailureReason } from './handshake-outcome.ts';
import {
  emitPayload,
  type HandshakePayload,
  type LinkMode,
  PADDING_MULTIPLE,
  parsePayload,
  TAG_OCTETS,
} from './handshake-payload.ts';
import type { HandshakeState } from './handshake-state.ts';
import { type Uid, uidOf } from './identity-proof.ts';
import { type CipherChoice, chooseCipher, decideMode } from './negotiation.ts';
import { ticketProof } from './ticket-proof.ts';

/** Milliseconds that the right answer gets after a wrong one. */
export const ANSWER_GRACE = 2_000;

/** Octets of the payload of message 3: whole multiples of the padding. */
const LONGEST_FINAL_PAYLOAD = MAX_FINAL_PAYLOAD - (MAX_FINAL_PAYLOAD % PADDING_MULTIPLE);

/** Cookies answered at once; further ones are kept for the next repetition. */
const MAX_PROMPT_COOKIES = 3;

/** What is known between message 3 and message 4. */
interface Pending {
  readonly facts: PeerFacts;
  readonly known: Acquaintance;
  readonly cipher: CipherId;
  readonly cipherReason: string;
  /** h at the tags of message 3. */
  readonly tagHash: Uint8Array;
  readonly transcriptHash: Uint8Array;
  readonly sendSecret: Uint8Array;
  readonly receiveSecret: Uint8Array;
  readonly roundTrip: number | undefined;
}

export class InitiatorMachine extends HandshakeBase<InitiatorOptions> {
  readonly role = 'initiator';
  #noise: HandshakeState;
  /** Message 1 as Noise made it; the cookie in front of it may change. */
  readonly #noiseInit: Uint8Array;
  #promptCookies = 0;
  #pending: Pending | undefined;

  constructor(options: InitiatorOptions, now: number) {
    super(options, 'waiting-response', now);
    this.#noise = this.noiseState(true, options.localIndex);
    const noise = this.#noise.writeMessage(() => new Uint8Array(INIT_PAYLOAD_LENGTH));
    if (noise === undefined) throw new Error('message 1 has no Diffie-Hellman that could fail');
    this.#noiseInit = noise;
    this.flight = emitInit(options.localIndex, new Uint8Array(COOKIE_LENGTH), noise);
    this.push(this.flight);
    this.retransmission.start(now);
  }

  /** An initiator has nothing left to repeat. */
  get lingerUntil(): number {
    return Number.NEGATIVE_INFINITY;
  }

  receive(message: Uint8Array, now: number): Verdict {
    if (message.length === 0 || this.isFinished()) return this.reject();
    switch (readType(message, 0)) {
      case LinkMessageType.handshakeResponse:
        return this.#receiveResponse(message, now);
      case LinkMessageType.sealedRecord:
        return this.#receiveConfirm(message, now);
      case LinkMessageType.cookieReply:
        return this.#receiveCookie(message);
      case LinkMessageType.refuse:
        return this.#receiveRefuse(message, now);
      default:
        return this.reject();
    }
  }

  protected override wipe(): void {
    this.#noise.wipe();
    if (this.state === 'failed') {
      this.#pending?.sendSecret.fill(0);
      this.#pending?.receiveSecret.fill(0);
    }
    this.#pending = undefined;
  }

  #receiveResponse(message: Uint8Array, now: number): Verdict {
    const response = parseResponse(message);
    if (response?.receiver !== this.localIndex) return this.reject();
    // The responder repeats itself when we do; our message 3 has a timer of its own.
    if (this.state !== 'waiting-response') return 'ignored';
    const attempt = this.#noise.clone();
    const read = attempt.readMessage(response.noise);
    if (read === undefined) {
      attempt.discard();
      return this.reject();
    }
    const payload = parsePayload(read.payload);
    const facts = payload && this.peerFacts(payload, attempt);
    if (facts === undefined) {
      return this.#suspect('malformed', 'The answer was incomplete or its proof false.', now);
    }
    const known = this.acquaintance(facts, (uid, publicKey) => this.#isWanted(uid, publicKey));
    if (known === undefined) {
      const { expectedUid } = this.options;
      return expectedUid === undefined
        ? this.#suspect('unknown-peer', `${facts.uid} answered, who is not a friend.`, now, facts)
        : this.#suspect(
            'wrong-peer',
            `${facts.uid} answered where ${expectedUid} was expected; check the friend's address and UID.`,
            now,
            facts,
          );
    }
    const choice = chooseCipher(this.offers, facts.ciphers);
    if (choice === undefined) {
      return this.#suspect('no-common-cipher', 'The peer offers no cipher we have.', now, facts);
    }
    return this.#sendFinal(attempt, facts, known, choice, now);
  }

  #sendFinal(
    noise: HandshakeState,
    facts: PeerFacts,
    known: Acquaintance,
    choice: CipherChoice,
    now: number,
  ): Verdict {
    let tagHash = noise.hash;
    const message = noise.writeMessage((hash) => {
      tagHash = hash;
      return emitPayload(this.#finalPayload(hash), PADDING_MULTIPLE, LONGEST_FINAL_PAYLOAD);
    });
    if (message === undefined) return this.reject();
    const [sendSecret, receiveSecret] = noise.split();
    this.#noise.wipe();
    this.#noise = noise;
    this.#pending = {
      facts,
      known,
      cipher: choice.cipher,
      cipherReason: choice.reason,
      tagHash,
      transcriptHash: noise.hash.slice(),
      sendSecret,
      receiveSecret,
      roundTrip: this.retransmission.roundTrip(now),
    };
    return this.enter('waiting-confirm', now, emitFinal(facts.abilities.sessionIndex, message));
  }

  #finalPayload(hash: Uint8Array): HandshakePayload {
    const { suite, random, identity, name, floor, ticketSecret, addresses = [] } = this.options;
    return {
      ...this.ownFacts(),
      name,
      floor,
      addresses,
      groupTags: makeTags(suite, random, this.groupKeys, hash, 'initiator'),
      ...(ticketSecret && {
        ticketProof: ticketProof(suite, ticketSecret, hash, identity.publicKey),
      }),
    };
  }

  #receiveConfirm(message: Uint8Array, now: number): Verdict {
    const pending = this.#pending;
    // Over datagrams data may overtake message 4; it is the driver's to drop or keep.
    if (pending === undefined || !isConfirmRecord(message, this.localIndex)) return this.reject();
    const { suite } = this.options;
    const payload = openConfirm(suite, pending.cipher, pending.receiveSecret, message);
    if (payload === undefined) return this.reject();
    const peer = pending.facts.uid;
    if (payload === 'malformed') {
      return this.fail('malformed', 'The confirmation made no sense.', peer);
    }
    switch (payload.decision) {
      case 'unknown-peer':
        return this.fail(
          'unknown-peer',
          'The peer does not know us; its owner has to add our UID as a friend.',
          peer,
          'peer',
        );
      case 'plaintext-refused':
        return this.fail(
          'plaintext-refused',
          `We share no security group with the peer, and ${
            payload.floor === 'never' ? 'it' : 'our policy'
          } never lets frames go in the clear; join one group.`,
          peer,
          'peer',
        );
      case undefined:
        return this.fail('malformed', 'The confirmation decided nothing.', peer);
      default:
        return this.#conclude(pending, payload, payload.decision, now);
    }
  }

  #conclude(pending: Pending, payload: HandshakePayload, decision: LinkMode, now: number): Verdict {
    const { options, groupKeys, offers } = this;
    const { facts } = pending;
    const { name, floor, groupTags } = payload;
    if (name === undefined || floor === undefined || groupTags === undefined) {
      return this.fail('malformed', 'The confirmation was incomplete.', facts.uid);
    }
    const match = matchTags(options.suite, groupKeys, pending.tagHash, 'responder', groupTags);
    if (decideMode(match.shared.length, options.floor, floor) !== decision) {
      return this.fail('malformed', 'The two ends disagree on what to seal.', facts.uid);
    }
    return this.establish({
      role: 'initiator',
      friendUid: facts.uid,
      friendPublicKey: facts.publicKey,
      ...pending.known,
      friendName: name,
      friendAddresses: payload.addresses ?? [],
      initiatorUid: uidOf(options.suite, options.identity.publicKey),
      localIndex: this.localIndex,
      remoteIndex: facts.abilities.sessionIndex,
      cipher: pending.cipher,
      sendSecret: pending.sendSecret,
      receiveSecret: pending.receiveSecret,
      firstRecordNumber: FIRST_RECORD_NUMBER,
      mode: decision,
      sharedGroups: match.shared,
      policy: options.policy ?? 0,
      largestFrame: Math.min(options.largestFrame, facts.abilities.largestFrame),
      features: (options.features & facts.abilities.features) >>> 0,
      transcriptHash: pending.transcriptHash,
      roundTrip: this.retransmission.roundTrip(now) ?? pending.roundTrip,
      establishedAt: now,
      redeemedTicket: undefined,
      why: {
        ownGroups: options.groups.map((group) => group.name),
        byOldKey: match.byOldKey,
        ownFloor: options.floor,
        friendFloor: floor,
        tagsReceived: groupTags.length / TAG_OCTETS,
        ownCiphers: offers,
        friendCiphers: facts.ciphers,
        cipherReason: pending.cipherReason,
      },
    });
  }

  #receiveCookie(message: Uint8Array): Verdict {
    const reply = parseCookieReply(message);
    if (reply?.receiver !== this.localIndex || this.state !== 'waiting-response') {
      return this.reject();
    }
    const { suite } = this.options;
    const ephemeral = this.#noiseInit.subarray(0, reply.ephemeral.length);
    if (!suite.equal(reply.ephemeral, ephemeral)) return this.reject();
    this.flight = emitInit(this.localIndex, reply.cookie, this.#noiseInit);
    if (this.#promptCookies++ < MAX_PROMPT_COOKIES) {
      this.push(this.flight);
      this.retransmission.repeated();
    }
    return 'taken';
  }

  #receiveRefuse(message: Uint8Array, now: number): Verdict {
    const refuse = parseRefuse(message);
    if (refuse?.receiver !== this.localIndex || this.state !== 'waiting-response') {
      return this.reject();
    }
    if (refuse.reason !== RefuseReason.version) return this.reject();
    const { lowestVersion, highestVersion } = refuse;
    return this.suspect(
      {
        reason: 'version',
        by: 'peer',
        detail: `The peer speaks versions ${lowestVersion} to ${highestVersion} of the handshake and we speak ${PROTOCOL_VERSION}; update the older end.`,
        peerUid: undefined,
      },
      now,
      ANSWER_GRACE,
    );
  }

  #isWanted(uid: Uid, publicKey: Uint8Array): boolean {
    const { expectedUid } = this.options;
    if (expectedUid !== undefined) return uid === expectedUid;
    return this.options.isFriend?.(uid, publicKey) ?? false;
  }

  #suspect(reason: FailureReason, detail: string, now: number, facts?: PeerFacts): Verdict {
    return this.suspect({ reason, by: 'us', detail, peerUid: facts?.uid }, now, ANSWER_GRACE);
  }
}
