/** Frames between members never leave a node in the clear towards somebody who is none. */
import test from 'ava';
import { PacketType } from '../../src/links/packet.ts';
import { Counter } from '../../src/switch/counters.ts';
import { broadcast, contains, frame, prints } from './node.ts';
import { receivedBy, Super } from './super-pair.ts';
import { TO_B, TO_C, TO_PEER, Triangle } from './triangle.ts';

const WAYS = ['relayed', 'direct', 'relayed, spread', 'direct, spread'] as const;

/** A frame whose payload is not that of any other. */
function secretFrame(length: number, to: number, from: number, seed: number): Uint8Array {
  const bytes = frame(length, to, from);
  for (let i = 14; i < length; i++) bytes[i] = (i * 37 + seed * 101 + (i >> 3)) & 0xff;
  return bytes;
}

/** Everybody has been heard of, as after a first ARP. */
function acquainted(way: (typeof WAYS)[number]): Triangle {
  const world = new Triangle({ way });
  world.linkPeers();
  world.pass(3000);
  world.send(world.hostA, broadcast(60, 1));
  world.send(world.hostB, broadcast(60, 2));
  world.send(world.hostC, broadcast(60, 3));
  world.pass(500);
  world.forget();
  return world;
}

for (const way of WAYS) {
  test(`${way}: members talk, and who is in the middle sees nothing of it`, (t) => {
    const world = acquainted(way);
    const lengths = [60, 600, 1400, 1514, 4000, 9216];
    const there = lengths.map((length, seed) => secretFrame(length, 2, 1, seed));
    const back = lengths.map((length, seed) => secretFrame(length, 1, 2, 50 + seed));
    world.send(world.hostA, ...there);
    world.send(world.hostB, ...back);
    t.deepEqual(prints(world.hostB.receive()).sort(), prints(there).sort());
    t.deepEqual(prints(world.hostA.receive()).sort(), prints(back).sort());
    t.deepEqual(world.hostC.receive(), []);
    for (const each of [...there, ...back]) t.false(world.hasLeaked(each));
  });

  test(`${way}: with others they talk in the clear`, (t) => {
    const world = acquainted(way);
    const [there, back] = [secretFrame(400, 3, 1, 1), secretFrame(400, 1, 3, 2)];
    world.send(world.hostA, there);
    world.send(world.hostC, back);
    t.deepEqual(prints(world.hostC.receive()), prints([there]));
    t.deepEqual(prints(world.hostA.receive()), prints([back]));
    t.true(world.hasLeaked(there));
    t.true(world.hasLeaked(back));
    t.deepEqual(world.hostB.receive(), []);
  });

  test(`${way}: before a claim has come, nothing leaks`, (t) => {
    const world = new Triangle({ way });
    world.pass(1000);
    // b's host is known by its broadcasts, which came in the clear, and by nothing else.
    world.send(world.hostB, broadcast(60, 2));
    world.forget();
    const early = secretFrame(300, 2, 1, 1);
    world.send(world.hostA, early);
    const unknown = secretFrame(300, 77, 1, 2);
    world.send(world.hostA, unknown);
    t.deepEqual(world.hostB.receive(), []);
    t.deepEqual(world.hostC.receive(), []);
    t.false(world.hasLeaked(early));
    t.false(world.hasLeaked(unknown));
    t.is(world.a.count(TO_C, Counter.dropConfined), 2);
    world.linkPeers();
    world.pass(3000);
    world.send(world.hostA, early);
    t.deepEqual(prints(world.hostB.receive()), prints([early]));
    t.false(world.hasLeaked(early));
  });

  test(`${way}: who claims a member's host gets nothing, before or after`, (t) => {
    for (const first of ['thief', 'member']) {
      const world = new Triangle({ way });
      const steal = (): void => world.send(world.hostC, broadcast(60, 2));
      if (first === 'thief') steal();
      world.pass(500);
      world.linkPeers();
      world.pass(3000);
      world.send(world.hostB, broadcast(60, 2));
      if (first === 'member') steal();
      world.pass(2000);
      world.forget();
      const each = secretFrame(300, 2, 1, 1);
      world.send(world.hostA, each);
      t.deepEqual(prints(world.hostB.receive()), prints([each]), first);
      t.deepEqual(world.hostC.receive(), []);
      t.false(world.hasLeaked(each));
    }
  });

  test(`${way}: while a member is away, nobody else gets its frames`, (t) => {
    const world = acquainted(way);
    world.unlinkPeers();
    world.send(world.hostC, broadcast(60, 2)); // and somebody would like them
    world.pass(5000);
    world.forget();
    const each = secretFrame(300, 2, 1, 1);
    world.send(world.hostA, each);
    t.deepEqual(world.hostC.receive(), []);
    t.false(world.hasLeaked(each));
    t.is(world.a.count(TO_C, Counter.dropConfined), 1);
    world.linkPeers();
    world.pass(3000);
    world.forget();
    world.send(world.hostA, each);
    t.deepEqual(prints(world.hostB.receive()), prints([each]));
    t.false(world.hasLeaked(each));
  });

  test(`${way}: when members part, their frames go in the clear, and back again`, (t) => {
    const world = acquainted(way);
    const each = secretFrame(300, 2, 1, 1);
    for (const mode of ['clear', 'sealed', 'clear', 'sealed'] as const) {
      world.unlinkPeers();
      world.linkPeers(mode);
      world.pass(3000);
      world.forget();
      world.send(world.hostA, each);
      t.deepEqual(prints(world.hostB.receive()), prints([each]), mode);
      t.deepEqual(world.hostC.receive(), []);
      // What a relay carries is sealed on its links, whatever is inside.
      t.is(world.hasLeaked(each), mode === 'clear' && way.startsWith('direct'));
    }
  });
}

