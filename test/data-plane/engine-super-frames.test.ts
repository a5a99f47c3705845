/** Super-frames from TAP to everywhere: whole where they can be, cut where they cannot. */
import test from 'ava';
import { Offload } from '../../src/io/contract.ts';
import { Counter } from '../../src/switch/counters.ts';
import type { FrameOptions } from '../io/frames.ts';
import {
  broadcast,
  CLIENT_PORT,
  contains,
  frame,
  LINK_PORT,
  openSession,
  prints,
  slabAddress,
  TAP_PORT,
  UDP,
  UDP_PORT,
} from './node.ts';
import { LEFT_INDEX, type PairOptions, RIGHT_INDEX } from './pair.ts';
import { receivedBy, Super, SuperPair } from './super-pair.ts';

const MODES = ['sealed', 'clear'] as const;
/** Each way from one node to the other. */
const WAYS: readonly [string, PairOptions][] = [
  ['datagrams, spread', { carrier: 'spread', largestDatagram: 1472 }],
  ['a stream', { carrier: 'stream' }],
  ['datagrams of any size', {}],
  ['datagrams of 1,472 octets', { largestDatagram: 1472 }],
  ['datagrams of 1,200 octets', { largestDatagram: 1200 }],
  ['joined datagrams', { largestDatagram: 1472, joinsDatagrams: true }],
];
const KINDS: readonly FrameOptions[] = [
  {},
  { six: true },
  { udp: true },
  { six: true, udp: true, tags: [0x8100] },
  { tags: [0x88a8, 0x8100], tcpOptions: new Uint8Array(12).fill(1), flags: 0x99 },
];

const drops = (pair: SuperPair): number =>
  [pair.left.session(LEFT_INDEX), pair.right.session(RIGHT_INDEX)]
    .flatMap((report) => Object.values(report.drops))
    .reduce((sum, count) => sum + count, 0);

