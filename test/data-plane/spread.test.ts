/** Sessions in other workers than the ports: what crosses, what strays, what is lost and counted. */
import test from 'ava';
import fc from 'fast-check';
import { NoticeKind } from '../../src/data-plane/notice.ts';
import { DescriptorKind } from '../../src/io/contract.ts';
import { PacketType } from '../../src/links/packet.ts';
import { Counter } from '../../src/switch/counters.ts';
import {
  broadcast,
  frame,
  LINK_PORT,
  type Node,
  openSession,
  prints,
  secret,
  slabAddress,
  UDP,
} from './node.ts';
import { LEFT_INDEX, Pair, RIGHT_INDEX, SPREAD_WORKERS, STREAM } from './pair.ts';
import { receivedBy, Super, SuperPair } from './super-pair.ts';

/** Indices of a second session between the two, in the worker with the number 1. */
const [LEFT_SECOND, RIGHT_SECOND] = [0x0000_0405, 0x0000_0406];

function frames(count: number, seed = 0): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => frame(60 + ((i * 97) % 1454), 2, 1, seed + i));
}

/** Opens a second session between the two, over any carrier they have. */
function openSecond(
  pair: Pair,
  indices: readonly [number, number] = [LEFT_SECOND, RIGHT_SECOND],
  descriptor = UDP,
): void {
  const ends: readonly [Node, Node][] = [
    [pair.left, pair.right],
    [pair.right, pair.left],
  ];
  for (const [i, [node, other]] of ends.entries()) {
    node.post(
      openSession({
        localIndex: indices[i]!,
        remoteIndex: indices[1 - i]!,
        descriptor,
        sendSecret: secret(5 + i),
        receiveSecret: secret(6 - i),
        ...(descriptor === UDP ? { address: slabAddress(other.address) } : {}),
      }),
    );
  }
}

function use(pair: Pair, left: number, right: number): void {
  pair.left.post({ op: 'use-session', port: LINK_PORT, localIndex: left });
  pair.right.post({ op: 'use-session', port: LINK_PORT, localIndex: right });
}

test('the session lives in its worker, and nothing of it with the ports', (t) => {
  const pair = new Pair({ carrier: 'spread' });
  pair.pass(1000);
  t.deepEqual(prints(pair.carry(...frames(50))), prints(frames(50)));
  const sockets = pair.left.threads.map(({ engine }) => engine.memory.addresses.available);
  t.is(sockets[2], sockets[1]! - 1, 'the address of the session');
  t.is(sockets[0], sockets[1]);
  t.is(pair.left.session(LEFT_INDEX).port, LINK_PORT);
  t.is(pair.left.sessionCount, 1);
  t.is(pair.left.ioReport.unknownSession, 0);
});

for (const [name, steered] of [
  ['all to the first', () => 0],
  ['each to the next', (place: number, count: number) => (place + 1) % count],
  [
    'by turns',
    (
      (turn) => (_: number, count: number) =>
        turn++ % count
    )(0),
  ],
] as const) {
  test(`datagrams that come to another socket find their session: ${name}`, (t) => {
    const pair = new Pair({ carrier: 'spread', largestDatagram: 1472 });
    pair.network.steered = steered;
    pair.pass(3000);
    const sent = [...frames(200), frame(9000, 2, 1, 3)];
    t.deepEqual(prints(pair.carry(...sent)).sort(), prints(sent).sort());
    for (const node of [pair.left, pair.right]) {
      t.is(node.told(NoticeKind.dead).length, 0);
      t.is(node.ioReport.unknownSession, 0);
      t.is(node.ioReport.crossingsFull, 0);
    }
  });
}

