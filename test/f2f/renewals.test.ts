/** When groups or floors change under a link that is up. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { CoreOptions } from '../../src/f2f/core-options.ts';
import { CipherId } from '../../src/io/contract.ts';
import type { SecurityGroup } from '../../src/links/handshake/group-tags.ts';
import type { PlaintextFloor } from '../../src/links/handshake/handshake-payload.ts';
import { PacketType } from '../../src/links/packet.ts';
import { seededRandom, testNode, testSuite } from '../links/handshake/handshake-driver.ts';
import { World, type WorldNode } from './core-world.ts';

interface Policy {
  groups: SecurityGroup[];
  floor: PlaintextFloor;
}

interface Somebody {
  readonly node: WorldNode;
  readonly policy: Policy;
  change(change: Partial<Policy>): void;
}

const named = (...names: string[]): SecurityGroup[] => names.map((name) => ({ name, keys: [] }));

function somebody(made: World, name: string, number: number, groups: string[]): Somebody {
  const policy: Policy = { groups: named(...groups), floor: 'when-no-shared-group' };
  const random = seededRandom(number);
  const facts: CoreOptions['facts'] = () => ({
    suite: testSuite,
    random,
    identity: testNode(number).identity,
    name,
    features: 0,
    largestFrame: 9216,
    ciphers: [{ cipher: CipherId.aes256gcm, speed: 1000 }],
    addresses: [],
    ...policy,
  });
  const node = made.start(name, number, { facts });
  return {
    node,
    policy,
    change(change) {
      Object.assign(policy, change);
      node.core.policyChanged();
    },
  };
}

/** Alice calls bob, over one kind of link; bob cannot call back. */
async function pair(
  made: World,
  scheme: string,
  groups: readonly [string[], string[]] = [['a'], ['a']],
): Promise<[Somebody, Somebody]> {
  const alice = somebody(made, 'alice', 1, groups[0]);
  const bob = somebody(made, 'bob', 2, groups[1]);
  await bob.node.core.listen(`${scheme}://bob`);
  bob.node.befriend(alice.node, []);
  alice.node.befriend(bob.node, [`${scheme}://bob`]);
  await made.time.advance(1000);
  return [alice, bob];
}

function world(t: ExecutionContext): World {
  const made = new World();
  t.teardown(() => made.end());
  return made;
}

/** What both ends say of their link. */
function link(alice: Somebody, bob: Somebody) {
  const [ours, theirs] = [
    alice.node.friend(bob.node).current?.session,
    bob.node.friend(alice.node).current?.session,
  ];
  const hash = (session: typeof ours) =>
    session === undefined ? 'none' : Buffer.from(session.transcriptHash).toString('hex');
  return {
    agreed: ours !== undefined && hash(ours) === hash(theirs),
    session: hash(ours),
    modes: [ours?.mode, theirs?.mode],
    shared: ours?.sharedGroups,
  };
}

const names = ({ node }: Somebody) => node.events.map(({ name }) => name);

for (const scheme of ['udp', 'tcp']) {
  for (const who of ['alice', 'bob']) {
    test.serial(
      `${scheme}: a change at ${who}'s end holds for the live link within a second`,
      async (t) => {
        const made = world(t);
        const [alice, bob] = await pair(made, scheme);
        const [changing, other] = who === 'alice' ? [alice, bob] : [bob, alice];
        const first = link(alice, bob);
        t.deepEqual(first.modes, ['sealed', 'sealed']);

        changing.change({ groups: named('b') });
        await made.time.advance(999);
        const clear = link(alice, bob);
        t.true(clear.agreed);
        t.not(clear.session, first.session);
        t.deepEqual(clear.modes, ['clear', 'clear'], 'no group in common any more');

        other.change({ groups: named('a', 'b') });
        await made.time.advance(999);
        t.true(link(alice, bob).agreed);
        t.deepEqual(link(alice, bob).modes, ['sealed', 'sealed']);
        t.deepEqual(link(alice, bob).shared, ['b']);

        await made.time.advance(10_000);
        t.deepEqual([names(alice), names(bob)], [['connecting'], ['connecting']], 'never dropped');
        t.is(alice.node.plane.sessions.size + bob.node.plane.sessions.size, 2, 'the old are gone');
        t.is(alice.node.core.counters.renewed, 2);
      },
    );

    test.serial(
      `${scheme}: ${who} allows no plaintext any more: sealed if a group comes with it, else ended`,
      async (t) => {
        const made = world(t);
        const [alice, bob] = await pair(made, scheme, [['a'], ['b']]);
        const [changing, other] = who === 'alice' ? [alice, bob] : [bob, alice];
        t.deepEqual(link(alice, bob).modes, ['clear', 'clear']);

        changing.change({ floor: 'never', groups: named('a', 'b') });
        await made.time.advance(999);
        t.deepEqual(link(alice, bob).modes, ['sealed', 'sealed']);
        t.deepEqual(names(alice), ['connecting']);

        other.change({ groups: named('c') });
        await made.time.advance(999);
        t.deepEqual(link(alice, bob).modes, [undefined, undefined]);
        for (const [one, two] of [[alice, bob] as const, [bob, alice] as const]) {
          t.is(one.node.plane.sessions.size, 0);
          const { lastError = '' } = one.node.friend(two.node);
          t.regex(lastError, /no security group .* never lets frames go in the clear/);
        }

        changing.change({ floor: 'when-no-shared-group' });
        await made.time.advance(16_000);
        t.true(link(alice, bob).agreed, 'who was refused is let in when the policy allows it');
        t.deepEqual(link(alice, bob).modes, ['clear', 'clear']);
      },
    );

    test.serial(
      `${scheme}: ${who} ends a clear link within a second if the friend ignores it`,
      async (t) => {
        const made = world(t);
        const [alice, bob] = await pair(made, scheme, [['a'], ['b']]);
        const [changing, other] = who === 'alice' ? [alice, bob] : [bob, alice];
        // It goes on pinging, and is deaf for handshakes and requests.
        other.node.core.handshakes.receive = () => {};
        const { packet } = other.node.core;
        other.node.core.packet = (index, type, payload) => {
          if (type !== PacketType.renew) packet.call(other.node.core, index, type, payload);
        };
        const changedAt = made.time.now();
        changing.change({ floor: 'never' });
        await made.time.advance(900);
        t.deepEqual(names(changing), ['connecting'], 'it has had a chance');
        await made.time.advance(200);
        t.deepEqual(names(changing), ['connecting', 'disconnected']);
        t.true(changing.node.events[1]!.at - changedAt <= 1000);
        t.regex(
          changing.node.events[1]?.reason ?? '',
          /^The policy changed, and the friend did not/,
        );
      },
    );
  }
}

