/** The handshake over datagrams: timers, repetitions, loss, reordering, cookies. */

import test from 'ava';
import fc from 'fast-check';
import { CookieSecrets } from '../../../src/links/handshake/cookie.ts';
import { HandshakeGate } from '../../../src/links/handshake/handshake-gate.ts';
import { HandshakeMachine } from '../../../src/links/handshake/handshake-machine.ts';
import { parseInit } from '../../../src/links/handshake/handshake-message.ts';
import { nodeSuite } from '../../../src/links/handshake/node-suite.ts';
import {
  aliceOptions,
  bobOptions,
  exchange,
  overBadNetwork,
  seededRandom,
  sessionOf,
} from './handshake-driver.ts';

test('message 1 is repeated after 250 ms, twice as long each time up to 2 s, for 10 s', (t) => {
  const machine = HandshakeMachine.initiate(aliceOptions(), 100);
  const [init] = machine.takeOutgoing();
  const times: number[] = [];
  while (machine.state === 'waiting-response') {
    const now = machine.deadline;
    machine.tick(now);
    for (const message of machine.takeOutgoing()) {
      t.deepEqual(message, init);
      times.push(now - 100);
    }
  }
  t.deepEqual(times, [250, 750, 1750, 3750, 5750, 7750, 9750]);
  t.is(machine.failure?.reason, 'timeout');
  t.is(machine.deadline, Number.POSITIVE_INFINITY);
});

test('message 3 is repeated until message 4 is there, and answered by the same octets', (t) => {
  const { messages, responder } = exchange();
  const initiator = HandshakeMachine.initiate(aliceOptions(), 0);
  initiator.receive(messages[1], 20);
  initiator.takeOutgoing();
  t.is(initiator.deadline, 270);
  initiator.tick(270);
  const [again] = initiator.takeOutgoing();
  t.deepEqual(again, messages[2]);
  t.is(responder.receive(again, 280), 'taken');
  t.deepEqual(responder.takeOutgoing(), [messages[3]]);
  initiator.receive(messages[3], 300);
  t.is(sessionOf(initiator).roundTrip, 20, 'only the flight that went once counts');
  t.is(initiator.receive(messages[3], 301), 'ignored');
});

test('a responder answers a repeated message 1 with the same message 2, and never by itself', (t) => {
  const { messages } = exchange();
  const responder = HandshakeMachine.respond(bobOptions(), messages[0], 0);
  t.deepEqual(responder.takeOutgoing(), [messages[1]]);
  t.is(responder.deadline, 10_000);
  responder.tick(9_999);
  t.deepEqual(responder.takeOutgoing(), []);
  responder.receive(messages[0], 250);
  t.deepEqual(responder.takeOutgoing(), [messages[1]]);
  const other = HandshakeMachine.initiate(aliceOptions({ random: seededRandom(4) }), 0);
  t.is(responder.receive(other.takeOutgoing()[0], 260), 'ignored');
  t.deepEqual(responder.takeOutgoing(), []);
  responder.tick(10_000);
  t.is(responder.failure?.reason, 'timeout');
});

test('a responder lingers for a while and then no longer', (t) => {
  const { messages, responder } = exchange();
  t.is(responder.lingerUntil, 30 + 10_000);
  t.is(responder.receive(messages[2], responder.lingerUntil - 1), 'taken');
  responder.takeOutgoing();
  t.is(responder.receive(messages[2], responder.lingerUntil), 'ignored');
  t.deepEqual(responder.takeOutgoing(), []);
});

test('a refusal is repeated too', (t) => {
  const { messages, responder } = exchange({}, { isFriend: () => false });
  responder.receive(messages[2], 100);
  t.deepEqual(responder.takeOutgoing(), [messages[3]]);
});

