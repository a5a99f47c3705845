/** The responder's side of handshake-machine.ts, which has the contract. */

import type { CipherId } from '../../io/contract.ts';
import { FIRST_RECORD_NUMBER, sealConfirm } from './confirm-record.ts';
import { makeTags, matchTags } from './group-tags.ts';
import {
  type Acquaintance,
  HandshakeBase,
  type PeerFacts,
  type Verdict,
} from './handshake-base.ts';
import {
  emitRefuse,
  emitResponse,
  INIT_LENGTH,
  MAX_RESPONSE_PAYLOAD,
  PROTOCOL_VERSION,
  parseFinal,
  parseInit,
  RefuseReason,
} from './handshake-message.ts';
import { HANDSHAKE_TIMEOUT, type ResponderOptions } from './handshake-options.ts';
import {
  emitPayload,
  type HandshakePayload,
  parsePayload,
  TAG_OCTETS,
} from './handshake-payload.ts';
import type { HandshakeState } from './handshake-state.ts';
import { chooseCipher, decideMode } from './negotiation.ts';
import { findTicket } from './ticket-proof.ts';

/** Message 3, read and proved. */
interface Final {
  readonly facts: PeerFacts;
  readonly payload: HandshakePayload;
  /** h at the tags. */
  readonly tagHash: Uint8Array;
  readonly transcriptHash: Uint8Array;
  readonly cipher: CipherId;
  readonly cipherReason: string;
  readonly sendSecret: Uint8Array;
  readonly receiveSecret: Uint8Array;
}

/** Somebody with a ticket. */
const STRANGER: Acquaintance = { formerUid: undefined, successions: [] };

export class ResponderMachine extends HandshakeBase<ResponderOptions> {
  readonly role = 'responder';
  #noise: HandshakeState | undefined;
  /** Message 1 behind the cookie, to know a repetition by. */
  #noiseInit = new Uint8Array(0);
  #initiatorIndex = 0;
  /** Message 3 and our answer to it, for repetitions. */
  #final: Uint8Array | undefined;
  #confirm: Uint8Array | undefined;
  #lingerUntil = Number.NEGATIVE_INFINITY;

  constructor(options: ResponderOptions, message: Uint8Array, now: number) {
    super(options, 'waiting-final', now);
    this.#begin(message, now);
  }

  get lingerUntil(): number {
    return this.#lingerUntil;
  }

