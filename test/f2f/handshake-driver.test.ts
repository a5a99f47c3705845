import test, { type ExecutionContext } from 'ava';
import {
  type Facts,
  HandshakeDriver,
  type HandshakeOutcome,
} from '../../src/f2f/handshake-driver.ts';
import { SessionIndices } from '../../src/f2f/session-indices.ts';
import { emitAddress } from '../../src/io/address.ts';
import { ADDRESS_LENGTH } from '../../src/io/contract.ts';
import type { Carrier } from '../../src/links/contract.ts';
import { CookieSecrets } from '../../src/links/handshake/cookie.ts';
import { type GateOptions, HandshakeGate } from '../../src/links/handshake/handshake-gate.ts';
import { HandshakeMachine } from '../../src/links/handshake/handshake-machine.ts';
import type {
  HandshakeFailure,
  HandshakeSession,
} from '../../src/links/handshake/handshake-outcome.ts';
import { LinkMessageType } from '../../src/links/link-message.ts';
import {
  alice,
  aliceOptions,
  bob,
  bobOptions,
  seededRandom,
  testNode,
  testSuite,
} from '../links/handshake/handshake-driver.ts';
import { VirtualTime } from './virtual-time.ts';

const LATENCY = 10;
const LOCAL = '127.0.0.1';

interface End {
  readonly driver: HandshakeDriver;
  readonly indices: SessionIndices;
  readonly established: { session: HandshakeSession; carrier: Carrier }[];
  readonly refused: { failure: HandshakeFailure; carrier: Carrier }[];
  /** Types of the messages that it sent. */
  readonly sent: number[];
}

interface Wire {
  /** Whether a message gets through. */
  passes(type: number, count: number): boolean;
}

/** Two drivers with a wire between each carrier of theirs. */
class Pair {
  readonly time = new VirtualTime();
  readonly alice: End;
  readonly bob: End;
  wire: Wire = { passes: () => true };
  readonly #counts = new Map<number, number>();
  /** Where a carrier's messages come out. */
  readonly #others = new Map<Carrier, { end: End; carrier: Carrier }>();

  constructor(t: ExecutionContext, facts: Partial<Facts> = {}, gate: GateOptions = {}) {
    t.teardown(this.time.install());
    this.alice = this.#end(bobOptions({ ...aliceOptions(), isFriend: () => true }), {});
    this.bob = this.#end(bobOptions(facts), gate);
  }

  /** A carrier from alice to bob. */
  carrier(reliable: boolean, host = '192.0.2.1', descriptor = 1): Carrier {
    const near = fakeCarrier(reliable, host === LOCAL ? LOCAL : '192.0.2.99', descriptor);
    const far = fakeCarrier(reliable, host, 500 + descriptor);
    this.#others.set(near, { end: this.bob, carrier: far });
    this.#others.set(far, { end: this.alice, carrier: near });
    return near;
  }

  /** The same wire seen from the other end. */
  otherEnd(carrier: Carrier): Carrier {
    return this.#others.get(carrier)!.carrier;
  }

  /** Alice calls. */
  call(carrier: Carrier, signal = new AbortController().signal, changes = {}) {
    const { localIndex: _, reliable: __, ...facts } = aliceOptions(changes);
    const state: { outcome?: HandshakeOutcome; error?: Error } = {};
    this.alice.driver.initiate(carrier, facts, signal).then(
      (outcome) => {
        state.outcome = outcome;
      },
      (error: Error) => {
        state.error = error;
      },
    );
    return state;
  }

  #end(facts: Facts, gate: GateOptions): End {
    const random = seededRandom(99);
    const indices = new SessionIndices(random);
    const { time } = this;
    const established: End['established'] = [];
    const refused: End['refused'] = [];
    const sent: number[] = [];
    const cookies = new CookieSecrets(testSuite, random, time.now());
    const driver = new HandshakeDriver({
      clock: time,
      gate: new HandshakeGate(cookies, time.now(), gate),
      indices,
      facts: () => facts,
      send: (carrier, message) => {
        const type = message[0]!;
        sent.push(type);
        const count = (this.#counts.get(type) ?? 0) + 1;
        this.#counts.set(type, count);
        const other = this.#others.get(carrier);
        if (other === undefined || !this.wire.passes(type, count)) return;
        const copy = message.slice();
        setTimeout(() => other.end.driver.receive(other.carrier, copy), LATENCY);
      },
      established: (session, carrier) => void established.push({ session, carrier }),
      refused: (failure, carrier) => void refused.push({ failure, carrier }),
    });
    return { driver, indices, established, refused, sent };
  }
}

