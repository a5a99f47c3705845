/** The handshake when somebody meddles: forged, altered, cut, old and senseless messages. */

import test from 'ava';
import fc from 'fast-check';
import { CipherId } from '../../../src/io/contract.ts';
import { sealConfirm } from '../../../src/links/handshake/confirm-record.ts';
import { HandshakeMachine } from '../../../src/links/handshake/handshake-machine.ts';
import {
  COOKIE_LENGTH,
  emitCookieReply,
  emitFinal,
  emitInit,
  emitRefuse,
  emitResponse,
  INIT_LENGTH,
  INIT_PAYLOAD_LENGTH,
  parseInit,
  parseResponse,
  prologue,
} from '../../../src/links/handshake/handshake-message.ts';
import { emitPayload } from '../../../src/links/handshake/handshake-payload.ts';
import { HandshakeState } from '../../../src/links/handshake/handshake-state.ts';
import { nodeSuite } from '../../../src/links/handshake/node-suite.ts';
import { recordKey } from '../../../src/links/record-keys.ts';
import { sealRecord } from '../../../src/links/record-layer.ts';
import {
  ALICE_INDEX,
  alice,
  aliceOptions,
  BOB_INDEX,
  bob,
  bobOptions,
  exchange,
  seededRandom,
  sessionOf,
} from './handshake-driver.ts';

/** Octets of message 1 that the cookie fills; only the gate reads them. */
const COOKIE_START = 8;
const COOKIE_END = COOKIE_START + COOKIE_LENGTH;

/** Two machines that wait for message `number` (2, 3 or 4), and that message. */
function waitingFor(number: 2 | 3 | 4): {
  initiator: HandshakeMachine;
  responder: HandshakeMachine;
  receiver: HandshakeMachine;
  message: Uint8Array;
} {
  const initiator = HandshakeMachine.initiate(aliceOptions(), 0);
  const responder = HandshakeMachine.respond(bobOptions(), initiator.takeOutgoing()[0], 1);
  let [message] = responder.takeOutgoing();
  if (number === 2) return { initiator, responder, receiver: initiator, message };
  initiator.receive(message, 2);
  [message] = initiator.takeOutgoing();
  if (number === 3) return { initiator, responder, receiver: responder, message };
  responder.receive(message, 3);
  [message] = responder.takeOutgoing();
  return { initiator, responder, receiver: initiator, message };
}

/** Delivers what is left to deliver; both ends must get there. */
function finish({ initiator, responder }: ReturnType<typeof waitingFor>): void {
  for (let i = 0; i < 4; i++) {
    for (const message of initiator.takeOutgoing()) responder.receive(message, 10);
    for (const message of responder.takeOutgoing()) initiator.receive(message, 10);
  }
  sessionOf(initiator);
  sessionOf(responder);
}

function altered(message: Uint8Array, bit: number): Uint8Array {
  const copy = message.slice();
  copy[bit >>> 3] ^= 1 << (bit & 7);
  return copy;
}

