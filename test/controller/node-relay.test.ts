/** Two friends who cannot reach one another, and a third whom both know. */
import test from 'ava';
import { eventually, friendEntry, linkTo, person } from './node-fixtures.ts';

const LAB = { groups: [{ name: 'lab', key: 'a key of sixteen and more' }] };
const OTHER = { groups: [{ name: 'other', key: 'another key of that length' }] };

test.serial(
  'friends get a sealed link through a friend in common, and a direct one later',
  async (t) => {
    t.timeout(60_000);
    const [alice, bob, carol] = [
      await person(t, 'alice'),
      await person(t, 'bob'),
      await person(t, 'carol'),
    ];
    await carol.start({ ...OTHER, advertise: [], friends: [friendEntry(alice), friendEntry(bob)] });
    const toCarol = friendEntry(carol, carol.url('udp'));
    await alice.start({ ...LAB, advertise: [], friends: [friendEntry(bob), toCarol] });
    await bob.start({ ...LAB, advertise: [], friends: [friendEntry(alice), toCarol] });
    await linkTo(alice, carol);
    await linkTo(bob, carol);
    const there = await linkTo(alice, bob, 10_000);
    const back = await linkTo(bob, alice, 10_000);
    for (const link of [there, back]) {
      t.is(link.provider, 'relay');
      t.is(link.relay, 'carol');
      t.is(link.remote, `relay://${carol.uid}`);
      t.is(link.security, 'sealed');
      t.deepEqual(link.sharedGroups, ['lab']);
    }
    const why = await alice.api.why('bob');
    t.regex(why.answer, /sealed.*through carol/);
    t.is(why.inputs.find(({ name }) => name === 'provider')?.value, 'relay via carol');
    await eventually('the path MTU', async () => (await linkTo(alice, bob)).pathMtu > 9000);
    const { counters } = await carol.api.status();
    t.true(counters.coreRelayCircuits! >= 1);
    t.true(counters.ioRelayedPackets! > 0);

    // The relay goes: so does the link. It comes back: so does the link.
    const { port } = there;
    await carol.stop();
    await eventually('the loss', async () => (await alice.api.links()).length === 0, 5000);
    await carol.start({
      ...OTHER,
      listen: [toCarol.addresses[0]!],
      advertise: [],
      friends: [friendEntry(alice), friendEntry(bob)],
    });
    const again = await linkTo(alice, bob, 15_000);
    t.like(again, { provider: 'relay', port });

    // Bob hears of alice's address, and the better way replaces the other on the same port.
    await bob.stop();
    await bob.start({
      ...LAB,
      advertise: [],
      friends: [friendEntry(alice, alice.url('udp')), toCarol],
    });
    await eventually('the direct link', async () => {
      const [one, other] = [await alice.api.links(), await bob.api.links()];
      const direct = (link: { provider: string; friend: string }): boolean =>
        link.provider === 'udp' && [alice.uid, bob.uid].includes(link.friend);
      return one.some(direct) && other.some(direct);
    });
    t.is((await linkTo(alice, bob)).port, port);
    await eventually('the circuits to go', async () => {
      const status = await carol.api.status();
      return status.counters.coreRelayCircuits === 0;
    });
  },
);

test.serial('a relayed link follows the groups of its ends', async (t) => {
  t.timeout(60_000);
  const [alice, bob, carol] = [
    await person(t, 'alice'),
    await person(t, 'bob'),
    await person(t, 'carol'),
  ];
  await carol.start({ ...OTHER, advertise: [], friends: [friendEntry(alice), friendEntry(bob)] });
  const toCarol = friendEntry(carol, carol.url('tcp'));
  await alice.start({ ...LAB, advertise: [], friends: [friendEntry(bob), toCarol] });
  await bob.start({ groups: [], advertise: [], friends: [friendEntry(alice), toCarol] });
  t.is((await linkTo(alice, bob, 10_000)).security, 'clear');
  for (const security of ['sealed', 'clear', 'sealed'] as const) {
    if (security === 'sealed') await bob.api.addGroup(LAB.groups[0]!);
    else await bob.api.removeGroup('lab');
    await eventually(`a ${security} link`, async () => {
      const links = [await linkTo(alice, bob), await linkTo(bob, alice)];
      return links.every((link) => link.security === security && link.provider === 'relay');
    });
  }
  t.is((await alice.api.status()).counters.coreLost, 0);
});

test.serial('who does not relay, or does not know the other, says no alike', async (t) => {
  t.timeout(60_000);
  const [alice, bob, carol] = [
    await person(t, 'alice'),
    await person(t, 'bob'),
    await person(t, 'carol'),
  ];
  const link = { relay: false };
  await carol.start({ advertise: [], link, friends: [friendEntry(alice), friendEntry(bob)] });
  const toCarol = friendEntry(carol, carol.url('udp'));
  await alice.start({ advertise: [], friends: [friendEntry(bob), toCarol] });
  await bob.start({ advertise: [], friends: [friendEntry(alice), toCarol] });
  await linkTo(alice, carol);
  await linkTo(bob, carol);
  await eventually('a refusal', async () => {
    const { counters } = await carol.api.status();
    return counters.coreRelayRefused! > 0;
  });
  t.is((await alice.api.links()).length, 1);
});
