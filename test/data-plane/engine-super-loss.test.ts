/** Super-frames that lose pieces, streams that are full, and friends who mean ill. */
import test from 'ava';
import { NoticeKind } from '../../src/data-plane/notice.ts';
import type { SessionDrops } from '../../src/data-plane/session.ts';
import { Offload } from '../../src/io/contract.ts';
import type { FrameNeeds } from '../../src/io/memory-tap.ts';
import { PacketType } from '../../src/links/packet.ts';
import { Counter } from '../../src/switch/counters.ts';
import { authenticRecord, packet, superFramePayload, superPieces } from './hostile-friend.ts';
import { broadcast, LINK_PORT, prints, UDP_PORT } from './node.ts';
import { LEFT_INDEX, type PairOptions, RIGHT_INDEX } from './pair.ts';
import { printNeeds, receivedBy, Super, SuperPair } from './super-pair.ts';

const MODES = ['sealed', 'clear'] as const;
const PATIENCE = 10;

const send = (pair: SuperPair, ...all: Super[]): void => {
  for (const each of all) pair.leftTap.send(each.bytes, each.needs);
  pair.settle();
};

/** Counts that have risen. */
function risen(before: SessionDrops, after: SessionDrops): Partial<SessionDrops> {
  const changes = Object.entries(after).map(([name, count]) => [
    name,
    count - before[name as keyof SessionDrops],
  ]);
  return Object.fromEntries(changes.filter(([, count]) => count !== 0));
}

