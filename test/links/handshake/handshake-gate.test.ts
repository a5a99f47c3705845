import test from 'ava';
import fc from 'fast-check';
import { COOKIE_PERIOD, CookieSecrets } from '../../../src/links/handshake/cookie.ts';
import { type GateDecision, HandshakeGate } from '../../../src/links/handshake/handshake-gate.ts';
import {
  COOKIE_LENGTH,
  emitInit,
  INIT_PAYLOAD_LENGTH,
  parseCookieReply,
} from '../../../src/links/handshake/handshake-message.ts';
import { nodeSuite } from '../../../src/links/handshake/node-suite.ts';
import { seededRandom } from './handshake-driver.ts';

function initFrom(number: number, cookie: Uint8Array = new Uint8Array(COOKIE_LENGTH)): Uint8Array {
  const noise = new Uint8Array(32 + INIT_PAYLOAD_LENGTH);
  new DataView(noise.buffer).setUint32(0, number);
  return emitInit(number, cookie, noise);
}

/** An IPv4-mapped address as io/contract.ts writes it. */
function mapped(host: number, port: number): Uint8Array {
  const address = new Uint8Array(24);
  address.set([0xff, 0xff, 192, 0, 2, host], 10);
  new DataView(address.buffer).setUint16(16, port);
  return address;
}

/** Asks until a cookie has been demanded and shown. */
function withCookie(gate: HandshakeGate, address: Uint8Array, number: number, now: number) {
  const decision = gate.decide(address, initFrom(number), now);
  if (decision.action !== 'demand-cookie') return decision;
  const { cookie } = parseCookieReply(decision.reply)!;
  return gate.decide(address, initFrom(number, cookie), now);
}

const gateAt = (now: number, options = {}) =>
  new HandshakeGate(new CookieSecrets(nodeSuite, seededRandom(1), now), now, options);
const actions = (decisions: GateDecision[]) => decisions.map((decision) => decision.action);

test('twenty a second go through, then cookies are demanded', (t) => {
  const gate = gateAt(0);
  const at = (now: number) => gate.decide(mapped(1, 1), initFrom(1), now).action;
  for (let i = 0; i < 20; i++) t.is(at(0), 'accept');
  t.is(at(0), 'demand-cookie');
  t.is(at(49), 'demand-cookie');
  t.is(at(50), 'accept');
  t.is(at(51), 'demand-cookie');
});

test('in a flood no more cookies are made than the node has time for', (t) => {
  const gate = gateAt(0, { openRate: 0, demandRate: 10 });
  const at = (now: number) => gate.decide(mapped(1, 1), initFrom(1), now).action;
  for (let i = 0; i < 10; i++) t.is(at(0), 'demand-cookie');
  t.is(at(0), 'drop');
  const { cookie } = parseCookieReply(
    (gateAt(0, { openRate: 0 }).decide(mapped(1, 1), initFrom(1), 0) as { reply: Uint8Array })
      .reply,
  )!;
  t.is(gate.decide(mapped(1, 1), initFrom(1, cookie), 0).action, 'accept', 'who has one gets on');
  t.is(at(100), 'demand-cookie');
  t.is(at(100), 'drop');
});

test('an address with cookies has its own rate, whatever its port', (t) => {
  const gate = gateAt(0, { openRate: 0, addressRate: 2 });
  const decisions = [1, 2, 3].map((port) => withCookie(gate, mapped(1, port), port, 0));
  t.deepEqual(actions(decisions), ['accept', 'accept', 'drop']);
  t.is(withCookie(gate, mapped(2, 1), 4, 0).action, 'accept');
  t.is(withCookie(gate, mapped(1, 1), 5, 500).action, 'accept');
});

test('one IPv6 network counts as one address', (t) => {
  const gate = gateAt(0, { openRate: 0, addressRate: 1 });
  const inNetwork = (network: number, host: number) => {
    const address = new Uint8Array(24);
    address.set([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, network]);
    address[15] = host;
    return address;
  };
  t.is(withCookie(gate, inNetwork(1, 1), 1, 0).action, 'accept');
  t.is(withCookie(gate, inNetwork(1, 2), 2, 0).action, 'drop');
  t.is(withCookie(gate, inNetwork(2, 1), 3, 0).action, 'accept');
});

test('all addresses together have a rate', (t) => {
  const gate = gateAt(0, { openRate: 0, provenRate: 3 });
  const decisions = [1, 2, 3, 4].map((host) => withCookie(gate, mapped(host, 1), host, 0));
  t.deepEqual(actions(decisions), ['accept', 'accept', 'accept', 'drop']);
});

test('a forged address does not use up the rate of its owner', (t) => {
  const gate = gateAt(0, { openRate: 0, addressRate: 1 });
  const forged = initFrom(1, new Uint8Array(COOKIE_LENGTH).fill(7));
  for (let i = 0; i < 100; i++) t.is(gate.decide(mapped(1, 1), forged, 0).action, 'demand-cookie');
  t.is(withCookie(gate, mapped(1, 1), 2, 0).action, 'accept');
});

test('a carrier that has proved the address needs no cookie', (t) => {
  const gate = gateAt(0, { openRate: 0, addressRate: 1 });
  t.is(gate.decide(mapped(1, 1), initFrom(1), 0, true).action, 'accept');
  t.is(gate.decide(mapped(1, 1), initFrom(1), 0, true).action, 'drop');
});

test('few addresses are remembered, the last ones used', (t) => {
  const gate = gateAt(0, { openRate: 0, addressRate: 1, addresses: 2, provenRate: 1000 });
  t.is(withCookie(gate, mapped(1, 1), 1, 0).action, 'accept');
  t.is(withCookie(gate, mapped(2, 1), 2, 0).action, 'accept');
  t.is(withCookie(gate, mapped(1, 1), 3, 0).action, 'drop');
  t.is(withCookie(gate, mapped(3, 1), 4, 0).action, 'accept');
  t.is(withCookie(gate, mapped(1, 1), 5, 0).action, 'drop');
  t.is(withCookie(gate, mapped(2, 1), 6, 0).action, 'accept', 'this one was forgotten');
});

test('what is no message 1 is dropped', (t) => {
  const gate = gateAt(0);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      const decision = gate.decide(mapped(1, 1), bytes, 0);
      return decision.action === 'drop' && decision.reason === 'malformed';
    }),
  );
  t.pass();
});

test('a cookie is good for one address, one key, and two to four minutes', (t) => {
  const secrets = new CookieSecrets(nodeSuite, seededRandom(1), 0);
  const address = Uint8Array.of(1, 2, 3);
  const key = new Uint8Array(32).fill(1);
  const cookie = secrets.make(address, key, 0);
  t.is(cookie.length, COOKIE_LENGTH);
  t.true(secrets.check(address, key, cookie, 0));
  t.false(secrets.check(Uint8Array.of(1, 2, 4), key, cookie, 0));
  t.false(secrets.check(address, new Uint8Array(32).fill(2), cookie, 0));
  t.false(secrets.check(address, key, new Uint8Array(COOKIE_LENGTH), 0));
  t.true(secrets.check(address, key, cookie, 2 * COOKIE_PERIOD - 1));
  t.false(secrets.check(address, key, cookie, 2 * COOKIE_PERIOD));
});

test('after a long pause neither old secret counts', (t) => {
  const secrets = new CookieSecrets(nodeSuite, seededRandom(1), 0);
  const address = Uint8Array.of(1);
  const key = new Uint8Array(32);
  const cookie = secrets.make(address, key, 0);
  t.false(secrets.check(address, key, cookie, 10 * COOKIE_PERIOD));
});
