import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { FIRST_LINK_PORT, FriendBook } from '../../src/controller/friend-book.ts';
import { KithError } from '../../src/errors.ts';
import { type Identity, loadOrCreateIdentity } from '../../src/f2f/identity.ts';
import { rotateIdentity } from '../../src/f2f/identity-rotation.ts';
import { makeTicket, parseTicket } from '../../src/f2f/ticket.ts';
import { parseUid, type Uid } from '../../src/f2f/uid.ts';
import type { HandshakeSession } from '../../src/links/handshake/handshake-outcome.ts';
import { alice, bob, exchange, mallory, sessionOf } from '../links/handshake/handshake-driver.ts';

interface Owner {
  readonly home: string;
  readonly identity: Identity;
  /** Another book on the same home, as after a restart. */
  open(): FriendBook;
  readonly errors: Error[];
}

async function owner(t: ExecutionContext): Promise<Owner> {
  const home = await mkdtemp(join(tmpdir(), 'kith-book-'));
  const books: FriendBook[] = [];
  t.teardown(async () => {
    // A write under way would make the home anew.
    for (const book of books) await book.settled();
    await rm(home, { recursive: true, force: true });
  });
  const identity = await loadOrCreateIdentity(home);
  const errors: Error[] = [];
  return {
    home,
    identity,
    errors,
    open: () => {
      const book = new FriendBook(identity, home, (error) => void errors.push(error));
      books.push(book);
      return book;
    },
  };
}

const entry = (uid: string, name?: string, addresses: string[] = []) => ({
  uid,
  addresses,
  ...(name === undefined ? {} : { name }),
});

/** The session of somebody who came with a ticket. */
function sessionFrom(uid: Uid = alice.uid, name = 'alice'): HandshakeSession {
  return { ...sessionOf(exchange().responder), friendUid: uid, friendName: name };
}

const uidOf = (digits: string): Uid => parseUid(digits.toLowerCase().padEnd(40, '0'));

test('a friend is found by UID, by its beginning and by name', async (t) => {
  const book = (await owner(t)).open();
  await book.load([entry(uidOf('ab12'), 'bob'), entry(uidOf('ab34'), 'carol'), entry(uidOf('cd'))]);
  t.is(book.find(uidOf('ab12')).name, 'bob');
  t.is(book.find(uidOf('ab12').toUpperCase()).name, 'bob');
  t.is(book.find('ab3').name, 'carol');
  t.is(book.find('carol').uid, uidOf('ab34'));
  t.is(book.find(' cd ').uid, uidOf('cd'));
});

test('what means nobody, or more than one, is told', async (t) => {
  const book = (await owner(t)).open();
  await book.load([
    entry(uidOf('ab12'), 'twin'),
    entry(uidOf('ab34'), 'twin'),
    entry(uidOf('cd'), 'ab'),
  ]);
  const find = (text: string) => t.throws(() => book.find(text), { instanceOf: KithError });
  for (const text of ['', '  ', 'Twin', 'nobody', uidOf('ff')]) {
    t.is(find(text)?.code, 'not-found', text);
  }
  t.is(
    find('twin')?.message,
    '"twin" means 2 friends; give more of the UID, as `kith friends` lists it.',
  );
  t.regex(find('nobody')?.message ?? '', /^There is no friend "nobody"; /);
  t.is(book.find('ab').uid, uidOf('cd'), 'a whole name goes before the beginning of a UID');
});

test('an empty book finds nobody', async (t) => {
  const book = (await owner(t)).open();
  await book.load([]);
  t.is(t.throws(() => book.find(''), { instanceOf: KithError })?.code, 'not-found');
});

test('our own entry in a shared list of friends is for the others', async (t) => {
  const { identity, open } = await owner(t);
  const friends = await open().load([entry(identity.uid, 'me'), entry(uidOf('ab'), 'bob')]);
  t.deepEqual(
    friends.map(({ name }) => name),
    ['bob'],
  );
});

