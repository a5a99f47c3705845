/** Streams that do not take everything at once, bulk packets, and messages around sessions. */
import { constants } from 'node:os';
import test from 'ava';
import { NoticeKind } from '../../src/data-plane/notice.ts';
import { DescriptorKind } from '../../src/io/contract.ts';
import type { MemoryStream } from '../../src/io/memory-network.ts';
import { LinkMessageType, linkMessage } from '../../src/links/link-message.ts';
import { authenticRecord, packet } from './hostile-friend.ts';
import { broadcast, LINK_PORT, openSession, prints } from './node.ts';
import { LEFT_INDEX, Pair, RIGHT_INDEX, STREAM } from './pair.ts';

/** Turns of the left node alone: nobody reads the stream. */
function pumpLeft(pair: Pair, most = 50): void {
  for (let i = 0; i < most && pair.left.pump(); i++);
}

/** Sends frames of 1,400 octets from the left until its stream is full and frames are dropped. */
function fill(pair: Pair): number {
  let sent = 0;
  while (pair.left.session(LEFT_INDEX).drops.full === 0) {
    for (let i = 0; i < 20; i++) pair.leftClient.send(broadcast(1400, 1, sent++));
    pumpLeft(pair);
    if (sent > 5000) throw new Error('the stream is never full');
  }
  return sent;
}

function bulk(pair: Pair, length: number): void {
  const payload = new Uint8Array(length).fill(0x42);
  const command = { op: 'send-packet', localIndex: LEFT_INDEX, type: 0x40, payload } as const;
  pair.left.post({ ...command, priority: 'bulk' });
}

test('a stream that takes nothing: frames wait, then are dropped and counted, and recover in order', (t) => {
  const pair = new Pair({ carrier: 'stream' });
  pair.settle();
  const { free } = pair.left;
  const sent = fill(pair);
  t.is(pair.left.free[2], free[2] - 1); // the backlog is one chunk
  t.is(pair.left.told(NoticeKind.closed).length, 0);
  pair.settle(1000);
  const arrived = pair.rightClient.receive();
  t.true(arrived.length > 100 && arrived.length < sent);
  // What arrived is whole, in order, and goes on to the last that was not dropped.
  let expected = 0;
  for (const each of arrived) {
    while (expected < sent && Buffer.compare(broadcast(1400, 1, expected), each) !== 0) expected++;
    expected++;
  }
  t.true(expected <= sent);
  t.deepEqual(pair.left.free, free);
  t.deepEqual(prints(pair.carry(broadcast(77))), prints([broadcast(77)]));
  t.deepEqual(Object.values(pair.right.session(RIGHT_INDEX).drops).filter(Boolean), []);
});

test('control packets still find room when frames are dropped already', (t) => {
  const pair = new Pair({ carrier: 'stream' });
  pair.settle();
  fill(pair);
  const payload = Uint8Array.of(1, 2, 3);
  const command = { op: 'send-packet', localIndex: LEFT_INDEX, type: 0x41, payload } as const;
  pair.left.post({ ...command, priority: 'control' });
  pair.settle(1000);
  t.true(pair.right.told(NoticeKind.packet).some(({ flag }) => flag === 0x41));
});

test('partial writes at every boundary', (t) => {
  const pair = new Pair({ carrier: 'stream' });
  pair.settle();
  const stream = pair.network.descriptor(pair.leftStream) as MemoryStream;
  const write = stream.write.bind(stream);
  let allowance = 1;
  stream.write = (bytes) => {
    const taken = Math.min(bytes.length, allowance);
    allowance = (allowance * 7 + 3) % 997;
    return taken === 0 ? -constants.errno.EAGAIN : write(bytes.subarray(0, taken));
  };
  const frames = Array.from({ length: 300 }, (_, i) => broadcast(14 + ((i * 37) % 200), 1, i));
  const arrived: Uint8Array[] = [];
  for (const each of frames) arrived.push(...pair.carry(each));
  pair.settle(5000);
  arrived.push(...pair.rightClient.receive());
  t.deepEqual(prints(arrived), prints(frames));
});