for (const number of [2, 3, 4] as const) {
  const length = waitingFor(number).message.length;

  test(`message ${number} with any one bit altered changes nothing`, (t) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 * length - 1 }), (bit) => {
        const waiting = waitingFor(number);
        const { receiver, message } = waiting;
        const before = [receiver.state, receiver.deadline];
        if (receiver.receive(altered(message, bit), 5) !== 'ignored') return false;
        if (receiver.takeOutgoing().length > 0 || receiver.ignored !== 1) return false;
        if (before[0] !== receiver.state || before[1] !== receiver.deadline) return false;
        receiver.receive(message, 6);
        finish(waiting);
        return true;
      }),
      { numRuns: 150 },
    );
    t.pass();
  });

  test(`message ${number} cut or lengthened changes nothing`, (t) => {
    const waiting = waitingFor(number);
    const { receiver, message } = waiting;
    for (let end = 0; end < length; end++) {
      t.is(receiver.receive(message.subarray(0, end), 5), 'ignored');
      const wellFramed = message.slice(0, end);
      if (end >= 3) {
        wellFramed[1] = (end - 3) >>> 8;
        wellFramed[2] = end - 3;
      }
      t.is(receiver.receive(wellFramed, 5), 'ignored');
    }
    const longer = new Uint8Array(length + 1);
    longer.set(message);
    t.is(receiver.receive(longer, 5), 'ignored');
    t.is(receiver.takeOutgoing().length, 0);
    receiver.receive(message, 6);
    finish(waiting);
  });

  test(`on a stream an altered message ${number} ends the handshake`, (t) => {
    const { messages } = exchange({ reliable: true }, { reliable: true });
    const initiator = HandshakeMachine.initiate(aliceOptions({ reliable: true }), 0);
    const responder = HandshakeMachine.respond(bobOptions({ reliable: true }), messages[0], 0);
    const receiver = number === 3 ? responder : initiator;
    if (number === 4) initiator.receive(messages[1], 0);
    receiver.receive(altered(messages[number - 1], 8 * messages[number - 1].length - 1), 1);
    t.is(receiver.failure?.reason, 'malformed');
  });
}

test('message 1 with any one bit altered comes to nothing', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 8 * INIT_LENGTH - 1 }), (bit) => {
      fc.pre(bit >>> 3 < COOKIE_START || bit >>> 3 >= COOKIE_END);
      const initiator = HandshakeMachine.initiate(aliceOptions(), 0);
      const [init] = initiator.takeOutgoing();
      const responder = HandshakeMachine.respond(bobOptions(), altered(init, bit), 1);
      for (const message of responder.takeOutgoing()) {
        if (message.length > INIT_LENGTH) return false;
        initiator.receive(message, 2);
      }
      return initiator.state === 'waiting-response' && initiator.takeOutgoing().length === 0;
    }),
    { numRuns: 200 },
  );
  t.pass();
});

test('a message 1 of any other length is malformed', (t) => {
  const [init] = HandshakeMachine.initiate(aliceOptions(), 0).takeOutgoing();
  for (let end = 0; end < init.length; end++) {
    const machine = HandshakeMachine.respond(bobOptions(), init.subarray(0, end), 0);
    t.is(machine.failure?.reason, 'malformed');
    t.is(machine.takeOutgoing().length, 0);
  }
});

test('an ephemeral key of low order is refused', (t) => {
  const noise = new Uint8Array(32 + INIT_PAYLOAD_LENGTH);
  const init = emitInit(1, new Uint8Array(COOKIE_LENGTH), noise);
  t.is(HandshakeMachine.respond(bobOptions(), init, 0).failure?.reason, 'malformed');
});

test('messages of an earlier handshake are of no use', (t) => {
  const { messages: old } = exchange({ random: seededRandom(77) }, { random: seededRandom(78) });
  for (const number of [2, 3, 4] as const) {
    const waiting = waitingFor(number);
    for (const message of old) {
      t.is(waiting.receiver.receive(message, 5), 'ignored');
      t.is(waiting.receiver.takeOutgoing().length, 0);
    }
    waiting.receiver.receive(waiting.message, 6);
    t.notThrows(() => finish(waiting));
  }
  // All of an old handshake, replayed to a responder that has forgotten it.
  const responder = HandshakeMachine.respond(bobOptions({ random: seededRandom(9) }), old[0], 0);
  responder.takeOutgoing();
  t.is(responder.receive(old[2], 1), 'ignored');
  t.is(responder.state, 'waiting-final');
});

