/** What comes in before there is a session: from strangers. */

import { CipherId } from '../../src/io/contract.ts';
import {
  isConfirmRecord,
  openConfirm,
  sealConfirm,
} from '../../src/links/handshake/confirm-record.ts';
import { CookieSecrets } from '../../src/links/handshake/cookie.ts';
import { HandshakeGate } from '../../src/links/handshake/handshake-gate.ts';
import { HandshakeMachine } from '../../src/links/handshake/handshake-machine.ts';
import {
  emitCookieReply,
  emitFinal,
  emitInit,
  emitRefuse,
  emitResponse,
  handshakeReceiver,
  INIT_LENGTH,
  MAX_HANDSHAKE_LENGTH,
  PROTOCOL_VERSION,
  parseCookieReply,
  parseFinal,
  parseInit,
  parseRefuse,
  parseResponse,
} from '../../src/links/handshake/handshake-message.ts';
import { emitPayload, parsePayload } from '../../src/links/handshake/handshake-payload.ts';
import { nodeSuite } from '../../src/links/handshake/node-suite.ts';
import {
  emitSuccessions,
  parseSuccessions,
  successionStatement,
} from '../../src/links/handshake/succession.ts';
import {
  ALICE_INDEX,
  alice,
  aliceOptions,
  BOB_INDEX,
  bob,
  bobOptions,
  exchange,
  mallory,
  seededRandom,
} from '../links/handshake/handshake-driver.ts';
import { expect, pure, sameOctets, type Target } from './target.ts';

/** The messages of one handshake, always the same. */
const real = (): Readonly<Record<string, Uint8Array>> => {
  const [init, response, final, confirm] = exchange().messages;
  return { init: init!, response: response!, final: final!, confirm: confirm! };
};

const extras = (): Readonly<Record<string, Uint8Array>> => ({
  cookie: emitCookieReply({
    receiver: ALICE_INDEX,
    ephemeral: real().init!.slice(24, 56),
    cookie: new Uint8Array(16).fill(7),
  }),
  refuse: emitRefuse({ receiver: ALICE_INDEX, reason: 1, lowestVersion: 2, highestVersion: 9 }),
});

const messages = pure(
  'handshake-message',
  MAX_HANDSHAKE_LENGTH + 64,
  () => ({ ...real(), ...extras() }),
  (input) => {
    const init = parseInit(input);
    if (init?.version === PROTOCOL_VERSION) {
      expect(sameOctets(emitInit(init.sender, init.cookie, init.noise), input), 'init');
    }
    const response = parseResponse(input);
    if (response) {
      expect(sameOctets(emitResponse(response.receiver, response.noise), input), 'response');
    }
    const final = parseFinal(input);
    if (final) expect(sameOctets(emitFinal(final.receiver, final.noise), input), 'final');
    const cookie = parseCookieReply(input);
    if (cookie) expect(sameOctets(emitCookieReply(cookie), input), 'cookie');
    const refuse = parseRefuse(input);
    if (refuse) expect(sameOctets(emitRefuse(refuse), input), 'refuse');
    handshakeReceiver(input);
  },
);

const SUCCESSION = (() => {
  const unsigned = {
    oldKey: alice.identity.publicKey,
    newKey: mallory.identity.publicKey,
    time: 1_800_000_000,
    counter: 1,
  };
  const signature = nodeSuite.sign(alice.seed, successionStatement(nodeSuite, unsigned));
  return { ...unsigned, signature };
})();

const CLAIM = { ...mallory.identity, successions: [SUCCESSION] };

const payload = pure(
  'handshake-payload',
  2048,
  () => ({
    facts: emitPayload(
      {
        identity: { publicKey: alice.identity.publicKey, proof: alice.identity.proof },
        abilities: { version: 1, sessionIndex: ALICE_INDEX, features: 7, largestFrame: 9216 },
        ciphers: aliceOptions().ciphers,
        name: 'zoë',
        floor: 'never',
        groupTags: seededRandom(3)(128),
        ticketProof: seededRandom(4)(32),
        addresses: ['udp://192.0.2.1:7000', 'tcp://[2001:db8::1]:7000'],
        successions: [SUCCESSION],
      },
      64,
    ),
    decision: emitPayload({ decision: 'plaintext-refused', floor: 'never' }, 64),
    unknown: Uint8Array.of(0xee, 0, 3, 1, 2, 3, 0x04, 0, 1, 0x61),
  }),
  (input) => {
    const read = parsePayload(input);
    if (read === undefined) return;
    const again = emitPayload(read, 1);
    const reread = parsePayload(again);
    expect(reread !== undefined, 'what is written can be read');
    expect(sameOctets(emitPayload(reread!, 1), again), 'and is written the same');
  },
);

