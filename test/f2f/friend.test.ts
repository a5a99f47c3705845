import test from 'ava';
import { Friend } from '../../src/f2f/friend.ts';
import { alice, bob } from '../links/handshake/handshake-driver.ts';

const friend = (addresses: string[] = []): Friend =>
  new Friend({ uid: bob.uid, source: 'config', name: 'bob', addresses, port: 513 });

test('of what a friend says of itself sixteen addresses are kept, of kinds that we know', (t) => {
  const known = friend(['tcp://ours:1']);
  known.learntAddresses = [
    'memory://here',
    'file:///etc/passwd',
    'udpx://h:1',
    'tcp://ours:1',
    ...Array.from({ length: 40 }, (_, i) => `udp://host-${i}:1`),
  ];
  t.is(known.learntAddresses.length, 16);
  t.true(known.learntAddresses.every((url) => /^(udp|tcp):/.test(url)));
  t.is(known.candidates.length, 16, 'without repeats');
  t.is(known.candidates[0], 'tcp://ours:1', 'ours first');
});

test('a friend that has another key is another UID, and the same friend', (t) => {
  const known = friend();
  known.succeed(alice.uid, alice.identity.publicKey);
  t.is(known.uid, alice.uid);
  t.deepEqual(known.formerUids, [bob.uid]);
  t.is(known.publicKey, alice.identity.publicKey);
});