for (const mode of MODES) {
  for (const [name, options] of WAYS) {
    test(`${mode} over ${name}: TAP to TAP, the very super-frame`, (t) => {
      const pair = new SuperPair({ mode, ...options });
      pair.learn();
      const free = [pair.left.free, pair.right.free];
      for (const kind of KINDS) {
        for (const [payload, segmentSize] of [
          [2, 1],
          [1449, 1448],
          [2000, 1000],
          [9100, 1448],
          [30_000, 1100],
          [65_000, 1448],
        ]) {
          const sent = new Super(payload, segmentSize, kind);
          pair.leftTap.send(sent.bytes, sent.needs);
          pair.settle();
          t.deepEqual(receivedBy(pair.rightTap), [sent.whole], `${payload}, ${segmentSize}`);
        }
      }
      t.is(pair.rightClient.receive().length + pair.leftClient.receive().length, 0);
      t.is(drops(pair), 0);
      t.deepEqual([pair.left.free, pair.right.free], free);
    });
  }

  test(`${mode}: every length around the edges of records and pieces`, (t) => {
    const pair = new SuperPair({ mode, largestDatagram: 1472 });
    pair.learn();
    const { pieceLength } = pair;
    for (const edge of [pieceLength, 2 * pieceLength, 3 * pieceLength]) {
      for (let length = edge - 70; length <= edge + 20; length += 3) {
        const sent = new Super(length, 500);
        pair.leftTap.send(sent.bytes, sent.needs);
        pair.settle();
        t.deepEqual(receivedBy(pair.rightTap), [sent.whole], `${length}`);
      }
    }
  });

  test(`${mode}: the longest that crosses whole, and longer ones`, (t) => {
    for (const carrier of ['datagram', 'spread', 'stream'] as const) {
      const pair = new SuperPair({ mode, carrier, largestDatagram: 1472 });
      pair.learn();
      for (const length of [65_526, 65_527]) {
        const sent = new Super(length - 54, 1448);
        pair.leftTap.send(sent.bytes, sent.needs);
        pair.settle();
        t.deepEqual(receivedBy(pair.rightTap), [sent.whole], `${length}`);
      }
      for (const length of [65_528, 65_535, 65_549]) {
        const sent = new Super(length - 54, 1448);
        pair.leftTap.send(sent.bytes, sent.needs);
        pair.settle();
        t.deepEqual(receivedBy(pair.rightTap), prints(sent.frames), `${length}`);
      }
    }
  });

  test(`${mode}: what the wire shows, and the audit of plaintext`, (t) => {
    for (const carrier of ['datagram', 'spread', 'stream'] as const) {
      const pair = new SuperPair({ mode, carrier, largestDatagram: 1472 });
      pair.learn();
      pair.wire.length = 0;
      const before = pair.left.session(LEFT_INDEX);
      const came = pair.right.session(RIGHT_INDEX);
      const sent = new Super(20_000, 1400);
      pair.leftTap.send(sent.bytes, sent.needs);
      pair.settle();
      t.deepEqual(receivedBy(pair.rightTap), [sent.whole]);
      const octets = mode === 'clear' ? sent.bytes.length : 0;
      const after = pair.left.session(LEFT_INDEX);
      t.is(after.clearOctetsOut - before.clearOctetsOut, octets);
      t.is(pair.right.session(RIGHT_INDEX).clearOctetsIn - came.clearOctetsIn, octets);
      const records = Math.ceil((sent.bytes.length + 8) / pair.pieceLength);
      t.is(after.recordsOut - before.recordsOut, records);
      if (carrier === 'stream') continue;
      t.is(pair.wire.length, records);
      const part = sent.bytes.subarray(100, 140);
      t.is(
        pair.wire.some(({ bytes }) => contains(bytes, part)),
        mode === 'clear',
      );
    }
  });

  test(`${mode}: order is kept among plain frames and super-frames`, (t) => {
    for (const [name, options] of WAYS) {
      const pair = new SuperPair({ mode, ...options });
      pair.learn();
      const expected: string[] = [];
      for (let i = 0; i < 40; i++) {
        if (i % 3 === 0) {
          const plain = frame(60 + i * 31, 0x0b, 0x0a, i);
          pair.leftTap.send(plain);
          expected.push(...prints([plain]));
        } else {
          const sent = new Super(500 + i * 301, 450 + i);
          pair.leftTap.send(sent.bytes, sent.needs);
          expected.push(sent.whole);
        }
      }
      pair.settle();
      t.deepEqual(receivedBy(pair.rightTap), expected, name);
      t.is(drops(pair), 0);
    }
  });

  test(`${mode}: more super-frames in one turn than there is memory for`, (t) => {
    const options = { mode, largestDatagram: 1472, joinsDatagrams: true };
    const pair = new SuperPair(options);
    pair.learn();
    const { free } = pair.right;
    // Of two full datagrams each, so that they are joined in long runs.
    const length = 2 * pair.pieceLength - 8 - 54;
    const sent = Array.from({ length: 200 }, (_, i) => new Super(length, 700, { sequence: i }));
    for (const each of sent) pair.leftTap.send(each.bytes, each.needs);
    for (let i = 0; i < 10; i++) pair.left.pump();
    pair.settle();
    t.deepEqual(
      receivedBy(pair.rightTap),
      sent.map(({ whole }) => whole),
    );
    t.is(drops(pair), 0);
    t.deepEqual(pair.right.free, free);
  });

  test(`${mode}: flooded to a TAP, a client and sessions at once`, (t) => {
    for (const carrier of ['datagram', 'spread', 'stream'] as const) {
      const pair = new SuperPair({ mode, carrier, largestDatagram: 1472 });
      const second = pair.left.addTap(20, 4);
      const twin = pair.left.addClient(21, CLIENT_PORT);
      const free = [pair.left.free, pair.right.free];
      const sent = new Super(12_345, 1000);
      pair.leftTap.send(sent.bytes, sent.needs);
      pair.settle();
      t.deepEqual(receivedBy(second), [sent.whole]);
      t.deepEqual(receivedBy(pair.rightTap), [sent.whole]);
      for (const client of [pair.leftClient, twin, pair.rightClient]) {
        t.deepEqual(prints(client.receive()), prints(sent.frames));
      }
      t.deepEqual(receivedBy(pair.leftTap), []);
      t.deepEqual([pair.left.free, pair.right.free], free);
    }
  });

  test(`${mode}: to a session without the feature, plain frames`, (t) => {
    for (const carrier of ['datagram', 'spread', 'stream'] as const) {
      const session = { superFrames: false };
      const pair = new SuperPair({ mode, carrier, session, largestDatagram: 1472 });
      pair.learn();
      for (const payload of [2000, 64_000]) {
        const sent = new Super(payload, 1448);
        pair.leftTap.send(sent.bytes, sent.needs);
        pair.settle();
        t.deepEqual(receivedBy(pair.rightTap), prints(sent.frames), carrier);
      }
      t.is(drops(pair), 0);
    }
  });

  test(`${mode}: from one session to another, and on to its friends`, (t) => {
    // A third node hangs on the right one, which passes on what it got in pieces.
    for (const carrier of ['datagram', 'spread', 'stream'] as const) {
      const pair = new SuperPair({ mode, carrier, largestDatagram: 1472 });
      const host = pair.network.addHost('192.0.2.3');
      const far = pair.network;
      const third = UDP_PORT + 1;
      if (carrier === 'stream') pair.right.addUdp(10, third);
      const descriptor = carrier === 'stream' ? 10 : UDP;
      const address = slabAddress(host.addresses[0]);
      const fields = { localIndex: 0x0c03, remoteIndex: 0x0d04, descriptor, address, mode };
      pair.right.post(openSession({ ...fields, superFrames: true, port: LINK_PORT + 1 }));
      pair.right.post({ op: 'use-session', port: LINK_PORT + 1, localIndex: 0x0c03 });
      const records: Uint8Array[] = [];
      far.delivery = (datagram, deliver) => {
        if (datagram.to.host === host.addresses[0]) records.push(datagram.bytes);
        else deliver(datagram);
      };
      pair.settle();
      records.length = 0;
      const sent = new Super(10_000, 1000);
      pair.leftTap.send(sent.bytes, sent.needs);
      pair.settle();
      t.deepEqual(receivedBy(pair.rightTap), [sent.whole]);
      t.deepEqual(prints(pair.rightClient.receive()), prints(sent.frames));
      const piece = 1200 - (mode === 'sealed' ? 43 : 27);
      t.is(records.length, sent.pieces(piece));
      if (mode === 'sealed') continue;
      // Clear ones can be read: header 16, packet 3, fragment 8, then the octets.
      const octets = Buffer.concat(records.map((each) => each.subarray(27)));
      t.deepEqual(prints([octets.subarray(8)]), prints([sent.bytes]));
    }
  });
}

