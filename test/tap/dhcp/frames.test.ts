/** The wire formats: each message as octets, and whatever else comes. */
import test from 'ava';
import fc from 'fast-check';
import {
  type ArpPacket,
  announcementFrame,
  isArp,
  parseArp,
  probeFrame,
} from '../../../src/tap/dhcp/arp.ts';
import {
  type DhcpMessage,
  emitMessage,
  MessageType,
  MINIMUM_MESSAGE_LENGTH,
  messageLength,
  Op,
  parseMessage,
} from '../../../src/tap/dhcp/message.ts';
import {
  Option,
  parseOptions,
  readDomain,
  readHostAddresses,
} from '../../../src/tap/dhcp/options.ts';
import {
  declineFrame,
  discoverFrame,
  type Exchange,
  type Holding,
  rebindFrame,
  releaseFrame,
  renewFrame,
  selectFrame,
} from '../../../src/tap/dhcp/requests.ts';
import {
  emitUdpFrame,
  parseUdpFrame,
  type UdpFrame,
  udpFrameLength,
} from '../../../src/tap/dhcp/udp-frame.ts';
import {
  ACK,
  ANNOUNCEMENT,
  ARP_REPLY,
  DECLINE,
  DISCOVER,
  NAK,
  PROBE,
  REBIND,
  RELEASE,
  RENEW,
  SELECT,
} from './literal-frames.ts';

const CLIENT = Uint8Array.of(2, 0, 0, 0, 0, 0x2a);
const SERVER = Uint8Array.of(2, 0, 0, 0, 0, 1);
const EXCHANGE: Exchange = {
  hardwareAddress: CLIENT,
  hostName: 'attic',
  xid: 0x12345678,
  seconds: 0,
};
const HOLDING: Holding = {
  lease: { address: '192.0.2.10', prefix: 24, dns: [], server: '192.0.2.1', duration: 3_600_000 },
  address: 0xc000020a,
  server: 0xc0000201,
  renewAfter: 1_800_000,
  rebindAfter: 3_150_000,
  serverMac: SERVER,
};

function datagramOf(frame: Uint8Array): UdpFrame {
  const datagram = parseUdpFrame(frame);
  if (typeof datagram === 'string') throw new Error(datagram);
  return datagram;
}

function messageOf(frame: Uint8Array): DhcpMessage {
  const message = parseMessage(datagramOf(frame).payload);
  if (typeof message === 'string') throw new Error(message);
  return message;
}

test('each message of ours, octet by octet', (t) => {
  t.deepEqual(discoverFrame(EXCHANGE), DISCOVER);
  t.deepEqual(selectFrame(EXCHANGE, HOLDING), SELECT);
  t.deepEqual(renewFrame({ ...EXCHANGE, seconds: 3 }, HOLDING), RENEW);
  t.deepEqual(rebindFrame({ ...EXCHANGE, seconds: 9 }, HOLDING), REBIND);
  t.deepEqual(releaseFrame(EXCHANGE, HOLDING), RELEASE);
  t.deepEqual(declineFrame(EXCHANGE, HOLDING), DECLINE);
});

test('an ACK is taken apart', (t) => {
  const datagram = datagramOf(ACK);
  t.deepEqual([...datagram.sourceMac], [...SERVER]);
  t.is(datagram.source, 0xc0000201);
  t.is(datagram.destination, 0xffffffff);
  t.is(datagram.sourcePort, 67);
  t.is(datagram.destinationPort, 68);
  const message = messageOf(ACK);
  t.is(message.op, Op.reply);
  t.is(message.xid, 0x12345678);
  t.true(message.broadcast);
  t.is(message.yourAddress, 0xc000020a);
  t.deepEqual([...message.hardwareAddress], [...CLIENT]);
  t.deepEqual(message.options.get(Option.messageType), Uint8Array.of(MessageType.ack));
  t.deepEqual(readHostAddresses(message.options, Option.domainNameServer), [
    '192.0.2.1',
    '192.0.2.2',
  ]);
  t.is(readDomain(message.options, Option.domainName), 'example.org');
});

