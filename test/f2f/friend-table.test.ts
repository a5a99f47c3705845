import test from 'ava';
import { Friend } from '../../src/f2f/friend.ts';
import { FriendTable } from '../../src/f2f/friend-table.ts';
import { alice, bob } from '../links/handshake/handshake-driver.ts';

const friend = (publicKey?: Uint8Array): Friend =>
  new Friend({ uid: bob.uid, source: 'config', name: 'bob', addresses: [], port: 513, publicKey });

test('friends are found by their UIDs, in the order in which they came', (t) => {
  const table = new FriendTable();
  const first = friend();
  const second = new Friend({
    uid: alice.uid,
    source: 'config',
    name: '',
    addresses: [],
    port: 514,
  });
  table.set(first);
  table.set(second);
  t.deepEqual([...table], [first, second]);
  t.is(table.get(bob.uid), first);
  t.true(table.has(alice.uid));
  t.true(table.delete(alice.uid));
  t.false(table.delete(alice.uid));
  t.deepEqual([...table], [first]);
});

test('a UID is enough to come in, unless a key is pinned', (t) => {
  const table = new FriendTable();
  const key = bob.identity.publicKey;
  t.false(table.admits(bob.uid, key), 'a stranger');
  table.set(friend());
  t.true(table.admits(bob.uid, key));
  table.set(friend(key));
  t.true(table.admits(bob.uid, key.slice()));
  t.false(table.admits(bob.uid, alice.identity.publicKey));
});

test('who has another key is the same friend, and the former UID is nobody', (t) => {
  const table = new FriendTable();
  const known = friend(bob.identity.publicKey);
  table.set(known);
  table.succeed(known, alice.uid, alice.identity.publicKey);
  t.is(table.get(alice.uid), known);
  t.false(table.has(bob.uid));
  t.true(table.admits(alice.uid, alice.identity.publicKey));
  t.false(table.admits(bob.uid, bob.identity.publicKey));
  t.deepEqual(known.formerUids, [bob.uid]);
});
