/** What attackers on the path and hostile friends send: counted where it belongs, and traffic goes on. */
import test, { type ExecutionContext } from 'ava';
import { NoticeKind } from '../../src/data-plane/notice.ts';
import type { SessionDrops } from '../../src/data-plane/session.ts';
import { FRAGMENT_HEADER_LENGTH, writeFragmentHeader } from '../../src/links/fragment.ts';
import { STRANGER_RATES } from '../../src/links/handshake/stranger-limit.ts';
import {
  LinkMessageType,
  linkMessage,
  RECORD_HEADER_LENGTH,
  writeRecordHeader,
} from '../../src/links/link-message.ts';
import { PacketType } from '../../src/links/packet.ts';
import { authenticRecord, packet } from './hostile-friend.ts';
import { broadcast, openSession, prints, secret, slabAddress, UDP, UDP_PORT } from './node.ts';
import { LEFT_INDEX, Pair, RIGHT_INDEX } from './pair.ts';

/** A packet number ahead of what was sent, but not so far that the window leaves that behind. */
const AHEAD = 2000;
/** So far ahead that it does. */
const FAR_AHEAD = 1_000_000;

/** Puts a datagram in front of the right node, from the left one unless told otherwise. */
function inject(pair: Pair, bytes: Uint8Array, host = pair.left.address, port = UDP_PORT): void {
  const datagram = {
    from: { host, port },
    to: { host: pair.right.address, port: UDP_PORT },
    bytes,
  };
  const sender = pair.network.hostOf(pair.left.address, pair.leftHost);
  const { delivery } = pair.network;
  pair.network.delivery = (each, deliver) => deliver(each);
  if (sender !== undefined) pair.network.send(sender, datagram);
  pair.network.delivery = delivery;
  pair.settle();
}

function drops(pair: Pair): SessionDrops {
  return pair.right.session(RIGHT_INDEX).drops;
}

/** Exactly these drops have come about, and frames still pass. */
function assertDrops(t: ExecutionContext, pair: Pair, expected: Partial<SessionDrops>): void {
  for (const [reason, count] of Object.entries(drops(pair))) {
    t.is(count, expected[reason as keyof SessionDrops] ?? 0, reason);
  }
  const sent = broadcast(333);
  t.deepEqual(prints(pair.carry(sent)), prints([sent]));
}

/** A pair that has settled, and the datagram that carries one frame, which did not arrive. */
function withCaptured(options: ConstructorParameters<typeof Pair>[0] = {}): {
  pair: Pair;
  captured: Uint8Array;
} {
  const pair = new Pair(options);
  pair.pass(2000);
  const { delivery } = pair.network;
  let captured: Uint8Array | undefined;
  pair.network.delivery = ({ bytes }) => {
    captured = bytes;
  };
  pair.carry(broadcast(100, 1, 77));
  pair.network.delivery = delivery;
  if (captured === undefined) throw new Error('nothing was sent');
  return { pair, captured };
}

test('a repeated record counts once', (t) => {
  const { pair, captured } = withCaptured();
  for (let i = 0; i < 5; i++) inject(pair, captured);
  t.deepEqual(prints(pair.rightClient.receive()), prints([broadcast(100, 1, 77)]));
  assertDrops(t, pair, { replayed: 4 });
});

test('a record that stands twice in one batch counts once', (t) => {
  const pair = new Pair();
  pair.pass(2000);
  const before = pair.network.delivery;
  pair.network.delivery = (datagram, deliver) => {
    deliver(datagram);
    deliver(datagram);
  };
  t.deepEqual(prints(pair.carry(broadcast(100))), prints([broadcast(100)]));
  pair.network.delivery = before;
  assertDrops(t, pair, { replayed: 1 });
});

test('reordered records all arrive', (t) => {
  const pair = new Pair();
  pair.pass(2000);
  const before = pair.network.delivery;
  const held: (() => void)[] = [];
  pair.network.delivery = (datagram, deliver) => held.push(() => deliver(datagram));
  const frames = Array.from({ length: 40 }, (_, i) => broadcast(700, 1, i));
  pair.carry(...frames);
  pair.network.delivery = before;
  for (const release of held.reverse()) release();
  pair.settle();
  const arrived = pair.rightClient.receive();
  const seeds = (list: Uint8Array[]) => list.map((each) => each[20]).sort((a, b) => a - b);
  t.deepEqual(seeds(arrived), seeds(frames));
  assertDrops(t, pair, {});
});

