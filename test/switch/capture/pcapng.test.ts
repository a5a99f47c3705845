import test from 'ava';
import fc from 'fast-check';
import {
  Direction,
  type InterfaceDescription,
  interfaceLength,
  PACKET_OVERHEAD,
  packetLength,
  STATISTICS_LENGTH,
  sectionHeaderLength,
  writeInterface,
  writePacket,
  writeSectionHeader,
  writeStatistics,
} from '../../../src/switch/capture/pcapng.ts';
import { PcapngScanner } from '../../../src/switch/capture/pcapng-scanner.ts';

/** What `write` makes of a buffer of 0xa5, at offset 3. */
function written(length: number, write: (out: Uint8Array, offset: number) => number): number[] {
  const out = new Uint8Array(length + 8).fill(0xa5);
  const octets = write(out, 3);
  if (octets !== length) throw new Error(`wrote ${octets} octets, not ${length}`);
  const outside = [...out.subarray(0, 3), ...out.subarray(3 + length)];
  if (outside.some((each) => each !== 0xa5)) throw new Error('wrote elsewhere too');
  return [...out.subarray(3, 3 + length)];
}

test('a section header, octet by octet', (t) => {
  const name = 'Kith 1';
  t.deepEqual(
    written(sectionHeaderLength(name), (out, at) => writeSectionHeader(out, at, name)),
    [
      ...[0x0a, 0x0d, 0x0d, 0x0a, 44, 0, 0, 0],
      ...[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0],
      ...[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      ...[4, 0, 6, 0, 0x4b, 0x69, 0x74, 0x68, 0x20, 0x31, 0, 0],
      ...[0, 0, 0, 0],
      ...[44, 0, 0, 0],
    ],
  );
});

test('an interface, octet by octet', (t) => {
  const port: InterfaceDescription = { name: 'port3', description: 'QEMU', snaplen: 65_535 };
  t.deepEqual(
    written(interfaceLength(port), (out, at) => writeInterface(out, at, port)),
    [
      ...[1, 0, 0, 0, 52, 0, 0, 0],
      ...[1, 0, 0, 0, 0xff, 0xff, 0, 0],
      ...[2, 0, 5, 0, 0x70, 0x6f, 0x72, 0x74, 0x33, 0, 0, 0],
      ...[3, 0, 4, 0, 0x51, 0x45, 0x4d, 0x55],
      ...[9, 0, 1, 0, 6, 0, 0, 0],
      ...[0, 0, 0, 0],
      ...[52, 0, 0, 0],
    ],
  );
  const bare: InterfaceDescription = { name: 'ä', snaplen: 0 };
  t.deepEqual(
    written(interfaceLength(bare), (out, at) => writeInterface(out, at, bare)),
    [
      ...[1, 0, 0, 0, 40, 0, 0, 0],
      ...[1, 0, 0, 0, 0, 0, 0, 0],
      ...[2, 0, 2, 0, 0xc3, 0xa4, 0, 0],
      ...[9, 0, 1, 0, 6, 0, 0, 0],
      ...[0, 0, 0, 0],
      ...[40, 0, 0, 0],
    ],
  );
});

test('a packet, octet by octet', (t) => {
  const facts = {
    interface: 2,
    direction: Direction.inbound,
    time: 0x0006_1234_89ab_cdef,
    originalLength: 1514,
    dropped: 0,
  };
  const packet = Uint8Array.of(1, 2, 3, 4, 5);
  t.deepEqual(
    written(packetLength(5, 0), (out, at) => writePacket(out, at, facts, packet)),
    [
      ...[6, 0, 0, 0, 52, 0, 0, 0],
      ...[2, 0, 0, 0, 0x34, 0x12, 0x06, 0, 0xef, 0xcd, 0xab, 0x89],
      ...[5, 0, 0, 0, 0xea, 5, 0, 0],
      ...[1, 2, 3, 4, 5, 0, 0, 0],
      ...[2, 0, 4, 0, 1, 0, 0, 0],
      ...[0, 0, 0, 0],
      ...[52, 0, 0, 0],
    ],
  );
  const late = { ...facts, direction: Direction.outbound, dropped: 0x1_0000_0003 };
  t.deepEqual(
    written(packetLength(0, 1), (out, at) => writePacket(out, at, late, new Uint8Array(0))),
    [
      ...[6, 0, 0, 0, 56, 0, 0, 0],
      ...[2, 0, 0, 0, 0x34, 0x12, 0x06, 0, 0xef, 0xcd, 0xab, 0x89],
      ...[0, 0, 0, 0, 0xea, 5, 0, 0],
      ...[2, 0, 4, 0, 2, 0, 0, 0],
      ...[4, 0, 8, 0, 3, 0, 0, 0, 1, 0, 0, 0],
      ...[0, 0, 0, 0],
      ...[56, 0, 0, 0],
    ],
  );
});

test('statistics, octet by octet', (t) => {
  const statistics = { interface: 1, time: 0x0006_0000_0000_0001, received: 7, dropped: 258 };
  t.deepEqual(
    written(STATISTICS_LENGTH, (out, at) => writeStatistics(out, at, statistics)),
    [
      ...[5, 0, 0, 0, 52, 0, 0, 0],
      ...[1, 0, 0, 0, 0, 0, 6, 0, 1, 0, 0, 0],
      ...[4, 0, 8, 0, 7, 0, 0, 0, 0, 0, 0, 0],
      ...[5, 0, 8, 0, 2, 1, 0, 0, 0, 0, 0, 0],
      ...[0, 0, 0, 0],
      ...[52, 0, 0, 0],
    ],
  );
});

const packets = fc.array(
  fc.record({ octets: fc.uint8Array({ maxLength: 70 }), more: fc.nat(9), dropped: fc.nat(3) }),
);

test('whatever the pieces, the scanner counts what was written', (t) => {
  fc.assert(
    fc.property(packets, fc.array(fc.integer({ min: 1, max: 90 })), (list, sizes) => {
      const blocks = [
        Uint8Array.from(written(44, (out, at) => writeSectionHeader(out, at, 'Kith 1'))),
      ];
      for (const { octets, more, dropped } of list) {
        const facts = {
          interface: 0,
          direction: Direction.inbound,
          time: 1,
          originalLength: octets.length + more,
          dropped,
        };
        const length = packetLength(octets.length, dropped);
        t.true(length <= PACKET_OVERHEAD + octets.length + 3);
        blocks.push(
          Uint8Array.from(written(length, (out, at) => writePacket(out, at, facts, octets))),
        );
      }
      const stream = Buffer.concat(blocks);
      const scanner = new PcapngScanner();
      for (let at = 0; at < stream.length; ) {
        const size = sizes.shift() ?? stream.length;
        scanner.take(stream.subarray(at, at + size));
        at += size;
      }
      t.is(scanner.packets, list.length);
      t.is(
        scanner.octets,
        list.reduce((sum, { octets, more }) => sum + octets.length + more, 0),
      );
      t.is(
        scanner.dropped,
        list.reduce((sum, { dropped }) => sum + dropped, 0),
      );
    }),
  );
});

test('nonsense does not trouble the scanner', (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (pieces) => {
      const scanner = new PcapngScanner();
      for (const each of pieces) scanner.take(each);
      t.true(scanner.packets >= 0);
    }),
  );
  const short = new PcapngScanner();
  // An Enhanced Packet Block that has no room for its fields.
  short.take(Uint8Array.of(6, 0, 0, 0, 16, 0, 0, 0, 1, 2, 3, 4, 16, 0, 0, 0));
  t.is(short.packets, 0);
});
