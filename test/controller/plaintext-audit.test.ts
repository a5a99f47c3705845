import test from 'ava';
import fc from 'fast-check';
import { type ClearOctets, PlaintextAudit } from '../../src/controller/plaintext-audit.ts';
import type { SessionReport } from '../../src/data-plane/report.ts';
import { Friend } from '../../src/f2f/friend.ts';
import { alice, bob } from '../links/handshake/handshake-driver.ts';

const friendOf = (uid = bob.uid, port = 513): Friend =>
  new Friend({ uid, source: 'config', name: 'bob', addresses: [], port });

function octetsOf(audit: PlaintextAudit, friend: Friend): ClearOctets {
  const { since: _, ...octets } = audit.accountOf(friend);
  return octets;
}

function report(
  localIndex: number,
  octetsIn: number,
  octetsOut: number,
  more: { ended?: true; clear?: boolean } = {},
): SessionReport {
  const { ended, clear = true } = more;
  return {
    localIndex,
    port: 513,
    clear,
    loss: 0,
    pathMtu: 1200,
    recordsIn: 0,
    recordsOut: 0,
    clearOctetsIn: octetsIn,
    clearOctetsOut: octetsOut,
    keyUpdates: 0,
    drops: {} as SessionReport['drops'],
    ...(ended && { ended }),
  };
}

test('a spell has a first line, one a minute if more went, and a last one', (t) => {
  const audit = new PlaintextAudit();
  const friend = friendOf();
  const live = new Set([friend]);
  const at = (now: number, octets: number, there = live) => {
    audit.count(report(1, octets, 2 * octets), friend);
    return audit
      .lines(there, now)
      .map(({ event, octets }) => `${event} ${octets.in}/${octets.out}`);
  };
  t.deepEqual(at(0, 0), [], 'a clear link over which nothing goes is worth no line');
  t.false(audit.isOpen);
  t.deepEqual(at(1000, 10), ['begun 10/20']);
  t.true(audit.isOpen);
  t.deepEqual(at(2000, 500), []);
  t.deepEqual(at(60_999, 600), []);
  t.deepEqual(at(61_000, 700), ['goes on 700/1400']);
  t.deepEqual(at(300_000, 700), [], 'nothing more went');
  t.deepEqual(at(301_000, 701), ['goes on 701/1402']);
  t.deepEqual(at(302_000, 800, new Set()), ['ended 800/1600']);
  t.false(audit.isOpen);
  t.deepEqual(at(303_000, 800, new Set()), []);
  audit.count(report(2, 5, 0), friend);
  t.deepEqual(
    audit.lines(live, 400_000).map(({ event, octets }) => [event, octets]),
    [['begun', { in: 5, out: 0 }]],
    'the next spell counts from its beginning',
  );
  t.deepEqual(octetsOf(audit, friend), { in: 805, out: 1600 });
});

test('what came and went between two looks is told all the same', (t) => {
  const audit = new PlaintextAudit();
  const friend = friendOf();
  audit.count(report(1, 7, 8, { ended: true }), friend);
  t.deepEqual(
    audit.lines(new Set(), 0).map(({ event, octets }) => [event, octets.in, octets.out]),
    [
      ['begun', 7, 8],
      ['ended', 7, 8],
    ],
  );
});

test('a sealed session counts for nothing', (t) => {
  const audit = new PlaintextAudit();
  audit.count(report(1, 7, 8, { clear: false }), friendOf());
  t.deepEqual(audit.totals, { in: 0, out: 0 });
});

test('friends have accounts of their own; what nobody is known for is in the totals', (t) => {
  const audit = new PlaintextAudit();
  const [one, two] = [friendOf(), friendOf(alice.uid, 514)];
  audit.count(report(1, 1, 10), one);
  audit.count(report(2, 2, 20), two);
  audit.count(report(3, 4, 40), undefined);
  audit.count(report(1, 8, 80, { ended: true }), undefined);
  t.deepEqual(octetsOf(audit, one), { in: 8, out: 80 }, 'a session stays whose it was');
  t.deepEqual(octetsOf(audit, two), { in: 2, out: 20 });
  t.deepEqual(audit.totals, { in: 14, out: 140 });
  audit.forget(two);
  t.deepEqual(octetsOf(audit, two), { in: 0, out: 0 });
});

