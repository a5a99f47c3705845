/** Two and three nodes in one process: friendship, policy, and what is left behind. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ConfigInput } from '../../src/controller/config.ts';
import { type ErrorCode, KithError } from '../../src/errors.ts';
import {
  eventually,
  friendEntry,
  LOOPBACK,
  linkTo,
  openDescriptors,
  type Person,
  person,
} from './node-fixtures.ts';

/** With the rehearsal of the data path, for tests that see what it leaves. */
const AS_SHIPPED = { asShipped: true };

/** Alice and bob with a link between them, bob dialling alice. */
async function befriended(
  alice: Person,
  bob: Person,
  policies: { readonly alice?: ConfigInput; readonly bob?: ConfigInput } = {},
  scheme = 'udp',
): Promise<void> {
  await alice.start({ friends: [friendEntry(bob)], ...policies.alice });
  await bob.start({ friends: [friendEntry(alice, alice.url(scheme))], ...policies.bob });
}

test.serial(
  'friends of the configuration find one another, over either kind of link',
  async (t) => {
    for (const scheme of ['udp', 'tcp']) {
      const [alice, bob] = [await person(t, 'alice', AS_SHIPPED), await person(t, 'bob')];
      await befriended(alice, bob, {}, scheme);
      const [there, back] = [await linkTo(bob, alice), await linkTo(alice, bob)];
      t.is(there.provider, scheme);
      t.is(back.provider, scheme);
      t.is(there.role, 'initiator');
      t.is(back.role, 'responder');
      t.is(there.security, 'sealed');
      t.is(there.cipher, back.cipher);
      t.deepEqual(there.sharedGroups, ['default']);
      const { friends, uid, name, dataPlane, counters } = await alice.api.status();
      t.deepEqual(friends, { known: 1, connected: 1 });
      t.deepEqual([uid, name, dataPlane], [alice.uid, 'alice', 'native']);
      t.true(counters.ioReceived! < 1000, 'the rehearsal of the data plane is not counted');
      const [friend] = await alice.api.friends();
      t.is(friend?.state, 'connected');
      t.is(friend?.link, back.port);
      t.is(friend?.lastError, undefined);
      const [port] = (await alice.api.ports()).filter(({ kind }) => kind === 'link');
      t.is(port?.port, back.port);
      t.is(port?.description, 'bob');
      await alice.stop();
      await bob.stop();
    }
  },
);

test.serial('a cipher that one end does not offer is not taken', async (t) => {
  for (const cipher of ['aes-256-gcm', 'chacha20-poly1305'] as const) {
    const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
    await befriended(alice, bob, { bob: { link: { ciphers: [cipher] } } });
    t.is((await linkTo(bob, alice)).cipher, cipher);
    await alice.stop();
    await bob.stop();
  }
});

test.serial('nodes within the process find one another over memory links', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  await alice.start({ listen: ['memory://node-test-alice'], friends: [friendEntry(bob)] });
  await bob.start({ listen: [], friends: [friendEntry(alice, 'memory://node-test-alice')] });
  t.is((await linkTo(bob, alice)).provider, 'memory');
  await linkTo(alice, bob);
  await alice.stop();
  // The name is free again.
  await alice.start({ listen: ['memory://node-test-alice'], friends: [friendEntry(bob)] });
  await linkTo(bob, alice);
});

test.serial('the spanning tree sees the link, and both ends the same root', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  await befriended(alice, bob);
  await linkTo(bob, alice);
  const [one, two] = await eventually('the same root', async () => {
    const both = [await alice.api.stp(), await bob.api.stp()] as const;
    const forwards = both.every(({ ports }) => ports.some(({ state }) => state === 'forwarding'));
    return both[0].rootId === both[1].rootId && forwards && both;
  });
  t.is([one, two].filter(({ isRoot }) => isRoot).length, 1);
  const branch = one.isRoot ? two : one;
  t.true(branch.rootPathCost > 0);
  t.is(branch.ports.find(({ port }) => port === branch.rootPort)?.role.toLowerCase(), 'root');
});

