import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { CarrierEvents } from '../../src/links/contract.ts';
import {
  emitRefuse,
  parseInit,
  RefuseReason,
} from '../../src/links/handshake/handshake-message.ts';
import { PacketType } from '../../src/links/packet.ts';
import { World, type WorldNode } from './core-world.ts';

function world(t: ExecutionContext): World {
  const made = new World();
  t.teardown(() => made.end());
  return made;
}

/** Two nodes that listen on both kinds of link, under their names. */
async function twoNodes(made: World, changes = {}): Promise<[WorldNode, WorldNode]> {
  const nodes: [WorldNode, WorldNode] = [
    made.start('alice', 1, changes),
    made.start('bob', 2, changes),
  ];
  for (const node of nodes) await listen(node);
  return nodes;
}

async function listen(node: WorldNode): Promise<void> {
  await node.core.listen(`udp://${node.name}`);
  await node.core.listen(`tcp://${node.name}`);
}

const urls = (node: WorldNode) => [`udp://${node.name}`, `tcp://${node.name}`];

function current(node: WorldNode, other: WorldNode): string {
  const held = node.friend(other).current;
  return held === undefined ? 'none' : Buffer.from(held.session.transcriptHash).toString('hex');
}

/** Both ends send through one and the same session, and the data planes know. */
function agree(alice: WorldNode, bob: WorldNode): boolean {
  const [ours, theirs] = [alice.friend(bob).current, bob.friend(alice).current];
  return (
    ours !== undefined &&
    theirs !== undefined &&
    current(alice, bob) === current(bob, alice) &&
    alice.plane.used.get(alice.friend(bob).port) === ours.session.localIndex &&
    bob.plane.used.get(bob.friend(alice).port) === theirs.session.localIndex
  );
}

const names = (node: WorldNode) => node.events.map(({ name }) => name);

test.serial('one call is enough, and both hear of the link once', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  bob.befriend(alice, []);
  t.is(bob.friend(alice).state, 'offline', 'without an address there is nothing to dial');
  alice.befriend(bob, urls(bob));
  t.is(alice.friend(bob).state, 'connecting');
  await made.time.advance(1000);
  t.true(agree(alice, bob));
  t.deepEqual([names(alice), names(bob)], [['connecting'], ['connecting']]);
  t.is(alice.friend(bob).name, 'bob', 'who has no name of ours has its own');
  t.is(alice.friend(bob).current?.carrier.provider, 'udp', 'the better provider comes first');
  t.is(alice.friend(bob).lastError, undefined);
});

test.serial('secrets do not stay with the session', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  bob.befriend(alice, []);
  alice.befriend(bob, urls(bob));
  await made.time.advance(1000);
  const { sendSecret, receiveSecret } = alice.friend(bob).current!.session;
  t.true([...sendSecret, ...receiveSecret].every((octet) => octet === 0));
});

test.serial('a call from somebody unknown is refused, counted, and told to both', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  for (const url of urls(bob)) {
    alice.befriend(bob, [url]);
    await made.time.advance(3000);
    t.regex(alice.friend(bob).lastError ?? '', /does not know us/, url);
    t.is(alice.friend(bob).state, 'refused');
    t.is(alice.friend(bob).refusal, 'unknown-peer');
    alice.core.removeFriend(bob.uid, 'next');
  }
  t.true(bob.core.handshakes.counters.unknownPeers >= 2);
  t.deepEqual(names(bob), []);
});

test.serial('somebody else at the address is no friend', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  const carol = made.start('carol', 3);
  alice.befriend(carol, ['tcp://bob']);
  bob.befriend(alice, []);
  await made.time.advance(3000);
  t.regex(alice.friend(carol).lastError ?? '', /answered where .* was expected/);
  t.is(bob.friend(alice).current, undefined);
});

