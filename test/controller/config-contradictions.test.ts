import test from 'ava';
import { type CrossChecked, contradictions } from '../../src/controller/config-contradictions.ts';
import { alice, bob } from '../links/handshake/handshake-driver.ts';

const SOUND: CrossChecked = {
  friends: [],
  groups: [{ name: 'default' }],
  taps: [],
  switch: { vlans: [], perPort: [], addresses: [] },
  stp: { helloTime: 2, maxAge: 20, forwardDelay: 15 },
  link: { keepaliveMs: 400, failAfterMs: 2200 },
};

/** Where the file contradicts itself, with dots. */
function places(changes: Partial<CrossChecked>): string[] {
  return [...contradictions({ ...SOUND, ...changes })].map(([path]) => path.join('.'));
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

test('the defaults go together', (t) => {
  t.deepEqual(places({}), []);
});

test('nobody and nothing is listed twice', (t) => {
  const twice = [{ uid: alice.uid }, { uid: bob.uid }, { uid: bob.uid }];
  t.deepEqual(places({ friends: twice }), ['friends.2.uid']);
  t.deepEqual(places({ groups: [{ name: 'a' }, { name: 'a' }] }), ['groups.1.name']);
  t.deepEqual(places({ taps: [{ name: 'k' }, { name: 'k' }] }), ['taps.1.name']);
});

test('interfaces of one name are others in other namespaces, and by a pattern', (t) => {
  t.deepEqual(places({ taps: [{ name: 'k' }, { name: 'k', netns: 'lab' }] }), []);
  t.deepEqual(places({ taps: [{ name: 'k%d' }, { name: 'k%d' }] }), []);
});

test('a public key is that of the UID beside it', (t) => {
  const [ours, theirs] = [hex(alice.identity.publicKey), hex(bob.identity.publicKey)];
  t.deepEqual(places({ friends: [{ uid: alice.uid, publicKey: ours }] }), []);
  t.deepEqual(places({ friends: [{ uid: bob.uid }, { uid: alice.uid, publicKey: theirs }] }), [
    'friends.1.publicKey',
  ]);
});

test('times of the spanning tree, at the very edge (802.1D-2004, 17.14)', (t) => {
  const stp = (maxAge: number) => places({ stp: { helloTime: 2, maxAge, forwardDelay: 15 } });
  t.deepEqual([5, 6, 28, 29].map(stp), [['stp.maxAge'], [], [], ['stp.maxAge']]);
});

test('a link outlives a lost keepalive', (t) => {
  const link = (failAfterMs: number) => places({ link: { keepaliveMs: 1000, failAfterMs } });
  t.deepEqual([link(2000), link(1999)], [[], ['link.failAfterMs']]);
});

test('all of them are told, those of the switch with their place in the file', (t) => {
  const told = places({
    groups: [{ name: 'a' }, { name: 'a' }],
    switch: { vlans: [], perPort: [{ port: 1 }, { port: 1 }], addresses: [] },
    link: { keepaliveMs: 1000, failAfterMs: 1000 },
  });
  t.deepEqual(told, ['groups.1.name', 'switch.perPort.1.port', 'link.failAfterMs']);
});