test('whatever comes in, nothing is thrown', (t) => {
  const types = fc.constantFrom(0x01, 0x02, 0x03, 0x04, 0x05, 0x10, 0x11, 0x77);
  const framed = fc
    .tuple(types, fc.constantFrom(ALICE_INDEX, BOB_INDEX, 7), fc.uint8Array({ maxLength: 600 }))
    .map(([type, index, rest]) => {
      const message = new Uint8Array(7 + rest.length);
      const view = new DataView(message.buffer);
      view.setUint8(0, type);
      view.setUint16(1, 4 + rest.length);
      view.setUint32(3, index);
      message.set(rest, 7);
      return message;
    });
  const anything = fc.oneof(fc.uint8Array({ maxLength: 600 }), framed);
  const machines = ([2, 3, 4] as const).map((number) => waitingFor(number));
  const finished = exchange();
  fc.assert(
    fc.property(anything, (message) => {
      for (const { receiver } of machines) receiver.receive(message, 5);
      finished.initiator.receive(message, 50);
      finished.responder.receive(message, 50);
      HandshakeMachine.respond(bobOptions(), message, 0).takeOutgoing();
    }),
    { numRuns: 300 },
  );
  for (const waiting of machines) {
    waiting.receiver.receive(waiting.message, 6);
    t.notThrows(() => finish(waiting));
  }
});

test('a cookie or a refusal needs the ephemeral key or the index', (t) => {
  const { initiator, receiver, message } = waitingFor(2);
  const cookie = new Uint8Array(COOKIE_LENGTH).fill(1);
  const blind = new Uint8Array(32).fill(9);
  t.is(
    initiator.receive(emitCookieReply({ receiver: ALICE_INDEX, ephemeral: blind, cookie }), 2),
    'ignored',
  );
  const refuse = { reason: 1, lowestVersion: 2, highestVersion: 2 };
  t.is(initiator.receive(emitRefuse({ receiver: ALICE_INDEX ^ 1, ...refuse }), 2), 'ignored');
  t.is(initiator.takeOutgoing().length, 0);
  // Even the right index only plants a suspicion, which the true answer clears.
  initiator.receive(emitRefuse({ receiver: ALICE_INDEX, ...refuse }), 2);
  receiver.receive(message, 3);
  t.is(receiver.state, 'waiting-confirm');
  t.is(receiver.deadline, 253);
});

/** A peer with a true key that speaks Noise well and says in message 2 whatever it likes. */
function lyingResponder(init: Uint8Array, payload: Uint8Array): Uint8Array {
  const state = new HandshakeState(nodeSuite, {
    initiator: false,
    prologue: prologue(ALICE_INDEX),
    localStatic: bob.identity.staticKey,
    localEphemeral: nodeSuite.keyPair(seededRandom(5)(32)),
  });
  state.readMessage(parseInit(init)!.noise);
  return emitResponse(ALICE_INDEX, state.writeMessage(() => payload)!);
}

const trueFacts = {
  identity: { publicKey: bob.identity.publicKey, proof: bob.identity.proof },
  abilities: { version: 1, sessionIndex: BOB_INDEX, features: 0, largestFrame: 1514 },
  ciphers: [{ cipher: CipherId.aes256gcm, speed: 1 }],
};

/** Random octets, and well-formed payloads with something missing or odd. */
const oddPayload = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .record(
      {
        identity: fc.constant(trueFacts.identity),
        abilities: fc.constant(trueFacts.abilities),
        ciphers: fc.array(fc.record({ cipher: fc.nat(255), speed: fc.nat() }), { maxLength: 3 }),
        name: fc.constantFrom('', 'x'),
      },
      { requiredKeys: [] },
    )
    .map((payload) => emitPayload(payload, 1)),
);

test('a responder that says senseless things gets no message 3', (t) => {
  fc.assert(
    fc.property(oddPayload, (payload) => {
      const initiator = HandshakeMachine.initiate(aliceOptions(), 0);
      const [init] = initiator.takeOutgoing();
      const response = lyingResponder(init, payload);
      const verdict = initiator.receive(response, 1);
      const sent = initiator.takeOutgoing().length;
      return verdict === 'ignored' ? sent === 0 : initiator.state === 'waiting-confirm';
    }),
    { numRuns: 200 },
  );
  t.pass();
});

