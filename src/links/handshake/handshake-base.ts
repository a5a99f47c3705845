/** What initiator and responder have in common: the way out, the timers, the ending. */

import { DH_LENGTH } from './crypto-suite.ts';
import { deriveGroupKeys, type GroupKey, type HandshakeRole } from './group-tags.ts';
import { PROTOCOL_VERSION, prologue } from './handshake-message.ts';
import { checkOptions, HANDSHAKE_TIMEOUT, type HandshakeOptions } from './handshake-options.ts';
import type { FailureReason, HandshakeFailure, HandshakeSession } from './handshake-outcome.ts';
import type { Abilities, CipherOffer, HandshakePayload } from './handshake-payload.ts';
import { HandshakeState } from './handshake-state.ts';
import { checkStaticKey, type Uid, uidOf } from './identity-proof.ts';
import { Retransmission } from './retransmission.ts';
import { descentOf, type Succession, type SuccessionLink } from './succession.ts';

export type MachineState =
  | 'waiting-response'
  | 'waiting-confirm'
  | 'waiting-final'
  | 'established'
  | 'failed';

/** What became of a message: `taken` if it was authentic or a repetition of one that was. */
export type Verdict = 'taken' | 'ignored';

const MAX_SPEED = 0xffffffff;

/** What a peer has said and proved in message 2 or 3. */
export interface PeerFacts {
  readonly uid: Uid;
  readonly publicKey: Uint8Array;
  readonly abilities: Abilities;
  readonly ciphers: readonly CipherOffer[];
  /** Former keys that it names; nothing is proved of them yet. */
  readonly formerKeys: readonly SuccessionLink[];
}

/** Who a peer is to us. */
export interface Acquaintance {
  /** The UID that we knew it by, if it has another one now. */
  readonly formerUid: Uid | undefined;
  readonly successions: readonly Succession[];
}

export abstract class HandshakeBase<Options extends HandshakeOptions> {
  abstract readonly role: HandshakeRole;
  protected readonly options: Options;
  protected readonly offers: readonly CipherOffer[];
  protected readonly retransmission: Retransmission;
  /** The last message sent, repeated when its time comes. */
  protected flight: Uint8Array | undefined;
  /** What to report instead of a timeout. */
  #suspicion: HandshakeFailure | undefined;
  /** When the suspicion is believed. */
  #suspicionAt = Number.POSITIVE_INFINITY;
  readonly #giveUpAt: number;
  #state: MachineState;
  #groupKeys: readonly GroupKey[] | undefined;
  #result: HandshakeSession | undefined;
  #failure: HandshakeFailure | undefined;
  #outgoing: Uint8Array[] = [];
  #ignored = 0;
  #forgedSuccession = false;

  constructor(options: Options, state: 'waiting-response' | 'waiting-final', now: number) {
    checkOptions(options);
    this.options = options;
    this.offers = options.ciphers.map(({ cipher, speed }) => ({
      cipher,
      speed: Math.min(Math.max(Math.round(speed), 0), MAX_SPEED),
    }));
    this.retransmission = new Retransmission(state === 'waiting-response' && !options.reliable);
    this.#state = state;
    this.#giveUpAt = now + (options.timeout ?? HANDSHAKE_TIMEOUT);
  }

  get localIndex(): number {
    return this.options.localIndex;
  }

  get state(): MachineState {
    return this.#state;
  }

  get result(): HandshakeSession | undefined {
    return this.#result;
  }

  get failure(): HandshakeFailure | undefined {
    return this.#failure;
  }

  get ignored(): number {
    return this.#ignored;
  }

  get forgedSuccession(): boolean {
    return this.#forgedSuccession;
  }

  get deadline(): number {
    if (this.isFinished()) return Number.POSITIVE_INFINITY;
    return Math.min(this.#giveUpAt, this.#suspicionAt, this.retransmission.at);
  }

  takeOutgoing(): Uint8Array[] {
    const taken = this.#outgoing;
    this.#outgoing = [];
    return taken;
  }

  tick(now: number): void {
    if (this.isFinished()) return;
    if (now >= Math.min(this.#giveUpAt, this.#suspicionAt)) {
      this.#finishWith(
        this.#suspicion ?? {
          reason: 'timeout',
          by: 'us',
          detail: 'The peer did not answer in time.',
          peerUid: undefined,
        },
      );
    } else if (this.retransmission.isDue(now) && this.flight !== undefined) {
      this.push(this.flight);
    }
  }

