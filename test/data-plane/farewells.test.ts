/** What is said of a session that is closed: again, a little later, and then never more. */
import test from 'ava';
import { COPY_DELAYS, FAREWELL_TIME } from '../../src/data-plane/farewells.ts';
import { NoticeKind } from '../../src/data-plane/notice.ts';
import { RECORD_HEADER_LENGTH, readReceiver } from '../../src/links/link-message.ts';
import { PacketType } from '../../src/links/packet.ts';
import { openSession, slabAddress, UDP } from './node.ts';
import { LEFT_INDEX, Pair, RIGHT_INDEX } from './pair.ts';

const REASON = 'enough';
const CLOSE = { op: 'close-session', localIndex: LEFT_INDEX, reason: REASON } as const;

/** A pair that has been up for a while, and whose wire forgets what went before. */
function settled(carrier: 'datagram' | 'spread'): Pair {
  const pair = new Pair({ carrier });
  pair.pass(3000);
  pair.wire.length = 0;
  return pair;
}

function closings(pair: Pair): string[] {
  return pair.right
    .told(NoticeKind.packet)
    .filter(({ subject, flag }) => subject === RIGHT_INDEX && flag === PacketType.close)
    .map(({ payload }) => new TextDecoder().decode(payload));
}

for (const carrier of ['datagram', 'spread'] as const) {
  for (let lost = 0; lost <= COPY_DELAYS.length; lost++) {
    test(`${carrier}: ${lost} datagrams are lost, and the end is told all the same`, (t) => {
      const pair = settled(carrier);
      const { delivery } = pair.network;
      let left = lost;
      pair.network.delivery = (datagram, deliver) => {
        if (left > 0) left--;
        else delivery(datagram, deliver);
      };
      pair.left.post(CLOSE);
      pair.pass(lost === 0 ? 1 : COPY_DELAYS[lost - 1]!, 1);
      t.deepEqual(closings(pair), [REASON]);
    });
  }

  test(`${carrier}: copies have numbers of their own, and come to an end`, (t) => {
    const pair = settled(carrier);
    const { free } = pair.left;
    pair.left.post(CLOSE);
    pair.settle();
    t.is(pair.left.sessionCount, 0, 'the session is gone at once');
    t.is(pair.left.free[0], free[0]! + 1, 'and its address given back');
    // The other end does as a node does that is told.
    pair.right.post({ op: 'close-session', localIndex: RIGHT_INDEX });
    pair.pass(FAREWELL_TIME, 1);
    const records = pair.wire.map(({ bytes }) => Buffer.from(bytes));
    t.is(records.length, 1 + COPY_DELAYS.length);
    const headers = records.map((record) => record.subarray(0, RECORD_HEADER_LENGTH));
    t.is(new Set(headers.map((header) => header.toString('hex'))).size, records.length);
    pair.pass(5000);
    t.is(pair.wire.length, records.length, 'nobody answers, nothing follows');
    t.deepEqual(closings(pair), [REASON], 'it was told once');
    t.is(pair.left.free[0], free[0]! + 1);
  });

  test(`${carrier}: before the socket goes all that is left goes out`, (t) => {
    const pair = settled(carrier);
    const delivery = pair.network.delivery;
    let left = 1;
    pair.network.delivery = (datagram, deliver) => {
      if (left > 0) left--;
      else delivery(datagram, deliver);
    };
    pair.left.post(CLOSE);
    pair.left.post({ op: 'remove-descriptor', descriptor: UDP });
    pair.settle();
    t.deepEqual(closings(pair), [REASON, REASON]);
    pair.pass(1000);
    t.deepEqual(pair.left.told(NoticeKind.closed), []);
  });

  test(`${carrier}: without a reason nothing is said`, (t) => {
    const pair = settled(carrier);
    pair.left.post({ op: 'close-session', localIndex: LEFT_INDEX });
    pair.pass(200);
    t.deepEqual(
      pair.wire.filter(({ from }) => from.host === pair.left.address),
      [],
    );
  });
}

test('a stream is told once: it loses nothing', (t) => {
  const pair = new Pair({ carrier: 'stream' });
  pair.pass(3000);
  pair.left.post(CLOSE);
  pair.pass(200);
  t.deepEqual(closings(pair), [REASON]);
});

test('many sessions that end at once: the first is said of each, and memory is bounded', (t) => {
  const pair = new Pair();
  pair.settle();
  const { free } = pair.left;
  const sessions = 700;
  const address = slabAddress(pair.right.address);
  for (let i = 0; i < sessions; i++) {
    pair.left.post(openSession({ localIndex: 0x20100 + i, remoteIndex: 0x30000 + i, address }));
  }
  pair.pass(2000);
  pair.wire.length = 0;
  for (let i = 0; i < sessions; i++) {
    pair.left.post({ op: 'close-session', localIndex: 0x20100 + i, reason: REASON });
  }
  pair.pass(FAREWELL_TIME, 1);
  const sent = pair.wire.filter(({ bytes }) => readReceiver(bytes, 0) >= 0x30000).length;
  t.true(sent >= sessions + 500 && sent < 2 * sessions, `${sent}`);
  t.deepEqual(pair.left.free, free);
});