test.serial('a ticket makes two friends, once', async (t) => {
  const [alice, bob, carol] = [
    await person(t, 'alice'),
    await person(t, 'bob'),
    await person(t, 'carol'),
  ];
  for (const each of [alice, bob, carol]) await each.start();
  const { ticket, expiresAt } = await alice.api.invite({ expiresInMs: 60_000 });
  t.true(Math.abs(Date.parse(expiresAt) - Date.now() - 60_000) < 2000);
  t.deepEqual(await bob.api.join(ticket), { uid: alice.uid, name: 'alice' });
  await linkTo(bob, alice);
  await linkTo(alice, bob);
  t.deepEqual(
    (await alice.api.friends()).map(({ name, source }) => [name, source]),
    [['bob', 'invited']],
  );
  t.deepEqual(
    (await bob.api.friends()).map(({ name, source }) => [name, source]),
    [['alice', 'joined']],
  );

  await carol.api.join(ticket);
  const why = await eventually('the refusal', async () => {
    const report = await carol.api.why('alice');
    return /has expired or somebody has used it/.test(report.answer) && report;
  });
  t.is(why.state, 'refused');
  t.is((await carol.api.friends())[0]?.refusal, 'unknown-peer');
  t.is((await alice.api.friends()).length, 1);
  t.true((await alice.api.status()).counters.handshakeUnknownPeers! > 0);

  const [missing] = await carol.api.missingLinks();
  t.like(missing, { friend: alice.uid, state: 'refused', refusal: 'unknown-peer' });
  t.regex(missing!.mend!, /never a link by the ticket of alice, .*`kith friends remove alice`/);
  t.is((await carol.api.friends())[0]?.mend, missing!.mend);
  const another = await alice.api.invite({});
  await carol.api.join(another.ticket);
  t.not((await carol.api.friends())[0]?.state, 'refused', 'a new ticket clears it at once');
  t.is((await linkTo(carol, alice)).state, 'up');
  t.deepEqual(await carol.api.missingLinks(), []);
  await alice.api.removeFriend('carol');

  const again = await bob.api.join(ticket);
  t.is(again.uid, alice.uid, 'who is a friend already stays one');
  await linkTo(bob, alice);

  // Friends by ticket are friends after a restart, of both.
  await bob.stop();
  await alice.stop();
  await alice.start({ friends: [] });
  await bob.start({ friends: [] });
  t.is((await bob.api.friends())[0]?.name, 'alice');
});

test.serial('tickets that are no good are told in a sentence', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  await alice.start();
  await bob.start();
  const { ticket } = await alice.api.invite({ expiresInMs: 60_000 });
  const own = await t.throwsAsync(alice.api.join(ticket), { instanceOf: KithError });
  t.is(own.code, 'ticket');
  const damaged = `${ticket.slice(0, 30)}${ticket[30] === 'a' ? 'b' : 'a'}${ticket.slice(31)}`;
  const typo = await t.throwsAsync(bob.api.join(damaged), { instanceOf: KithError });
  t.is(typo.code, 'ticket');
  t.deepEqual(await bob.api.friends(), []);
});

test.serial('a stranger is turned away and counted, and is told what to do', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  for (const scheme of ['udp', 'tcp']) {
    await alice.start();
    await bob.start({ friends: [friendEntry(alice, alice.url(scheme))] });
    const report = await eventually(`the refusal over ${scheme}`, async () => {
      const why = await bob.api.why('alice');
      return /does not know us/.test(why.answer) && why;
    });
    t.regex(report.answer, /its owner has to add our UID as a friend/);
    t.true((await alice.api.status()).counters.handshakeUnknownPeers! > 0);
    t.deepEqual(await alice.api.friends(), []);
    t.deepEqual(await alice.api.links(), []);
    t.deepEqual(await bob.api.links(), []);
    await bob.stop();
    await alice.stop();
  }
});

