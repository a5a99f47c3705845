/** Nodes that change their keys: friends follow, and nobody gets back in by an old one. */
import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { loadIdentity } from '../../src/f2f/identity.ts';
import { rotateIdentity } from '../../src/f2f/identity-rotation.ts';
import { eventually, friendEntry, linkTo, type Person, person, scratch } from './node-fixtures.ts';

async function connected(from: Person, uid: string): Promise<boolean> {
  return (await from.api.links()).some((link) => link.friend === uid);
}

async function rotateAlone(home: string): Promise<string> {
  const identity = await loadIdentity(home);
  return (await rotateIdentity(home, identity!)).uid;
}

for (const [scheme, who] of [
  ['udp', 'caller'],
  ['udp', 'called'],
  ['tcp', 'caller'],
  ['tcp', 'called'],
] as const) {
  test.serial(`${scheme}: the ${who} changes its key on a live link`, async (t) => {
    const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
    await alice.start({ advertise: [], friends: [friendEntry(bob)] });
    await bob.start({ advertise: [], friends: [friendEntry(alice, alice.url(scheme))] });
    await linkTo(bob, alice);
    await linkTo(alice, bob);
    const [changing, other] = who === 'caller' ? [bob, alice] : [alice, bob];
    const { port } = (await other.api.links())[0]!;

    const { uid, formerUid } = await changing.api.rotateIdentity();
    t.is(formerUid, changing.uid);
    t.is((await changing.api.status()).uid, uid);
    await eventually('the friend to follow', () => connected(other, uid), 1000);
    t.is((await other.api.links())[0]?.port, port);
    t.is((await other.api.status()).counters.coreSucceeded, 1);
    const [friend] = await other.api.friends();
    t.is(friend?.uid, uid);
    t.deepEqual(friend?.formerUids, [formerUid]);
    t.is(friend?.name, changing.name);
    const { inputs } = await other.api.why(changing.name);
    t.is(inputs.find(({ name }) => /had before/.test(name))?.value, formerUid);
    await t.throwsAsync(other.api.why(formerUid), { message: /There is no friend/ });

    // Again, and both at once.
    const both = await Promise.all([changing.api.rotateIdentity(), other.api.rotateIdentity()]);
    await eventually(
      'each to know the other by its newest key',
      async () =>
        (await connected(other, both[0]!.uid)) && (await connected(changing, both[1]!.uid)),
      3000,
    );
    for (const each of [alice, bob]) t.is((await each.api.status()).counters.coreLost, 0);
  });
}

test.serial(
  'who was away for several changes follows, and the list in its configuration too',
  async (t) => {
    const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
    await alice.start({ advertise: [], friends: [friendEntry(bob)] });
    const url = alice.url('udp');
    const bobConfig = { advertise: [], friends: [friendEntry(alice, url)] };
    await bob.start(bobConfig);
    await linkTo(bob, alice);
    await bob.stop();
    await alice.stop();
    const former = [alice.uid];
    for (let i = 0; i < 3; i++) former.push(await rotateAlone(alice.home));
    const newest = former.pop()!;
    await alice.start({ advertise: [], listen: [url], friends: [friendEntry(bob)] });
    await bob.start(bobConfig);
    await eventually('bob to follow', () => connected(bob, newest));
    t.deepEqual(
      (await bob.api.friends()).map(({ uid }) => uid),
      [newest],
    );
    await bob.stop();
    const stored = JSON.parse(await readFile(join(bob.home, 'successors.json'), 'utf8')) as {
      formerUid: string;
      uid: string;
      counter: number;
    }[];
    t.deepEqual(
      stored.map(({ formerUid, uid, counter }) => [formerUid, uid, counter]),
      former.map((uid) => [uid, newest, 3]),
    );
    // The configuration still names the first key.
    await bob.start(bobConfig);
    t.deepEqual(
      (await bob.api.friends()).map(({ uid }) => uid),
      [newest],
    );
    await eventually('a link again', () => connected(bob, newest));
    t.is((await bob.api.status()).counters.coreSucceeded, 0, 'it knew');
  },
);

test.serial('an old key opens no door, whatever succession comes with it', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  const stolen = join(scratch(t), 'stolen');
  await cp(alice.home, stolen, { recursive: true });
  await bob.start({ advertise: [], friends: [friendEntry(alice)] });
  await alice.start({ advertise: [], friends: [friendEntry(bob, bob.url('udp'))] });
  await linkTo(bob, alice);
  const { uid } = await alice.api.rotateIdentity();
  await eventually('bob to follow', () => connected(bob, uid));

  const thief = await person(t, 'thief');
  const rob = async (): Promise<void> => {
    await rm(thief.home, { recursive: true });
    await cp(stolen, thief.home, { recursive: true });
    await thief.start({ advertise: [], friends: [friendEntry(bob, bob.url('udp'))] });
    await eventually('the thief to be turned away', async () =>
      /does not know us/.test((await thief.api.why('bob')).answer),
    );
    t.is((await bob.api.status()).friends.known, 1);
    t.truthy(await eventually('bob and alice to be linked', () => connected(bob, uid)));
    await thief.stop();
  };
  await rob();
  // The thief has the old key sign a successor of its own: too late.
  await rotateAlone(stolen);
  await rob();
  t.is((await bob.api.friends())[0]?.uid, uid);
});