test('what strays and is nobody’s goes round no more than once', (t) => {
  const pair = new Pair({ carrier: 'spread' });
  pair.settle();
  const record = new Uint8Array(60);
  record.set([0x10, 0, 57, 0]);
  for (const [worker, turns] of [
    [0, 0],
    [1, 1],
    [2, 2],
  ] as const) {
    pair.network.steered = (_, count) => turns % count;
    new DataView(record.buffer).setUint32(4, (worker << 10) | 77);
    record[15] = 9; // no first record
    const { sockets } = pair.left;
    const sender = sockets.openUdp(pair.left.address, 0);
    pair.left.post({
      op: 'add-descriptor',
      descriptor: 50 + worker,
      systemDescriptor: sender,
      kind: DescriptorKind.udp,
    });
    for (let aim = 0; aim < SPREAD_WORKERS; aim++) {
      new DataView(record.buffer).setUint32(4, (aim << 10) | 77);
      pair.left.post({
        op: 'send-message',
        descriptor: 50 + worker,
        address: slabAddress(pair.right.address),
        message: record.slice(),
      });
    }
  }
  pair.settle();
  t.is(pair.right.ioReport.unknownSession, 9);
  t.is(pair.right.told(NoticeKind.message).length, 0);
});

test('a handshake’s message reaches the main thread from whatever socket', (t) => {
  const pair = new Pair({ carrier: 'spread' });
  pair.settle();
  const message = Uint8Array.of(0x02, 0, 3, 1, 2, 3);
  for (let aim = 0; aim < SPREAD_WORKERS; aim++) {
    pair.network.steered = () => aim;
    const address = slabAddress(pair.right.address);
    pair.left.post({ op: 'send-message', descriptor: UDP, address, message });
    pair.settle();
  }
  const told = pair.right.told(NoticeKind.message);
  t.deepEqual(
    told.map(({ subject, payload }) => [subject, [...payload]]),
    Array.from({ length: SPREAD_WORKERS }, () => [UDP, [...message]]),
  );
  for (const { address } of told) t.deepEqual(address, slabAddress(pair.left.address));
});

test('a newer session in another worker takes the port over without a frame lost', (t) => {
  const pair = new Pair({ carrier: 'spread' });
  pair.pass(1000);
  openSecond(pair);
  pair.pass(500);
  const sent: Uint8Array[] = [];
  for (let round = 0; round < 20; round++) {
    const some = frames(20, round);
    for (const each of some) pair.leftClient.send(each);
    sent.push(...some);
    pair.left.pump();
    if (round === 10) use(pair, LEFT_SECOND, RIGHT_SECOND);
  }
  pair.settle();
  t.deepEqual(prints(pair.rightClient.receive()).sort(), prints(sent).sort());
  for (const [node, first, second] of [
    [pair.left, LEFT_INDEX, LEFT_SECOND],
    [pair.right, RIGHT_INDEX, RIGHT_SECOND],
  ] as const) {
    t.true(node.session(first).recordsIn > 0 && node.session(second).recordsIn > 0);
    node.post({ op: 'close-session', localIndex: first });
    t.is(node.sessionCount, 1);
  }
  t.deepEqual(prints(pair.carry(...frames(5))), prints(frames(5)));
});

test('a link fails over to a stream, whose sessions live with the ports, and back', (t) => {
  const pair = new Pair({ carrier: 'spread' });
  const [left, right] = pair.left.sockets.openStreamPair();
  const add = { op: 'add-descriptor', descriptor: STREAM, kind: DescriptorKind.stream } as const;
  pair.left.post({ ...add, systemDescriptor: left });
  pair.right.post({ ...add, systemDescriptor: right });
  openSecond(pair, [0x15, 0x16], STREAM);
  pair.pass(1000);
  use(pair, 0x15, 0x16);
  t.deepEqual(prints(pair.carry(...frames(30))), prints(frames(30)));
  pair.left.post({ op: 'remove-descriptor', descriptor: STREAM });
  pair.right.post({ op: 'remove-descriptor', descriptor: STREAM });
  t.deepEqual(pair.carry(...frames(3)), []);
  use(pair, LEFT_INDEX, RIGHT_INDEX);
  t.deepEqual(prints(pair.carry(...frames(30, 9))), prints(frames(30, 9)));
});

test('a session that moved is told of by its own worker, and goes on', (t) => {
  const pair = new Pair({ carrier: 'spread' });
  pair.pass(1000);
  const elsewhere = pair.network.addHost('192.0.2.77');
  pair.network.delivery = (datagram, deliver) => {
    const fromLeft = datagram.from.host === pair.left.address;
    if (fromLeft) deliver({ ...datagram, from: { ...datagram.from, host: '192.0.2.77' } });
    else if (datagram.to.host === '192.0.2.77') {
      deliver({ ...datagram, to: { ...datagram.to, host: pair.left.address } });
    } else deliver(datagram);
  };
  t.deepEqual(prints(pair.carry(...frames(10))), prints(frames(10)));
  const [moved] = pair.right.told(NoticeKind.roamed);
  t.is(moved?.subject, RIGHT_INDEX);
  t.deepEqual(moved?.address, slabAddress(elsewhere.addresses[0]!));
  pair.rightClient.send(frame(80, 1, 2));
  pair.settle();
  t.is(pair.leftClient.receive().length, 1);
  t.is(pair.right.told(NoticeKind.roamed).length, 1);
});

