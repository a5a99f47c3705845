/** What happens to the link between two nodes when the ground under it moves. */
import test, { type ExecutionContext } from 'ava';
import { eventually, friendEntry, linkTo, type Person, person } from './node-fixtures.ts';
import { tcpRelay, udpRelay } from './relays.ts';

/** What both ends call their session, if each has one. */
async function sessions(one: Person, other: Person): Promise<readonly [string, string]> {
  const name = async (from: Person, to: Person): Promise<string> => {
    const { inputs } = await from.api.why(to.uid);
    return inputs.find((input) => input.name.startsWith('session, as'))?.value ?? 'none';
  };
  return [await name(one, other), await name(other, one)];
}

async function agreed(one: Person, other: Person): Promise<boolean> {
  const [ours, theirs] = await sessions(one, other);
  return ours !== 'none' && ours === theirs;
}

/** Runs each once, so that its ports are known and kept. */
async function settlePorts(...people: readonly Person[]): Promise<Map<Person, readonly string[]>> {
  const urls = new Map<Person, readonly string[]>();
  for (const each of people) {
    await each.start();
    urls.set(each, each.node.ready.listening);
  }
  for (const each of people) await each.stop();
  return urls;
}

test.serial('udp to tcp and back, when one of them breaks, on the same port', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  // The relays are the only ways: nobody tells the other where it really is.
  await alice.start({ advertise: [], friends: [friendEntry(bob)] });
  const udp = await udpRelay(t, alice.url('udp'));
  const tcp = await tcpRelay(t, alice.url('tcp'));
  await bob.start({ advertise: [], friends: [friendEntry(alice, udp.url, tcp.url)] });
  const first = await linkTo(bob, alice);
  const firstBack = await linkTo(alice, bob);
  t.is(first.provider, 'udp');

  const over = async (provider: string): Promise<void> => {
    await eventually(`both over ${provider}`, async () => {
      const [there] = await bob.api.links();
      const [back] = await alice.api.links();
      return there?.provider === provider && back?.provider === provider;
    });
    t.true(await agreed(alice, bob));
    t.is((await bob.api.links())[0]?.port, first.port);
    t.is((await alice.api.links())[0]?.port, firstBack.port);
  };
  udp.mischief = () => [];
  const cutAt = performance.now();
  // The counter stays, where a look at the links may come too late: tcp takes over at once.
  await eventually(
    'the loss to be noticed',
    async () => (await bob.api.status()).counters.coreLost! >= 1,
    4000,
  );
  t.true(performance.now() - cutAt > 1000, 'not by accident');
  await over('tcp');
  udp.mischief = (datagram) => [datagram];
  tcp.cut(true);
  await over('udp');
  t.true((await bob.api.status()).counters.coreLost! >= 2);
});

test.serial('a broken stream is noticed at once and made anew', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  await alice.start({ advertise: [], friends: [friendEntry(bob)] });
  const tcp = await tcpRelay(t, alice.url('tcp'));
  await bob.start({ advertise: [], friends: [friendEntry(alice, tcp.url)] });
  await linkTo(bob, alice);
  for (let round = 0; round < 3; round++) {
    await eventually('agreement', () => agreed(alice, bob));
    const [before] = await sessions(alice, bob);
    tcp.cut(false);
    await eventually(
      'another session',
      async () => (await agreed(alice, bob)) && (await sessions(alice, bob))[0] !== before,
      3000,
    );
  }
  t.pass();
});

test.serial('a friend that changes its address stays connected', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  await alice.start({ advertise: [], friends: [friendEntry(bob)] });
  const wifi = await udpRelay(t, alice.url('udp'));
  await bob.start({ advertise: [], friends: [friendEntry(alice, wifi.url)] });
  await linkTo(bob, alice);
  const before = (await linkTo(alice, bob)).remote;
  const [session] = await sessions(alice, bob);
  // From now on bob's datagrams reach alice from another socket.
  const mobile = await udpRelay(t, alice.url('udp'));
  const through = (await import('node:dgram')).createSocket('udp4');
  t.teardown(() => through.close());
  const port = Number(new URL(mobile.url).port);
  wifi.mischief = (datagram, towards) => {
    if (towards === 'target') through.send(datagram, port, '127.0.0.1');
    return [];
  };
  await eventually('alice to follow', async () => {
    const [link] = await alice.api.links();
    return link !== undefined && link.remote !== before;
  });
  t.is((await sessions(alice, bob))[0], session);
});

for (const scheme of ['udp', 'tcp']) {
  test.serial(`${scheme}: a node that starts again is back within seconds`, async (t) => {
    const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
    const calls = { advertise: [], friends: [friendEntry(bob)] };
    await alice.start(calls);
    await bob.start({ advertise: [], friends: [friendEntry(alice, alice.url(scheme))] });
    const { port } = await linkTo(bob, alice);
    for (const pause of [0, 500]) {
      await alice.stop();
      await eventually('bob to notice', async () => (await bob.api.links()).length === 0, 1500);
      t.regex((await bob.api.why('alice')).answer, /^There is no link to alice\./);
      await new Promise((resolve) => setTimeout(resolve, pause));
      await alice.start(calls);
      t.is((await linkTo(bob, alice, 4000)).port, port);
      t.true(await eventually('agreement', () => agreed(alice, bob)));
    }
  });
}

/** Rounds in which both start at once; with KITH_TEST_THOROUGH set, more of them. */
const ROUNDS = process.env.KITH_TEST_THOROUGH ? 20 : 5;
/** Rounds at a time. */
const BATCH = 5;

/** Both start at the same moment and dial each other. */
async function simultaneous(t: ExecutionContext, round: number): Promise<void> {
  const [alice, bob] = [await person(t, `alice-${round}`), await person(t, `bob-${round}`)];
  const urls = await settlePorts(alice, bob);
  await Promise.all([
    alice.start({ friends: [friendEntry(bob, ...urls.get(bob)!)] }),
    bob.start({ friends: [friendEntry(alice, ...urls.get(alice)!)] }),
  ]);
  await eventually(`round ${round}: one session`, () => agreed(alice, bob), 5000);
  const until = performance.now() + 4000;
  while (performance.now() < until) {
    for (const each of [alice, bob]) t.is((await each.api.links()).length, 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.true(await agreed(alice, bob), `round ${round}: ${(await sessions(alice, bob)).join(' / ')}`);
  for (const each of [alice, bob]) {
    t.is((await each.api.status()).counters.coreLost, 0, `round ${round}`);
    t.is((await each.api.links())[0]?.provider, 'udp');
  }
  await Promise.all([alice.stop(), bob.stop()]);
}

test.serial(`calling one another at once, ${ROUNDS} times: one session, none lost`, async (t) => {
  t.timeout(120_000);
  for (let first = 0; first < ROUNDS; first += BATCH) {
    const rounds = Array.from({ length: BATCH }, (_, i) => simultaneous(t, first + i));
    await Promise.all(rounds);
  }
});
