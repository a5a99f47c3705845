import test, { type ExecutionContext } from 'ava';
import { ManualClock } from '../../src/clock.ts';
import { CoreEvents } from '../../src/f2f/core-events.ts';
import { Friend } from '../../src/f2f/friend.ts';
import { FriendLinks } from '../../src/f2f/friend-links.ts';
import { HeldSessions } from '../../src/f2f/held-sessions.ts';
import type { Renewals } from '../../src/f2f/renewals.ts';
import type { HandshakeSession } from '../../src/links/handshake/handshake-outcome.ts';
import { alice, bob } from '../links/handshake/handshake-driver.ts';
import { fakeCarrier, fakeSession } from './fake-session.ts';

const PORT = 513;

/** The link to bob, with an account of what is done for it. */
function world(t: ExecutionContext) {
  const told: string[] = [];
  const clock = new ManualClock();
  const events = new CoreEvents();
  events.on('connecting', () => told.push('connecting'));
  events.on('disconnected', ({ reason }) => told.push(`disconnected: ${reason}`));
  const sessions = new HeldSessions({
    dataPlane: {
      openSession: ({ localIndex }) => void told.push(`open ${localIndex}`),
      closeSession: (index, reason) => void told.push(`close ${index}: ${reason}`),
    },
    indices: { give: () => {} },
    streamEnded: () => {},
  });
  const counters = { lost: 0 };
  const stale = new Set<number>();
  const friend = new Friend({
    uid: bob.uid,
    source: 'config',
    name: '',
    addresses: [],
    port: PORT,
    ticketSecret: new Uint8Array(16),
  });
  const links = new FriendLinks({
    clock,
    log: { info: () => {}, warn: () => {}, debug: () => {} },
    dataPlane: { useSession: (port, index) => void told.push(`use ${port} ${index}`) },
    events,
    sessions,
    connector: {
      connect: () => void told.push('connect'),
      retryLater: () => void told.push('retry later'),
    },
    policy: {
      isStale: ({ session }) => stale.has(session.localIndex),
      renewals: { review: () => {}, stop: () => {} } as Partial<Renewals> as Renewals,
    },
    counters,
    ownUid: () => alice.uid,
    isConfined: () => true,
    redeemed: () => void told.push('redeemed'),
  });
  t.teardown(() => sessions.endAll('the test is over'));
  return {
    clock,
    counters,
    friend,
    links,
    stale,
    /** What has been done since the last question. */
    done: () => told.splice(0),
    establish(changes: Partial<HandshakeSession>, preference = 10) {
      const session = fakeSession({ establishedAt: clock.now(), ...changes });
      links.established(friend, { session, carrier: fakeCarrier(), preference });
    },
  };
}

test('whoever called uses the session at once', (t) => {
  const { done, establish, friend } = world(t);
  establish({ localIndex: 1 });
  t.deepEqual(done(), ['open 1', 'use 513 1', 'redeemed', 'connecting']);
  t.is(friend.current?.session.localIndex, 1);
  t.is(friend.name, 'bob', 'who has no name of ours has its own');
  t.is(friend.publicKey, bob.identity.publicKey);
  t.is(friend.ticketSecret, undefined);
});

test('whoever was called waits for a record', (t) => {
  const { done, establish, friend, links } = world(t);
  establish({ localIndex: 1, role: 'responder', initiatorUid: bob.uid });
  t.deepEqual(done(), ['open 1']);
  t.is(friend.current, undefined);
  links.alive(1);
  t.deepEqual(done(), ['use 513 1', 'redeemed', 'connecting']);
  links.alive(1);
  links.alive(99);
  t.deepEqual(done(), [], 'once is enough');
});

test('of two that we dialled alike the first stays, and the other end is told', (t) => {
  const { done, establish, friend } = world(t);
  establish({ localIndex: 1 });
  done();
  establish({ localIndex: 2 });
  t.deepEqual(done(), ['open 2', 'close 2: another address was faster']);
  t.is(friend.current?.session.localIndex, 1);
});

test('a better provider takes the port over, and the link is never down', (t) => {
  const { done, establish, friend, links } = world(t);
  establish({ localIndex: 1 }, 20);
  done();
  establish({ localIndex: 2 }, 10);
  t.deepEqual(done(), ['open 2', 'use 513 2']);
  establish({ localIndex: 3, role: 'responder', initiatorUid: bob.uid }, 20);
  links.alive(3);
  t.deepEqual(done(), ['open 3'], 'a worse one is not used');
  t.is(friend.current?.session.localIndex, 2);
});

test('what is gone makes way for an earlier session of its kind', (t) => {
  const { counters, done, establish, friend, links } = world(t);
  establish({ localIndex: 1 }, 20);
  establish({ localIndex: 2 }, 10);
  done();
  links.gone(2, 'Silence.');
  t.deepEqual(done(), ['close 2: undefined', 'use 513 1']);
  t.is(friend.current?.session.localIndex, 1);
  t.is(counters.lost, 0);
});

test('no earlier session of another mode, or of a former policy, comes back', (t) => {
  for (const second of [{ localIndex: 2, mode: 'clear' as const }, { localIndex: 2 }]) {
    const { counters, done, establish, friend, links, stale } = world(t);
    establish({ localIndex: 1 }, 20);
    establish(second, 10);
    if (second.mode === undefined) stale.add(1);
    done();
    links.gone(2, 'Silence.');
    t.true(done().includes('disconnected: Silence.'));
    t.is(friend.current, undefined);
    t.is(friend.lastError, 'Silence.');
    t.is(counters.lost, 1);
  }
});

test('a link that has lasted is dialled at once, another one later', (t) => {
  const { clock, counters, done, establish, links } = world(t);
  establish({ localIndex: 1 });
  clock.advance(4999);
  done();
  links.gone(1, 'Silence.');
  t.deepEqual(done(), ['close 1: undefined', 'disconnected: Silence.', 'retry later']);
  establish({ localIndex: 2 });
  clock.advance(5000);
  done();
  links.gone(2, 'Silence.');
  t.is(done().at(-1), 'connect');
  t.is(counters.lost, 2);
  links.gone(2, 'Silence.');
  t.deepEqual(done(), [], 'it is gone already');
});

test('a link that we end is not dialled, and all its sessions are over', (t) => {
  const { counters, done, establish, friend, links } = world(t);
  establish({ localIndex: 1 }, 20);
  establish({ localIndex: 2 }, 10);
  done();
  links.end(friend, 'no more of this', 'plaintext-refused');
  t.deepEqual(done(), [
    'close 1: no more of this',
    'close 2: no more of this',
    'disconnected: no more of this',
  ]);
  t.deepEqual([friend.state, friend.refusal], ['refused', 'plaintext-refused']);
  t.is(counters.lost, 0);
});