test('from a client nothing is a super-frame, whatever its length', (t) => {
  const pair = new SuperPair();
  const plain = broadcast(9000, 5);
  pair.leftClient.send(plain);
  pair.settle();
  t.deepEqual(receivedBy(pair.rightTap), prints([plain]));
  t.deepEqual(receivedBy(pair.leftTap), prints([plain]));
});

test('segments longer than any frame are dropped as giants, here and there', (t) => {
  const pair = new SuperPair();
  pair.learn();
  const { free } = pair.left;
  const longest = new Super(30_000, 9216 - 54);
  const giant = new Super(30_000, 9216 - 53);
  for (const each of [giant, longest]) pair.leftTap.send(each.bytes, each.needs);
  pair.settle();
  t.deepEqual(receivedBy(pair.rightTap), [longest.whole]);
  t.is(pair.left.count(TAP_PORT, Counter.dropGiant), 1);
  t.deepEqual(pair.left.free, free);
});

test('segments longer than the other end takes are dropped and counted', (t) => {
  for (const mode of MODES) {
    for (const superFrames of [true, false]) {
      const pair = new SuperPair({ mode, session: { largestFrame: 1600, superFrames } });
      pair.learn();
      const [longest, giant] = [new Super(4638, 1546), new Super(4641, 1547)];
      for (const each of [giant, longest]) pair.leftTap.send(each.bytes, each.needs);
      pair.settle();
      const expected = superFrames ? [longest.whole] : prints(longest.frames);
      t.deepEqual(receivedBy(pair.rightTap), expected);
      t.is(pair.left.session(LEFT_INDEX).drops.giant, superFrames ? 1 : 3);
    }
  }
});

test('a TAP that takes no more: what is dropped is dropped whole', (t) => {
  for (const payload of [2000, 30_000]) {
    const pair = new SuperPair({ largestDatagram: 1472 });
    pair.learn();
    const { free } = pair.right;
    const sent = Array.from({ length: 420 }, (_, i) => new Super(payload, 1000, { sequence: i }));
    const before = pair.right.count(TAP_PORT, Counter.framesOut);
    for (const [i, each] of sent.entries()) {
      pair.leftTap.send(each.bytes, each.needs);
      if (i % 20 === 0) pair.settle();
    }
    const plain = frame(100, 0x0b, 0x0a);
    pair.leftTap.send(plain);
    pair.settle();
    const arrived = receivedBy(pair.rightTap);
    t.deepEqual(
      arrived,
      sent.slice(0, arrived.length).map(({ whole }) => whole),
    );
    t.true(arrived.length < sent.length);
    t.is(pair.right.count(TAP_PORT, Counter.dropFull), sent.length - arrived.length);
    // The plain frame has waited.
    pair.settle();
    t.deepEqual(receivedBy(pair.rightTap), prints([plain]));
    t.is(pair.right.count(TAP_PORT, Counter.framesOut) - before, arrived.length + 1);
    const again = new Super(payload, 1000);
    pair.leftTap.send(again.bytes, again.needs);
    pair.settle();
    t.deepEqual(receivedBy(pair.rightTap), [again.whole]);
    t.deepEqual(pair.right.free, free);
  }
});