const successions = pure(
  'succession',
  1200,
  () => ({ one: emitSuccessions([SUCCESSION]), two: emitSuccessions([SUCCESSION, SUCCESSION]) }),
  (input) => {
    const read = parseSuccessions(input);
    if (read !== undefined) expect(sameOctets(emitSuccessions(read), input), 'round trip');
  },
);

function sane(machine: HandshakeMachine): void {
  for (const message of machine.takeOutgoing()) {
    expect(message.length <= MAX_HANDSHAKE_LENGTH, 'no message is longer than it may be');
  }
  expect((machine.state === 'established') === (machine.result !== undefined), 'a session');
  expect((machine.state === 'failed') === (machine.failure !== undefined), 'or a failure');
}

/** Gives a message to both machines in each of their states, over datagrams and over a stream. */
const machines: Target = {
  name: 'handshake-machine',
  longest: MAX_HANDSHAKE_LENGTH + 64,
  samples: () => ({
    ...real(),
    ...extras(),
    successor: exchange({ identity: CLAIM }).messages[2]!,
    called: exchange({}, { identity: { ...CLAIM, publicKey: bob.identity.publicKey } })
      .messages[1]!,
  }),
  make: () => {
    const { init, response, final } = real();
    let turn = 0;
    const places: ((input: Uint8Array, reliable: boolean) => HandshakeMachine)[] = [
      (input, reliable) => {
        const machine = HandshakeMachine.respond(bobOptions({ reliable }), input, 0);
        const [answer] = machine.takeOutgoing();
        expect(answer === undefined || answer.length <= INIT_LENGTH, 'no answer is longer');
        return machine;
      },
      (input, reliable) => {
        const machine = HandshakeMachine.initiate(aliceOptions({ reliable }), 0);
        machine.receive(input, 10);
        return machine;
      },
      (input, reliable) => {
        const machine = HandshakeMachine.respond(bobOptions({ reliable }), init!, 0);
        machine.receive(input, 10);
        return machine;
      },
      (input, reliable) => {
        const machine = HandshakeMachine.initiate(aliceOptions({ reliable }), 0);
        machine.receive(response!, 10);
        machine.receive(input, 20);
        return machine;
      },
      (input) => {
        const machine = HandshakeMachine.respond(bobOptions(), init!, 0);
        machine.receive(final!, 10);
        machine.receive(input, 20);
        return machine;
      },
    ];
    return {
      check: (input) => {
        const machine = places[turn % places.length]!(input, turn % 2 === 0);
        turn++;
        sane(machine);
        machine.tick(60_000);
        sane(machine);
        expect(machine.state === 'established' || machine.state === 'failed', 'it ends');
      },
    };
  },
};

const gate: Target = {
  name: 'handshake-gate',
  longest: INIT_LENGTH + 64,
  samples: () => ({ init: real().init! }),
  make: () => {
    const cookies = new CookieSecrets(nodeSuite, seededRandom(1), 0);
    const door = new HandshakeGate(cookies, 0, { openRate: 1, addresses: 16 });
    let now = 0;
    return {
      check: (input) => {
        const decision = door.decide(input.subarray(0, 24), input, now++);
        if (decision.action !== 'demand-cookie') return;
        expect(decision.reply.length < input.length, 'a demand is shorter than the question');
      },
    };
  },
};

const CONFIRM_SECRET = new Uint8Array(32).fill(9);

const confirm = pure(
  'confirm-record',
  1300,
  () => ({
    sealed: sealConfirm(nodeSuite, CipherId.aes256gcm, CONFIRM_SECRET, BOB_INDEX, {
      name: 'bob',
      floor: 'never',
      decision: 'sealed',
      groupTags: new Uint8Array(128),
    }),
  }),
  (input) => {
    isConfirmRecord(input, BOB_INDEX);
    openConfirm(nodeSuite, CipherId.aes256gcm, CONFIRM_SECRET, input);
  },
);

export const HANDSHAKE_TARGETS: readonly Target[] = [
  messages,
  payload,
  successions,
  machines,
  gate,
  confirm,
];
