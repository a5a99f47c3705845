/** F2F packets: the wire format, and reading whatever comes. */
import test from 'ava';
import fc from 'fast-check';
import {
  PACKET_HEADER_LENGTH,
  type Packet,
  PacketType,
  packetLength,
  packetType,
  parsePackets,
  writePacketHeader,
} from '../../src/links/packet.ts';

test('deconstruct', (t) => {
  const bytes = Uint8Array.of(0xee, 0x04, 0x01, 0x02);
  t.is(packetType(bytes, 1), PacketType.ping);
  t.is(packetLength(bytes, 1), 0x0102);
  // A ping of two octets, an empty pong, a type of the future.
  const record = Uint8Array.of(0x04, 0x00, 0x02, 0xaa, 0xbb, 0x05, 0x00, 0x00, 0xc8, 0x00, 0x01, 9);
  t.deepEqual(parsePackets(record), [
    { type: PacketType.ping, payload: Uint8Array.of(0xaa, 0xbb) },
    { type: PacketType.pong, payload: new Uint8Array(0) },
    { type: 0xc8, payload: Uint8Array.of(9) },
  ]);
});

test('construct', (t) => {
  const bytes = new Uint8Array(6).fill(0xa5);
  writePacketHeader(bytes, 1, PacketType.fragment, 0x1234);
  t.deepEqual(bytes, Uint8Array.of(0xa5, 0x03, 0x12, 0x34, 0xa5, 0xa5));
  writePacketHeader(bytes, 3, PacketType.close, 0xffff);
  t.deepEqual(bytes, Uint8Array.of(0xa5, 0x03, 0x12, 0x09, 0xff, 0xff));
});

test('payloads are views, not copies', (t) => {
  const record = Uint8Array.of(0x04, 0x00, 0x01, 7);
  const [first] = parsePackets(record) as Packet[];
  record[3] = 8;
  t.is(first.payload[0], 8);
});

test('what does not fill a record exactly is malformed', (t) => {
  t.deepEqual(parsePackets(new Uint8Array(0)), []);
  t.is(parsePackets(Uint8Array.of(0x02)), undefined);
  t.is(parsePackets(Uint8Array.of(0x02, 0x00)), undefined);
  t.is(parsePackets(Uint8Array.of(0x02, 0x00, 0x01)), undefined);
  t.is(parsePackets(Uint8Array.of(0x02, 0x00, 0x00, 0x02)), undefined);
});

/** The naive twin of parsePackets: eats its input octet by octet. */
function naiveParse(bytes: readonly number[]): [number, number[]][] | undefined {
  if (bytes.length === 0) return [];
  const [type, high, low, ...rest] = bytes;
  if (low === undefined) return undefined;
  const length = high * 256 + low;
  if (rest.length < length) return undefined;
  const others = naiveParse(rest.slice(length));
  return others && [[type, rest.slice(0, length)], ...others];
}

test('any octets are read as the naive parser reads them', (t) => {
  // Small lengths, so that some inputs are well-formed.
  const octets = fc.array(
    fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 255 })),
    {
      maxLength: 40,
    },
  );
  fc.assert(
    fc.property(octets, (bytes) => {
      const packets = parsePackets(Uint8Array.from(bytes));
      t.deepEqual(
        packets?.map(({ type, payload }) => [type, [...payload]]),
        naiveParse(bytes),
      );
    }),
  );
});

test('what is written is read again', (t) => {
  const packet = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 700 }));
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 6 }), (packets) => {
      const length = packets.reduce((sum, [, p]) => sum + PACKET_HEADER_LENGTH + p.length, 0);
      const bytes = new Uint8Array(length).fill(0xa5);
      let at = 0;
      for (const [type, payload] of packets) {
        writePacketHeader(bytes, at, type, payload.length);
        bytes.set(payload, at + PACKET_HEADER_LENGTH);
        at += PACKET_HEADER_LENGTH + payload.length;
      }
      const read = parsePackets(bytes)?.map(({ type, payload }) => [type, payload]);
      t.deepEqual(read, packets);
    }),
  );
});
