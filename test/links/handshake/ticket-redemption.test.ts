/** A stranger with a ticket: let in once, with the right secret and its own key only. */

import test from 'ava';
import { HandshakeMachine } from '../../../src/links/handshake/handshake-machine.ts';
import type {
  InitiatorOptions,
  ResponderOptions,
} from '../../../src/links/handshake/handshake-options.ts';
import { nodeSuite } from '../../../src/links/handshake/node-suite.ts';
import {
  findTicket,
  type OpenTicket,
  ticketProof,
} from '../../../src/links/handshake/ticket-proof.ts';
import {
  alice,
  aliceOptions,
  bobOptions,
  exchange,
  mallory,
  seededRandom,
  sessionOf,
} from './handshake-driver.ts';

const secret = seededRandom(40)(16);
const ticket: OpenTicket = { id: 'for alice', secret };
const stranger = { isFriend: () => false };

test('a ticket lets a stranger in, and says which', (t) => {
  const { initiator, responder } = exchange(
    { ticketSecret: secret },
    { ...stranger, tickets: () => [{ id: 'another', secret: new Uint8Array(16) }, ticket] },
  );
  t.is(sessionOf(responder).redeemedTicket, 'for alice');
  t.is(sessionOf(responder).friendUid, alice.uid);
  t.is(sessionOf(initiator).redeemedTicket, undefined);
});

test('a wrong secret, no proof or no tickets do not', (t) => {
  const cases: [Partial<InitiatorOptions>, Partial<ResponderOptions>][] = [
    [{ ticketSecret: new Uint8Array(16) }, { ...stranger, tickets: () => [ticket] }],
    [{}, { ...stranger, tickets: () => [ticket] }],
    [{ ticketSecret: secret }, { ...stranger, tickets: () => [] }],
    [{ ticketSecret: secret }, stranger],
  ];
  for (const [ours, theirs] of cases) {
    const { initiator, responder } = exchange(ours, theirs);
    t.is(responder.failure?.reason, 'unknown-peer');
    t.is(initiator.failure?.reason, 'unknown-peer');
  }
});

test('a burnt ticket lets nobody in, not even a handshake that had begun before', (t) => {
  let open = [ticket];
  const options = { ...stranger, tickets: () => open };
  const clients = [alice, mallory].map(({ identity }, i) =>
    HandshakeMachine.initiate(
      aliceOptions({ identity, ticketSecret: secret, random: seededRandom(i) }),
      0,
    ),
  );
  const servers = clients.map((client) =>
    HandshakeMachine.respond(bobOptions(options), client.takeOutgoing()[0], 1),
  );
  for (const [i, client] of clients.entries()) client.receive(servers[i].takeOutgoing()[0], 2);
  for (const [i, server] of servers.entries()) {
    server.receive(clients[i].takeOutgoing()[0], 3);
    const redeemed = server.result?.redeemedTicket;
    open = open.filter(({ id }) => id !== redeemed);
  }
  t.is(sessionOf(servers[0]).redeemedTicket, 'for alice');
  t.is(servers[1].failure?.reason, 'unknown-peer');
});

test('a friend keeps its ticket', (t) => {
  const { responder } = exchange({ ticketSecret: secret }, { tickets: () => [ticket] });
  t.is(sessionOf(responder).redeemedTicket, undefined);
});

test('a ticket is not redeemed where the link is refused for another reason', (t) => {
  const { responder } = exchange(
    { ticketSecret: secret, groups: [], floor: 'never' },
    { ...stranger, tickets: () => [ticket] },
  );
  t.is(responder.failure?.reason, 'plaintext-refused');
  t.is(responder.result, undefined);
});

test('a proof fits one transcript and one key', (t) => {
  const hash = new Uint8Array(32).fill(1);
  const key = alice.identity.publicKey;
  const proof = ticketProof(nodeSuite, secret, hash, key);
  t.is(findTicket(nodeSuite, [ticket], hash, key, proof), 'for alice');
  const other = new Uint8Array(32).fill(2);
  t.is(findTicket(nodeSuite, [ticket], other, key, proof), undefined);
  t.is(findTicket(nodeSuite, [ticket], hash, mallory.identity.publicKey, proof), undefined);
});