test('a frame and a message are written whole, into a buffer full of something else', (t) => {
  for (const literal of [DISCOVER, SELECT, RENEW, REBIND, RELEASE, DECLINE, ACK, NAK]) {
    const datagram = datagramOf(literal);
    const message = messageOf(literal);
    t.is(udpFrameLength(datagram), literal.length);
    t.is(messageLength(message), datagram.payload.length);
    const payload = new Uint8Array(datagram.payload.length + 2).fill(0xa5);
    t.is(emitMessage(message, payload, 1), datagram.payload.length);
    t.deepEqual(payload.subarray(1, -1), datagram.payload);
    const frame = new Uint8Array(literal.length + 2).fill(0xa5);
    t.is(emitUdpFrame(datagram, frame, 1), literal.length);
    t.deepEqual(frame.subarray(1, -1), literal);
    t.deepEqual([frame[0], frame.at(-1), payload[0], payload.at(-1)], [0xa5, 0xa5, 0xa5, 0xa5]);
  }
});

test('there has to be room', (t) => {
  const datagram = datagramOf(NAK);
  t.throws(() => emitUdpFrame(datagram, new Uint8Array(NAK.length - 1)), {
    instanceOf: RangeError,
  });
  t.throws(() => emitMessage(messageOf(NAK), new Uint8Array(MINIMUM_MESSAGE_LENGTH - 1)), {
    instanceOf: RangeError,
  });
});

test('every changed octet behind the addresses is noticed, or changes no checksum of nothing', (t) => {
  // The Ethernet addresses are not summed up; each other octet is, or is a type or a length.
  for (let at = 12; at < ACK.length; at++) {
    const frame = ACK.slice();
    frame[at] ^= 0x01;
    t.is(typeof parseUdpFrame(frame), 'string', `octet ${at}`);
  }
});

test('a datagram without a checksum is taken', (t) => {
  const frame = NAK.slice();
  frame.fill(0, 40, 42);
  t.is(datagramOf(frame).payload.length, 300);
});

test('padding behind the IPv4 packet is no part of it', (t) => {
  const padded = new Uint8Array(ACK.length + 20).fill(0xa5);
  padded.set(ACK);
  t.deepEqual(datagramOf(padded).payload, datagramOf(ACK).payload);
});

test('fragments, short frames and other protocols are refused', (t) => {
  const changed = (at: number, value: number) => {
    const frame = ACK.slice();
    frame[at] = value;
    return parseUdpFrame(frame);
  };
  t.is(changed(12, 0x86), 'not-udp');
  t.is(changed(14, 0x65), 'not-udp');
  t.is(changed(14, 0x44), 'truncated');
  t.is(changed(14, 0x4f), 'checksum');
  t.is(changed(20, 0x20), 'not-udp');
  t.is(changed(23, 6), 'not-udp');
  t.is(changed(24, 0), 'checksum');
  t.is(parseUdpFrame(ACK.subarray(0, -1)), 'truncated');
  t.is(parseUdpFrame(ACK.subarray(0, 33)), 'truncated');
});

test('options: pads, parts, no end, and what runs over', (t) => {
  const read = (...octets: number[]) => {
    const into = new Map<number, Uint8Array>();
    return parseOptions(Uint8Array.from(octets), into) ? into : undefined;
  };
  t.deepEqual(read(0, 0, 1, 1, 9, 0, 255, 7, 200), new Map([[1, Uint8Array.of(9)]]));
  t.deepEqual([...(read(6, 1, 1, 12, 0, 6, 2, 2, 3, 255)?.get(6) ?? [])], [1, 2, 3]);
  t.deepEqual(read(53, 1, 5), new Map([[53, Uint8Array.of(5)]]));
  t.deepEqual(read(), new Map());
  t.is(read(53), undefined);
  t.is(read(53, 2, 5), undefined);
});

test('options in file and sname count when the overload says so', (t) => {
  const overloaded = (overload: number) => {
    const bytes = datagramOf(ACK).payload.slice();
    bytes.set([52, 1, overload, 53, 1, 5, 255], 240);
    bytes.set([15, 2, 0x61, 0x62, 255], 108);
    bytes.set([15, 2, 0x63, 0x64, 255], 44);
    const message = parseMessage(bytes);
    return typeof message === 'string' ? message : readDomain(message.options, Option.domainName);
  };
  t.is(overloaded(0), undefined);
  t.is(overloaded(1), 'ab');
  t.is(overloaded(2), 'cd');
  t.is(overloaded(3), 'abcd');
});