/** Sends frames from the left client until its socket takes no more, with turns of `pump`. */
function overrun(pair: Pair, count: number, pump: () => void): number {
  let sent = 0;
  for (let i = 0; i < count; i++) {
    if (pair.leftClient.send(frame(1514, 2, 1, i)) > 0) sent++;
    if (i % 50 === 49) pump();
  }
  return sent;
}

test('who sends faster than the worker of the session seals is held, and nothing is lost', (t) => {
  const pair = new Pair({ carrier: 'spread', bufferLength: 1 << 24 });
  pair.pass(1000);
  const ports = pair.left.threads[0]!;
  // The worker of the session does not get a turn for a moment.
  const sent = overrun(pair, 4000, () => ports.pump());
  t.is(sent, 4000);
  const waiting = pair.left.threads[0]!.pump();
  t.false(waiting, 'its socket is not read');
  pair.settle(2000);
  t.is(pair.rightClient.receive().length, sent);
  t.is(pair.left.count(LINK_PORT, Counter.dropFull), 0);
  t.is(pair.left.ioReport.crossingsFull, 0);
});

test('for a worker that takes nothing nobody waits: frames are dropped and counted on the port, packets pass', (t) => {
  const pair = new Pair({ carrier: 'spread', bufferLength: 1 << 24 });
  pair.pass(1000);
  const ports = pair.left.threads[0]!;
  const sessions = pair.left.threads[2]!;
  const before = pair.left.count(LINK_PORT, Counter.framesOut);
  const count = overrun(pair, 4000, () => {
    pair.clock.advance(2);
    ports.pump();
  });
  while (ports.pump());
  const dropped = pair.left.count(LINK_PORT, Counter.dropFull);
  t.true(dropped > 1000);
  t.is(pair.left.count(LINK_PORT, Counter.framesOut) - before, count - dropped);
  const bpdu = frame(60);
  bpdu.set([0x01, 0x80, 0xc2, 0, 0, 0]);
  pair.left.post({ op: 'send-frame', port: LINK_PORT, frame: bpdu });
  while (sessions.pump());
  pair.settle();
  t.is(pair.rightClient.receive().length, count - dropped);
  t.deepEqual(
    pair.right.told(NoticeKind.bridgeFrame).map(({ payload }) => payload),
    [bpdu],
  );
  t.is(pair.left.ioReport.crossingsFull, dropped);
  // It has caught up, and is waited for again.
  t.deepEqual(prints(pair.carry(...frames(20))), prints(frames(20)));
  t.is(pair.left.count(LINK_PORT, Counter.dropFull), dropped);
});

test('what comes in faster than the ports take it is left with the system', (t) => {
  const pair = new Pair({ carrier: 'spread', bufferLength: 1 << 24 });
  pair.pass(1000);
  const sessions = pair.right.threads[2]!;
  const sent = overrun(pair, 3000, () => {
    for (let turn = 0; turn < 3; turn++) pair.left.pump();
    sessions.pump();
  });
  for (let turn = 0; turn < 50; turn++) sessions.pump();
  t.is(sent, 3000);
  t.is(sessions.engine.timeout(pair.clock.now()), 1, 'it looks again soon');
  pair.settle(1000);
  t.is(pair.rightClient.receive().length, sent);
  t.is(pair.right.count(LINK_PORT, Counter.dropFull), 0);
  t.is(pair.right.session(RIGHT_INDEX).drops.full, 0);
});