/** Somebody on the path to bob, who answers each first message with a made-up refusal. */
function forge(made: World, bob: WorldNode, passesOn: boolean): () => void {
  const real = made.places.get('udp://bob')!;
  const message: CarrierEvents['message'] = (carrier, octets) => {
    const init = parseInit(octets);
    if (init !== undefined) {
      const { sender: receiver } = init;
      const versions = { lowestVersion: 8, highestVersion: 9 };
      const refuse = emitRefuse({ receiver, reason: RefuseReason.version, ...versions });
      bob.plane.send(carrier.descriptor, undefined, refuse);
      // As if it were the refusal of message 4, by a key that nobody has agreed upon.
      const confirm = Buffer.alloc(80, 0x5a);
      confirm.set([0x10, 0, confirm.length - 3, 0]);
      confirm.writeUInt32BE(receiver, 4);
      confirm.fill(0, 8, 16);
      bob.plane.send(carrier.descriptor, undefined, confirm);
    }
    if (passesOn) real.events.message(carrier, octets);
  };
  made.places.set('udp://bob', { plane: real.plane, events: { ...real.events, message } });
  return () => void made.places.set('udp://bob', real);
}

test.serial('a made-up refusal beside the right answer harms nothing', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  bob.befriend(alice, []);
  forge(made, bob, true);
  alice.befriend(bob, ['udp://bob']);
  await made.time.advance(1000);
  t.true(agree(alice, bob));
  t.is(alice.friend(bob).unproven, undefined);
});

test.serial(
  'a made-up refusal is a hint, and dialling goes on until the friend answers',
  async (t) => {
    const made = world(t);
    const [alice, bob] = await twoNodes(made);
    bob.befriend(alice, []);
    const stop = forge(made, bob, false);
    alice.befriend(bob, ['udp://bob']);
    const friend = alice.friend(bob);
    const states = new Set<string>();
    for (let i = 0; i < 100; i++) {
      await made.time.advance(100);
      states.add(friend.state);
    }
    t.deepEqual([...states].sort(), ['connecting', 'offline'], 'never refused');
    t.true(friend.backOff.failures >= 2, 'it was dialled again');
    t.is(friend.unproven, 'version');
    t.regex(friend.lastError ?? '', /speaks versions 8 to 9/);
    stop();
    await made.time.advance(20_000);
    t.true(agree(alice, bob));
    t.deepEqual(
      [friend.unproven, friend.lastError, friend.failedAt],
      [undefined, undefined, undefined],
    );
  },
);

test.serial('since when there is no link is known', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  bob.befriend(alice, []);
  const began = made.time.now();
  alice.befriend(bob, ['udp://bob']);
  t.is(alice.friend(bob).absentSince, began);
  await made.time.advance(10_000);
  const lost = made.time.now();
  alice.core.packet(
    alice.friend(bob).current!.session.localIndex,
    PacketType.close,
    Buffer.from('x'),
  );
  t.is(alice.friend(bob).absentSince, lost);
  t.is(alice.friend(bob).failedAt, lost);
});

test.serial('both calling at once settle on one session', async (t) => {
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 180 }),
        fc.integer({ min: 1, max: 180 }),
        fc.integer({ min: 0, max: 400 }),
        fc.constantFrom(['udp'], ['tcp'], ['udp', 'tcp'], ['tcp', 'udp']),
        async (there, back, offset, schemes) => {
          const made = new World();
          try {
            made.latency = (from) => (from === 'alice' ? there : back);
            const [alice, bob] = await twoNodes(made);
            alice.befriend(
              bob,
              schemes.map((scheme) => `${scheme}://bob`),
            );
            await made.time.advance(offset);
            bob.befriend(
              alice,
              schemes.map((scheme) => `${scheme}://alice`),
            );
            await made.time.advance(12_000);
            // One that was turned down for being early is no lost link.
            const lost = [...names(alice), ...names(bob)].includes('disconnected');
            return (
              agree(alice, bob) &&
              !lost &&
              alice.plane.sessions.size === 1 &&
              bob.plane.sessions.size === 1
            );
          } finally {
            await made.end();
          }
        },
      ),
      { numRuns: 40 },
    ),
  );
});

