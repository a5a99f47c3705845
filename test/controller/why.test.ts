import test from 'ava';
import { explain, type Policy, troubleOf } from '../../src/controller/why.ts';
import { Friend } from '../../src/f2f/friend.ts';
import type { Carrier } from '../../src/links/contract.ts';
import type { HandshakeSession } from '../../src/links/handshake/handshake-outcome.ts';
import { alice, bob, exchange, sessionOf } from '../links/handshake/handshake-driver.ts';

const POLICY: Policy = { entries: [], floor: 'when-no-shared-group' };

function friendOf(changes: Partial<ConstructorParameters<typeof Friend>[0]> = {}): Friend {
  return new Friend({
    uid: bob.uid,
    source: 'config',
    name: 'bob',
    addresses: ['udp://192.0.2.2:7000'],
    port: 513,
    ...changes,
  });
}

function connected(session: HandshakeSession): Friend {
  const friend = friendOf();
  const carrier: Carrier = {
    provider: 'udp',
    remote: 'udp://192.0.2.2:7000',
    reliable: false,
    descriptor: 1,
    address: undefined,
    close: () => {},
  };
  friend.current = { session, carrier, preference: 10, used: true, since: 0, bulkQueued: false };
  return friend;
}

function inputsOf(friend: Friend): Readonly<Record<string, string>> {
  const { inputs } = explain(friend, POLICY, 61_000);
  return Object.fromEntries(inputs.map(({ name, value }) => [name, value]));
}

test('a sealed link names the groups that both ends are in', (t) => {
  const groups = [
    { name: 'lab', keys: ['a key of sixteen'] },
    { name: 'home', keys: [] },
  ];
  const { initiator } = exchange({ groups }, { groups: [...groups, { name: 'other', keys: [] }] });
  const friend = connected(sessionOf(initiator));
  const report = explain(friend, POLICY, 61_000);
  t.is(report.answer, 'The link to bob is sealed, because both ends are in home, lab.');
  t.is(report.state, 'connected');
  t.is(report.friend, bob.uid);
  const inputs = inputsOf(friend);
  t.is(inputs['our groups'], 'lab, home');
  t.is(inputs['groups in common'], 'home, lab');
  t.is(inputs['Ethernet frames'], 'sealed');
  t.is(inputs['control packets'], 'sealed');
  t.is(inputs['session since'], '61 s');
  t.is(inputs['who called'], 'we did');
  t.is(inputs.address, 'udp://192.0.2.2:7000');
  t.regex(inputs["the friend's ciphers"] ?? '', /400 MB\/s/);
});

test('a clear link says that both ends allow it', (t) => {
  const { responder } = exchange(
    { groups: [{ name: 'one', keys: [] }] },
    { groups: [{ name: 'two', keys: [] }] },
  );
  const friend = connected(sessionOf(responder));
  const report = explain(friend, POLICY, 0);
  t.regex(report.answer, /^Ethernet to bob goes in the clear, because .* no security group /);
  const inputs = inputsOf(friend);
  t.is(inputs['groups in common'], 'none');
  t.is(inputs['Ethernet frames'], 'in the clear');
  t.is(inputs['control packets'], 'sealed');
  t.is(inputs['the friend allows plaintext'], 'when-no-shared-group');
  t.is(inputs['who called'], 'the friend did');
});

test('no link: the last attempt says why', (t) => {
  const friend = friendOf();
  friend.lastError = 'udp://192.0.2.2:7000: The peer did not answer in time.';
  friend.backOff.next(0);
  const report = explain(friend, POLICY, 0);
  t.is(report.state, 'offline');
  t.is(report.answer, `There is no link to bob. The last attempt: ${friend.lastError}`);
  t.deepEqual(inputsOf(friend), {
    addresses: 'udp://192.0.2.2:7000',
    'attempts that failed': '1',
    'last error': friend.lastError,
    'our groups': 'none',
    'we allow plaintext': 'when-no-shared-group',
  });
});

test('no link because one end refuses it', (t) => {
  const friend = friendOf();
  friend.failed('We share no security group with the peer.', 0, 'plaintext-refused');
  const { state, answer } = explain(friend, POLICY, 0);
  t.is(state, 'refused');
  t.is(
    answer,
    'There can be no link to bob as things are. We share no security group with the peer. Join one group at both ends with `kith groups add NAME:-` (`kith groups key` makes a key), allow plaintext at both, or take it out of config.json.',
  );
});

test('what a handshake said of a UID is told of the friend', (t) => {
  const friend = friendOf();
  friend.lastError = `We share no security group with ${friend.uid}.`;
  t.is(troubleOf(friend), 'We share no security group with bob.');
  t.regex(explain(friend, POLICY, 0).answer, /no security group with bob\.$/);
  friend.name = '';
  t.is(troubleOf(friend), friend.lastError);
});

test('no link and nobody to dial: the friend has to call', (t) => {
  const friend = friendOf({ name: '', addresses: [] });
  const report = explain(friend, POLICY, 0);
  t.is(
    report.answer,
    `There is no link to ${bob.uid.slice(0, 8)}: no address is known, so the friend has to call us.`,
  );
  t.is(report.friendName, bob.uid.slice(0, 8), 'who has no name has the beginning of a UID');
});

test('an attempt under way is told as such', (t) => {
  const friend = friendOf({ uid: alice.uid });
  friend.attempt = new AbortController();
  t.is(explain(friend, POLICY, 0).state, 'connecting');
});

test('a cipher that only the friend knows is told by its number', (t) => {
  const session = sessionOf(exchange().initiator);
  const friend = connected({
    ...session,
    why: { ...session.why, friendCiphers: [{ cipher: 77, speed: 9 }] } as HandshakeSession['why'],
  });
  t.is(inputsOf(friend)["the friend's ciphers"], 'cipher 77 at 9 MB/s');
});

test('a change of keys under way is among the inputs, without a key', (t) => {
  const rotated = { groups: [{ name: 'lab', keys: ['the new key of lab', 'the old key of lab'] }] };
  const friend = connected(
    sessionOf(
      exchange(rotated, { groups: [{ name: 'lab', keys: ['the old key of lab'] }] }).initiator,
    ),
  );
  const until = Date.UTC(2030, 0, 2);
  const policy: Policy = {
    entries: [
      {
        name: 'lab',
        key: 'the new key of lab',
        previous: [],
        old: [{ key: 'the old key of lab', until }],
      },
    ],
    floor: 'never',
  };
  const report = explain(friend, policy, 0);
  const inputs = Object.fromEntries(report.inputs.map(({ name, value }) => [name, value]));
  t.is(inputs['of these by an old key alone'], 'lab');
  t.is(inputs['groups whose old key still counts'], 'lab until 2030-01-02T00:00:00.000Z');
  t.is(inputs['floor in force now'], 'never');
  t.notRegex(JSON.stringify(report), /key of lab/);
  t.regex(JSON.stringify(explain(friendOf(), policy, 0)), /lab until 2030/);
});