for (const mode of MODES) {
  for (const [kind, more] of [
    ['', {}],
    [', joined', { joinsDatagrams: true }],
    [', spread', { carrier: 'spread' }],
  ] as const) {
    const how = `${mode}${kind}`;
    const options: PairOptions = { mode, largestDatagram: 1472, ...more };

    test(`${how}: any one piece lost, what is left comes with the next super-frame`, (t) => {
      const pair = new SuperPair(options);
      const { free } = pair.right;
      for (const kind of [{}, { six: true, udp: true }]) {
        const first = new Super(9000, 1000, kind);
        const next = new Super(5000, 1000, kind);
        const { pieceLength } = pair;
        const count = first.pieces(pieceLength);
        for (let lost = 0; lost < count; lost++) {
          pair.lose(lost);
          const { drops } = pair.right.session(RIGHT_INDEX);
          send(pair, first);
          t.deepEqual(receivedBy(pair.rightTap), []);
          send(pair, next);
          const left = first.left(pieceLength, lost);
          const expected = [...left.map(printNeeds), next.whole];
          t.deepEqual(receivedBy(pair.rightTap), expected, `piece ${lost}`);
          t.is(left.length > 0, lost > 0);
          const after = pair.right.session(RIGHT_INDEX).drops;
          t.deepEqual(risen(drops, after), { abandoned: 1 });
          t.deepEqual(pair.right.free, free);
          pair.rightClient.receive();
          pair.leftClient.receive();
        }
      }
    });

    test(`${how}: any one piece lost, what is left comes when the patience is over`, (t) => {
      const pair = new SuperPair(options);
      const { free } = pair.right;
      const sent = new Super(9000, 1000);
      const { pieceLength } = pair;
      for (let lost = 0; lost < sent.pieces(pieceLength); lost++) {
        pair.lose(lost);
        send(pair, sent);
        pair.pass(PATIENCE - 1, PATIENCE - 1);
        t.deepEqual(receivedBy(pair.rightTap), []);
        t.true(pair.right.free[3] < free[3]);
        pair.pass(1);
        const left = sent.left(pieceLength, lost);
        t.deepEqual(receivedBy(pair.rightTap), left.map(printNeeds), `piece ${lost}`);
        t.deepEqual(pair.right.free, free);
        // The client gets the same segments, one by one.
        const segments = left.flatMap(({ bytes }) => (bytes.length - 54) / 1000);
        const count = segments.reduce((sum, each) => sum + each, 0);
        const frames = prints(pair.rightClient.receive());
        t.is(frames.length, count);
        const all = prints(sent.frames);
        t.deepEqual(
          frames,
          all.filter((each) => frames.includes(each)),
        );
        pair.leftClient.receive();
      }
      // It sleeps as long as it did before.
      t.true(pair.right.thread.engine.timeout(pair.clock.now()) > PATIENCE);
    });
  }

  test(`${mode}: the worker wakes in time for what is in pieces`, (t) => {
    const pair = new SuperPair({ mode, largestDatagram: 1472 });
    pair.lose(2);
    send(pair, new Super(9000, 1000));
    t.true(pair.right.thread.engine.timeout(pair.clock.now()) <= PATIENCE);
  });

  test(`${mode}: pieces in any order, of two super-frames at a time`, (t) => {
    const pair = new SuperPair({ mode, largestDatagram: 1472 });
    pair.learn();
    const { free } = pair.right;
    const held: (() => void)[] = [];
    pair.network.delivery = (datagram, deliver) => held.push(() => deliver(datagram));
    const [a, b] = [new Super(9000, 1000), new Super(9001, 1000)];
    send(pair, a, b);
    // Backwards; so b is whole first, and a has lost nothing but is given up as it is: piece 0
    // and a few others, as they come behind.
    const [early, late] = [held.slice(0, a.pieces(pair.pieceLength)), held.slice(7)];
    t.is(early.length + late.length, held.length);
    for (const release of early.reverse()) release();
    pair.settle();
    for (const release of late.reverse()) release();
    pair.settle();
    t.deepEqual(receivedBy(pair.rightTap), [a.whole, b.whole]);
    // Now in turns: a, b, a, b.
    held.length = 0;
    send(pair, a, b);
    for (let i = 0; i < 7; i++) {
      held[i]();
      held[i + 7]();
      pair.settle();
    }
    t.deepEqual(receivedBy(pair.rightTap), [a.whole, b.whole]);
    t.deepEqual(pair.right.free, free);
    t.is(pair.right.session(RIGHT_INDEX).drops.abandoned, 0);
  });

  test(`${mode}: a session that ends with pieces in memory gives it back`, (t) => {
    const pair = new SuperPair({ mode, largestDatagram: 1472 });
    const [, , , large] = pair.right.free;
    pair.lose(3);
    send(pair, new Super(9000, 1000));
    t.is(pair.right.free[3], large - 1);
    pair.right.post({ op: 'close-session', localIndex: RIGHT_INDEX });
    t.is(pair.right.free[3], large);
    pair.pass(PATIENCE);
    t.deepEqual(receivedBy(pair.rightTap), []);
  });

  test(`${mode}: a stream that is full drops super-frames whole, and control passes`, (t) => {
    // Of several lengths, as all depends on how much waits when one comes.
    for (const payload of [60_000, 49_800, 45_000, 33_000]) {
      const pair = new SuperPair({ mode, carrier: 'stream' });
      pair.learn();
      const free = [pair.left.free, pair.right.free];
      const sent = Array.from({ length: 16 }, (_, i) => new Super(payload, 1000, { sequence: i }));
      for (const each of sent) {
        pair.leftTap.send(each.bytes, each.needs);
        pair.left.pump(); // nobody reads on the right
      }
      const control = { op: 'send-packet', localIndex: LEFT_INDEX, type: 0x40 } as const;
      for (let i = 0; i < 8; i++) {
        pair.left.post({ ...control, payload: Uint8Array.of(i), priority: 'control' });
        pair.leftTap.send(sent[0].bytes, sent[0].needs);
        pair.left.pump();
      }
      pair.settle(1000);
      t.is(pair.right.told(NoticeKind.packet).length, 8);
      t.is(pair.right.ioReport.malformed, 0);
      const arrived = receivedBy(pair.rightTap);
      const wholes = sent.map(({ whole }) => whole);
      t.true(arrived.length >= 4);
      t.deepEqual(arrived, wholes.slice(0, arrived.length));
      // None in part: what was dropped is what was counted, one by one.
      const { full } = pair.left.session(LEFT_INDEX).drops;
      t.is(full, sent.length + 8 - arrived.length);
      t.deepEqual([pair.left.free, pair.right.free], free);
      send(pair, sent[15]);
      t.deepEqual(receivedBy(pair.rightTap), [wholes[15]]);
    }
  });
}

// ---- friends who mean ill

const GOOD = new Super(3000, 1000);

