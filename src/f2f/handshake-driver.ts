/**
 * Drives handshakes: finds the machine for a message, arms one timer, sends what
 * the machines want sent, and says how each ended.
 *
 * All decisions are in links/handshake/; here are the tables, the clock and the
 * limits on what strangers can make us remember.
 */
import type { Clock } from '../clock.ts';
import type { Carrier } from '../links/contract.ts';
import type { HandshakeGate } from '../links/handshake/handshake-gate.ts';
import { HandshakeMachine } from '../links/handshake/handshake-machine.ts';
import { handshakeReceiver, parseInit } from '../links/handshake/handshake-message.ts';
import type { InitiatorOptions, ResponderOptions } from '../links/handshake/handshake-options.ts';
import type { HandshakeFailure, HandshakeSession } from '../links/handshake/handshake-outcome.ts';
import {
  LinkMessageType,
  RECORD_HEADER_LENGTH,
  readReceiver,
  readType,
} from '../links/link-message.ts';
import { carrierAddress, carrierNetwork, isLocal } from './carrier-network.ts';
import type { SessionIndices } from './session-indices.ts';

/** Responders that may be under way at a time: 20 + 100 a second for 10 s would be more. */
const MAX_RESPONDERS = 256;
/** Of these, unfinished ones that one network may have: an IPv4 /24 or an IPv6 /56. */
const MAX_RESPONDERS_PER_NETWORK = 32;

type Common = 'localIndex' | 'reliable';
export type Facts = Omit<ResponderOptions, Common> & LocalFacts;
export type InitiatorFacts = Omit<InitiatorOptions, Common> & LocalFacts;

/** What is only said to somebody on this machine. */
interface LocalFacts {
  /** URLs on loopback, told after `addresses`. */
  readonly localAddresses?: readonly string[];
}

export interface HandshakeDriverOptions {
  readonly clock: Clock;
  readonly gate: HandshakeGate;
  readonly indices: SessionIndices;
  /** Whether sessions over a carrier may live in any worker; only in that of the ports if left out. */
  isShared?(carrier: Carrier): boolean;
  /** What this node says of itself, asked anew for each handshake. */
  facts(): Facts;
  send(carrier: Carrier, message: Uint8Array): void;
  /** Somebody else's handshake with us succeeded. The local index is now the callee's. */
  established(session: HandshakeSession, carrier: Carrier): void;
  /** It failed; `policy` is that of the facts we answered with. */
  refused(failure: HandshakeFailure, carrier: Carrier, policy: number | undefined): void;
}

export type HandshakeOutcome =
  | { readonly session: HandshakeSession; readonly carrier: Carrier }
  | { readonly failure: HandshakeFailure; readonly carrier: Carrier };

/** What became of messages that made no session. */
export interface HandshakeCounters {
  /** First messages that the gate dropped. */
  dropped: number;
  /** First messages answered with a cookie. */
  cookies: number;
  /** First messages dropped for want of memory. */
  overflow: number;
  /** Handshakes that others had to make room for. */
  evicted: number;
  /** Messages for no machine of ours. */
  stray: number;
  /** Messages that their machine had no use for. */
  ignored: number;
  failed: number;
  /** Handshakes that failed because one end does not know the other. */
  unknownPeers: number;
  /** Peers who claimed to be the successor of a friend and could not prove it. */
  forgedSuccessions: number;
  established: number;
}

interface Pending {
  readonly machine: HandshakeMachine;
  carrier: Carrier;
  /** Message 1 as it came, by which a repeat is known; absent for an initiator. */
  readonly key?: string;
  /** Where a responder's message 1 came from. */
  readonly network?: string;
  readonly done: (outcome: HandshakeOutcome) => void;
  finished: boolean;
}