test.serial('somebody else at the address of a friend is told apart', async (t) => {
  const [alice, bob, mallory] = [
    await person(t, 'alice'),
    await person(t, 'bob'),
    await person(t, 'mallory'),
  ];
  await mallory.start({ friends: [friendEntry(bob)] });
  await bob.start({ friends: [friendEntry(alice, mallory.url('udp'), mallory.url('tcp'))] });
  const report = await eventually('the answer of the wrong one', async () => {
    const why = await bob.api.why(alice.uid);
    return /answered where/.test(why.answer) && why;
  });
  t.true(report.answer.includes(mallory.uid));
  t.true(report.answer.includes('alice'));
  t.is(report.friend, alice.uid);
  t.deepEqual(await mallory.api.links(), []);
});

test.serial('a pinned key has to be the one of the UID', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  const error = await t.throwsAsync(
    bob.start({ friends: [{ ...friendEntry(alice), publicKey: bob.publicKey }] }),
    { instanceOf: KithError },
  );
  t.is(error.code, 'config');
  t.regex(error.message, /not the key that the UID was made of/);
  await alice.start({ friends: [friendEntry(bob)] });
  await bob.start({
    friends: [{ ...friendEntry(alice, alice.url('udp')), publicKey: alice.publicKey }],
  });
  await linkTo(bob, alice);
});

const NEVER = { plaintext: 'never' } as const;
const MAYBE = { plaintext: 'when-no-shared-group' } as const;
const group = (name: string, key?: string) => ({ name, ...(key === undefined ? {} : { key }) });
const LAB_KEY = '0123456789abcdef';

interface PolicyCase {
  readonly what: string;
  readonly alice: ConfigInput;
  readonly bob: ConfigInput;
  readonly outcome: 'sealed' | 'clear' | 'refused';
  readonly shared?: readonly string[];
}

const POLICIES: readonly PolicyCase[] = [
  {
    what: 'one group in common',
    alice: { groups: [group('lab'), group('a')], ...NEVER },
    bob: { groups: [group('b'), group('lab')], ...MAYBE },
    outcome: 'sealed',
    shared: ['lab'],
  },
  {
    what: 'a group with the same key',
    alice: { groups: [group('lab', LAB_KEY)], ...NEVER },
    bob: { groups: [group('lab', LAB_KEY)], ...NEVER },
    outcome: 'sealed',
    shared: ['lab'],
  },
  {
    what: 'a group while its key is changed',
    alice: {
      groups: [{ ...group('lab', 'the new key of us'), previousKeys: [LAB_KEY] }],
      ...NEVER,
    },
    bob: { groups: [group('lab', LAB_KEY)], ...NEVER },
    outcome: 'sealed',
    shared: ['lab'],
  },
  {
    what: 'the same name with another key',
    alice: { groups: [group('lab', LAB_KEY)], ...MAYBE },
    bob: { groups: [group('lab', `${LAB_KEY}!`)], ...MAYBE },
    outcome: 'clear',
  },
  {
    what: 'a name with a key and one without',
    alice: { groups: [group('lab', LAB_KEY)], ...MAYBE },
    bob: { groups: [group('lab')], ...MAYBE },
    outcome: 'clear',
  },
  {
    what: 'no group at all',
    alice: { groups: [], ...MAYBE },
    bob: { groups: [], ...MAYBE },
    outcome: 'clear',
  },
  {
    what: 'nothing in common, and who is called forbids plaintext',
    alice: { groups: [group('a')], ...NEVER },
    bob: { groups: [group('b')], ...MAYBE },
    outcome: 'refused',
  },
  {
    what: 'nothing in common, and who calls forbids plaintext',
    alice: { groups: [group('a')], ...MAYBE },
    bob: { groups: [group('b')], ...NEVER },
    outcome: 'refused',
  },
];