test('any altered octet of a sealed record makes it worthless', (t) => {
  const { pair, captured } = withCaptured();
  const receiver = 4;
  let forged = 0;
  for (let at = 3; at < captured.length; at += at < RECORD_HEADER_LENGTH ? 1 : 5) {
    if (at >= receiver && at < receiver + 4) continue;
    const altered = captured.slice();
    altered[at] ^= 0x10;
    inject(pair, altered);
    forged++;
  }
  t.deepEqual(prints(pair.rightClient.receive()), prints([]));
  // Some packet numbers become ones that were seen before; those are not even opened.
  const { replayed } = drops(pair);
  t.true(replayed < 3);
  assertDrops(t, pair, { forged: forged - replayed, replayed });
  inject(pair, captured); // no forgery has moved the window
  t.deepEqual(prints(pair.rightClient.receive()), prints([broadcast(100, 1, 77)]));
});

test('truncated and lengthened datagrams are no messages', (t) => {
  const { pair, captured } = withCaptured();
  const before = pair.right.ioReport.malformed;
  for (let length = 0; length < captured.length; length += 7) {
    inject(pair, captured.slice(0, length));
  }
  inject(pair, Uint8Array.of(...captured, 0));
  const count = Math.ceil(captured.length / 7) + 1;
  t.is(pair.right.ioReport.malformed - before, count);
  assertDrops(t, pair, {});
});

test('cut records whose length agrees', (t) => {
  const { pair, captured } = withCaptured();
  const malformedBefore = pair.right.ioReport.malformed;
  const cut = (length: number): Uint8Array => {
    const bytes = captured.slice(0, length);
    bytes[1] = (length - 3) >>> 8;
    bytes[2] = length - 3;
    return bytes;
  };
  inject(pair, cut(RECORD_HEADER_LENGTH - 1)); // less than a header: nobody's
  inject(pair, cut(RECORD_HEADER_LENGTH)); // no room for a tag
  inject(pair, cut(RECORD_HEADER_LENGTH + 15));
  inject(pair, cut(RECORD_HEADER_LENGTH + 16));
  inject(pair, cut(captured.length - 1));
  t.is(pair.right.ioReport.malformed - malformedBefore, 1);
  assertDrops(t, pair, { malformed: 2, forged: 2 });
});

test('a record of another session, and of none', (t) => {
  const { pair, captured } = withCaptured();
  const other = RIGHT_INDEX + 1;
  pair.right.post(
    openSession({
      localIndex: other,
      remoteIndex: 0x77,
      address: slabAddress(pair.left.address),
      sendSecret: secret(3),
      receiveSecret: secret(4),
      port: 12,
    }),
  );
  const redirected = captured.slice();
  redirected[7] = other & 0xff;
  inject(pair, redirected);
  t.is(pair.right.session(other).drops.forged, 1);
  const nobodys = captured.slice();
  nobodys[4] = 0xee;
  const before = pair.right.ioReport.unknownSession;
  inject(pair, nobodys);
  t.is(pair.right.ioReport.unknownSession - before, 1);
  pair.right.post({ op: 'close-session', localIndex: other });
  assertDrops(t, pair, {});
});

test('a record for a session that lives on another descriptor', (t) => {
  const { pair, captured } = withCaptured();
  pair.right.addUdp(20, 7999);
  const before = pair.right.ioReport.unknownSession;
  pair.network.send(pair.leftHost, {
    from: { host: pair.left.address, port: UDP_PORT },
    to: { host: pair.right.address, port: 7999 },
    bytes: captured,
  });
  pair.settle();
  t.is(pair.right.ioReport.unknownSession - before, 1);
  assertDrops(t, pair, {});
});

test('records of epochs that nobody has keys for', (t) => {
  const pair = new Pair();
  pair.pass(2000);
  const ethernet = packet(PacketType.ethernet, broadcast(100));
  for (const [i, epoch] of [2, 3, 128, 255].entries()) {
    const number = AHEAD + i;
    inject(pair, authenticRecord(ethernet, { receiver: RIGHT_INDEX, number, epoch }));
  }
  t.deepEqual(prints(pair.rightClient.receive()), prints([]));
  assertDrops(t, pair, { forged: 4 });
});

test('the first record of an unknown session is told as a message: a confirmation may be early', (t) => {
  const pair = new Pair();
  const early = authenticRecord(packet(PacketType.confirm, new Uint8Array(8)), {
    receiver: 0x7777,
    number: 0,
  });
  inject(pair, early);
  const [notice] = pair.right.told(NoticeKind.message);
  t.deepEqual(notice.payload, early);
  t.deepEqual(notice.address, slabAddress(pair.left.address));
  t.is(notice.subject, UDP);
});