/** Fields and octets that disagree. */
const MALFORMED: readonly [string, FrameNeeds, Uint8Array][] = [
  ['no offload', { ...GOOD.needs, offload: Offload.none }, GOOD.bytes],
  ['another family', { ...GOOD.needs, offload: Offload.tcp6 }, GOOD.bytes],
  ['another protocol', { ...GOOD.needs, offload: Offload.udp }, GOOD.bytes],
  ['no such offload', { ...GOOD.needs, offload: 4 as Offload }, GOOD.bytes],
  ['the highest', { ...GOOD.needs, offload: 255 as Offload }, GOOD.bytes],
  ['no segment size', { ...GOOD.needs, segmentSize: 0 }, GOOD.bytes],
  ['too many segments', { ...GOOD.needs, segmentSize: 23 }, GOOD.bytes],
  ['a single segment', { ...GOOD.needs, segmentSize: 3000 }, GOOD.bytes],
  ['a segment longer than all', { ...GOOD.needs, segmentSize: 0xffff }, GOOD.bytes],
  ['the checksum elsewhere', { ...GOOD.needs, checksumOffset: 6 }, GOOD.bytes],
  ['the checksum outside', { ...GOOD.needs, checksumOffset: 0xfffe }, GOOD.bytes],
  ['the header elsewhere', { ...GOOD.needs, checksumStart: 36 }, GOOD.bytes],
  ['the header outside', { ...GOOD.needs, checksumStart: 0xffff }, GOOD.bytes],
  ['longer than its headers say', GOOD.needs, Uint8Array.of(...GOOD.bytes, 0)],
  ['shorter', GOOD.needs, GOOD.bytes.slice(0, -1)],
  ['nothing but headers', GOOD.needs, GOOD.bytes.slice(0, 54)],
  ['half an address', GOOD.needs, GOOD.bytes.slice(0, 9)],
  ['one octet', GOOD.needs, GOOD.bytes.slice(0, 1)],
  ['nothing', GOOD.needs, new Uint8Array(0)],
  ['no IP packet', GOOD.needs, broadcast(3000)],
];

/** Puts datagrams in front of the right node, as if the left one had sent them. */
function inject(pair: SuperPair, ...datagrams: Uint8Array[]): void {
  for (const bytes of datagrams) {
    pair.network.send(pair.leftHost, {
      from: { host: pair.left.address, port: UDP_PORT },
      to: { host: pair.right.address, port: UDP_PORT },
      bytes,
    });
  }
  pair.settle();
}

const nothingLeft = (pair: SuperPair): boolean =>
  pair.rightTap.receive().length + pair.rightClient.receive().length === 0;

test('fields that disagree with the frame: counted, and nothing leaves', (t) => {
  const pair = new SuperPair();
  const { free } = pair.right;
  let number = 1000;
  const receiver = RIGHT_INDEX;
  for (const [why, needs, bytes] of MALFORMED) {
    const payload = superFramePayload(needs, bytes);
    const { drops } = pair.right.session(RIGHT_INDEX);
    const content = packet(PacketType.superFrame, payload);
    inject(pair, authenticRecord(content, { receiver, number: number++ }));
    t.deepEqual(risen(drops, pair.right.session(RIGHT_INDEX).drops), { malformed: 1 }, why);
    t.true(nothingLeft(pair), why);
    // The same in pieces, if it is long enough for that.
    if (payload.length < 40) continue;
    inject(pair, ...superPieces(payload, 1100, 7, { receiver, number }));
    number += 10;
    const after = pair.right.session(RIGHT_INDEX).drops;
    t.deepEqual(risen(drops, after), { malformed: 2 }, `${why}, in pieces`);
    t.true(nothingLeft(pair), why);
    t.deepEqual(pair.right.free, free, why);
  }
  // And what fits passes still.
  const content = packet(PacketType.superFrame, superFramePayload(GOOD.needs, GOOD.bytes));
  inject(pair, authenticRecord(content, { receiver, number: number++ }));
  t.deepEqual(receivedBy(pair.rightTap), [GOOD.whole]);
});

test('fields that disagree with what is left: nothing leaves either', (t) => {
  const pair = new SuperPair();
  const { free } = pair.right;
  let number = 1000;
  for (const [why, needs, bytes] of MALFORMED) {
    if (why.startsWith('a s')) continue; // of longer segments something may be left
    const pieces = superPieces(superFramePayload(needs, bytes), 500, 7, {
      receiver: RIGHT_INDEX,
      number,
    });
    number += 10;
    inject(pair, ...pieces.filter((_, index) => index !== 3));
    pair.pass(PATIENCE);
    t.true(nothingLeft(pair), why);
    t.deepEqual(pair.right.free, free, why);
  }
});