function fakeCarrier(reliable: boolean, host: string, descriptor: number): Carrier {
  const address = new Uint8Array(ADDRESS_LENGTH);
  emitAddress({ host, port: 4000 }, address);
  return {
    provider: reliable ? 'tcp' : 'udp',
    remote: `${reliable ? 'tcp' : 'udp'}://${host}:4000`,
    reliable,
    descriptor,
    address: reliable ? undefined : address,
    close: () => {},
  };
}

const sessionOf = (outcome: HandshakeOutcome | undefined): HandshakeSession | undefined =>
  outcome !== undefined && 'session' in outcome ? outcome.session : undefined;

const failureOf = (outcome: HandshakeOutcome | undefined): HandshakeFailure | undefined =>
  outcome !== undefined && 'failure' in outcome ? outcome.failure : undefined;

for (const reliable of [false, true]) {
  test.serial(
    `a call over ${reliable ? 'a stream' : 'datagrams'} makes one session at each end`,
    async (t) => {
      const pair = new Pair(t);
      const state = pair.call(pair.carrier(reliable));
      await pair.time.advance(1000);
      const session = sessionOf(state.outcome)!;
      const [answered] = pair.bob.established;
      t.is(pair.bob.established.length, 1);
      t.deepEqual(session.transcriptHash, answered!.session.transcriptHash);
      t.is(session.localIndex, answered!.session.remoteIndex);
      t.is(session.friendUid, bob.uid);
      t.is(answered!.session.friendUid, alice.uid);
      t.is(pair.alice.driver.counters.established, 1);
      t.is(pair.bob.driver.counters.established, 1);
      await pair.time.advance(20_000);
      t.is(pair.time.armed, 0, 'nothing is left to do');
      t.is(pair.alice.indices.count + pair.bob.indices.count, 2, 'the sessions keep their indices');
    },
  );
}

test.serial('addresses on loopback are told to who is there itself', async (t) => {
  const told = { addresses: ['udp://192.0.2.1:1'], localAddresses: ['udp://127.0.0.1:1'] };
  for (const host of ['192.0.2.7', LOCAL]) {
    for (const reliable of [true, false]) {
      const pair = new Pair(t, told);
      const state = pair.call(pair.carrier(reliable, host), undefined, told);
      await pair.time.advance(1000);
      const heard = host === LOCAL ? [...told.addresses, ...told.localAddresses] : told.addresses;
      const outcome = state.outcome;
      t.true(outcome !== undefined && 'session' in outcome);
      if (outcome === undefined || !('session' in outcome)) return;
      t.deepEqual(outcome.session.friendAddresses, heard, `${host}, as told to who called`);
      t.deepEqual(pair.bob.established[0]?.session.friendAddresses, heard, `${host}, to the other`);
    }
  }
});

test.serial('who claims to be the successor of a friend and is not, is counted', async (t) => {
  const pair = new Pair(t);
  const thief = testNode(9);
  const claim = {
    oldKey: alice.identity.publicKey,
    time: 0,
    counter: 1,
    signature: new Uint8Array(64),
  };
  const identity = { ...thief.identity, successions: [claim] };
  const state = pair.call(pair.carrier(false), undefined, { identity });
  await pair.time.advance(1000);
  t.is(failureOf(state.outcome)?.reason, 'unknown-peer');
  t.is(pair.bob.driver.counters.forgedSuccessions, 1);
  t.is(pair.bob.driver.counters.established, 0);
});

test.serial('each message is repeated until it gets through', async (t) => {
  const pair = new Pair(t);
  pair.wire = { passes: (_, count) => count > 2 };
  const state = pair.call(pair.carrier(false));
  await pair.time.advance(9000);
  t.truthy(sessionOf(state.outcome));
  t.is(pair.bob.established.length, 1, 'repeats make no second session');
});

test.serial('a refusal that got lost is said again', async (t) => {
  const pair = new Pair(t, { isFriend: () => false });
  pair.wire = {
    passes: (type, count) => type !== LinkMessageType.sealedRecord || count > 1,
  };
  const state = pair.call(pair.carrier(false));
  await pair.time.advance(3000);
  t.is(failureOf(state.outcome)?.reason, 'unknown-peer');
  t.is(failureOf(state.outcome)?.by, 'peer');
  t.is(pair.bob.refused.length, 1, 'and counts once');
  t.is(pair.bob.driver.counters.unknownPeers, 1);
  t.is(pair.bob.driver.counters.failed, 1);
  t.is(pair.alice.driver.counters.unknownPeers, 1);
  await pair.time.advance(20_000);
  t.is(pair.bob.indices.count, 0, 'nothing of it is remembered');
  t.is(pair.alice.indices.count, 0);
  t.is(pair.time.armed, 0);
});