test('packets of the main thread leave by their session’s worker, and bulk is told of', (t) => {
  const pair = new Pair({ carrier: 'spread' });
  pair.settle();
  const payload = Uint8Array.of(1, 2, 3);
  const packet = { op: 'send-packet', localIndex: LEFT_INDEX, type: 0x40, payload } as const;
  pair.left.post({ ...packet, priority: 'control' });
  pair.left.post({ ...packet, priority: 'bulk' });
  pair.settle();
  t.deepEqual(
    pair.right.told(NoticeKind.packet).map((notice) => [notice.subject, [...notice.payload]]),
    [
      [RIGHT_INDEX, [1, 2, 3]],
      [RIGHT_INDEX, [1, 2, 3]],
    ],
  );
  t.is(pair.left.told(NoticeKind.bulkSent).length, 1);
});

test('closing says why, and everything is given back in both workers', (t) => {
  const pair = new Pair({ carrier: 'spread' });
  const { free } = new Pair({ carrier: 'spread' }).left;
  pair.pass(3000);
  pair.carry(...frames(100), frame(9000, 2, 1));
  pair.left.post({ op: 'close-session', localIndex: LEFT_INDEX, reason: 'enough' });
  pair.settle();
  const [told] = pair.right.told(NoticeKind.packet);
  t.is(told?.flag, PacketType.close);
  t.is(new TextDecoder().decode(told?.payload), 'enough');
  t.is(pair.left.sessionCount, 0);
  const addresses = 1; // the session that the other pair still has
  t.deepEqual(pair.left.free, [free[0]! + addresses, ...free.slice(1)]);
  t.deepEqual(pair.carry(...frames(3)), [], 'nothing leaves unsealed');
});

test('when the socket goes, every worker forgets the sessions on it', (t) => {
  const pair = new Pair({ carrier: 'spread' });
  openSecond(pair);
  pair.settle();
  const open = pair.network.openDescriptors;
  pair.left.post({ op: 'remove-descriptor', descriptor: UDP });
  t.is(pair.left.sessionCount, 0);
  t.is(pair.network.openDescriptors, open - SPREAD_WORKERS);
  t.deepEqual(pair.carry(...frames(3)), []);
});

test('a silent session is told of by its own worker', (t) => {
  const pair = new Pair({ carrier: 'spread' });
  pair.pass(1000);
  pair.network.delivery = () => {};
  pair.pass(4000);
  t.deepEqual(
    pair.left.told(NoticeKind.dead).map(({ subject }) => subject),
    [LEFT_INDEX],
  );
});

test('super-frames cross whole, in pieces or not, and in order among others', (t) => {
  const pair = new SuperPair({ carrier: 'spread', largestDatagram: 1472 });
  pair.learn();
  const sent = Array.from({ length: 12 }, (_, i) => new Super(2000 + 4700 * i, 1400));
  for (const each of sent) pair.leftTap.send(each.bytes, each.needs);
  pair.settle();
  t.deepEqual(
    receivedBy(pair.rightTap),
    sent.map(({ whole }) => whole),
  );
});

test('whatever is sent both ways, over whatever steering, arrives once', (t) => {
  const traffic = fc.array(
    fc.record({
      length: fc.integer({ min: 60, max: 9000 }),
      back: fc.boolean(),
      turn: fc.boolean(),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(traffic, fc.nat(5), fc.constantFrom('sealed', 'clear'), (all, skew, mode) => {
      const pair = new Pair({
        carrier: 'spread',
        mode,
        largestDatagram: 1472,
        joinsDatagrams: true,
      });
      pair.pass(1000, 250);
      pair.leftClient.send(broadcast(60, 1));
      pair.rightClient.send(broadcast(60, 2));
      pair.settle();
      pair.leftClient.receive();
      pair.rightClient.receive();
      pair.network.steered = (place, count) => (place + skew) % count;
      const there: Uint8Array[] = [];
      const back: Uint8Array[] = [];
      for (const [i, { length, back: isBack, turn }] of all.entries()) {
        const each = isBack ? frame(length, 1, 2, i) : frame(length, 2, 1, i);
        (isBack ? back : there).push(each);
        (isBack ? pair.rightClient : pair.leftClient).send(each);
        if (turn) pair.left.pump();
      }
      pair.settle();
      t.deepEqual(prints(pair.rightClient.receive()).sort(), prints(there).sort());
      t.deepEqual(prints(pair.leftClient.receive()).sort(), prints(back).sort());
      pair.close();
    }),
    { numRuns: 25 },
  );
});
