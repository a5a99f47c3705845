import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KithError } from '../../src/errors.ts';
import { FriendStore, type StoredFriend, type StoredTicket } from '../../src/f2f/friend-store.ts';
import { alice, bob } from '../links/handshake/handshake-driver.ts';

async function homeFor(t: ExecutionContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'kith-store-'));
  t.teardown(() => rm(home, { recursive: true, force: true }));
  return home;
}

const FRIEND: StoredFriend = {
  uid: bob.uid,
  publicKey: Buffer.from(bob.identity.publicKey).toString('hex'),
  name: 'bob',
  addresses: ['udp://192.0.2.1:4000'],
  source: 'invited',
};
const TICKET: StoredTicket = { id: '0011223344556677', secret: 'ab'.repeat(16), expiresAt: 4e9 };

test('a home without files has no friends and no tickets', async (t) => {
  const store = new FriendStore(await homeFor(t));
  t.deepEqual(await store.friends(), []);
  t.deepEqual(await store.tickets(), []);
});

test('what is saved is read back, and only the owner may read it', async (t) => {
  const home = await homeFor(t);
  const store = new FriendStore(home);
  const joined: StoredFriend = {
    ...FRIEND,
    uid: alice.uid,
    source: 'joined',
    ticketSecret: 'cd'.repeat(16),
  };
  await store.saveFriends([FRIEND, joined]);
  await store.saveTickets([TICKET]);
  const again = new FriendStore(home);
  t.deepEqual(await again.friends(), [FRIEND, joined]);
  t.deepEqual(await again.tickets(), [TICKET]);
  t.deepEqual(
    (await readdir(home)).sort(),
    ['friends.json', 'tickets.json'],
    'nothing else is left',
  );
  for (const name of await readdir(home)) {
    t.is((await stat(join(home, name))).mode & 0o777, 0o600);
  }
});

test('a home that is not there yet is made, privately', async (t) => {
  const home = join(await homeFor(t), 'deep', 'home');
  await new FriendStore(home).saveTickets([TICKET]);
  t.is((await stat(home)).mode & 0o777, 0o700);
});

test('of many writes at once the last wins, and a reader sees whole files only', async (t) => {
  const home = await homeFor(t);
  const store = new FriendStore(home);
  await store.saveFriends([]);
  const writes = Array.from({ length: 30 }, (_, count) =>
    store.saveFriends(Array.from({ length: count }, () => FRIEND)),
  );
  let reading = true;
  const reads = (async () => {
    while (reading) JSON.parse(await readFile(join(home, 'friends.json'), 'utf8'));
  })();
  await store.settled();
  await Promise.all(writes);
  reading = false;
  await t.notThrowsAsync(reads);
  t.is((await store.friends()).length, 29);
  t.deepEqual(await readdir(home), ['friends.json']);
});

test('a write that fails says so, leaves nothing and does not hinder the next', async (t) => {
  const home = await homeFor(t);
  const store = new FriendStore(home);
  await writeFile(join(home, 'friends.json'), '[]');
  // A directory in the way cannot be replaced by a file.
  await rm(join(home, 'friends.json'));
  await mkdir(join(home, 'friends.json', 'x'), { recursive: true });
  const error = await t.throwsAsync(store.saveFriends([FRIEND]), { instanceOf: KithError });
  t.is(error.code, 'permission');
  t.regex(error.message, /^\S*friends\.json cannot be written; .*\.$/);
  t.deepEqual(await readdir(home), ['friends.json']);
  await t.notThrowsAsync(store.saveTickets([TICKET]));
});

const DAMAGED: readonly (readonly [string, string])[] = [
  ['cut short', '[{"uid": "'],
  ['empty', ''],
  ['no list', '{}'],
  ['a UID that is none', JSON.stringify([{ ...FRIEND, uid: 'bob' }])],
  ['an unknown key', JSON.stringify([{ ...FRIEND, admin: true }])],
  ['a short public key', JSON.stringify([{ ...FRIEND, publicKey: 'ab' }])],
  ['a source that is none', JSON.stringify([{ ...FRIEND, source: 'config' }])],
  ['nul octets', '\0\0\0\0'],
];

for (const [what, text] of DAMAGED) {
  test(`a damaged file is told and left alone: ${what}`, async (t) => {
    const home = await homeFor(t);
    const path = join(home, 'friends.json');
    await writeFile(path, text);
    const error = await t.throwsAsync(new FriendStore(home).friends(), { instanceOf: KithError });
    t.is(error.code, 'config');
    t.true(error.message.startsWith(`${path} is damaged; `), error.message);
    t.is(await readFile(path, 'utf8'), text);
  });
}

test('a file that cannot be read is no empty one', async (t) => {
  const home = await homeFor(t);
  await mkdir(join(home, 'tickets.json'));
  const error = await t.throwsAsync(new FriendStore(home).tickets(), { instanceOf: KithError });
  t.is(error.code, 'permission');
});