  receive(message: Uint8Array, now: number): Verdict {
    const final = parseFinal(message);
    if (final !== undefined) {
      if (final.receiver !== this.localIndex) return this.reject();
      if (this.#final !== undefined) return this.#repeatConfirm(message, now);
      return this.#receiveFinal(message, final.noise, now);
    }
    const init = parseInit(message);
    if (init === undefined || !this.#isRepeatedInit(init.sender, init.noise)) return this.reject();
    if (this.state === 'waiting-final' && this.flight !== undefined) {
      this.push(this.flight);
      this.retransmission.repeated();
    }
    return 'taken';
  }

  protected override wipe(): void {
    this.#noise?.wipe();
    this.#noise = undefined;
    this.flight = undefined;
  }

  #begin(message: Uint8Array, now: number): Verdict {
    const init = parseInit(message);
    if (init === undefined) return this.#failAtOnce('malformed');
    this.#initiatorIndex = init.sender;
    if (init.version !== PROTOCOL_VERSION) {
      this.push(
        emitRefuse({
          receiver: init.sender,
          reason: RefuseReason.version,
          lowestVersion: PROTOCOL_VERSION,
          highestVersion: PROTOCOL_VERSION,
        }),
      );
      return this.#failAtOnce('version');
    }
    this.#noiseInit = init.noise.slice();
    const noise = this.noiseState(false, init.sender);
    this.#noise = noise;
    if (noise.readMessage(this.#noiseInit) === undefined) return this.#failAtOnce('malformed');
    const answer = noise.writeMessage(() => emitPayload(this.ownFacts(), 1, MAX_RESPONSE_PAYLOAD));
    if (answer === undefined) return this.#failAtOnce('malformed');
    this.flight = emitResponse(init.sender, answer);
    if (this.flight.length > INIT_LENGTH) throw new RangeError('too many ciphers for message 2');
    this.push(this.flight);
    this.retransmission.start(now);
    return 'taken';
  }

  #isRepeatedInit(sender: number, noise: Uint8Array): boolean {
    return sender === this.#initiatorIndex && this.options.suite.equal(noise, this.#noiseInit);
  }

  #repeatConfirm(message: Uint8Array, now: number): Verdict {
    const same = this.#final !== undefined && this.options.suite.equal(message, this.#final);
    if (!same || this.#confirm === undefined || now >= this.#lingerUntil) return this.reject();
    this.push(this.#confirm);
    return 'taken';
  }

  #receiveFinal(message: Uint8Array, noiseMessage: Uint8Array, now: number): Verdict {
    if (this.#noise === undefined || this.isFinished()) return this.reject();
    const attempt = this.#noise.clone();
    const read = attempt.readMessage(noiseMessage);
    if (read === undefined) {
      attempt.discard();
      return this.reject();
    }
    this.#final = message.slice();
    this.#noise.discard();
    this.#noise = attempt;
    const payload = parsePayload(read.payload);
    const facts = payload && this.peerFacts(payload, attempt);
    if (payload === undefined || facts?.abilities.sessionIndex !== this.#initiatorIndex) {
      return this.fail('malformed', 'Message 3 was incomplete or its proof false.', facts?.uid);
    }
    const choice = chooseCipher(this.offers, facts.ciphers);
    if (choice === undefined) {
      return this.fail('no-common-cipher', 'The peer offers no cipher that we have.', facts.uid);
    }
    const [receiveSecret, sendSecret] = attempt.split();
    return this.#decide(
      {
        facts,
        payload,
        tagHash: read.hash,
        transcriptHash: attempt.hash.slice(),
        cipher: choice.cipher,
        cipherReason: choice.reason,
        sendSecret,
        receiveSecret,
      },
      now,
    );
  }

  #decide(final: Final, now: number): Verdict {
    const { options, groupKeys } = this;
    const { facts, payload, tagHash } = final;
    const { uid } = facts;
    let redeemedTicket: string | undefined;
    const known = this.acquaintance(facts, (each, key) => options.isFriend(each, key));
    if (known === undefined) {
      redeemedTicket = this.#redeem(final);
      if (redeemedTicket === undefined) {
        this.#answer(final, { decision: 'unknown-peer' }, now);
        return this.#refuse(
          final,
          'unknown-peer',
          `${uid} is not a friend${this.forgedSuccession ? ', and not the successor of one as it claims' : ''}.`,
        );
      }
    }
    const { name, floor, groupTags } = payload;
    if (name === undefined || floor === undefined || groupTags === undefined) {
      return this.#refuse(final, 'malformed', 'Message 3 was incomplete.');
    }
    const match = matchTags(options.suite, groupKeys, tagHash, 'initiator', groupTags);
    const mode = decideMode(match.shared.length, options.floor, floor);
    if (mode === 'plaintext-refused') {
      this.#answer(final, { floor: options.floor, decision: mode }, now);
      return this.#refuse(
        final,
        mode,
        `We share no security group with ${uid}, and ${
          floor === 'never' ? 'it' : 'our policy'
        } never lets frames go in the clear; join one group.`,
      );
    }
    this.#answer(
      final,
      {
        name: options.name,
        floor: options.floor,
        groupTags: makeTags(options.suite, options.random, groupKeys, tagHash, 'responder'),
        decision: mode,
        addresses: options.addresses ?? [],
      },
      now,
    );
    return this.establish({
      role: 'responder',
      friendUid: uid,
      friendPublicKey: facts.publicKey,
      ...(known ?? STRANGER),
      friendName: name,
      friendAddresses: payload.addresses ?? [],
      initiatorUid: uid,
      localIndex: this.localIndex,
      remoteIndex: this.#initiatorIndex,
      cipher: final.cipher,
      sendSecret: final.sendSecret,
      receiveSecret: final.receiveSecret,
      firstRecordNumber: FIRST_RECORD_NUMBER,
      mode,
      sharedGroups: match.shared,
      policy: options.policy ?? 0,
      largestFrame: Math.min(options.largestFrame, facts.abilities.largestFrame),
      features: (options.features & facts.abilities.features) >>> 0,
      transcriptHash: final.transcriptHash,
      roundTrip: this.retransmission.roundTrip(now),
      establishedAt: now,
      redeemedTicket,
      why: {
        ownGroups: options.groups.map((group) => group.name),
        byOldKey: match.byOldKey,
        ownFloor: options.floor,
        friendFloor: floor,
        tagsReceived: groupTags.length / TAG_OCTETS,
        ownCiphers: this.offers,
        friendCiphers: facts.ciphers,
        cipherReason: final.cipherReason,
      },
    });
  }

  #redeem(final: Final): string | undefined {
    const { suite, tickets } = this.options;
    const { ticketProof } = final.payload;
    if (ticketProof === undefined || tickets === undefined) return undefined;
    return findTicket(suite, tickets(), final.tagHash, final.facts.publicKey, ticketProof);
  }

  /** Message 4, sealed, kept for repetitions. */
  #answer(final: Final, payload: HandshakePayload, now: number): void {
    const { suite } = this.options;
    this.#confirm = sealConfirm(
      suite,
      final.cipher,
      final.sendSecret,
      this.#initiatorIndex,
      payload,
    );
    this.push(this.#confirm);
    if (!this.options.reliable) this.#lingerUntil = now + HANDSHAKE_TIMEOUT;
  }

  #refuse(
    final: Final,
    reason: 'unknown-peer' | 'plaintext-refused' | 'malformed',
    detail: string,
  ): Verdict {
    final.sendSecret.fill(0);
    final.receiveSecret.fill(0);
    return this.fail(reason, detail, final.facts.uid);
  }

  #failAtOnce(reason: 'malformed' | 'version'): Verdict {
    return this.fail(
      reason,
      reason === 'version'
        ? 'A peer speaks another version of the handshake.'
        : 'A first message could not be read.',
    );
  }
}