test('an initiator that says senseless things is not let in', (t) => {
  fc.assert(
    fc.property(oddPayload, (payload) => {
      const state = new HandshakeState(nodeSuite, {
        initiator: true,
        prologue: prologue(ALICE_INDEX),
        localStatic: alice.identity.staticKey,
        localEphemeral: nodeSuite.keyPair(seededRandom(6)(32)),
      });
      const noise = state.writeMessage(() => new Uint8Array(INIT_PAYLOAD_LENGTH))!;
      const init = emitInit(ALICE_INDEX, new Uint8Array(COOKIE_LENGTH), noise);
      const responder = HandshakeMachine.respond(bobOptions(), init, 0);
      state.readMessage(parseResponse(responder.takeOutgoing()[0])!.noise);
      responder.receive(emitFinal(BOB_INDEX, state.writeMessage(() => payload)!), 1);
      return responder.state === 'failed' && responder.failure?.reason === 'malformed';
    }),
    { numRuns: 100 },
  );
  t.pass();
});

test('message 3 has to repeat the session index of message 1', (t) => {
  for (const [sessionIndex, reason] of [
    [ALICE_INDEX, undefined],
    [ALICE_INDEX ^ 1, 'malformed'],
  ] as const) {
    const state = new HandshakeState(nodeSuite, {
      initiator: true,
      prologue: prologue(ALICE_INDEX),
      localStatic: alice.identity.staticKey,
      localEphemeral: nodeSuite.keyPair(seededRandom(6)(32)),
    });
    const noise = state.writeMessage(() => new Uint8Array(INIT_PAYLOAD_LENGTH))!;
    const init = emitInit(ALICE_INDEX, new Uint8Array(COOKIE_LENGTH), noise);
    const responder = HandshakeMachine.respond(bobOptions(), init, 0);
    state.readMessage(parseResponse(responder.takeOutgoing()[0])!.noise);
    const { publicKey, proof } = alice.identity;
    const payload = emitPayload(
      {
        identity: { publicKey, proof },
        abilities: { ...trueFacts.abilities, sessionIndex },
        ciphers: trueFacts.ciphers,
        name: 'alice',
        floor: 'when-no-shared-group',
        groupTags: new Uint8Array(0),
      },
      1,
    );
    responder.receive(emitFinal(BOB_INDEX, state.writeMessage(() => payload)!), 1);
    t.is(responder.failure?.reason, reason);
  }
});

test('a confirmation that makes no sense ends the handshake', (t) => {
  const truth = waitingFor(4);
  const { sendSecret } = sessionOf(truth.responder);
  const key = recordKey(nodeSuite.hmac, sendSecret);
  const address = { epoch: 0, receiver: ALICE_INDEX, numberHigh: 0, numberLow: 0 };
  const seal = (packets: Uint8Array) =>
    sealRecord(nodeSuite, CipherId.chacha20poly1305, key, address, packets);
  const confirm = (payload: Parameters<typeof sealConfirm>[4]) =>
    sealConfirm(nodeSuite, CipherId.chacha20poly1305, sendSecret, ALICE_INDEX, payload);
  const groupTags = new Uint8Array(16);
  const messages = {
    empty: seal(new Uint8Array(0)),
    'another packet': seal(Uint8Array.of(0x02, 0, 0)),
    'a length too long': seal(Uint8Array.of(0x01, 0, 1)),
    'a packet behind it': seal(Uint8Array.of(0x01, 0, 0, 0x01, 0, 0)),
    'half a field': seal(Uint8Array.of(0x01, 0, 2, 0x04, 0)),
    'no decision': confirm({ name: 'bob', floor: 'never', groupTags }),
    'no tags': confirm({ name: 'bob', floor: 'never', decision: 'sealed' }),
    // The tags prove no group, so `sealed` is a lie, and so is `clear` with this floor.
    'a false decision': confirm({
      name: 'bob',
      floor: 'when-no-shared-group',
      groupTags,
      decision: 'sealed',
    }),
    'a decision against its own floor': confirm({
      name: 'bob',
      floor: 'never',
      groupTags,
      decision: 'clear',
    }),
  };
  for (const [what, message] of Object.entries(messages)) {
    const { initiator } = waitingFor(4);
    initiator.receive(message, 5);
    t.is(initiator.failure?.reason, 'malformed', what);
  }
});