test('authentic nonsense inside a record is counted; what came before it counts', (t) => {
  const pair = new Pair();
  pair.pass(2000);
  let number = AHEAD;
  const give = (plaintext: Uint8Array): void => {
    inject(pair, authenticRecord(plaintext, { receiver: RIGHT_INDEX, number: number++ }));
  };
  const good = packet(PacketType.ethernet, broadcast(64));
  give(Uint8Array.of(...good, 0x02)); // a packet header cut short
  give(Uint8Array.of(...good, 0x02, 0x00));
  give(Uint8Array.of(...good, 0x02, 0x00, 0x05, 1, 2)); // a length that runs past the record
  give(packet(PacketType.ethernet, broadcast(64)).subarray(0, 40));
  give(packet(PacketType.pong, new Uint8Array(11))); // not as long as our pings
  give(packet(PacketType.probe, new Uint8Array(1)));
  give(packet(PacketType.probeAcknowledgement, new Uint8Array(3)));
  give(packet(PacketType.fragment, new Uint8Array(8)));
  t.is(pair.rightClient.receive().length, 3);
  assertDrops(t, pair, { malformed: 8 });
  give(new Uint8Array(0)); // an empty record is no error
  assertDrops(t, pair, { malformed: 8 });
});

test('hostile fragments neither show old memory nor keep any', (t) => {
  for (const mode of ['sealed', 'clear'] as const) {
    const pair = new Pair({ mode });
    pair.pass(2000);
    const free = pair.right.free;
    // Something secret passes through the same memory first.
    const secretFrame = broadcast(5000, 1, 200);
    t.deepEqual(prints(pair.carry(secretFrame)), prints([secretFrame]));
    let number = AHEAD;
    const fragment = (id: number, index: number, count: number, at: number, total: number) => {
      const payload = new Uint8Array(FRAGMENT_HEADER_LENGTH + 30).fill(0xff);
      writeFragmentHeader(payload, 0, id, index, count, at, total);
      const plaintext = packet(PacketType.fragment, payload);
      inject(pair, authenticRecord(plaintext, { receiver: RIGHT_INDEX, number: number++ }));
    };
    fragment(9, 0, 2, 0, 60);
    fragment(9, 1, 2, 0, 60); // lies over the first: the octets behind would be somebody else's
    fragment(10, 0, 2, 30, 60);
    fragment(11, 0, 1, 0, 30);
    fragment(12, 0, 0, 0, 30);
    fragment(13, 33, 34, 990, 1020);
    fragment(14, 0, 2, 0, 9217);
    fragment(15, 0, 2, 0xffff, 60);
    t.deepEqual(prints(pair.rightClient.receive()), prints([]));
    t.is(drops(pair).malformed, 7);
    pair.pass(2000);
    t.is(drops(pair).abandoned, 1);
    t.deepEqual(pair.right.free, free);
    const sent = broadcast(4000);
    t.deepEqual(prints(pair.carry(sent)), prints([sent]));
  }
});

test('an unclaimed packet type goes to the main thread, not to the switch', (t) => {
  const pair = new Pair();
  const plaintext = packet(0xee, Uint8Array.of(1, 2, 3));
  inject(pair, authenticRecord(plaintext, { receiver: RIGHT_INDEX, number: AHEAD }));
  const notice = pair.right.told(NoticeKind.packet).find(({ flag }) => flag === 0xee);
  t.deepEqual(notice?.payload, Uint8Array.of(1, 2, 3));
  t.is(notice?.subject, RIGHT_INDEX);
});

// ---- records in the clear

function clearRecord(plaintext: Uint8Array, receiver = RIGHT_INDEX): Uint8Array {
  const bytes = new Uint8Array(RECORD_HEADER_LENGTH + plaintext.length);
  const { clearRecord: type } = LinkMessageType;
  writeRecordHeader(bytes, 0, type, bytes.length - 3, 0, receiver, 0, 5);
  bytes.set(plaintext, RECORD_HEADER_LENGTH);
  return bytes;
}

test('a sealed session takes nothing in the clear', (t) => {
  const pair = new Pair();
  inject(pair, clearRecord(packet(PacketType.ethernet, broadcast(100))));
  t.deepEqual(prints(pair.rightClient.receive()), prints([]));
  assertDrops(t, pair, { unexpectedClear: 1 });
});

test("a clear session takes frames in the clear from its friend's address only", (t) => {
  const pair = new Pair({ mode: 'clear' });
  const record = clearRecord(packet(PacketType.ethernet, broadcast(100)));
  inject(pair, record, '192.0.2.66');
  inject(pair, record, pair.left.address, UDP_PORT + 1);
  t.deepEqual(prints(pair.rightClient.receive()), prints([]));
  inject(pair, record);
  t.deepEqual(prints(pair.rightClient.receive()), prints([broadcast(100)]));
  assertDrops(t, pair, { unexpectedClear: 2 });
});