test('a bulk packet leaves at once when nothing waits, and is told of', (t) => {
  for (const carrier of ['stream', 'datagram'] as const) {
    const pair = new Pair({ carrier });
    pair.pass(1000);
    bulk(pair, 900);
    pair.settle();
    t.deepEqual(
      pair.left.told(NoticeKind.bulkSent).map(({ subject }) => subject),
      [LEFT_INDEX],
    );
    const [told] = pair.right.told(NoticeKind.packet);
    t.is(told.flag, 0x40);
    t.is(told.payload.length, 900);
  }
});

test('a bulk packet waits until the backlog has left', (t) => {
  const pair = new Pair({ carrier: 'stream' });
  pair.settle();
  fill(pair);
  bulk(pair, 30_000);
  pumpLeft(pair);
  t.deepEqual(pair.left.told(NoticeKind.bulkSent), []);
  pair.settle(1000);
  t.is(pair.left.told(NoticeKind.bulkSent).length, 1);
  const packets = pair.right.told(NoticeKind.packet).filter(({ flag }) => flag === 0x40);
  t.deepEqual(
    packets.map(({ payload }) => payload.length),
    [30_000],
  );
});

test('bulk packets one after another, each on the word of the one before', (t) => {
  const pair = new Pair({ carrier: 'stream' });
  pair.settle();
  for (let i = 1; i <= 20; i++) {
    bulk(pair, 10_000 + i);
    pair.settle();
    t.is(pair.left.told(NoticeKind.bulkSent).length, i);
  }
  const lengths = pair.right.told(NoticeKind.packet).map(({ payload }) => payload.length);
  t.deepEqual(
    lengths,
    Array.from({ length: 20 }, (_, i) => 10_001 + i),
  );
});

test('the largest packet of a stream, and one octet more', (t) => {
  const pair = new Pair({ carrier: 'stream' });
  pair.settle();
  const largest = 65_536 - 16 - 3 - 16;
  bulk(pair, largest);
  bulk(pair, largest + 1);
  pair.settle();
  t.deepEqual(
    pair.right.told(NoticeKind.packet).map(({ payload }) => payload.length),
    [largest],
  );
  t.is(pair.left.session(LEFT_INDEX).drops.giant, 1);
});

test('closing a session with a reason tells the other end', (t) => {
  for (const carrier of ['stream', 'datagram'] as const) {
    const pair = new Pair({ carrier });
    pair.pass(1000);
    pair.left.post({ op: 'close-session', localIndex: LEFT_INDEX, reason: 'going to bed' });
    pair.settle();
    const [told] = pair.right.told(NoticeKind.packet);
    t.is(told.flag, 0x09);
    t.is(new TextDecoder().decode(told.payload), 'going to bed');
    t.is(pair.left.sessionCount, 0);
  }
});

test('a session closed with a backlog leaves no half record behind', (t) => {
  const pair = new Pair({ carrier: 'stream' });
  pair.settle();
  fill(pair);
  pair.left.post({ op: 'close-session', localIndex: LEFT_INDEX, reason: 'enough' });
  // Something else takes over the stream before it has moved on.
  const hello = linkMessage(LinkMessageType.handshakeInit, new Uint8Array(100));
  pair.left.post({ op: 'send-message', descriptor: STREAM, message: hello });
  pair.settle(1000);
  t.is(pair.right.ioReport.malformed, 0);
  const packets = pair.right.told(NoticeKind.packet).map(({ payload }) => payload);
  t.deepEqual(
    packets.map((each) => new TextDecoder().decode(each)),
    ['enough'],
  );
  t.deepEqual(
    pair.right.told(NoticeKind.message).map(({ payload }) => payload),
    [hello],
  );
});

test('messages outside of sessions never stand inside a record', (t) => {
  const pair = new Pair({ carrier: 'stream' });
  pair.settle();
  fill(pair);
  const hello = linkMessage(LinkMessageType.handshakeFinal, new Uint8Array(200).fill(3));
  for (let i = 0; i < 3; i++) {
    pair.left.post({ op: 'send-message', descriptor: STREAM, message: hello });
  }
  pair.settle(1000);
  t.is(pair.right.ioReport.malformed, 0);
  t.is(pair.right.told(NoticeKind.message).length, 3);
  pair.rightClient.receive();
  t.is(pair.carry(broadcast(60)).length, 1);
});