test.serial('a crash and a quick restart is healed by whoever may dial', async (t) => {
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 100, max: 7000 }),
        fc.integer({ min: 1, max: 1500 }),
        fc.constantFrom('alice', 'bob', 'both'),
        fc.constantFrom('alice', 'bob'),
        fc.constantFrom('udp', 'tcp'),
        fc.boolean(),
        async (uptime, downtime, dialling, crashing, scheme, moves) => {
          const made = new World();
          try {
            const [alice, bob] = await twoNodes(made);
            const meet = (one: WorldNode, other: WorldNode) =>
              one.befriend(
                other,
                dialling === one.name || dialling === 'both' ? [`${scheme}://${other.name}`] : [],
              );
            meet(alice, bob);
            meet(bob, alice);
            await made.time.advance(uptime);
            if (!agree(alice, bob)) return false;
            const [fallen, other] = crashing === 'alice' ? [alice, bob] : [bob, alice];
            await fallen.crash();
            await made.time.advance(downtime);
            const again = made.start(crashing, crashing === 'alice' ? 1 : 2);
            // Who comes back elsewhere has to call by itself.
            if (moves && dialling !== other.name) made.places.clear();
            else await listen(again);
            if (moves) await listen(other);
            meet(again, other);
            await made.time.advance(4500);
            const settled = agree(again, other);
            await made.time.advance(10_000);
            return settled && agree(again, other) && names(again).join() === 'connecting';
          } finally {
            await made.end();
          }
        },
      ),
      { numRuns: 100 },
    ),
  );
});

test.serial('a friend that ends lets the other know why, at once', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  bob.befriend(alice, []);
  alice.befriend(bob, urls(bob));
  await made.time.advance(1000);
  await bob.core.close();
  await made.time.advance(20);
  t.deepEqual(names(alice), ['connecting', 'disconnected']);
  t.regex(alice.events[1]?.reason ?? '', /The friend ended the link: the node stops/);
  t.is(alice.core.counters.lost, 1);
});

test.serial('an end is heard at once, also when a replaced session runs out', async (t) => {
  const LATER = 4000;
  for (let after = 0; after <= 300; after += 10) {
    const made = world(t);
    let latency = 40;
    made.latency = () => latency;
    const [alice, bob] = await twoNodes(made);
    alice.befriend(bob, [urls(bob)[0]!]);
    await made.time.advance(50);
    bob.befriend(alice, [urls(alice)[0]!]);
    await made.time.advance(LATER);
    t.is(bob.plane.sessions.size, 2, 'one that is not used lives on');
    // The way has become shorter: who forgets a session first may now end before the other forgets.
    latency = 1;
    await made.time.advance(after);
    const ended = made.time.now();
    void bob.core.close();
    await made.time.advance(3000);
    const lost = alice.events.find(({ name }) => name === 'disconnected');
    t.is(lost && lost.at - ended, latency, `closed after ${after} ms`);
    await made.end();
  }
});

test.serial('what a friend says on leaving cannot harm a terminal', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  bob.befriend(alice, []);
  alice.befriend(bob, urls(bob));
  await made.time.advance(1000);
  bob.core.removeFriend(alice.uid, '\u001b[31mred\u0007\n');
  await made.time.advance(10);
  t.is(alice.events[1]?.reason, 'The friend ended the link: ?[31mred??.');
});

test.serial('silence ends a link, and back-off finds it again', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  bob.befriend(alice, []);
  alice.befriend(bob, ['udp://bob']);
  await made.time.advance(1000);
  const cutAt = made.time.now();
  made.isCut = () => true;
  await made.time.advance(60_000);
  t.deepEqual(names(alice), ['connecting', 'disconnected']);
  t.true(alice.events[1]!.at - cutAt <= 3000, 'within three seconds');
  t.regex(alice.events[1]?.reason ?? '', /^Nothing was heard for \d+ ms\.$/);
  t.is(alice.plane.sessions.size + bob.plane.sessions.size, 0);
  made.isCut = () => false;
  await made.time.advance(15_000 + 2000);
  t.true(agree(alice, bob));
});

