/** Frames from client to client through two engines and a session between them. */
import test from 'ava';
import { NoticeKind } from '../../src/data-plane/notice.ts';
import { LinkMessageType, RECORD_HEADER_LENGTH, readType } from '../../src/links/link-message.ts';
import { PACKET_HEADER_LENGTH } from '../../src/links/packet.ts';
import { Counter } from '../../src/switch/counters.ts';
import { broadcast, CLIENT_PORT, contains, frame, LINK_PORT, prints } from './node.ts';
import { LEFT_INDEX, Pair, RIGHT_INDEX } from './pair.ts';

const MODES = ['sealed', 'clear'] as const;
const CARRIERS = ['datagram', 'spread', 'stream'] as const;

/** Sizes around every edge: the shortest, the path MTUs with their overheads, the longest. */
const SIZES = [
  14, 15, 60, 64, 1000, 1100, 1150, 1160, 1162, 1163, 1164, 1165, 1166, 1170, 1178, 1180, 1181,
  1182, 1183, 1184, 1200, 1300, 1434, 1435, 1436, 1437, 1438, 1450, 1453, 1454, 1500, 1514, 1518,
  2000, 4096, 8900, 9000, 9200, 9215, 9216,
];

for (const mode of MODES) {
  for (const carrier of CARRIERS) {
    test(`${mode} over a ${carrier}: frames of all sizes pass whole`, (t) => {
      const pair = new Pair({ mode, carrier, largestDatagram: 1472 });
      const { free } = pair.right;
      // Before the path is known, while it is searched, and after.
      for (let round = 0; round < 3; round++) {
        for (const size of SIZES) {
          const sent = broadcast(size, 1, round);
          t.deepEqual(prints(pair.carry(sent)), prints([sent]), `${size} octets, round ${round}`);
        }
        pair.pass(3000);
      }
      const { drops } = pair.right.session(RIGHT_INDEX);
      t.is(
        Object.values(drops).reduce((sum, count) => sum + count),
        0,
      );
      t.deepEqual(pair.right.free, free);
    });
  }

  test(`${mode}: every size passes at the path MTU that everybody has`, (t) => {
    const pair = new Pair({ mode, largestDatagram: 1200 });
    pair.pass(5000);
    t.is(pair.left.session(LEFT_INDEX).pathMtu, 1200);
    for (let size = 14; size <= 9216; size += size < 3700 ? 7 : 97) {
      const sent = broadcast(size);
      t.deepEqual(prints(pair.carry(sent)), prints([sent]), `${size} octets`);
    }
    // The edges, one by one: whole, in two pieces, in three.
    for (const edge of [1200, 2400]) {
      for (let size = edge - 120; size <= edge; size++) {
        const sent = broadcast(size);
        t.deepEqual(prints(pair.carry(sent)), prints([sent]), `${size} octets`);
      }
    }
  });

  test(`${mode}: what the wire shows`, (t) => {
    const pair = new Pair({ mode });
    pair.pass(1000);
    pair.wire.length = 0;
    const sent = broadcast(200);
    t.is(pair.carry(sent).length, 1);
    const plain = pair.wire.filter(({ bytes }) => contains(bytes, sent.subarray(14)));
    t.is(plain.length, mode === 'clear' ? 1 : 0);
    const types = pair.wire.map(({ bytes }) => readType(bytes, 0));
    t.true(
      types.includes(mode === 'clear' ? LinkMessageType.clearRecord : LinkMessageType.sealedRecord),
    );
    const report = pair.left.session(LEFT_INDEX);
    t.is(report.clearOctetsOut, mode === 'clear' ? 200 : 0);
    t.is(pair.right.session(RIGHT_INDEX).clearOctetsIn, mode === 'clear' ? 200 : 0);
  });
}