test('a client that takes no more: frames wait and are dropped one by one', (t) => {
  const pair = new SuperPair({ largestDatagram: 1472, bufferLength: 20_000 });
  const { free } = pair.right;
  const sent = Array.from({ length: 12 }, (_, i) => new Super(60_000, 1000, { sequence: i << 20 }));
  for (const each of sent) pair.leftTap.send(each.bytes, each.needs);
  const expected = sent.flatMap(({ frames }) => prints(frames));
  const arrived: string[] = [];
  for (let i = 0; i < 200; i++) {
    pair.settle();
    arrived.push(...prints(pair.rightClient.receive()));
  }
  // Whatever came is in order.
  let at = -1;
  for (const each of arrived) {
    at = expected.indexOf(each, at + 1);
    t.true(at >= 0);
  }
  const dropped = pair.right.count(CLIENT_PORT, Counter.dropFull);
  t.is(arrived.length + dropped, expected.length);
  t.true(dropped > 0 && arrived.length > 500);
  t.deepEqual(pair.right.free, free);
});

test('a TAP without memory for cutting: counted, and other ports have theirs', (t) => {
  const pair = new SuperPair();
  const { large } = pair.left.thread.engine.memory;
  const taken: number[] = [];
  while (large.available > 0) taken.push(large.take());
  const sent = new Super(9000, 1000);
  pair.leftTap.send(sent.bytes, sent.needs);
  pair.settle();
  t.deepEqual(receivedBy(pair.rightTap), [sent.whole]);
  t.deepEqual(prints(pair.leftClient.receive()), []);
  t.is(pair.left.count(CLIENT_PORT, Counter.dropError), 1);
  for (const each of taken) large.give(each);
  pair.leftTap.send(sent.bytes, sent.needs);
  pair.settle();
  t.deepEqual(prints(pair.leftClient.receive()), prints(sent.frames));
});

test('many super-frames to be cut in one turn: memory is given back on the way', (t) => {
  const pair = new SuperPair();
  const { large } = pair.left.thread.engine.memory;
  while (large.available > 3) large.take();
  const { free } = pair.left;
  const sent = Array.from({ length: 64 }, (_, i) => new Super(3000, 1000, { sequence: i << 16 }));
  for (const each of sent) pair.leftTap.send(each.bytes, each.needs);
  pair.settle();
  t.deepEqual(
    prints(pair.leftClient.receive()),
    sent.flatMap(({ frames }) => prints(frames)),
  );
  t.deepEqual(pair.left.free, free);
});

test('fields that make no sense do not come in from a TAP', (t) => {
  const pair = new SuperPair();
  pair.learn();
  const sent = new Super(3000, 1000);
  pair.leftTap.send(sent.bytes, { ...sent.needs, offload: Offload.udp });
  pair.leftTap.send(sent.bytes, { ...sent.needs, segmentSize: 0 });
  pair.leftTap.send(sent.bytes, { ...sent.needs, checksumStart: 35 });
  pair.settle();
  t.deepEqual(receivedBy(pair.rightTap), []);
  t.is(pair.left.count(TAP_PORT, Counter.dropMalformed), 3);
});

test('the SYNs of a flow are clamped to what fits one record, over datagrams only', (t) => {
  for (const carrier of ['datagram', 'spread', 'stream'] as const) {
    for (const mode of MODES) {
      const pair = new SuperPair({ mode, carrier, largestDatagram: 1472 });
      const announce = (mss: number) => {
        const tcpOptions = Uint8Array.of(2, 4, mss >>> 8, mss);
        return new Super(0, 1, { flags: 0x02, tcpOptions, partial: false }).bytes;
      };
      pair.leftTap.send(announce(8960));
      pair.settle();
      const most = 1472 - 19 - (mode === 'sealed' ? 16 : 0) - 54;
      const expected = carrier === 'stream' ? announce(8960) : announce(most);
      t.deepEqual(receivedBy(pair.rightTap), prints([expected]));
      t.deepEqual(prints(pair.leftClient.receive()), prints([announce(8960)]));
    }
  }
});