test('messages wait for a stream without a session, and a session takes them over', (t) => {
  const pair = new Pair({ carrier: 'stream' });
  pair.settle();
  pair.left.post({ op: 'close-session', localIndex: LEFT_INDEX });
  const large = linkMessage(LinkMessageType.handshakeInit, new Uint8Array(65_535).fill(9));
  for (let i = 0; i < 5; i++) {
    pair.left.post({ op: 'send-message', descriptor: STREAM, message: large });
  }
  pair.left.post(openSession({ localIndex: 0x33, descriptor: STREAM, firstNumber: 5000 }));
  pair.left.post({ op: 'use-session', port: LINK_PORT, localIndex: 0x33 });
  pair.leftClient.send(broadcast(60));
  pair.settle(1000);
  t.is(pair.right.ioReport.malformed, 0);
  t.is(pair.right.told(NoticeKind.message).length, 5);
  t.is(pair.rightClient.receive().length, 1);
});

test('a stream that does not take its messages is closed rather than torn', (t) => {
  const pair = new Pair({ carrier: 'stream' });
  pair.settle();
  const { free } = pair.left;
  pair.left.post({ op: 'close-session', localIndex: LEFT_INDEX });
  const large = linkMessage(LinkMessageType.handshakeInit, new Uint8Array(65_535));
  for (let i = 0; i < 8; i++) {
    pair.left.post({ op: 'send-message', descriptor: STREAM, message: large });
  }
  pumpLeft(pair);
  const [notice] = pair.left.told(NoticeKind.closed);
  t.is(notice.subject, STREAM);
  t.is(notice.value, constants.errno.ENOBUFS);
  t.is(pair.left.free[2], free[2] + 1);
});

test('records in front of garbage still count, and leave nothing behind', (t) => {
  for (const mode of ['sealed', 'clear'] as const) {
    const pair = new Pair({ carrier: 'stream', mode });
    pair.settle();
    pair.rightClient.receive();
    const before = pair.right.free;
    pair.leftClient.send(broadcast(200));
    pumpLeft(pair);
    // The first piece of a frame that never becomes whole, then nonsense.
    const piece = new Uint8Array(8 + 30);
    piece.set([0, 1, 0, 2, 0, 0, 0, 60]);
    const far = pair.network.descriptor(pair.leftStream) as MemoryStream;
    far.write(authenticRecord(packet(0x03, piece), { receiver: RIGHT_INDEX, number: 500 }));
    far.write(Uint8Array.of(0x7f, 0, 0));
    pair.right.pump();
    t.deepEqual(prints(pair.rightClient.receive()), prints([broadcast(200)]), mode);
    t.is(pair.right.told(NoticeKind.closed).length, 1);
    t.is(pair.right.sessionCount, 0);
    const [addresses, frames, chunks, ...others] = before;
    t.deepEqual(pair.right.free, [addresses, frames, chunks + 1, ...others]);
  }
});

test('the end of a stream ends its session and is told', (t) => {
  const pair = new Pair({ carrier: 'stream' });
  pair.settle();
  pair.leftClient.send(broadcast(100));
  pumpLeft(pair);
  pair.left.post({ op: 'remove-descriptor', descriptor: STREAM });
  pair.settle();
  t.is(pair.rightClient.receive().length, 1); // what was sent before still arrives
  t.deepEqual(
    pair.right.told(NoticeKind.closed).map(({ subject, value }) => [subject, value]),
    [[STREAM, 0]],
  );
  t.is(pair.right.sessionCount, 0);
  t.is(pair.left.sessionCount, 0);
});

test('a listener tells of connections, and of nothing after it is gone', (t) => {
  const pair = new Pair();
  const { right } = pair;
  const listener = right.sockets.openTcpListener(right.address, 0);
  const { port } = right.sockets.localAddress(listener);
  const kind = DescriptorKind.listener;
  right.post({ op: 'add-descriptor', descriptor: 30, systemDescriptor: listener, kind });
  pair.left.sockets.openTcpConnection(right.address, port);
  pair.settle();
  const [accepted] = right.told(NoticeKind.accepted);
  t.is(accepted.subject, 30);
  const stream = pair.network.descriptor(accepted.value);
  t.is(stream?.type, 'stream');
  right.post({ op: 'remove-descriptor', descriptor: 30 });
  pair.settle();
  t.is(right.told(NoticeKind.closed).length, 0);
});