test('a clear session believes nothing but Ethernet in the clear', (t) => {
  const pair = new Pair({ mode: 'clear' });
  pair.pass(1000);
  const told = pair.right.notices.length;
  const types = [0x01, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x40, 0xff];
  for (const type of types) inject(pair, clearRecord(packet(type, new Uint8Array(12))));
  t.is(pair.right.notices.length, told);
  assertDrops(t, pair, { unexpectedClear: types.length });
});

test('a BPDU in an Ethernet packet reaches nobody', (t) => {
  for (const carrier of ['datagram', 'spread'] as const) {
    const pair = new Pair({ mode: 'clear', carrier });
    const bpdu = broadcast(60);
    bpdu.set([0x01, 0x80, 0xc2, 0, 0, 0]);
    inject(pair, clearRecord(packet(PacketType.ethernet, bpdu)));
    t.is(pair.right.told(NoticeKind.bridgeFrame).length, 0);
    t.deepEqual(prints(pair.rightClient.receive()), prints([]));
    assertDrops(t, pair, { unexpectedClear: 1 });
  }
});

test('a record in the clear does not keep a session alive', (t) => {
  const pair = new Pair({ mode: 'clear' });
  pair.pass(2000);
  pair.network.delivery = () => {};
  const record = clearRecord(packet(PacketType.ethernet, broadcast(100)));
  for (let i = 0; i < 30; i++) {
    inject(pair, record);
    pair.pass(100);
  }
  t.is(pair.right.told(NoticeKind.dead).length, 1);
});

// ---- roaming

test('an authentic record from elsewhere moves the session; a repeated or late one does not', (t) => {
  const { pair, captured } = withCaptured();
  inject(pair, captured, '192.0.2.66', 666);
  t.is(pair.rightClient.receive().length, 1);
  const roamed = pair.right.told(NoticeKind.roamed);
  t.deepEqual(
    roamed.map(({ subject, address }) => [subject, address]),
    [[RIGHT_INDEX, slabAddress('192.0.2.66', 666)]],
  );
  pair.wire.length = 0;
  pair.rightClient.send(broadcast(90, 2));
  pair.settle();
  t.true(pair.wire.length > 0);
  t.true(pair.wire.every(({ to }) => to.host === '192.0.2.66' && to.port === 666));
  // The real friend goes on, and so has the session back.
  t.is(pair.carry(broadcast(91)).length, 1);
  t.deepEqual(pair.right.told(NoticeKind.roamed).at(-1)?.address, slabAddress(pair.left.address));
  // What the attacker repeats changes nothing.
  inject(pair, captured, '192.0.2.66', 666);
  t.is(pair.right.told(NoticeKind.roamed).length, 2);
  assertDrops(t, pair, { replayed: 1 });
});

test('a late record from the old address does not move the session back', (t) => {
  const { pair, captured } = withCaptured();
  const newer = authenticRecord(packet(PacketType.ethernet, broadcast(70)), {
    receiver: RIGHT_INDEX,
    number: FAR_AHEAD,
  });
  inject(pair, newer, '192.0.2.7');
  inject(
    pair,
    authenticRecord(packet(PacketType.ethernet, broadcast(71)), {
      receiver: RIGHT_INDEX,
      number: FAR_AHEAD - 1,
    }),
  );
  t.is(pair.right.told(NoticeKind.roamed).length, 1);
  t.is(pair.rightClient.receive().length, 2);
  inject(pair, captured); // far behind the window by now
  t.is(drops(pair).replayed, 1);
});

test('a session that moved searches its path anew', (t) => {
  const { pair, captured } = withCaptured();
  t.true(pair.right.session(RIGHT_INDEX).pathMtu > 1200);
  inject(pair, captured, '192.0.2.66', 666);
  t.is(pair.right.session(RIGHT_INDEX).pathMtu, 1200);
});

// ---- messages

test('every message of a handshake reaches the main thread with its address, others do not', (t) => {
  const pair = new Pair();
  const body = Uint8Array.of(1, 2, 3);
  const types = Object.entries(LinkMessageType).filter(([, type]) => type < 0x10);
  const messages = types.map(([, type]) =>
    linkMessage(type, type === LinkMessageType.handshakeInit ? new Uint8Array(1197) : body),
  );
  for (const message of messages) inject(pair, message, '192.0.2.99', 9);
  const told = pair.right.told(NoticeKind.message);
  t.deepEqual(
    told.map((notice) => notice.payload),
    messages,
  );
  for (const notice of told) t.deepEqual(notice.address, slabAddress('192.0.2.99', 9));
  const before = pair.right.ioReport.malformed;
  for (const type of [0x00, 0x06, 0x0f, 0x12, 0xff]) {
    inject(pair, linkMessage(type as LinkMessageType, body));
  }
  t.is(pair.right.ioReport.malformed - before, 5);
  t.is(pair.right.told(NoticeKind.message).length, types.length);
});