test('each friend has a port of its own, and one that left makes room', async (t) => {
  const book = (await owner(t)).open();
  const many = Array.from({ length: 510 }, (_, i) => entry(uidOf(i.toString(16).padStart(4, '0'))));
  const friends = await book.load(many);
  const ports = new Set(friends.map(({ port }) => port));
  t.is(ports.size, 510);
  t.is(Math.min(...ports), FIRST_LINK_PORT);
  const full = await t.throwsAsync(book.invite('me', [], 1000), { instanceOf: KithError });
  t.is(full.code, 'config');
  t.regex(full.message, /^A node can have 510 friends; /);
  await book.remove(friends[7]!);
  await book.invite('me', [], 60_000);
  t.is(book.openTickets().length, 1);
  t.is(book.redeem(sessionFrom(), book.openTickets()[0]!.id).port, friends[7]!.port);
  await book.invite('me', [], 60_000).catch(() => {});
  t.deepEqual(book.openTickets(), [], 'a stranger finds no ticket open while there is no port');
});

test('a ticket is given out, is good once, and stays burnt after a restart', async (t) => {
  const { open, identity, home } = await owner(t);
  const book = open();
  await book.load([]);
  const { ticket, expiresAt } = await book.invite('me', ['udp://192.0.2.1:4000'], 60_000);
  const parsed = parseTicket(ticket, Date.now() / 1000);
  t.is(parsed.issuerUid, identity.uid);
  t.is(parsed.expiresAt * 1000, expiresAt.getTime());
  t.deepEqual(
    book.openTickets().map(({ id }) => id),
    [parsed.id],
  );

  const restarted = open();
  await restarted.load([]);
  t.deepEqual(
    restarted.openTickets().map(({ secret }) => Buffer.from(secret)),
    [Buffer.from(parsed.secret)],
    'it survives a restart',
  );
  const friend = restarted.redeem(sessionFrom(), parsed.id);
  t.is(friend.source, 'invited');
  t.is(friend.name, 'alice');
  t.deepEqual(restarted.openTickets(), []);
  await restarted.settled();
  t.false((await readFile(join(home, 'tickets.json'), 'utf8')).includes(parsed.id));

  const third = open();
  const [known] = await third.load([]);
  t.deepEqual(third.openTickets(), []);
  t.is(known?.uid, alice.uid);
  t.deepEqual(known?.publicKey, Buffer.from(friend.publicKey!));
  t.deepEqual(known?.addresses, friend.addresses);
});

test('a ticket that has run out is not open, and not kept', async (t) => {
  const { open, home } = await owner(t);
  const book = open();
  await book.load([]);
  await book.invite('me', [], -5000);
  t.deepEqual(book.openTickets(), []);
  const { ticket } = await book.invite('me', [], 60_000);
  t.is(JSON.parse(await readFile(join(home, 'tickets.json'), 'utf8')).length, 1);
  t.is(book.openTickets()[0]?.id, parseTicket(ticket, 0).id);
});

test('joining makes the issuer a friend, for good once the secret has done its work', async (t) => {
  const issuer = await owner(t);
  const { open, home } = await owner(t);
  const issued = issuer.open();
  await issued.load([]);
  const { ticket } = await issued.invite('bob', ['udp://192.0.2.1:4000'], 60_000);
  const book = open();
  await book.load([]);
  const friend = await book.join(`  ${ticket.toUpperCase()}\n`);
  t.is(friend.uid, issuer.identity.uid);
  t.is(friend.source, 'joined');
  t.is(friend.name, 'bob');
  t.deepEqual(friend.publicKey, issuer.identity.publicKey);
  t.is(friend.ticketSecret?.length, 16);
  t.is(book.find('bob'), friend);

  const [again] = await open().load([]);
  t.deepEqual(again?.ticketSecret, Buffer.from(friend.ticketSecret!), 'a restart may come between');
  friend.ticketSecret = undefined;
  book.redeemed();
  await book.settled();
  t.false((await readFile(join(home, 'friends.json'), 'utf8')).includes('ticketSecret'));
});

