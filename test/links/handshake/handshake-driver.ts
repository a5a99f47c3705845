/** What the handshake tests share: two nodes, seeded randomness, and a bad network. */

import { CipherId } from '../../../src/io/contract.ts';
import type { CryptoSuite, Random } from '../../../src/links/handshake/crypto-suite.ts';
import { HandshakeMachine } from '../../../src/links/handshake/handshake-machine.ts';
import type {
  InitiatorOptions,
  ResponderOptions,
} from '../../../src/links/handshake/handshake-options.ts';
import type { HandshakeSession } from '../../../src/links/handshake/handshake-outcome.ts';
import {
  type HandshakeIdentity,
  proveStaticKey,
  type Uid,
  uidOf,
} from '../../../src/links/handshake/identity-proof.ts';
import { nativeSuite } from '../../../src/links/handshake/native-suite.ts';
import { LinkMessageType } from '../../../src/links/link-message.ts';

/** Numbers from 0 (included) to 1 (excluded), the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function seededRandom(seed: number): Random {
  const next = seeded(seed);
  return (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256));
}

export interface TestNode {
  readonly uid: Uid;
  readonly seed: Uint8Array;
  readonly identity: HandshakeIdentity;
}

/** The suite of a running node, for every test that is not about a suite. */
export const testSuite: CryptoSuite = nativeSuite();

/** By number: to make one takes longer than many a test. */
const madeNodes = new Map<number, TestNode>();

/** The node of that number: one in a process, not to be altered. */
export function testNode(number: number): TestNode {
  const made = madeNodes.get(number) ?? makeNode(number);
  madeNodes.set(number, made);
  return made;
}

function makeNode(number: number): TestNode {
  const suite = testSuite;
  const random = seededRandom(1000 + number);
  const seed = random(32);
  const publicKey = suite.signingKey(seed);
  const staticKey = suite.keyPair(random(32));
  const proof = proveStaticKey(suite, seed, staticKey.publicKey);
  return { uid: uidOf(suite, publicKey), seed, identity: { publicKey, staticKey, proof } };
}

export const alice = testNode(1);
export const bob = testNode(2);
export const mallory = testNode(3);

export const ALICE_INDEX = 0xa11ce001;
export const BOB_INDEX = 0x0b0b0002;

/** Options of alice, who calls bob. */
export function aliceOptions(changes: Partial<InitiatorOptions> = {}): InitiatorOptions {
  return {
    suite: testSuite,
    random: seededRandom(1),
    identity: alice.identity,
    localIndex: ALICE_INDEX,
    reliable: false,
    name: 'alice',
    features: 0b0111,
    largestFrame: 9216,
    ciphers: [
      { cipher: CipherId.aes256gcm, speed: 5000 },
      { cipher: CipherId.chacha20poly1305, speed: 1500 },
    ],
    groups: [{ name: 'default', keys: [] }],
    floor: 'when-no-shared-group',
    addresses: ['udp://192.0.2.1:7000'],
    expectedUid: bob.uid,
    ...changes,
  };
}

/** Options of bob, who is called by alice. */
export function bobOptions(changes: Partial<ResponderOptions> = {}): ResponderOptions {
  return {
    suite: testSuite,
    random: seededRandom(2),
    identity: bob.identity,
    localIndex: BOB_INDEX,
    reliable: false,
    name: 'bob',
    features: 0b1110,
    largestFrame: 1514,
    ciphers: [
      { cipher: CipherId.aes256gcm, speed: 400 },
      { cipher: CipherId.chacha20poly1305, speed: 900 },
    ],
    groups: [{ name: 'default', keys: [] }],
    floor: 'when-no-shared-group',
    addresses: ['udp://192.0.2.2:7000', 'tcp://192.0.2.2:7000'],
    isFriend: (uid) => uid === alice.uid,
    ...changes,
  };
}

/** The four messages of a handshake, and the two machines at its end. */
export interface Exchange {
  readonly initiator: HandshakeMachine;
  readonly responder: HandshakeMachine;
  readonly messages: readonly Uint8Array[];
}

/** Runs a handshake over a perfect wire on which a message takes 10 ms. */
export function exchange(
  initiatorChanges: Partial<InitiatorOptions> = {},
  responderChanges: Partial<ResponderOptions> = {},
): Exchange {
  const messages: Uint8Array[] = [];
  const initiator = HandshakeMachine.initiate(aliceOptions(initiatorChanges), 0);
  messages.push(...initiator.takeOutgoing());
  const responder = HandshakeMachine.respond(bobOptions(responderChanges), messages[0], 10);
  let now = 10;
  for (let from = responder, to = initiator; ; [from, to] = [to, from]) {
    const sent = from.takeOutgoing();
    if (sent.length === 0) break;
    now += 10;
    for (const message of sent) {
      messages.push(message);
      to.receive(message, now);
    }
  }
  return { initiator, responder, messages };
}

/** The session of a machine that has to be established. */
export function sessionOf(machine: HandshakeMachine): HandshakeSession {
  if (machine.result === undefined) {
    throw new Error(`not established: ${machine.state}, ${machine.failure?.detail}`);
  }
  return machine.result;
}

export interface BadNetwork {
  readonly seed: number;
  /** Probabilities for each message. */
  readonly loss: number;
  readonly duplication: number;
  /** Milliseconds. */
  readonly maxDelay: number;
}

/** Runs a handshake over a network that loses, repeats and reorders. */
export function overBadNetwork(
  network: BadNetwork,
  initiatorChanges: Partial<InitiatorOptions> = {},
  responderChanges: Partial<ResponderOptions> = {},
): { initiator: HandshakeMachine; responder: HandshakeMachine | undefined; sent: number } {
  const chance = seeded(network.seed);
  const inFlight: { at: number; to: 'alice' | 'bob'; message: Uint8Array }[] = [];
  let now = 0;
  let sent = 0;
  let responder: HandshakeMachine | undefined;
  const initiator = HandshakeMachine.initiate(aliceOptions(initiatorChanges), now);
  const post = (from: HandshakeMachine, to: 'alice' | 'bob') => {
    for (const message of from.takeOutgoing()) {
      sent++;
      const copies = chance() < network.duplication ? 2 : 1;
      for (let i = 0; i < copies; i++) {
        if (chance() < network.loss) continue;
        inFlight.push({ at: now + chance() * network.maxDelay, to, message });
      }
    }
  };
  post(initiator, 'bob');
  for (let step = 0; step < 10_000; step++) {
    inFlight.sort((a, b) => a.at - b.at);
    const next = Math.min(
      inFlight[0]?.at ?? Number.POSITIVE_INFINITY,
      initiator.deadline,
      responder?.deadline ?? Number.POSITIVE_INFINITY,
    );
    if (next === Number.POSITIVE_INFINITY) break;
    now = Math.max(now, next);
    while (inFlight.length > 0 && inFlight[0].at <= now) {
      const { to, message } = inFlight.shift()!;
      if (to === 'alice') {
        initiator.receive(message, now);
      } else if (responder !== undefined) {
        responder.receive(message, now);
      } else if (message[0] === LinkMessageType.handshakeInit) {
        responder = HandshakeMachine.respond(bobOptions(responderChanges), message, now);
      }
    }
    initiator.tick(now);
    responder?.tick(now);
    post(initiator, 'bob');
    if (responder !== undefined) post(responder, 'alice');
  }
  return { initiator, responder, sent };
}