test('data that overtakes message 4 harms nothing', (t) => {
  const { messages } = exchange();
  const initiator = HandshakeMachine.initiate(aliceOptions(), 0);
  initiator.receive(messages[1], 1);
  const data = messages[3].slice();
  data[15] = 1; // packet number 1
  t.is(initiator.receive(data, 2), 'ignored');
  t.is(initiator.receive(messages[3], 3), 'taken');
  t.is(initiator.state, 'established');
});

test('a bad network delays the handshake and does not prevent it', (t) => {
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.integer(),
        loss: fc.double({ min: 0, max: 0.3, noNaN: true }),
        duplication: fc.double({ min: 0, max: 0.5, noNaN: true }),
        maxDelay: fc.integer({ min: 1, max: 600 }),
      }),
      (network) => {
        const { initiator, responder } = overBadNetwork(network);
        // Loss may win within 10 s; but never may one end believe what the other does not.
        if (initiator.state !== 'established') return network.loss > 0;
        const ours = sessionOf(initiator);
        const theirs = sessionOf(responder!);
        return (
          nodeSuite.equal(ours.sendSecret, theirs.receiveSecret) &&
          nodeSuite.equal(ours.receiveSecret, theirs.sendSecret) &&
          ours.mode === theirs.mode
        );
      },
    ),
    { numRuns: 150 },
  );
  t.pass();
});

test('with a third of all messages lost most handshakes succeed', (t) => {
  let established = 0;
  for (let seed = 0; seed < 40; seed++) {
    const network = { seed, loss: 1 / 3, duplication: 0.2, maxDelay: 80 };
    if (overBadNetwork(network).initiator.state === 'established') established++;
  }
  t.true(established >= 36, `${established} of 40`);
});

test('a gate under load has an initiator prove its address, without a machine', (t) => {
  const now = 0;
  const gate = new HandshakeGate(new CookieSecrets(nodeSuite, seededRandom(3), now), now, {
    openRate: 1,
  });
  const address = Uint8Array.of(192, 0, 2, 1, 7, 7);
  const first = HandshakeMachine.initiate(aliceOptions({ random: seededRandom(8) }), now);
  t.is(gate.decide(address, first.takeOutgoing()[0], now).action, 'accept');

  const initiator = HandshakeMachine.initiate(aliceOptions(), now);
  const [bare] = initiator.takeOutgoing();
  const demand = gate.decide(address, bare, now);
  if (demand.action !== 'demand-cookie') return t.fail(demand.action);
  t.true(demand.reply.length <= bare.length);
  t.is(initiator.receive(demand.reply, 10), 'taken');
  const [proven] = initiator.takeOutgoing();
  t.deepEqual(parseInit(proven)?.noise, parseInit(bare)?.noise);
  t.is(gate.decide(Uint8Array.of(192, 0, 2, 9, 7, 7), proven, 20).action, 'demand-cookie');
  t.is(gate.decide(address, proven, 20).action, 'accept');

  const responder = HandshakeMachine.respond(bobOptions(), proven, 20);
  // A late repetition of the bare message is still known as the same.
  t.is(responder.receive(bare, 25), 'taken');
  initiator.receive(responder.takeOutgoing()[0], 30);
  responder.receive(initiator.takeOutgoing()[0], 40);
  initiator.receive(responder.takeOutgoing().at(-1)!, 50);
  t.is(sessionOf(initiator).mode, 'sealed');
});

test('a stream of cookies does not make an initiator shout', (t) => {
  const initiator = HandshakeMachine.initiate(aliceOptions(), 0);
  const [init] = initiator.takeOutgoing();
  const gate = new HandshakeGate(new CookieSecrets(nodeSuite, seededRandom(3), 0), 0, {
    openRate: 0,
  });
  let sent = 0;
  for (let i = 0; i < 50; i++) {
    const demand = gate.decide(Uint8Array.of(i), init, i);
    if (demand.action === 'demand-cookie') initiator.receive(demand.reply, i);
    sent += initiator.takeOutgoing().length;
  }
  t.is(sent, 3);
  t.is(initiator.deadline, 250);
});