test('whatever the order of looks and ends, every octet is counted once', (t) => {
  const step = fc.record({
    session: fc.nat(5),
    octetsIn: fc.nat(1000),
    octetsOut: fc.nat(1000),
    after: fc.constantFrom('nothing', 'look', 'end'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const audit = new PlaintextAudit();
      const friend = friendOf();
      const sessions = new Map<number, { in: number; out: number }>();
      const expected = { in: 0, out: 0 };
      for (const { session, octetsIn, octetsOut, after } of steps) {
        const sums = sessions.get(session) ?? { in: 0, out: 0 };
        sums.in += octetsIn;
        sums.out += octetsOut;
        expected.in += octetsIn;
        expected.out += octetsOut;
        sessions.set(session, sums);
        if (after === 'nothing') continue;
        const ended = after === 'end' ? { ended: true as const } : {};
        audit.count(report(session, sums.in, sums.out, ended), friend);
        if (after === 'end') sessions.delete(session);
      }
      for (const [session, sums] of sessions)
        audit.count(report(session, sums.in, sums.out), friend);
      t.deepEqual(octetsOf(audit, friend), expected);
      t.deepEqual(audit.totals, expected);
    }),
  );
});

test('what is known from before is gone on from, and is no spell', (t) => {
  const carried = new Map([
    [bob.uid, { in: 1000, out: 2000, since: 77 }],
    ['9'.repeat(40), { in: 5, out: 6, since: 88 }],
  ]);
  const audit = new PlaintextAudit(500, carried);
  const [friend, other] = [friendOf(), friendOf(alice.uid, 514)];
  const live = new Set([friend, other]);
  t.deepEqual(audit.accountOf(friend), { in: 1000, out: 2000, since: 77 });
  t.deepEqual(audit.accountOf(other), { in: 0, out: 0, since: 500 });
  t.deepEqual(audit.lines(live, 0), []);
  t.deepEqual(audit.totals, { in: 0, out: 0 });
  const { revision } = audit;
  audit.count(report(1, 0, 0), friend);
  t.is(audit.revision, revision);
  audit.count(report(1, 10, 20), friend);
  t.not(audit.revision, revision);
  t.deepEqual(
    audit.lines(live, 0).map(({ event, octets }) => [event, octets]),
    [['begun', { in: 10, out: 20 }]],
  );
  // Who has not been heard of in this run is kept all the same; who has nothing is not.
  t.deepEqual(Object.fromEntries(audit.accounts()), {
    [bob.uid]: { in: 1010, out: 2020, since: 77 },
    ['9'.repeat(40)]: { in: 5, out: 6, since: 88 },
  });
  t.deepEqual(carried.size, 2, 'what was handed over is as it was');
});

test('a friend with another key is the same friend', (t) => {
  const friend = friendOf();
  friend.succeed(alice.uid, new Uint8Array(32));
  const audit = new PlaintextAudit(0, new Map([[bob.uid, { in: 1, out: 2, since: 3 }]]));
  t.deepEqual(Object.fromEntries(audit.accounts()), { [bob.uid]: { in: 1, out: 2, since: 3 } });
  t.deepEqual(audit.accountOf(friend), { in: 1, out: 2, since: 3 });
  t.deepEqual(Object.fromEntries(audit.accounts()), { [alice.uid]: { in: 1, out: 2, since: 3 } });
});

test('a friend that was removed begins anew', (t) => {
  const audit = new PlaintextAudit(10, new Map([[bob.uid, { in: 1, out: 2, since: 3 }]]));
  const { revision } = audit;
  audit.forget(friendOf(), 900);
  t.not(audit.revision, revision);
  t.is(audit.accounts().size, 0);
  t.deepEqual(audit.accountOf(friendOf()), { in: 0, out: 0, since: 900 });
});