for (const way of WAYS) {
  test(`${way}: super-frames cross whole, straight and unread; of one that lost a piece the rest`, (t) => {
    const world = new Triangle({ way, superFrames: true, largestDatagram: 1472 });
    const [tapA, tapB] = [world.a.addTap(20), world.b.addTap(20)];
    world.linkPeers();
    world.pass(4000);
    tapA.send(broadcast(60, 0x0a));
    tapB.send(broadcast(60, 0x0b));
    world.settle();
    world.pass(2000);
    tapA.receive();
    tapB.receive();
    world.forget();
    const sent = [new Super(9000, 1000), new Super(30_000, 1400), new Super(60_000, 1448)];
    for (const each of sent) tapA.send(each.bytes, each.needs);
    world.settle();
    t.deepEqual(
      receivedBy(tapB),
      sent.map(({ whole }) => whole),
    );
    for (const { bytes } of sent) {
      t.false(world.wire.some((each) => contains(each.bytes, bytes.subarray(2000, 2040))));
    }
    // What is left of one goes to b's hosts, and on to nobody.
    const { delivery } = world.network;
    let lost = 0;
    world.network.delivery = (datagram, deliver) => {
      if (datagram.bytes.length > 1000 && lost++ === 2) return;
      delivery(datagram, deliver);
    };
    tapA.send(sent[0]!.bytes, sent[0]!.needs);
    world.settle();
    world.pass(100, 5);
    t.true(lost > 2);
    t.true(receivedBy(tapB).length > 0);
    t.deepEqual(world.hostC.receive(), []);
    for (const node of [world.a, world.b]) t.is(node.count(TO_C, Counter.framesOut), 1);
  });
}

test('straight frames take the shorter way although the tree has another', (t) => {
  const world = acquainted('direct');
  const before = world.c.count(9, Counter.framesIn);
  world.send(world.hostA, secretFrame(100, 2, 1, 1));
  t.is(world.c.count(9, Counter.framesIn), before);
  t.is(world.a.count(TO_PEER, Counter.framesOut), 1);
  t.is(world.b.count(TO_PEER, Counter.framesIn), 1);
  t.is(world.hostB.receive().length, 1);
});

test('a node that is in no group bridges as ever', (t) => {
  const world = new Triangle({ way: 'direct', confined: false });
  world.pass(1000);
  const unknown = secretFrame(300, 77, 1, 2);
  world.send(world.hostA, unknown);
  t.deepEqual(prints(world.hostC.receive()), prints([unknown]));
  t.deepEqual(prints(world.hostB.receive()), prints([unknown]));
  world.send(world.hostC, broadcast(60, 1)); // even its own hosts may turn up elsewhere
  t.is(world.a.count(TO_C, Counter.dropSpoofed), 0);
});

test('in the clear nobody can pass for a member, or for a host of ours', (t) => {
  const world = acquainted('direct');
  const asMember = secretFrame(100, 1, 2, 1);
  world.send(world.hostC, asMember);
  t.deepEqual(world.hostA.receive(), []);
  t.is(world.a.count(TO_C, Counter.dropSpoofed), 1);
  // Its broadcasts do come around that way; they move no address.
  world.pass(5000);
  world.send(world.hostC, broadcast(80, 2));
  t.is(world.hostA.receive().length, 1);
  world.send(world.hostC, broadcast(80, 1));
  t.is(world.hostA.receive().length, 0);
  t.is(world.a.count(TO_C, Counter.dropSpoofed), 2);
  world.forget();
  const each = secretFrame(100, 2, 1, 3);
  world.send(world.hostA, each);
  t.is(world.hostB.receive().length, 1);
});