for (const { what, outcome, shared = [], ...policies } of POLICIES) {
  for (const scheme of ['udp', 'tcp']) {
    test.serial(`${scheme}, ${what}: ${outcome}`, async (t) => {
      const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
      await befriended(alice, bob, policies, scheme);
      if (outcome === 'refused') {
        for (const [one, other] of [
          [alice, bob],
          [bob, alice],
        ] as const) {
          const why = await eventually(`a reason at ${one.name}`, async () => {
            const report = await one.api.why(other.uid);
            return /no security group/.test(report.answer) && report;
          });
          t.regex(why.answer, /never lets frames go in the clear; join one group/);
          t.deepEqual(await one.api.links(), []);
        }
        return;
      }
      for (const [one, other] of [
        [alice, bob],
        [bob, alice],
      ] as const) {
        const link = await linkTo(one, other);
        t.is(link.security, outcome);
        t.deepEqual(link.sharedGroups, shared);
        const why = await one.api.why(other.name);
        t.is(why.state, 'connected');
        t.regex(why.answer, outcome === 'sealed' ? /is sealed/ : /in the clear/);
        const value = (name: string) => why.inputs.find((input) => input.name === name)?.value;
        t.is(value('groups in common'), shared.length === 0 ? 'none' : shared.join(', '));
        t.is(value('Ethernet frames'), outcome === 'sealed' ? 'sealed' : 'in the clear');
        t.is(value('cipher'), link.cipher);
        const groups = await one.api.groups();
        const sharing = groups.filter(({ sharedWith }) => sharedWith.includes(other.name));
        t.deepEqual(
          sharing.map(({ name }) => name),
          shared,
        );
      }
    });
  }
}

test.serial('a removed friend is out at once at both ends, and stays out', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  await alice.start();
  await bob.start();
  const { ticket } = await alice.api.invite({});
  await bob.api.join(ticket);
  await linkTo(alice, bob);
  await linkTo(bob, alice);
  await alice.api.setStpPort({ port: 'bob', changeGuard: true });
  t.deepEqual((await alice.api.switch()).unsaved, [{ set: 'stp', port: bob.uid }]);
  t.deepEqual(await alice.api.removeFriend('bob'), { uid: bob.uid });
  t.deepEqual(await alice.api.links(), []);
  t.deepEqual(await alice.api.friends(), []);
  await eventually('bob to notice', async () => (await bob.api.links()).length === 0, 1500);
  await eventually('the refusal', async () => {
    return /does not know us/.test((await bob.api.why('alice')).answer);
  });
  t.deepEqual(await alice.api.links(), []);
  const error = await t.throwsAsync(alice.api.removeFriend('bob'), { instanceOf: KithError });
  t.is(error.code, 'not-found');
  await bob.api.join((await alice.api.invite({})).ticket);
  await linkTo(alice, bob);
  t.deepEqual((await alice.api.switch()).unsaved, [], 'whoever has the port now starts anew');
});

test.serial('a node leaves nothing behind: no file, no descriptor', async (t) => {
  const [alice, bob] = [await person(t, 'alice', AS_SHIPPED), await person(t, 'bob')];
  // Once for what the process opens and keeps.
  await befriended(alice, bob);
  await linkTo(bob, alice);
  await alice.stop();
  await bob.stop();
  const descriptors = openDescriptors();
  for (const [scheme, workers] of [
    ['udp', 1],
    ['udp', 2],
    ['tcp', 2],
  ] as const) {
    const policy = { dataPlane: { workers } };
    await befriended(alice, bob, { alice: policy, bob: policy }, scheme);
    await linkTo(bob, alice);
    t.true(existsSync(join(alice.home, 'switch', 'ctl')));
    t.true(openDescriptors().length > descriptors.length);
    await Promise.all([alice.stop(), bob.stop()]);
    t.deepEqual(openDescriptors(), descriptors);
    t.deepEqual(readdirSync(alice.home).sort(), ['identity.json', 'ports.json']);
  }
});