export class HandshakeDriver {
  readonly counters: HandshakeCounters = {
    dropped: 0,
    cookies: 0,
    overflow: 0,
    evicted: 0,
    stray: 0,
    ignored: 0,
    failed: 0,
    unknownPeers: 0,
    forgedSuccessions: 0,
    established: 0,
  };
  readonly #options: HandshakeDriverOptions;
  readonly #byIndex = new Map<number, Pending>();
  /** Responders by sender and ephemeral key of their message 1. */
  readonly #byInit = new Map<string, Pending>();
  /** Streams whose message 1 was taken. */
  readonly #answered = new WeakSet<Carrier>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: HandshakeDriverOptions) {
    this.#options = options;
  }

  /** Starts a handshake over a carrier. Resolves when it has ended either way. */
  initiate(
    carrier: Carrier,
    facts: InitiatorFacts,
    signal: AbortSignal,
  ): Promise<HandshakeOutcome> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted(); // its event would not come any more
      const localIndex = this.#takeIndex(carrier);
      if (localIndex === undefined) throw new Error('There is no room for another session.');
      let machine: HandshakeMachine;
      try {
        machine = HandshakeMachine.initiate(
          { ...factsFor(carrier, facts), localIndex, reliable: carrier.reliable },
          this.#options.clock.now(),
        );
      } catch (error) {
        this.#options.indices.give(localIndex);
        throw error;
      }
      const pending: Pending = { machine, carrier, done: resolve, finished: false };
      this.#byIndex.set(localIndex, pending);
      signal.addEventListener(
        'abort',
        () => {
          // Past this state the other end has a session already: see it through.
          if (pending.finished || machine.state === 'waiting-confirm') return;
          pending.finished = true;
          this.#forget(pending);
          this.#options.indices.give(localIndex);
          reject(signal.reason);
        },
        { once: true },
      );
      this.#advance(pending);
    });
  }

  /** A link message that belongs to no session. */
  receive(carrier: Carrier, message: Uint8Array): void {
    if (this.#closed) return;
    if (readType(message, 0) === LinkMessageType.handshakeInit) {
      this.#receiveInit(carrier, message);
      return;
    }
    const index =
      readType(message, 0) === LinkMessageType.sealedRecord &&
      message.length >= RECORD_HEADER_LENGTH
        ? readReceiver(message, 0)
        : handshakeReceiver(message);
    const pending = index === undefined ? undefined : this.#byIndex.get(index);
    if (pending === undefined || pending.carrier.descriptor !== carrier.descriptor) {
      this.counters.stray++;
      return;
    }
    this.#give(pending, carrier, message);
  }

  /** A reliable carrier is gone: so are the handshakes over it. */
  carrierClosed(carrier: Carrier, reason: string): void {
    for (const pending of [...this.#byIndex.values()]) {
      if (pending.carrier !== carrier || pending.finished) continue;
      this.#fail(pending, { reason: 'timeout', by: 'us', detail: reason, peerUid: undefined });
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#byIndex.clear();
    this.#byInit.clear();
  }

  #receiveInit(carrier: Carrier, message: Uint8Array): void {
    const { clock, gate } = this.#options;
    const now = clock.now();
    const key = initKey(carrier, message);
    const existing = this.#byInit.get(key);
    if (existing !== undefined) {
      // A repeat from elsewhere would turn the answer on whoever lives there.
      if (isSamePlace(existing.carrier, carrier)) this.#give(existing, carrier, message);
      else this.counters.dropped++;
      return;
    }
    // One session a stream: they would all end with it.
    if (carrier.reliable && this.#answered.has(carrier)) {
      this.counters.dropped++;
      return;
    }
    const decision = gate.decide(carrierAddress(carrier), message, now, carrier.reliable);
    if (decision.action === 'drop') {
      this.counters.dropped++;
      return;
    }
    if (decision.action === 'demand-cookie') {
      this.counters.cookies++;
      this.#options.send(carrier, decision.reply);
      return;
    }
    const network = carrierNetwork(carrier);
    this.#makeRoom(network);
    const localIndex = this.#takeIndex(carrier);
    if (localIndex === undefined) {
      this.counters.overflow++;
      return;
    }
    const facts = this.#options.facts();
    const machine = HandshakeMachine.respond(
      { ...factsFor(carrier, facts), localIndex, reliable: carrier.reliable },
      message,
      now,
    );
    const pending: Pending = {
      machine,
      carrier,
      key,
      network,
      finished: false,
      done: (outcome) => {
        if ('session' in outcome) this.#options.established(outcome.session, outcome.carrier);
        else this.#options.refused(outcome.failure, outcome.carrier, facts.policy);
      },
    };
    this.#byIndex.set(localIndex, pending);
    this.#byInit.set(key, pending);
    if (carrier.reliable) this.#answered.add(carrier);
    this.#advance(pending);
  }

  /** What the index says of the worker holds for good, so the carrier decides about it now. */
  #takeIndex(carrier: Carrier): number | undefined {
    const { indices, isShared } = this.#options;
    return indices.take(isShared?.(carrier) ?? false);
  }

  /**
   * Lets the oldest responder go where there is no room for another: of the same network if it
   * has its share, else of all. Who means it is through within two round trips. A handshake that
   * is over, and only kept for its last message to be repeated, is given up when there are no others.
   */
  #makeRoom(network: string): void {
    const responders = [...this.#byInit.values()];
    const unfinished = responders.filter(({ finished }) => !finished);
    const neighbours = unfinished.filter((each) => each.network === network);
    if (neighbours.length >= MAX_RESPONDERS_PER_NETWORK) this.#evict(neighbours[0]);
    else if (responders.length >= MAX_RESPONDERS) this.#evict(unfinished[0] ?? responders[0]);
  }

  #evict(pending: Pending): void {
    pending.finished = true;
    this.counters.evicted++;
    this.#release(pending);
  }

  #give(pending: Pending, carrier: Carrier, message: Uint8Array): void {
    const verdict = pending.machine.receive(message, this.#options.clock.now());
    if (verdict === 'taken') pending.carrier = carrier;
    else this.counters.ignored++;
    this.#advance(pending);
  }

  /** Sends what a machine has to say, and sees whether it has come to an end. */
  #advance(pending: Pending): void {
    const { machine } = pending;
    for (const message of machine.takeOutgoing()) this.#options.send(pending.carrier, message);
    if (!pending.finished) {
      if (machine.result !== undefined) {
        pending.finished = true;
        this.counters.established++;
        if (machine.lingerUntil <= this.#options.clock.now()) this.#forget(pending);
        pending.done({ session: machine.result, carrier: pending.carrier });
      } else if (machine.failure !== undefined) {
        this.#fail(pending, machine.failure);
      }
    }
    this.#arm();
  }

  #fail(pending: Pending, failure: HandshakeFailure): void {
    pending.finished = true;
    // A refusal may get lost: the machine says how long it will repeat it.
    if (pending.machine.lingerUntil <= this.#options.clock.now()) this.#release(pending);
    this.counters.failed++;
    if (failure.reason === 'unknown-peer') this.counters.unknownPeers++;
    if (pending.machine.forgedSuccession) this.counters.forgedSuccessions++;
    pending.done({ failure, carrier: pending.carrier });
  }

  /** Forgets a handshake that came to nothing, and frees its index. */
  #release(pending: Pending): void {
    this.#forget(pending);
    if (pending.machine.result === undefined) {
      this.#options.indices.give(pending.machine.localIndex);
    }
  }

  #forget(pending: Pending): void {
    this.#byIndex.delete(pending.machine.localIndex);
    if (pending.key !== undefined) this.#byInit.delete(pending.key);
  }

  /** One timer, for the earliest of all deadlines. */
  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    let deadline = Number.POSITIVE_INFINITY;
    for (const { machine, finished } of this.#byIndex.values()) {
      deadline = Math.min(deadline, finished ? machine.lingerUntil : machine.deadline);
    }
    if (deadline === Number.POSITIVE_INFINITY) return;
    const wait = Math.max(0, deadline - this.#options.clock.now());
    this.#timer = setTimeout(() => this.#tick(), Math.ceil(wait));
    this.#timer.unref();
  }

  #tick(): void {
    const now = this.#options.clock.now();
    for (const pending of [...this.#byIndex.values()]) {
      if (pending.finished) {
        if (now >= pending.machine.lingerUntil) this.#release(pending);
      } else if (now >= pending.machine.deadline) {
        pending.machine.tick(now);
        this.#advance(pending);
      }
    }
    this.#arm();
  }
}

/** Elsewhere, an address on loopback is one of the friend's own machine. */
function factsFor<Each extends LocalFacts & { addresses?: readonly string[] }>(
  carrier: Carrier,
  { localAddresses = [], ...facts }: Each,
) {
  if (localAddresses.length === 0 || !isLocal(carrier)) return facts;
  return { ...facts, addresses: [...(facts.addresses ?? []), ...localAddresses] };
}

/** What makes a message 1 that initiator's attempt: the cookie may be new, index and e are not. */
function initKey(carrier: Carrier, message: Uint8Array): string {
  const parsed = parseInit(message);
  if (parsed === undefined) return '';
  const ephemeral = Buffer.from(parsed.ephemeral).toString('latin1');
  return `${carrier.descriptor}:${parsed.sender}:${ephemeral}`;
}

/** Whether two carriers lead to the same address. */
function isSamePlace(a: Carrier, b: Carrier): boolean {
  if (a.address === undefined || b.address === undefined) return a === b;
  return a.descriptor === b.descriptor && Buffer.from(a.address).equals(b.address);
}