test.serial(
  'a key that is changed at one end first never leaves the link without a group',
  async (t) => {
    const made = world(t);
    const [alice, bob] = await pair(made, 'udp');
    const group = (...keys: string[]) => [{ name: 'lab', keys }];
    const seen = new Set<string | undefined>();
    const note = async () => {
      await made.time.advance(500);
      for (const mode of link(alice, bob).modes) seen.add(mode);
    };
    alice.change({ groups: [...named('a'), ...group('one')] });
    bob.change({ groups: [...named('a'), ...group('one')] });
    await note();
    alice.change({ groups: group('one') });
    await note();
    bob.change({ groups: group('two', 'one') });
    await note();
    t.deepEqual(bob.node.friend(alice.node).current?.session.why.byOldKey, ['lab']);
    alice.change({ groups: group('two', 'one') });
    await note();
    t.deepEqual(bob.node.friend(alice.node).current?.session.why.byOldKey, []);
    bob.change({ groups: group('two') });
    alice.change({ groups: group('two') });
    await note();
    t.deepEqual([...seen], ['sealed']);
    t.deepEqual(names(alice), ['connecting']);
  },
);

test.serial(
  'a friend who asks on and on gets four new sessions a second, and no more',
  async (t) => {
    const made = world(t);
    const [alice, bob] = await pair(made, 'udp');
    for (let i = 0; i < 100; i++) {
      const held = bob.node.friend(alice.node).current!;
      for (let j = 0; j < 10; j++) {
        bob.node.plane.sendPacket(
          held.session.localIndex,
          PacketType.renew,
          new Uint8Array(0),
          'control',
        );
      }
      await made.time.advance(20);
    }
    t.true(alice.node.core.counters.renewed <= 9);
    t.true(alice.node.core.counters.renewed >= 2);
    await made.time.advance(8000);
    t.true(link(alice, bob).agreed);
    t.is(alice.node.plane.sessions.size, 1);
  },
);

test.serial(
  'who was called does not follow requests: it is not its to make the session',
  async (t) => {
    const made = world(t);
    const [alice, bob] = await pair(made, 'udp');
    const before = link(alice, bob).session;
    const { localIndex } = alice.node.friend(bob.node).current!.session;
    alice.node.plane.sendPacket(localIndex, PacketType.renew, new Uint8Array(0), 'control');
    await made.time.advance(3000);
    t.is(link(alice, bob).session, before);
    t.is(bob.node.core.counters.renewed, 0);
  },
);

test.serial('whatever both change, and when, both end under what is in force', async (t) => {
  const change = fc.record({
    who: fc.constantFrom('alice', 'bob'),
    after: fc.integer({ min: 0, max: 700 }),
    groups: fc.subarray(['a', 'b', 'c']),
    floor: fc.constantFrom<PlaintextFloor>('never', 'when-no-shared-group'),
  });
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom('udp', 'tcp'),
        fc.boolean(),
        fc.array(change, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 120 }),
        async (scheme, mutual, changes, latency) => {
          const made = new World();
          try {
            made.latency = () => latency;
            const [alice, bob] = await pair(made, scheme);
            if (mutual) {
              await alice.node.core.listen(`${scheme}://alice`);
              bob.node.friend(alice.node).addresses = [`${scheme}://alice`];
            }
            for (const { who, after, groups, floor } of changes) {
              await made.time.advance(after);
              (who === 'alice' ? alice : bob).change({ groups: named(...groups), floor });
            }
            // A refused friend is tried again with back-off.
            await made.time.advance(20_000);
            const common = alice.policy.groups.filter(({ name }) =>
              bob.policy.groups.some((each) => each.name === name),
            );
            const never = [alice, bob].some(({ policy }) => policy.floor === 'never');
            const expected = common.length > 0 ? 'sealed' : never ? undefined : 'clear';
            const { agreed, modes, shared = [] } = link(alice, bob);
            return (
              modes.every((mode) => mode === expected) &&
              agreed === (expected !== undefined) &&
              shared.join() ===
                common
                  .map(({ name }) => name)
                  .sort()
                  .join() &&
              alice.node.plane.sessions.size === (expected === undefined ? 0 : 1)
            );
          } finally {
            await made.end();
          }
        },
      ),
      { numRuns: 60 },
    ),
  );
});