test.serial('nobody answers: the call fails in time and frees its index', async (t) => {
  const pair = new Pair(t);
  pair.wire = { passes: () => false };
  const state = pair.call(pair.carrier(false));
  await pair.time.advance(9999);
  t.is(state.outcome, undefined);
  await pair.time.advance(500);
  t.is(failureOf(state.outcome)?.reason, 'timeout');
  t.is(pair.alice.indices.count, 0);
  t.is(pair.time.armed, 0);
});

test.serial('a responder whose caller vanishes is forgotten', async (t) => {
  const pair = new Pair(t);
  pair.wire = { passes: (type) => type === LinkMessageType.handshakeInit };
  pair.call(pair.carrier(false));
  await pair.time.advance(25_000);
  t.is(pair.bob.indices.count, 0);
  t.is(pair.bob.refused[0]?.failure.reason, 'timeout');
  t.is(pair.time.armed, 0);
});

test.serial(
  'under load strangers have to bring a cookie, and friends get through with one',
  async (t) => {
    const pair = new Pair(t, {}, { openRate: 1 });
    const first = pair.call(pair.carrier(false, '192.0.2.1', 1));
    const second = pair.call(pair.carrier(false, '192.0.2.1', 2));
    await pair.time.advance(500);
    t.is(pair.bob.driver.counters.cookies, 1);
    t.true(pair.bob.sent.includes(LinkMessageType.cookieReply));
    t.truthy(sessionOf(first.outcome));
    t.truthy(sessionOf(second.outcome));
  },
);

test.serial('a stream that is over its rate does not use up that of others', async (t) => {
  const pair = new Pair(t, {}, { openRate: 1, addressRate: 2 });
  // One host opens streams as fast as it can.
  const flood = Array.from({ length: 20 }, (_, i) =>
    pair.call(pair.carrier(true, '198.51.100.7', i)),
  );
  await pair.time.advance(50);
  const friend = pair.call(pair.carrier(true, '192.0.2.1', 100));
  await pair.time.advance(200);
  t.true(pair.bob.driver.counters.dropped >= 10, 'the flood is held back');
  t.true(flood.some((state) => state.outcome === undefined));
  t.truthy(sessionOf(friend.outcome), 'and the friend is not');
});

test.serial('no more handshakes are under way than there is memory for', async (t) => {
  const pair = new Pair(t, {}, { openRate: 10_000 });
  pair.wire = { passes: (type) => type === LinkMessageType.handshakeInit };
  for (let i = 0; i < 300; i++) {
    const host = `198.51.${i >> 4}.${i & 15}`;
    pair.call(pair.carrier(false, host, i), undefined, { random: seededRandom(5000 + i) });
  }
  await pair.time.advance(100);
  t.is(pair.bob.indices.count, 256);
  t.is(pair.bob.driver.counters.evicted, 44);
  await pair.time.advance(40_000);
  t.is(pair.bob.indices.count, 0);
});

test.serial(
  'strangers from many networks who leave everything half done keep no friend out',
  async (t) => {
    const pair = new Pair(t, {}, { openRate: 10_000 });
    const stuck = pair.wire;
    for (let i = 0; i < 400; i++) {
      pair.wire = { passes: (type) => type === LinkMessageType.handshakeInit };
      const host = `198.51.${i >> 4}.${i & 15}`;
      pair.call(pair.carrier(false, host, i), undefined, { random: seededRandom(5000 + i) });
      await pair.time.advance(LATENCY);
      pair.wire = stuck;
      if (i % 100 !== 50) continue;
      const friend = pair.call(pair.carrier(false, '192.0.2.1', 500 + i), undefined, {
        random: seededRandom(9000 + i),
      });
      await pair.time.advance(100);
      t.truthy(sessionOf(friend.outcome), `after ${i}`);
    }
    t.true(pair.bob.driver.counters.evicted > 100);
    t.is(pair.bob.driver.counters.overflow, 0);
  },
);

test.serial('one network has its share of handshakes, and makes room for itself', async (t) => {
  const pair = new Pair(t, {}, { openRate: 10_000 });
  pair.wire = { passes: (type) => type === LinkMessageType.handshakeInit };
  for (let i = 0; i < 100; i++) {
    pair.call(pair.carrier(false, `192.0.2.${i}`, i), undefined, { random: seededRandom(i) });
    pair.call(
      pair.carrier(false, `2001:db8:0:ab${String(i).padStart(2, '0')}::1`, 200 + i),
      undefined,
      {
        random: seededRandom(5000 + i),
      },
    );
  }
  await pair.time.advance(100);
  t.is(pair.bob.indices.count, 64);
  t.is(pair.bob.driver.counters.evicted, 136);
});

test.serial('when the indices run out a call fails with a sentence', async (t) => {
  const pair = new Pair(t);
  while (pair.alice.indices.take() !== undefined);
  const state = pair.call(pair.carrier(false));
  await pair.time.advance(1);
  t.regex(state.error?.message ?? '', /no room/);
});