test('a ticket from somebody known adds addresses and makes nobody new', async (t) => {
  const issuer = await owner(t);
  const book = (await owner(t)).open();
  const [friend] = await book.load([entry(issuer.identity.uid, 'bobby', ['tcp://192.0.2.9:1'])]);
  const ticket = makeTicket(issuer.identity, {
    name: 'bob',
    addresses: ['udp://192.0.2.1:4000'],
    expiresAt: 4e9,
    secret: new Uint8Array(16).fill(3),
  });
  t.is(await book.join(ticket), friend!);
  t.deepEqual(friend?.addresses, ['udp://192.0.2.1:4000', 'tcp://192.0.2.9:1']);
  t.is(friend?.name, 'bobby', 'our name for it stays');
  t.is(friend?.ticketSecret?.length, 16, 'it may not know us yet');
});

test('another ticket of a friend that was never connected takes the place of the first', async (t) => {
  const issuer = await owner(t);
  const { open } = await owner(t);
  const book = open();
  await book.load([]);
  const ticketOf = (name: string, address: string, secret: number): string =>
    makeTicket(issuer.identity, {
      name,
      addresses: [address],
      expiresAt: 4e9,
      secret: new Uint8Array(16).fill(secret),
    });
  const friend = await book.join(ticketOf('bob', 'udp://192.0.2.1:4000', 3));
  t.is(await book.join(ticketOf('robert', 'udp://192.0.2.2:4000', 4)), friend);
  t.deepEqual([friend.name, friend.addresses], ['robert', ['udp://192.0.2.2:4000']]);
  t.is(friend.ticketSecret?.[0], 4);
  const [stored] = await open().load([]);
  t.deepEqual([stored?.name, stored?.ticketSecret?.[0]], ['robert', 4]);
  friend.ticketSecret = undefined; // as with the first link
  friend.wasLinked = true;
  const addresses = ['udp://192.0.2.3:4000', 'udp://192.0.2.2:4000'];
  await book.join(ticketOf('bobby', 'udp://192.0.2.3:4000', 5));
  t.is(friend.name, 'robert', 'a friend that has been here keeps its name');
  t.deepEqual(friend.addresses, addresses);
  // So it does if that ticket was of no use, and after a restart.
  const again = open();
  const [kept] = await again.load([]);
  await again.join(ticketOf('bert', 'udp://192.0.2.4:4000', 6));
  t.deepEqual([kept?.name, kept?.addresses], ['robert', ['udp://192.0.2.4:4000', ...addresses]]);
});

test('tickets that cannot be joined are told', async (t) => {
  const { open, identity } = await owner(t);
  const book = open();
  await book.load([]);
  const join = (text: string) => t.throwsAsync(book.join(text), { instanceOf: KithError });
  const { ticket } = await book.invite('me', [], 60_000);
  const own = await join(ticket);
  t.is(own.code, 'ticket');
  t.regex(own.message, /your own/);
  const issuer = await owner(t);
  const expired = makeTicket(issuer.identity, {
    name: 'old',
    addresses: [],
    expiresAt: 1000,
    secret: new Uint8Array(16),
  });
  const late = await join(expired);
  t.is(late.code, 'ticket');
  t.regex(late.message, /expired/);
  t.is((await join('kith1-nonsense')).code, 'ticket');
  t.throws(() => book.find(identity.uid));
  t.throws(() => book.find('old'));
});

