/** Groups and floors that change while nodes run: real sockets, real frames. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { eventually, friendEntry, linkTo, type Person, person } from './node-fixtures.ts';

async function link(from: Person): Promise<string> {
  const [first] = await from.api.links();
  return first === undefined ? 'none' : first.security;
}

const both = async (state: string, ...people: readonly Person[]): Promise<boolean> =>
  (await Promise.all(people.map(link))).every((each) => each === state);

for (const scheme of ['udp', 'tcp']) {
  test.serial(`${scheme}: groups come and go on a live link, at either end`, async (t) => {
    const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
    await alice.start({ advertise: [], friends: [friendEntry(bob)], groups: [{ name: 'a' }] });
    await bob.start({
      advertise: [],
      friends: [friendEntry(alice, alice.url(scheme))],
      groups: [{ name: 'b' }],
    });
    const { port } = await linkTo(bob, alice);
    await linkTo(alice, bob);
    t.true(await both('clear', alice, bob));

    const key = 'a key of sixteen or more';
    await alice.api.addGroup({ name: 'lab', key });
    await bob.api.addGroup({ name: 'lab', key });
    await eventually('a sealed link', () => both('sealed', alice, bob), 1000);
    t.deepEqual((await bob.api.groups()).find(({ name }) => name === 'lab')?.sharedWith, ['alice']);
    t.is((await bob.api.links())[0]?.port, port);

    await bob.api.rotateGroup({ name: 'lab' });
    await eventually(
      'alice to be known to lack the new key',
      async () =>
        (await bob.api.groups()).find(({ name }) => name === 'lab')?.byOldKey.length === 1,
      1000,
    );
    t.true(await both('sealed', alice, bob));
    const { inputs } = await bob.api.why('alice');
    t.regex(
      inputs.find(({ name }) => name === 'groups whose old key still counts')?.value ?? '',
      /^lab until 20/,
    );
    const stored: unknown = JSON.parse(await readFile(join(bob.home, 'groups.json'), 'utf8'));
    const fresh = /"key":"([\w-]{32})"/.exec(JSON.stringify(stored))?.[1];
    t.truthy(fresh);
    for (const told of [inputs, await bob.api.groups(), await bob.api.status()]) {
      t.false(JSON.stringify(told).includes(fresh!));
    }
    await alice.api.rotateGroup({ name: 'lab', key: fresh! });
    await eventually(
      'nobody to lack it',
      async () =>
        (await bob.api.groups()).find(({ name }) => name === 'lab')?.byOldKey.length === 0,
      1000,
    );

    await alice.api.removeGroup('lab');
    await eventually('a clear link', () => both('clear', alice, bob), 1000);
    for (const each of [alice, bob]) t.is((await each.api.status()).counters.coreLost, 0);
  });

  test.serial(
    `${scheme}: plaintext "never" ends a clear link, and both ends can read why`,
    async (t) => {
      const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
      await alice.start({ advertise: [], friends: [friendEntry(bob)], groups: [{ name: 'a' }] });
      await bob.start({
        advertise: [],
        friends: [friendEntry(alice, alice.url(scheme))],
        groups: [{ name: 'b' }],
      });
      await linkTo(bob, alice);
      await linkTo(alice, bob);
      await alice.api.setPlaintext('never');
      await eventually('the link to end', () => both('none', alice, bob), 1500);
      for (const [one, other] of [[alice, bob] as const, [bob, alice] as const]) {
        const { answer, inputs } = await one.api.why(other.name);
        t.regex(
          answer,
          /no security group with .* never lets frames go in the clear; join one group/,
        );
        t.is(
          inputs.find(({ name }) => name === 'we allow plaintext')?.value,
          one === alice ? 'never' : 'when-no-shared-group',
        );
        const [friend] = await one.api.friends();
        t.regex(friend?.lastError ?? '', /never lets frames go in the clear/);
      }
      await eventually('both to say that it is refused', async () => {
        const friends = [...(await alice.api.friends()), ...(await bob.api.friends())];
        return friends.every(({ state, refusal }) => {
          return state === 'refused' && refusal === 'plaintext-refused';
        });
      });
      await alice.api.addGroup({ name: 'b' });
      await eventually('a sealed link', () => both('sealed', alice, bob), 17_000);
      for (const { api } of [alice, bob]) {
        const [friend] = await api.friends();
        t.deepEqual([friend?.state, friend?.refusal], ['connected', undefined]);
      }
    },
  );
}

test.serial('what was changed holds after a restart', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  const config = { friends: [friendEntry(bob)] };
  await alice.start(config);
  await alice.api.addGroup({ name: 'lab', key: 'a key of sixteen or more' });
  await alice.api.removeGroup('default');
  await alice.api.setPlaintext('never');
  await alice.stop();
  await alice.start(config);
  const { groups, plaintext } = await alice.api.status();
  t.deepEqual([groups, plaintext], [['lab'], 'never']);
});

test.serial('a friend that is removed loses its session at once', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  await alice.start({ friends: [friendEntry(bob)] });
  await bob.start({ friends: [friendEntry(alice, alice.url('udp'))] });
  await linkTo(bob, alice);
  await linkTo(alice, bob);
  await alice.api.removeFriend('bob');
  t.deepEqual(await alice.api.links(), []);
  t.deepEqual(await alice.api.friends(), []);
  await eventually('bob to hear of it', async () => (await bob.api.links()).length === 0, 500);
  await eventually('bob to be told that it is unknown', async () => {
    return /does not know us/.test((await bob.api.why('alice')).answer);
  });
  t.deepEqual(await alice.api.links(), []);
});