test.serial('udp that stops working makes way for tcp, and comes back, on one port', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  alice.befriend(bob, urls(bob), 600);
  bob.befriend(alice, urls(alice), 700);
  await made.time.advance(1000);
  t.is(alice.friend(bob).current?.carrier.provider, 'udp');
  made.isCut = (_, __, scheme) => scheme === 'udp';
  await made.time.advance(7000);
  t.is(alice.friend(bob).current?.carrier.provider, 'tcp');
  t.true(agree(alice, bob));
  t.deepEqual(names(alice), ['connecting', 'disconnected', 'connecting']);
  made.isCut = () => false;
  await made.time.advance(31_000);
  t.is(alice.friend(bob).current?.carrier.provider, 'udp', 'the better one replaces the worse');
  t.is(bob.friend(alice).current?.carrier.provider, 'udp');
  t.true(agree(alice, bob));
  await made.time.advance(10_000);
  t.is(alice.events.length, 3, 'without anybody losing the link');
  t.deepEqual([...alice.plane.used.keys()], [600]);
  t.is(alice.plane.sessions.size, 1);
});

test.serial('a link lost while something better is tried is dialled again', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made, { upgradeInterval: 5000 });
  made.isCut = (_, __, scheme) => scheme === 'udp';
  bob.befriend(alice, []);
  alice.befriend(bob, urls(bob));
  await made.time.advance(4900);
  t.is(alice.friend(bob).current?.carrier.provider, 'tcp');
  await made.time.advance(1000);
  t.not(alice.friend(bob).attempt, undefined, 'udp is being tried');
  alice.plane.hangUp(alice.friend(bob).current!.carrier.descriptor);
  bob.plane.hangUp(bob.friend(alice).current!.carrier.descriptor);
  await made.time.advance(20_000);
  t.true(agree(alice, bob));
});

test.serial('whom we cannot reach and who reaches us is known as such, until we do', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  alice.befriend(bob, ['tcp://nowhere']);
  await made.time.advance(1000);
  t.regex(alice.friend(bob).unreached ?? '', /nobody is there/);
  bob.befriend(alice, urls(alice));
  await made.time.advance(1000);
  t.true(agree(alice, bob));
  t.is(alice.friend(bob).lastError, undefined);
  t.regex(alice.friend(bob).unreached ?? '', /nobody is there/);
  t.is(bob.friend(alice).unreached, undefined);
  alice.friend(bob).addresses = urls(bob);
  bob.friend(alice).addresses = [];
  alice.core.packet(
    alice.friend(bob).current!.session.localIndex,
    PacketType.close,
    Buffer.from('x'),
  );
  await made.time.advance(20_000);
  t.is(alice.friend(bob).unreached, undefined);
});

test.serial('who is dialled anew is dialled at once, and was never refused', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  alice.befriend(bob, urls(bob));
  await made.time.advance(3000);
  t.is(alice.friend(bob).state, 'refused');
  bob.befriend(alice, []);
  alice.core.redial(alice.friend(bob));
  t.is(alice.friend(bob).state, 'connecting');
  t.is(alice.friend(bob).backOff.failures, 0);
  await made.time.advance(200);
  t.is(alice.friend(bob).state, 'connected');
  const held = alice.friend(bob).current;
  alice.core.redial(alice.friend(bob));
  t.is(alice.friend(bob).current, held, 'a link stays');
});

test.serial('removing a friend ends it at both ends, for good', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  alice.befriend(bob, urls(bob));
  bob.befriend(alice, urls(alice));
  await made.time.advance(1000);
  t.true(alice.core.removeFriend(bob.uid, 'the friend was removed'));
  t.false(alice.core.removeFriend(bob.uid, 'twice'));
  t.is(alice.plane.sessions.size, 0);
  await made.time.advance(10);
  t.deepEqual(names(alice), ['connecting', 'disconnected']);
  t.deepEqual(names(bob), ['connecting', 'disconnected']);
  await made.time.advance(60_000);
  t.is(alice.core.friend(bob.uid), undefined);
  t.is(bob.friend(alice).current, undefined);
  t.regex(bob.friend(alice).lastError ?? '', /does not know us/);
  t.is(alice.plane.sessions.size + bob.plane.sessions.size, 0);
});

test.serial('removing a friend in the middle of a handshake leaves no session', async (t) => {
  for (let when = 0; when < 60; when += 3) {
    const made = new World();
    made.latency = () => 10;
    const [alice, bob] = await twoNodes(made);
    alice.befriend(bob, urls(bob));
    bob.befriend(alice, []);
    await made.time.advance(when);
    alice.core.removeFriend(bob.uid, 'over');
    await made.time.advance(15_000);
    t.is(alice.plane.sessions.size, 0, `removed after ${when} ms`);
    t.is(bob.plane.sessions.size, 0, `removed after ${when} ms`);
    t.is(bob.friend(alice).current, undefined);
    await made.end();
  }
});