test('the configuration goes before what is stored, and is not stored', async (t) => {
  const { open, home } = await owner(t);
  const book = open();
  await book.load([entry(mallory.uid, 'mallory')]);
  await book.invite('me', [], 60_000);
  book.redeem(sessionFrom(), book.openTickets()[0]!.id);
  await book.settled();
  const stored = await readFile(join(home, 'friends.json'), 'utf8');
  t.true(stored.includes(alice.uid));
  t.false(stored.includes(mallory.uid));
  const friends = await open().load([entry(alice.uid, 'ally', ['udp://192.0.2.77:1'])]);
  t.is(friends.length, 1);
  t.is(friends[0]?.source, 'config');
  t.deepEqual(friends[0]?.addresses, ['udp://192.0.2.77:1']);
});

test('a pinned key is taken from the configuration', async (t) => {
  const book = (await owner(t)).open();
  const publicKey = Buffer.from(bob.identity.publicKey).toString('hex');
  const [friend] = await book.load([{ uid: bob.uid, publicKey, addresses: [] }]);
  t.deepEqual(friend?.publicKey, Buffer.from(bob.identity.publicKey));
  t.is(friend?.uid, parseUid(bob.uid));
});

test('a removed friend is forgotten on disk, too', async (t) => {
  const { open } = await owner(t);
  const book = open();
  await book.load([]);
  await book.invite('me', [], 60_000);
  const friend = book.redeem(sessionFrom(), book.openTickets()[0]!.id);
  await book.remove(friend);
  t.throws(() => book.find('alice'));
  t.deepEqual(await open().load([]), []);
});

test('what cannot be stored is told, and the node goes on', async (t) => {
  const { open, home, errors } = await owner(t);
  const book = open();
  await book.load([]);
  await book.invite('me', [], 60_000);
  const [ticket] = book.openTickets();
  await rm(home, { recursive: true });
  await writeFile(home, 'a file where a directory should be');
  t.is(book.redeem(sessionFrom(), ticket!.id).name, 'alice');
  await book.settled();
  await new Promise((resolve) => setImmediate(resolve));
  t.is(errors.length, 2);
  t.true(errors.every((error) => error instanceof KithError && error.code === 'permission'));
});

test('a friend with another key is filed under it, and its tickets of before are no good', async (t) => {
  const issuer = await owner(t);
  const { open, home, errors } = await owner(t);
  const former = issuer.identity;
  const ticket = makeTicket(former, {
    name: 'bob',
    addresses: ['udp://192.0.2.1:4000'],
    expiresAt: 4e9,
    secret: new Uint8Array(16).fill(3),
  });
  const now = await rotateIdentity(issuer.home, former);
  for (const source of ['config', 'joined']) {
    const configured = source === 'config' ? [entry(former.uid, 'bob')] : [];
    const book = open();
    await book.load(configured);
    const friend = source === 'config' ? book.find('bob') : await book.join(ticket);
    const { port } = friend;
    friend.succeed(now.uid, now.publicKey);
    book.succeeded(friend, former.uid, {
      ...sessionFrom(now.uid, 'bob'),
      friendPublicKey: now.publicKey,
      successions: now.successions,
    });
    t.is(book.find(now.uid), friend);
    t.throws(() => book.find(former.uid), { message: /no friend/ });
    await book.settled();
    const again = open();
    const [stored] = await again.load([...configured, entry(now.uid, 'bob too')]);
    t.is(again.find(now.uid), stored!);
    t.deepEqual([stored?.uid, stored?.port, stored?.formerUids], [now.uid, port, [former.uid]]);
    t.deepEqual(Buffer.from(stored!.publicKey!), Buffer.from(now.publicKey));
    await t.throwsAsync(again.join(ticket), { message: /another key since; ask for a new ticket/ });
    await rm(join(home, 'successors.json'));
    await rm(join(home, 'friends.json'), { force: true });
  }
  t.deepEqual(errors, []);
});

test('our own former keys in a shared list are for the others, too', async (t) => {
  const { identity, open, home } = await owner(t);
  const book = open();
  const next = await rotateIdentity(home, identity);
  book.rotated(next);
  t.deepEqual(await book.load([entry(identity.uid, 'me'), entry(next.uid, 'me too')]), []);
});