test('a host that moves from one member to another is found there at once', (t) => {
  const world = acquainted('direct');
  const moving = world.a.addClient(5, 2);
  world.send(moving, broadcast(60, 9));
  world.pass(4000);
  // It is plugged in elsewhere; what it was plugged into is there still.
  const again = world.b.addClient(5, 2);
  world.send(again, broadcast(60, 9));
  world.forget();
  again.receive();
  const each = secretFrame(100, 9, 1, 3);
  world.send(world.hostA, each);
  t.deepEqual(prints(again.receive()), prints([each]));
  t.false(world.hasLeaked(each));
});

test('lost claims are made good by the next list', (t) => {
  const world = new Triangle({ way: 'direct' });
  world.linkPeers();
  world.pass(5000);
  const { delivery } = world.network;
  world.network.delivery = () => {};
  world.send(world.hostB, broadcast(60, 2));
  world.network.delivery = delivery;
  world.pass(1500);
  const each = secretFrame(100, 2, 1, 3);
  world.forget();
  world.send(world.hostA, each);
  t.deepEqual(prints(world.hostB.receive()), prints([each]));
});

test('a straight frame goes to hosts and never on to a link', (t) => {
  const world = acquainted('direct');
  // b has forgotten where its host is.
  world.b.post({ op: 'flush-port', port: 1 });
  world.block(world.b);
  const before = world.c.count(TO_B, Counter.framesIn);
  world.send(world.hostA, secretFrame(100, 2, 1, 3));
  t.is(world.hostB.receive().length, 1); // unknown: to all hosts
  world.send(world.hostC, broadcast(60, 2)); // its broadcasts count for nothing at b
  world.b.post({ op: 'flush-port', port: 1 });
  world.send(world.hostA, secretFrame(100, 2, 1, 4));
  t.deepEqual(world.hostC.receive(), []);
  t.is(world.c.count(TO_B, Counter.framesIn), before);
});

for (const way of ['relayed', 'relayed, spread'] as const) {
  test(`${way}: a relay whose own link is narrow still relays`, (t) => {
    const world = new Triangle({ way, largestDatagram: 1200 });
    world.linkPeers();
    world.pass(20_000);
    world.send(world.hostA, broadcast(60, 1));
    world.send(world.hostB, broadcast(60, 2));
    world.forget();
    const frames = [60, 1100, 1200, 1514, 9000].map((length, i) => secretFrame(length, 2, 1, i));
    world.send(world.hostA, ...frames);
    t.deepEqual(prints(world.hostB.receive()), prints(frames));
    for (const each of frames) t.false(world.hasLeaked(each));
    t.is(world.a.session(0xa002).pathMtu, 1200 - 37);
  });

  test(`${way}: sessions find the path MTU, and give all memory back`, (t) => {
    const free = new Triangle({ way }).a.free;
    const world = acquainted(way);
    world.pass(3000);
    t.is(world.a.session(0xa002).pathMtu, 9280 - 37);
    const frames = Array.from({ length: 400 }, (_, i) => secretFrame(1000 + i, 2, 1, i));
    world.send(world.hostA, ...frames);
    t.deepEqual(prints(world.hostB.receive()), prints(frames));
    world.unlinkPeers();
    world.a.post({ op: 'remove-descriptor', descriptor: 7 });
    world.pass(2000);
    t.deepEqual(world.a.free, free);
    t.is(world.a.sessionCount, 1);
  });
}

test('a friend cannot relay onto a relayed link, nor into circuits of others', (t) => {
  const world = acquainted('relayed');
  const sessionOfB = 0xb001;
  const before = world.c.ioReport.relayedPackets;
  for (const number of [0, 1, 2, 0x8001, 0xffff]) {
    world.b.post({
      op: 'send-packet',
      localIndex: sessionOfB,
      type: PacketType.relay,
      payload: Uint8Array.of(number >> 8, number & 0xff, 0x10, 0, 1, 0),
      priority: 'control',
    });
  }
  world.b.post({
    op: 'send-packet',
    localIndex: 0xb002,
    type: PacketType.relay,
    payload: new Uint8Array(30),
    priority: 'control',
  });
  world.settle();
  t.is(world.c.ioReport.relayedPackets, before! + 1); // the one that carried the last
  t.is(world.c.session(0xc002).drops.unknown, 5);
  t.is(world.a.session(0xa002).drops.malformed, 1);
});

test('c forwards what it cannot read', (t) => {
  const world = acquainted('relayed');
  const each = secretFrame(500, 2, 1, 9);
  world.send(world.hostA, each);
  t.is(world.hostB.receive().length, 1);
  t.true(world.c.ioReport.relayedOctets! > 500);
  const slab = world.c.io.slab;
  t.false(contains(slab, each.subarray(14, 60)), 'not even in its memory');
});