  /** Forgets all keys; the state is already `established` or `failed`. */
  protected abstract wipe(): void;

  protected get groupKeys(): readonly GroupKey[] {
    this.#groupKeys ??= deriveGroupKeys(this.options.suite, this.options.groups);
    return this.#groupKeys;
  }

  protected isFinished(): boolean {
    return this.#state === 'established' || this.#state === 'failed';
  }

  protected push(message: Uint8Array): void {
    this.#outgoing.push(message);
  }

  protected enter(state: 'waiting-confirm', now: number, flight: Uint8Array): Verdict {
    this.#state = state;
    this.flight = flight;
    this.#suspicion = undefined;
    this.#suspicionAt = Number.POSITIVE_INFINITY;
    this.push(flight);
    this.retransmission.start(now);
    return 'taken';
  }

  protected establish(session: HandshakeSession): Verdict {
    this.#state = 'established';
    this.#result = session;
    this.wipe();
    return 'taken';
  }

  protected fail(
    reason: FailureReason,
    detail: string,
    peerUid?: Uid,
    by: 'us' | 'peer' = 'us',
  ): Verdict {
    this.#finishWith({ reason, by, detail, peerUid });
    return 'taken';
  }

  /**
   * For what somebody on the path could have made up: on a stream it ends the
   * handshake, over datagrams the right answer may still come for `grace` ms.
   */
  protected suspect(failure: HandshakeFailure, now: number, grace: number): Verdict {
    this.#ignored++;
    if (this.options.reliable) {
      this.#finishWith(failure);
    } else {
      this.#suspicion ??= failure;
      this.#suspicionAt = Math.min(this.#suspicionAt, now + grace);
    }
    return 'ignored';
  }

  /** For a message that is not authentic: counted, and the end of a stream. */
  protected reject(): Verdict {
    this.#ignored++;
    if (this.options.reliable && !this.isFinished()) {
      this.fail('malformed', 'A message on the stream could not be read.');
    }
    return 'ignored';
  }

  /** The identity, abilities and ciphers of message 2 and 3 alike. */
  protected ownFacts(): HandshakePayload {
    const { identity, localIndex, features, largestFrame } = this.options;
    return {
      identity: { publicKey: identity.publicKey, proof: identity.proof },
      abilities: { version: PROTOCOL_VERSION, sessionIndex: localIndex, features, largestFrame },
      ciphers: this.offers,
      ...(identity.successions && { successions: identity.successions }),
    };
  }

  /** Reads and proves the peer's facts; undefined when they are incomplete or unproven. */
  protected peerFacts(payload: HandshakePayload, noise: HandshakeState): PeerFacts | undefined {
    const { suite } = this.options;
    const { identity, abilities, ciphers } = payload;
    const { remoteStatic } = noise;
    if (!identity || !abilities || !ciphers || !remoteStatic) return undefined;
    if (!checkStaticKey(suite, identity.publicKey, remoteStatic, identity.proof)) return undefined;
    const uid = uidOf(suite, identity.publicKey);
    const formerKeys = payload.successions ?? [];
    return { uid, publicKey: identity.publicKey, abilities, ciphers, formerKeys };
  }

  /** Whether we know the peer, be it by a key that it had before. */
  protected acquaintance(
    { uid, publicKey, formerKeys }: PeerFacts,
    isKnown: (uid: Uid, publicKey: Uint8Array) => boolean,
  ): Acquaintance | undefined {
    if (isKnown(uid, publicKey)) return { formerUid: undefined, successions: [] };
    const descent = descentOf(this.options.suite, formerKeys, publicKey, isKnown);
    if (descent !== 'forged') return descent;
    this.#forgedSuccession = true;
    return undefined;
  }

  protected noiseState(initiator: boolean, initiatorIndex: number): HandshakeState {
    const { suite, random, identity } = this.options;
    const secret = random(DH_LENGTH);
    const localEphemeral = suite.keyPair(secret);
    secret.fill(0); // the pair has a copy, which the state wipes
    return new HandshakeState(suite, {
      initiator,
      prologue: prologue(initiatorIndex),
      localStatic: identity.staticKey,
      localEphemeral,
    });
  }

  #finishWith(failure: HandshakeFailure): void {
    this.#state = 'failed';
    this.#failure = failure;
    this.wipe();
  }
}