test('a flood of strangers is limited, and friends do not notice', (t) => {
  const pair = new Pair();
  pair.pass(1000);
  const to = { host: pair.right.address, port: UDP_PORT };
  const init = linkMessage(LinkMessageType.handshakeInit, new Uint8Array(1197).fill(1, 0, 1));
  const final = linkMessage(LinkMessageType.handshakeFinal, new Uint8Array(300));
  const record = linkMessage(LinkMessageType.sealedRecord, new Uint8Array(300));
  for (let i = 0; i < 50; i++) {
    for (let j = 0; j < 300; j++) {
      const from = { host: `10.${i}.${j & 0xff}.1`, port: j + 1 };
      pair.network.send(pair.leftHost, { from, to, bytes: [init, final, record][j % 3] });
    }
    pair.clock.advance(1);
    while (pair.right.pump());
  }
  const { ioReport } = pair.right;
  const { first, other } = STRANGER_RATES;
  const told = pair.right.told(NoticeKind.message).length;
  t.true(told <= first.burst + other.burst + 0.05 * (first.all + other.all) + 2, String(told));
  t.is(told + ioReport.firstLimited + ioReport.handshakeLimited, 50 * 300);
  t.is(pair.right.thread.strangers.drops, 0);
  t.is(pair.right.thread.friends.drops, 0);
  // Where the session is from, a new handshake may come from, at any port.
  const before = pair.right.told(NoticeKind.message).length;
  inject(pair, init, pair.left.address, 999);
  inject(pair, final, pair.left.address, 999);
  t.is(pair.right.told(NoticeKind.message).length - before, 2);
  pair.settle();
  assertDrops(t, pair, {});
  pair.left.post({
    op: 'send-packet',
    localIndex: LEFT_INDEX,
    type: 0x33,
    payload: new Uint8Array(4),
    priority: 'control',
  });
  pair.settle();
  t.true(pair.right.told(NoticeKind.packet).some(({ flag }) => flag === 0x33));
});

test('first messages on a stream are not limited: it has its own pace', (t) => {
  const pair = new Pair({ carrier: 'stream' });
  pair.pass(1000);
  const stream = pair.network.descriptor(pair.leftStream);
  if (stream?.type !== 'stream') throw new Error('no stream');
  const init = linkMessage(LinkMessageType.handshakeInit, new Uint8Array(1197));
  for (let i = 0; i < 300; i++) {
    stream.write(init);
    pair.settle();
  }
  t.is(pair.right.told(NoticeKind.message).length, 300);
});

test('who left a moment ago is a friend still, and who is dialled may answer', (t) => {
  const pair = new Pair();
  pair.pass(1000);
  const to = { host: pair.right.address, port: UDP_PORT };
  const flood = (type: LinkMessageType, body: Uint8Array): void => {
    for (let i = 0; i < 3000; i++) {
      const from = { host: `10.${i >> 8}.${i & 0xff}.1`, port: 1 };
      pair.network.send(pair.leftHost, { from, to, bytes: linkMessage(type, body) });
      if (i % 200 === 0) while (pair.right.pump());
    }
  };
  const first = new Uint8Array(1197).fill(1, 0, 1);
  const answer = linkMessage(LinkMessageType.handshakeResponse, new Uint8Array(300));
  pair.right.post({ op: 'close-session', localIndex: RIGHT_INDEX });
  pair.right.post({
    op: 'send-message',
    descriptor: UDP,
    address: slabAddress('192.0.2.50', 50),
    message: linkMessage(LinkMessageType.handshakeInit, first),
  });
  flood(LinkMessageType.handshakeInit, first);
  flood(LinkMessageType.handshakeResponse, new Uint8Array(300));
  const told = () => pair.right.told(NoticeKind.message).length;
  pair.settle();
  const before = told();
  inject(pair, answer, '192.0.2.51', 50);
  t.is(told() - before, 0, 'somebody else has to wait');
  inject(pair, linkMessage(LinkMessageType.handshakeInit, first), pair.left.address);
  inject(pair, answer, '192.0.2.50', 50);
  t.is(told() - before, 2);
});