test('small frames of one turn share a record', (t) => {
  const pair = new Pair();
  pair.carry(broadcast(60)); // the friend hears of the host
  pair.pass(2000);
  pair.wire.length = 0;
  const frames = Array.from({ length: 10 }, (_, i) => broadcast(60, 1, i));
  t.deepEqual(prints(pair.carry(...frames)), prints(frames));
  t.is(pair.wire.length, 1);
  const tag = 16;
  const expected = RECORD_HEADER_LENGTH + 10 * (PACKET_HEADER_LENGTH + 60) + tag;
  t.is(pair.wire[0].bytes.length, expected);
});

test('many frames of one turn keep their order', (t) => {
  for (const carrier of CARRIERS) {
    for (const mode of MODES) {
      const pair = new Pair({ carrier, mode });
      pair.pass(2000);
      const frames = Array.from({ length: 200 }, (_, i) =>
        broadcast(14 + ((i * 631) % 1500), 1, i),
      );
      t.deepEqual(prints(pair.carry(...frames)), prints(frames), `${carrier}, ${mode}`);
    }
  }
});

test('a control packet is sealed whatever the mode', (t) => {
  for (const mode of MODES) {
    const pair = new Pair({ mode });
    pair.pass(1000);
    pair.wire.length = 0;
    const payload = new TextEncoder().encode('nobody else may read this');
    const sendPacket = { op: 'send-packet', localIndex: LEFT_INDEX, type: 0x40 } as const;
    pair.left.post({ ...sendPacket, payload, priority: 'control' });
    const bpdu = frame(60);
    bpdu.set([0x01, 0x80, 0xc2, 0, 0, 0]);
    pair.left.post({ op: 'send-frame', port: LINK_PORT, frame: bpdu });
    t.is(pair.wire.length, 2);
    for (const { bytes } of pair.wire) {
      t.is(readType(bytes, 0), LinkMessageType.sealedRecord);
      t.false(contains(bytes, payload.subarray(0, 8)));
      t.false(contains(bytes, bpdu.subarray(14, 22)));
    }
    pair.settle();
    t.deepEqual(
      pair.right.told(NoticeKind.packet).map((notice) => notice.payload),
      [payload],
    );
    t.deepEqual(
      pair.right.told(NoticeKind.bridgeFrame).map((notice) => [notice.subject, notice.payload]),
      [[LINK_PORT, bpdu]],
    );
  }
});

test('runts and giants go no further, and are counted', (t) => {
  const pair = new Pair();
  for (let length = 1; length < 14; length++) pair.leftClient.send(frame(length));
  pair.leftClient.send(broadcast(9217));
  pair.leftClient.send(broadcast(9600));
  pair.leftClient.send(broadcast(9601));
  pair.leftClient.send(broadcast(60_000));
  t.deepEqual(prints(pair.carry(broadcast(9216))), prints([broadcast(9216)]));
  t.is(pair.left.count(CLIENT_PORT, Counter.dropRunt), 13);
  t.is(pair.left.count(CLIENT_PORT, Counter.dropGiant), 4);
});

test('a frame larger than the other end takes is dropped whole and counted', (t) => {
  const pair = new Pair({ session: { largestFrame: 1600 } });
  t.deepEqual(prints(pair.carry(broadcast(1601), broadcast(1600))), prints([broadcast(1600)]));
  t.is(pair.left.session(LEFT_INDEX).drops.giant, 1);
});

test('known stations are sent to their port alone', (t) => {
  const pair = new Pair();
  const third = pair.left.addClient(5, 2);
  pair.rightClient.send(broadcast(60, 2));
  pair.settle();
  t.is(third.receive().length, 1);
  pair.leftClient.receive();
  t.deepEqual(prints(pair.carry(frame(100, 2, 1))), prints([frame(100, 2, 1)]));
  t.deepEqual(prints(third.receive()), prints([]));
});

test('frames cross a link for a port that several endpoints share', (t) => {
  const pair = new Pair();
  const twin = pair.right.addClient(7, CLIENT_PORT);
  t.deepEqual(prints(pair.carry(broadcast(80))), prints([broadcast(80)]));
  t.deepEqual(prints(twin.receive()), prints([broadcast(80)]));
});
