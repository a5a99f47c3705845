/** Random octets and altered valid messages into ingress: counted, never thrown, and traffic goes on. */
import test from 'ava';
import fc from 'fast-check';
import { NoticeKind } from '../../src/data-plane/notice.ts';
import { DescriptorKind, Offload } from '../../src/io/contract.ts';
import type { MemoryStream } from '../../src/io/memory-network.ts';
import { headersOf } from '../../src/io/memory-tap.ts';
import { LinkMessageType, linkMessage } from '../../src/links/link-message.ts';
import { authenticRecord, packet, superFramePayload, superPieces } from './hostile-friend.ts';
import { broadcast, prints, UDP_PORT } from './node.ts';
import { Pair, RIGHT_INDEX } from './pair.ts';
import { Super } from './super-pair.ts';

const { bytes: tcp, needs } = new Super(200, 60);
/** A super-frame behind its fields. */
const SUPER_FRAME = superFramePayload(needs, tcp);

/** Valid messages of every kind, to be altered. */
const VALID: readonly Uint8Array[] = [
  linkMessage(LinkMessageType.handshakeInit, new Uint8Array(509)),
  linkMessage(LinkMessageType.refuse, new Uint8Array(7)),
  authenticRecord(packet(0x02, broadcast(100)), { receiver: RIGHT_INDEX, number: 900 }),
  authenticRecord(packet(0x04, new Uint8Array(12)), { receiver: RIGHT_INDEX, number: 901 }),
  authenticRecord(packet(0x03, new Uint8Array(40)), { receiver: RIGHT_INDEX, number: 902 }),
  authenticRecord(packet(0x06, new Uint8Array(60)), { receiver: RIGHT_INDEX, number: 903 }),
  authenticRecord(packet(0x0a, SUPER_FRAME), { receiver: RIGHT_INDEX, number: 910 }),
  ...superPieces(SUPER_FRAME, 100, 3, { receiver: RIGHT_INDEX, number: 911 }),
  authenticRecord(packet(0x02, broadcast(60)), { receiver: 0x0bad, number: 904 }),
  authenticRecord(packet(0x02, broadcast(60)), { receiver: RIGHT_INDEX, number: 905, epoch: 1 }),
  Uint8Array.of(0x11, 0x00, 13 + 4, 0, 0, 0, 0x0b, 0x02, 0, 0, 0, 0, 0, 0, 0, 9, 0x02, 0, 1, 7),
];

const noise = fc.uint8Array({ maxLength: 120 });

/** A valid message with some octets changed, and perhaps cut. */
const altered = fc
  .tuple(
    fc.constantFrom(...VALID),
    fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 4 }),
    fc.option(fc.nat(600)),
  )
  .map(([message, changes, cut]) => {
    const bytes = Uint8Array.from(message);
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    return cut === null ? bytes : bytes.slice(0, cut);
  });

/** Authentic records around anything: what only a friend can send. */
const authentic = fc
  .tuple(fc.uint8Array({ maxLength: 200 }), fc.nat(5000))
  .map(([content, number]) => authenticRecord(content, { receiver: RIGHT_INDEX, number }));

/** The same, with packets that are at least framed well. */
const framed = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(12), fc.uint8Array({ maxLength: 60 })), { maxLength: 5 }),
    fc.nat(5000),
  )
  .map(([packets, number]) => {
    const content = packets.flatMap(([type, payload]) => [...packet(type, payload)]);
    return authenticRecord(Uint8Array.from(content), { receiver: RIGHT_INDEX, number });
  });

/** Super-frames and pieces of them with fields, headers and octets changed before they are sealed. */
const superFrames = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(70), fc.nat(255)), { maxLength: 3 }),
    fc.nat(5),
    fc.integer({ min: 9, max: 200 }),
    fc.nat(5000),
    fc.nat(63),
  )
  .map(([changes, id, length, number, index]) => {
    const payload = Uint8Array.from(SUPER_FRAME);
    for (const [at, value] of changes) payload[at] = value;
    const options = { receiver: RIGHT_INDEX, number };
    if (id === 0) return authenticRecord(packet(0x0a, payload), options);
    const pieces = superPieces(payload, length, id, options);
    return pieces[index % pieces.length];
  });

const messages = fc.array(fc.oneof(noise, altered, authentic, framed, superFrames), {
  maxLength: 40,
});