test('headers that go on behind the first piece: malformed', (t) => {
  const pair = new SuperPair();
  const options = { receiver: RIGHT_INDEX, number: 1000 };
  const payload = superFramePayload(GOOD.needs, GOOD.bytes);
  inject(pair, ...superPieces(payload, 61, 7, options));
  t.is(pair.right.session(RIGHT_INDEX).drops.malformed, 1);
  t.true(nothingLeft(pair));
  inject(pair, ...superPieces(payload, 62, 8, { ...options, number: 1100 }));
  t.deepEqual(receivedBy(pair.rightTap), [GOOD.whole]);
});

test('segments longer than any frame are giants', (t) => {
  const pair = new SuperPair();
  const giant = new Super(30_000, 9216 - 53);
  const options = { receiver: RIGHT_INDEX, number: 1000 };
  const pieces = superPieces(superFramePayload(giant.needs, giant.bytes), 1400, 7, options);
  inject(pair, ...pieces);
  t.is(pair.right.count(LINK_PORT, Counter.dropGiant), 1);
  inject(pair, ...pieces.slice(0, 20));
  pair.pass(PATIENCE);
  t.true(nothingLeft(pair));
});

test('from a friend without the feature: malformed, and no memory is taken', (t) => {
  const pair = new SuperPair({ session: { superFrames: false } });
  const { free } = pair.right;
  const options = { receiver: RIGHT_INDEX, number: 1000 };
  const payload = superFramePayload(GOOD.needs, GOOD.bytes);
  const pieces = superPieces(payload, 1100, 7, options);
  inject(pair, ...pieces.slice(0, 2));
  t.is(pair.right.session(RIGHT_INDEX).drops.malformed, 2);
  t.deepEqual(pair.right.free, free);
  inject(pair, pieces[2]);
  inject(
    pair,
    authenticRecord(packet(PacketType.superFrame, payload), { ...options, number: 2000 }),
  );
  t.is(pair.right.session(RIGHT_INDEX).drops.malformed, 4);
  pair.pass(PATIENCE);
  t.true(nothingLeft(pair));
});

test('in a sealed session nothing of the kind is believed in the clear', (t) => {
  const pair = new SuperPair();
  for (const type of [PacketType.superFrame, PacketType.superFragment]) {
    const content = packet(type, superFramePayload(GOOD.needs, GOOD.bytes));
    const record = new Uint8Array(16 + content.length);
    const { length } = record;
    record.set([0x11, (length - 3) >>> 8, length - 3, 0, 0, 0, 0x0b, 0x02]);
    record.set(content, 16);
    inject(pair, record);
  }
  t.is(pair.right.session(RIGHT_INDEX).drops.unexpectedClear, 2);
  t.true(nothingLeft(pair));
});

test('a friend who begins many and ends none holds four, and others go on', (t) => {
  const pair = new SuperPair();
  const { free } = pair.right;
  const payload = superFramePayload(GOOD.needs, GOOD.bytes);
  for (let i = 0; i < 300; i++) {
    const options = { receiver: RIGHT_INDEX, number: 1000 + 3 * i };
    inject(pair, superPieces(payload, 1100, i, options)[i % 3]);
    t.true(pair.right.free[3] >= free[3] - 4);
  }
  pair.pass(PATIENCE);
  t.deepEqual(pair.right.free, free);
  t.is(pair.right.session(RIGHT_INDEX).drops.abandoned, 300);
  pair.rightTap.receive();
  const plain = broadcast(100);
  pair.leftClient.send(plain);
  pair.settle();
  t.deepEqual(receivedBy(pair.rightTap), prints([plain]));
});

test('without memory pieces are given up, and plain frames pass', (t) => {
  const pair = new SuperPair({ largestDatagram: 1472 });
  const { large } = pair.right.thread.engine.memory;
  const taken: number[] = [];
  while (large.available > 0) taken.push(large.take());
  pair.learn();
  send(pair, GOOD);
  t.true(pair.right.session(RIGHT_INDEX).drops.abandoned > 0);
  const plain = broadcast(2000, 0x0a);
  pair.leftTap.send(plain);
  pair.settle();
  t.deepEqual(receivedBy(pair.rightTap), prints([plain]));
  for (const each of taken) large.give(each);
  send(pair, GOOD);
  t.deepEqual(receivedBy(pair.rightTap), [GOOD.whole]);
});