test.serial('options that no handshake can have fail the call and keep no index', async (t) => {
  const pair = new Pair(t);
  const state = pair.call(pair.carrier(false), undefined, { name: '' });
  await pair.time.advance(1);
  t.regex(state.error?.message ?? '', /choose another name/);
  t.is(pair.alice.indices.count, 0);
});

test.serial('a carrier that closes takes its handshakes with it', async (t) => {
  const pair = new Pair(t);
  pair.wire = { passes: (type) => type === LinkMessageType.handshakeInit };
  const carrier = pair.carrier(true);
  const other = pair.carrier(true, '192.0.2.2', 2);
  const state = pair.call(carrier);
  const unharmed = pair.call(other, undefined, { random: seededRandom(77) });
  await pair.time.advance(100);
  pair.alice.driver.carrierClosed(carrier, 'the other end hung up');
  pair.bob.driver.carrierClosed(pair.otherEnd(carrier), 'the other end hung up');
  await pair.time.advance(1);
  t.is(failureOf(state.outcome)?.detail, 'the other end hung up');
  t.is(pair.bob.refused.length, 1);
  t.is(pair.alice.indices.count, 1);
  t.is(pair.bob.indices.count, 1);
  t.is(unharmed.outcome, undefined);
});

test.serial('a call is called off', async (t) => {
  const pair = new Pair(t);
  pair.wire = { passes: () => false };
  const stop = new AbortController();
  const state = pair.call(pair.carrier(false), stop.signal);
  await pair.time.advance(100);
  stop.abort(new Error('enough'));
  await pair.time.advance(1);
  t.is(state.error?.message, 'enough');
  t.is(pair.alice.indices.count, 0);
  const before = pair.call(pair.carrier(false), stop.signal);
  await pair.time.advance(1);
  t.is(before.error?.message, 'enough', 'even before it began');
  t.is(pair.alice.indices.count, 0);
});

test.serial('a call that the other end has accepted is seen through', async (t) => {
  const pair = new Pair(t);
  const stop = new AbortController();
  const state = pair.call(pair.carrier(false), stop.signal);
  await pair.time.advance(2 * LATENCY + 5);
  t.is(pair.bob.established.length, 0);
  stop.abort(new Error('enough'));
  await pair.time.advance(100);
  t.is(pair.bob.established.length, 1);
  t.truthy(sessionOf(state.outcome));
});

test.serial('messages for nobody are counted and answered by nothing', async (t) => {
  const pair = new Pair(t);
  const carrier = pair.carrier(false);
  const random = seededRandom(3);
  const types = [...Object.values(LinkMessageType), 0x77];
  for (let round = 0; round < 200; round++) {
    const message = random(1 + (random(1)[0]! % 180));
    message[0] = types[round % types.length]!;
    pair.bob.driver.receive(carrier, message);
  }
  pair.bob.driver.receive(carrier, new Uint8Array(0));
  const { stray, dropped } = pair.bob.driver.counters;
  t.is(stray + dropped, 201);
  t.deepEqual(pair.bob.sent, []);
  t.is(pair.bob.indices.count, 0);
});

test.serial('a first message that comes again from elsewhere is not answered there', async (t) => {
  const pair = new Pair(t);
  pair.wire = { passes: () => false };
  const [first] = HandshakeMachine.initiate(aliceOptions(), 0).takeOutgoing();
  pair.bob.driver.receive(fakeCarrier(false, '192.0.2.1', 501), first!);
  const answers = pair.bob.sent.length;
  t.is(answers, 1);
  const victim = fakeCarrier(false, '203.0.113.9', 501);
  for (let i = 0; i < 100; i++) pair.bob.driver.receive(victim, first!);
  t.is(pair.bob.sent.length, answers);
  t.is(pair.bob.driver.counters.dropped, 100);
});

test.serial('a stream carries one session', async (t) => {
  const pair = new Pair(t);
  const stream = pair.carrier(true, '192.0.2.1', 1);
  const one = pair.call(stream);
  await pair.time.advance(200);
  t.truthy(sessionOf(one.outcome));
  pair.call(stream, undefined, { random: seededRandom(77) });
  await pair.time.advance(200);
  t.is(pair.bob.driver.counters.dropped, 1);
  t.is(pair.bob.driver.counters.established, 1);
});

test.serial('a closed driver has no timers', async (t) => {
  const pair = new Pair(t);
  pair.wire = { passes: () => false };
  pair.call(pair.carrier(false));
  await pair.time.advance(10);
  pair.alice.driver.close();
  pair.bob.driver.close();
  t.is(pair.time.armed, 0);
});