test.serial('packets go to whoever claims them; the rest is counted', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  t.false(alice.core.send(bob.uid, 40, Uint8Array.of(1), 'control'), 'no such friend');
  alice.befriend(bob, urls(bob));
  t.false(alice.core.send(bob.uid, 40, Uint8Array.of(1), 'control'), 'no link');
  bob.befriend(alice, []);
  const got: number[] = [];
  bob.core.events.on('read-write', ({ packet }) => {
    if (packet?.type !== 40) return;
    packet.claimed = true;
    got.push(packet.payload[0]!);
  });
  await made.time.advance(1000);
  t.true(alice.core.send(bob.uid, 40, Uint8Array.of(1), 'control'));
  t.true(alice.core.send(bob.uid, 41, Uint8Array.of(2), 'control'));
  await made.time.advance(10);
  t.deepEqual(got, [1]);
  t.is(bob.core.counters.unclaimed, 1);
});

test.serial('of bulk packets one is under way at a time', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  alice.befriend(bob, urls(bob));
  bob.befriend(alice, []);
  await made.time.advance(1000);
  let room = 0;
  alice.core.events.on('read-write', () => void room++);
  t.true(alice.core.send(bob.uid, 40, Uint8Array.of(1), 'bulk'));
  t.false(alice.core.send(bob.uid, 40, Uint8Array.of(2), 'bulk'));
  t.true(alice.core.send(bob.uid, 40, Uint8Array.of(3), 'control'));
  alice.core.bulkSent(alice.plane.bulk[0]!);
  t.is(room, 1);
  t.true(alice.core.send(bob.uid, 40, Uint8Array.of(2), 'bulk'));
  alice.core.bulkSent(0xffffffff);
});

test.serial('streams that strangers open and leave are closed, and never too many', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  const place = made.places.get('tcp://bob')!;
  let closed = 0;
  const stranger = () => ({
    provider: 'tcp',
    remote: 'tcp://198.51.100.7:9',
    reliable: true,
    descriptor: made.nextDescriptor(),
    address: undefined,
    close: () => void closed++,
  });
  for (let i = 0; i < 500; i++) place.events.accepted(stranger());
  t.is(closed, 500 - 16, 'of one network there are fewer still');
  bob.befriend(alice, []);
  alice.befriend(bob, ['tcp://bob']);
  await made.time.advance(100);
  t.true(agree(alice, bob), 'a friend gets through meanwhile');
  await made.time.advance(10_000);
  t.is(closed, 500);
  t.true(agree(alice, bob), 'and stays');
});

test.serial('a core that is closed leaves no timer', async (t) => {
  const made = world(t);
  const [alice, bob] = await twoNodes(made);
  alice.befriend(bob, urls(bob));
  alice.befriend(made.start('carol', 3), ['tcp://carol', 'udp://carol']);
  bob.befriend(alice, urls(alice));
  await made.time.advance(3000);
  for (const plane of made.planes) await plane.node.core.close();
  await made.time.advance(20_000);
  t.is(made.time.armed, 0);
});

test.serial(
  'several addresses of one friend, on a slow and uneven path, come to one session',
  async (t) => {
    await t.notThrowsAsync(
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 40, maxLength: 40 }),
          async (delays) => {
            const made = new World();
            try {
              const [alice, bob] = await twoNodes(made);
              await bob.core.listen('udp://bob-two');
              await bob.core.listen('udp://bob-three');
              let next = 0;
              made.latency = () => delays[next++ % delays.length]!;
              alice.befriend(bob, ['udp://bob', 'udp://bob-two', 'udp://bob-three']);
              bob.befriend(alice, []);
              await made.time.advance(15_000);
              const settled = agree(alice, bob);
              const events = alice.events.length + bob.events.length;
              await made.time.advance(15_000);
              return settled && events === alice.events.length + bob.events.length;
            } finally {
              await made.end();
            }
          },
        ),
        { numRuns: 60 },
      ),
    );
  },
);