test('a domain that would do harm in a file is no domain', (t) => {
  const read = (text: string) => {
    return readDomain(
      new Map([[Option.domainName, Buffer.from(text, 'latin1')]]),
      Option.domainName,
    );
  };
  t.is(read('example.org'), 'example.org');
  t.is(read('example.org.\0\0'), 'example.org');
  t.is(read('lan'), 'lan');
  t.is(read('a\nnameserver 192.0.2.66'), undefined);
  t.is(read('a b'), undefined);
  t.is(read('-a'), undefined);
  t.is(read('a..b'), undefined);
  t.is(read(''), undefined);
  t.is(read(`${'a'.repeat(64)}.org`), undefined);
  t.is(read(`${'a.'.repeat(127)}org`), undefined);
});

test('parse undoes emit', (t) => {
  const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const word = fc.integer({ min: 0, max: 0xffffffff });
  const message = fc.record({
    op: fc.constantFrom(Op.request, Op.reply),
    xid: word,
    seconds: fc.integer({ min: 0, max: 0xffff }),
    broadcast: fc.boolean(),
    clientAddress: word,
    yourAddress: word,
    hardwareAddress: octets(6),
    options: fc
      .array(fc.tuple(fc.integer({ min: 60, max: 254 }), fc.uint8Array({ maxLength: 255 })), {
        maxLength: 8,
      })
      .map((options) => new Map([[Option.messageType, Uint8Array.of(5)], ...options])),
  });
  fc.assert(
    fc.property(message, octets(6), octets(6), word, word, (value, from, to, source, target) => {
      const payload = new Uint8Array(messageLength(value)).fill(0xa5);
      emitMessage(value, payload);
      t.deepEqual(parseMessage(payload), value);
      const datagram: UdpFrame = {
        sourceMac: from,
        destinationMac: to,
        source,
        destination: target,
        sourcePort: 67,
        destinationPort: 68,
        payload,
      };
      const frame = new Uint8Array(udpFrameLength(datagram)).fill(0xa5);
      emitUdpFrame(datagram, frame);
      t.deepEqual(parseUdpFrame(frame), datagram);
    }),
  );
});

test('no octets make a parser throw', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      parseUdpFrame(bytes);
      parseMessage(bytes);
      parseOptions(bytes, new Map());
      return true;
    }),
  );
  t.pass();
});

test('ARP packets, octet by octet', (t) => {
  t.deepEqual(probeFrame(CLIENT, HOLDING.address), PROBE);
  t.deepEqual(announcementFrame(CLIENT, HOLDING.address), ANNOUNCEMENT);
  const read = (frame: Uint8Array): ArpPacket | undefined => {
    t.true(isArp(frame));
    const packet = parseArp(frame);
    return packet && { ...packet, senderMac: packet.senderMac.slice() };
  };
  const { address } = HOLDING;
  t.deepEqual(read(PROBE), { operation: 1, senderMac: CLIENT, sender: 0, target: address });
  t.deepEqual(read(ANNOUNCEMENT)?.sender, address);
  const other = Uint8Array.of(2, 0, 0, 0, 0, 0x99);
  t.deepEqual(read(ARP_REPLY), { operation: 2, senderMac: other, sender: address, target: 0 });
  t.false(isArp(DISCOVER));
  t.false(isArp(PROBE.subarray(0, 13)));
});

test('whatever says that it is ARP is read or malformed', (t) => {
  const octets = fc.uint8Array({ maxLength: 70 });
  fc.assert(
    fc.property(octets, fc.boolean(), fc.nat(41), fc.nat(255), (noise, spoilt, at, octet) => {
      const frame = spoilt ? ARP_REPLY.with(at, octet) : noise;
      if (!isArp(frame)) return;
      const packet = parseArp(frame);
      // Lengths and types are fixed, all else may be anything.
      t.is(packet === undefined, frame.length < 42 || !same(frame.subarray(14, 20), ARP_REPLY));
    }),
  );
});

/** Whether the octets are those of a good packet at the same place. */
function same(fixed: Uint8Array, good: Uint8Array): boolean {
  return fixed.every((octet, i) => octet === good[14 + i]);
}