/** Everything that says where what came in has ended up. */
function accounted(pair: Pair): number {
  const report = pair.right.session(RIGHT_INDEX);
  const { malformed, unknownSession, handshakeMalformed } = pair.right.ioReport;
  const { firstLimited, handshakeLimited, friendLimited } = pair.right.ioReport;
  // A frame that was given up is no message; a message that makes no sense inside may hold several packets.
  const { forged, replayed, unexpectedClear } = report.drops;
  const told = pair.right.told(NoticeKind.message).length;
  const limited = handshakeMalformed + firstLimited + handshakeLimited + friendLimited;
  const dropped = forged + replayed + unexpectedClear + malformed + unknownSession + limited;
  return report.recordsIn + dropped + told;
}

const carriers = fc.constantFrom('datagram' as const, 'spread' as const);

for (const mode of ['sealed', 'clear'] as const) {
  test(`datagrams, ${mode}`, (t) => {
    fc.assert(
      fc.property(messages, fc.boolean(), carriers, (datagrams, joinsDatagrams, carrier) => {
        const pair = new Pair({ mode, carrier, joinsDatagrams, session: { superFrames: true } });
        const tap = pair.right.addTap(9);
        pair.pass(500);
        const before = accounted(pair);
        const { free } = pair.right;
        for (const bytes of datagrams) {
          pair.network.send(pair.leftHost, {
            from: { host: pair.left.address, port: UDP_PORT },
            to: { host: pair.right.address, port: UDP_PORT },
            bytes,
          });
        }
        // The right node alone, so that nothing else is counted.
        for (let i = 0; i < 5; i++) pair.right.pump();
        const shortRecords = pair.right.session(RIGHT_INDEX).drops.malformed;
        const count = accounted(pair) - before;
        t.true(count + shortRecords >= datagrams.length);
        // In a clear record each packet that is not believed counts besides.
        if (mode === 'sealed') t.true(count <= datagrams.length);
        pair.pass(3000);
        t.deepEqual(pair.right.free, free);
        pair.rightClient.receive();
        // What a TAP gets is what a kernel takes.
        for (const each of tap.receive()) {
          t.true(each.offload === Offload.none || headersOf(each.bytes, each) > 0);
        }
        // Authentic packet numbers from far ahead may have moved the window; a clear frame needs none.
        if (mode === 'clear') {
          t.deepEqual(prints(pair.carry(broadcast(222))), prints([broadcast(222)]));
        }
        pair.close();
      }),
      { numRuns: 100 },
    );
  });

  test(`a stream, ${mode}`, (t) => {
    fc.assert(
      fc.property(
        messages,
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }),
        (parts, cuts) => {
          const pair = new Pair({ mode, carrier: 'stream', session: { superFrames: true } });
          pair.right.addTap(9);
          pair.pass(500);
          const free = pair.right.free[2];
          const octets = Uint8Array.from(parts.flatMap((part) => [...part]));
          const stream = pair.network.descriptor(pair.leftStream) as MemoryStream;
          // In pieces of any size: a message may come octet by octet.
          for (let at = 0, i = 0; at < octets.length; i++) {
            const length = cuts[i % cuts.length];
            stream.write(octets.subarray(at, at + length));
            pair.right.pump();
            at += length;
          }
          const closed = pair.right.told(NoticeKind.closed).length;
          t.true(closed <= 1);
          t.is(pair.right.sessionCount, 1 - closed);
          t.is(pair.right.free[2], free + closed);
          t.is(pair.right.ioReport.malformed, closed);
          pair.close();
        },
      ),
      { numRuns: 60 },
    );
  });
}

test('a stream octet by octet', (t) => {
  const pair = new Pair({ carrier: 'stream' });
  pair.settle();
  const [near, far] = pair.right.sockets.openStreamPair();
  const { stream } = DescriptorKind;
  pair.right.post({ op: 'add-descriptor', descriptor: 40, systemDescriptor: near, kind: stream });
  const end = pair.network.descriptor(far) as MemoryStream;
  for (const message of VALID.slice(0, 2)) {
    for (const octet of message) {
      end.write(Uint8Array.of(octet));
      pair.right.pump();
    }
  }
  t.deepEqual(
    pair.right.told(NoticeKind.message).map(({ payload }) => payload),
    VALID.slice(0, 2),
  );
});
