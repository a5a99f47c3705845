import test from 'ava';
import { ManualClock } from '../../src/clock.ts';
import { Admission, type AdmissionOptions } from '../../src/f2f/admission.ts';
import { Friend } from '../../src/f2f/friend.ts';
import { FriendTable } from '../../src/f2f/friend-table.ts';
import { alice, bob } from '../links/handshake/handshake-driver.ts';
import { fakeCarrier, fakeSession } from './fake-session.ts';

const friendOf = (uid = bob.uid): Friend =>
  new Friend({ uid, source: 'config', name: 'bob', addresses: [], port: 513 });

function world(changes: Partial<AdmissionOptions> = {}) {
  const told: string[] = [];
  const friends = new FriendTable();
  const counters = { succeeded: 0 };
  const admission = new Admission({
    clock: new ManualClock(),
    log: { info: () => {}, warn: () => {}, debug: () => {} },
    counters,
    friends,
    providers: { preferenceOf: () => 10 },
    indices: { give: (index) => void told.push(`give ${index}`) },
    accepted: {
      done: () => void told.push('done'),
      refused: () => void told.push('refused'),
    },
    policy: { current: 3 },
    links: {
      established: ({ uid }, { preference }) => {
        told.push(`link to ${uid === bob.uid ? 'bob' : 'alice'} at ${preference}`);
      },
    },
    redeem: () => {
      throw new Error('no ticket was given');
    },
    succeeded: (friend, formerUid) => {
      told.push(`${friend.uid === alice.uid} ${formerUid === bob.uid}`);
    },
    endLink: (_, reason) => void told.push(`end: ${reason}`),
    removeFriend: (uid, reason) => void told.push(`remove: ${reason}`, String(friends.delete(uid))),
    ...changes,
  });
  return { admission, counters, friends, done: () => told.splice(0), told };
}

const close = (told: string[]) => fakeCarrier({}, () => void told.push('close'));

test('a friend who calls has a link', (t) => {
  const { admission, done, friends } = world();
  friends.set(friendOf());
  admission.answered(fakeSession({ role: 'responder' }), fakeCarrier());
  t.deepEqual(done(), ['done', 'link to bob at 10']);
});

test('who is no friend by now gets no session, nor does anybody when the node ends', (t) => {
  const { admission, done, friends, told } = world();
  admission.answered(fakeSession({ localIndex: 4 }), close(told));
  t.deepEqual(done(), ['done', 'give 4', 'close']);
  friends.set(friendOf());
  admission.close();
  admission.answered(fakeSession({ localIndex: 5 }), close(told));
  t.deepEqual(done(), ['done', 'give 5', 'close']);
});

test('who is a friend already is away as long as before, ticket or not', (t) => {
  const friend = friendOf();
  friend.absentSince = 1000;
  const { admission, friends } = world({ clock: new ManualClock(9000), redeem: () => friend });
  friends.set(friend);
  admission.answered(fakeSession({ redeemedTicket: 'a ticket' }), fakeCarrier());
  t.is(friend.absentSince, 1000);
});

test('a ticket makes a friend, if it can be taken', (t) => {
  const session = fakeSession({ redeemedTicket: 'a ticket' });
  const clock = new ManualClock(9000);
  const taken = world({ clock, redeem: () => friendOf() });
  taken.admission.answered(session, fakeCarrier());
  t.is(taken.friends.get(bob.uid)?.absentSince, 9000, 'until a record comes there is no link');
  t.deepEqual(taken.done(), ['done', 'link to bob at 10']);
  const full = world();
  full.admission.answered(session, close(full.told));
  t.deepEqual([...full.friends], []);
  t.deepEqual(full.done(), ['give 1', 'close']);
});

const succession = fakeSession({
  friendUid: alice.uid,
  friendPublicKey: alice.identity.publicKey,
  formerUid: bob.uid,
});

test('a friend with another key is filed under it', (t) => {
  const { admission, counters, done, friends } = world();
  const friend = friendOf();
  friends.set(friend);
  admission.answered(succession, fakeCarrier());
  t.deepEqual([...friends], [friend]);
  t.is(friends.get(alice.uid), friend);
  t.is(counters.succeeded, 1);
  t.deepEqual(done(), ['done', 'true true', 'link to alice at 10']);
  admission.answered(succession, fakeCarrier());
  t.is(counters.succeeded, 1, 'it is known by now');
});

test('whom we know by both keys is one friend', (t) => {
  const { admission, counters, done, friends } = world();
  const known = friendOf(alice.uid);
  friends.set(friendOf());
  friends.set(known);
  admission.answered(succession, fakeCarrier());
  t.deepEqual([...friends], [known]);
  t.is(counters.succeeded, 0);
  t.deepEqual(done(), [
    'done',
    'remove: this friend is known by its new key',
    'true',
    'true true',
    'link to alice at 10',
  ]);
});

test('what is refused is the trouble of the friend', (t) => {
  const { admission, done, friends } = world();
  const failure = {
    reason: 'plaintext-refused',
    by: 'us',
    detail: 'No group in common.',
    peerUid: bob.uid,
  } as const;
  admission.refused(failure, fakeCarrier(), 3);
  t.deepEqual(done(), ['refused'], 'a stranger has none');
  const friend = friendOf();
  friends.set(friend);
  admission.refused(failure, fakeCarrier(), 3);
  t.deepEqual([friend.state, friend.lastError], ['refused', failure.detail]);
  t.deepEqual(done(), ['refused']);
});

test('a link ends when the policy in force refuses plaintext, and not for a former one', (t) => {
  const { admission, done, friends } = world();
  const friend = friendOf();
  const [session, carrier] = [fakeSession(), fakeCarrier()];
  friend.current = { session, carrier, preference: 10, used: true, since: 0, bulkQueued: false };
  friends.set(friend);
  const failure = { by: 'us', detail: 'No.', peerUid: bob.uid } as const;
  admission.refused({ ...failure, reason: 'plaintext-refused' }, carrier, 2);
  admission.refused({ ...failure, reason: 'timeout' }, carrier, 3);
  t.deepEqual(done(), ['refused', 'refused']);
  admission.refused({ ...failure, reason: 'plaintext-refused' }, carrier, 3);
  t.deepEqual(done(), ['refused', 'end: No.']);
});