test.serial('closing twice is closing once, and the end is told', async (t) => {
  const alice = await person(t, 'alice');
  await alice.start();
  const { node } = alice;
  await node.api.down();
  await node.closed;
  await node.close();
  await node.close();
  t.false(existsSync(join(alice.home, 'switch')));
});

test.serial('a node that ends after a pairing has written it down', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  await alice.start();
  await bob.start();
  const { ticket } = await alice.api.invite({});
  await bob.api.join(ticket);
  await linkTo(alice, bob);
  await alice.stop();
  t.deepEqual(readdirSync(alice.home).sort(), [
    'friends.json',
    'identity.json',
    'ports.json',
    'tickets.json',
  ]);
  await alice.start();
  t.is((await alice.api.friends())[0]?.uid, bob.uid);
});

test.serial('a node that cannot start says why and leaves nothing behind', async (t) => {
  const [alice, bob] = [await person(t, 'alice', AS_SHIPPED), await person(t, 'bob')];
  await alice.start();
  await alice.stop();
  const descriptors = openDescriptors();
  const fails = async (code: ErrorCode, pattern: RegExp, config: ConfigInput): Promise<void> => {
    const error = await t.throwsAsync(alice.start(config), { instanceOf: KithError });
    t.is(error.code, code);
    t.regex(error.message, pattern);
    t.deepEqual(openDescriptors(), descriptors, error.message);
    t.deepEqual(
      readdirSync(alice.home)
        .filter((name) => name !== 'in-the-way')
        .sort(),
      ['identity.json', 'ports.json'],
    );
  };
  await fails('config', /no group "no-such-group"/, { switch: { group: 'no-such-group' } });
  const many = Array.from({ length: 33 }, (_, i) => ({ name: `group-${i}` }));
  await fails('config', /33 keys together and 32 are possible/, { groups: many });
  writeFileSync(join(alice.home, 'in-the-way'), '');
  await fails('config', /in-the-way/, { switch: { directory: 'in-the-way/switch' } });
  await bob.start();
  const taken = await t.throwsAsync(alice.start({ listen: [bob.url('tcp')] }), {
    instanceOf: KithError,
  });
  t.regex(taken.message, /^Cannot listen at 127\.0\.0\.1:\d+|listen/);
  await bob.stop();
  t.deepEqual(openDescriptors(), descriptors);
});

test.serial('what is stored and damaged keeps a node from starting', async (t) => {
  const alice = await person(t, 'alice');
  writeFileSync(join(alice.home, 'friends.json'), '{');
  const error = await t.throwsAsync(alice.start(), { instanceOf: KithError });
  t.is(error.code, 'config');
  t.false(existsSync(join(alice.home, 'switch')));
});

test.serial('one list of friends serves everybody in it', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  await alice.start();
  const listen = [alice.url('udp')];
  await alice.stop();
  const friends = [friendEntry(alice, listen[0]!), friendEntry(bob)];
  await alice.start({ listen, friends });
  await bob.start({ listen: LOOPBACK, friends });
  await linkTo(alice, bob);
  t.deepEqual(
    (await alice.api.friends()).map(({ name }) => name),
    ['bob'],
  );
});

test.serial('a switch directory that somebody else uses is not taken over', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  await alice.start();
  const error = await t.throwsAsync(
    bob.start({ switch: { directory: join(alice.home, 'switch') } }),
    { instanceOf: KithError },
  );
  t.is(error.code, 'already-running');
  t.true(existsSync(join(alice.home, 'switch', 'ctl')), 'and is still theirs');
  mkdirSync(join(bob.home, 'other'));
  await bob.start({ switch: { directory: 'other' } });
  await bob.stop();
});
