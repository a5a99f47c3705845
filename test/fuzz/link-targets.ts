/** What comes in by links: from strangers, and from friends who mean ill. */
import { Claims } from '../../src/data-plane/claims.ts';
import { parseNotice } from '../../src/data-plane/notice.ts';
import { emitAddress, formatAddress, parseAddress } from '../../src/io/address.ts';
import { ADDRESS_LENGTH, CipherId } from '../../src/io/contract.ts';
import { MAX_CLAIMS } from '../../src/links/claim.ts';
import {
  FRAGMENT_HEADER_LENGTH,
  type FrameSlots,
  Reassembly,
  writeFragmentHeader,
} from '../../src/links/fragment.ts';
import { nodeSuite } from '../../src/links/handshake/node-suite.ts';
import { LinkMessageType, linkMessage, parseLinkMessage } from '../../src/links/link-message.ts';
import { parsePackets } from '../../src/links/packet.ts';
import { recordKey } from '../../src/links/record-keys.ts';
import { openRecord, sealRecord } from '../../src/links/record-layer.ts';
import { parseRelayControl, RelayKind, relayControl } from '../../src/links/relay/relay-packet.ts';
import { FilteringDatabase } from '../../src/switch/filtering-database.ts';
import { authenticRecord, packet } from '../data-plane/hostile-friend.ts';
import { broadcast, UDP_PORT } from '../data-plane/node.ts';
import { Pair, RIGHT_INDEX } from '../data-plane/pair.ts';
import { expect, pure, sameOctets, type Target } from './target.ts';

const PING = packet(0x04, new Uint8Array(12).fill(1));
const FRAME = packet(0x02, broadcast(60));

const concat = (...pieces: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(pieces));

const linkMessages = pure(
  'link-message',
  2048,
  () => ({ refuse: linkMessage(LinkMessageType.refuse, new Uint8Array(7)) }),
  (input) => {
    const read = parseLinkMessage(input);
    if (read === undefined) return;
    expect(sameOctets(linkMessage(read.type as LinkMessageType, read.body), input), 'round trip');
  },
);

const packets = pure(
  'packet',
  4096,
  () => ({ ping: PING, both: concat(PING, FRAME), empty: packet(0x0c, new Uint8Array(0)) }),
  (input) => {
    const read = parsePackets(input);
    if (read === undefined) return;
    expect(
      sameOctets(concat(...read.map(({ type, payload }) => packet(type, payload))), input),
      'round trip',
    );
  },
);

const KEY = recordKey(nodeSuite.hmac, new Uint8Array(32).fill(3));

const records = pure(
  'record',
  2048,
  () => ({
    sealed: sealRecord(
      nodeSuite,
      CipherId.chacha20poly1305,
      KEY,
      { epoch: 1, receiver: 7, numberHigh: 0, numberLow: 9 },
      PING,
    ),
  }),
  (input) => {
    const opened = openRecord(nodeSuite, CipherId.chacha20poly1305, KEY, input);
    if (opened !== undefined) parsePackets(opened);
  },
);

const SLOT_LENGTH = 9728;
const SLOTS = 6;

/** Fragments one after another, each behind its length in two octets, and one octet for the time. */
const fragments: Target = {
  name: 'fragment',
  longest: 4096,
  samples: () => {
    const piece = (id: number, index: number, count: number, data: number, total: number) => {
      const bytes = new Uint8Array(3 + FRAGMENT_HEADER_LENGTH + data).fill(index);
      new DataView(bytes.buffer).setUint16(0, FRAGMENT_HEADER_LENGTH + data);
      bytes[2] = 1;
      writeFragmentHeader(bytes, 3, id, index, count, index * 100, total);
      return bytes;
    };
    return {
      whole: concat(piece(1, 0, 3, 100, 250), piece(1, 1, 3, 100, 250), piece(1, 2, 3, 50, 250)),
      mixed: concat(piece(2, 1, 2, 20, 120), piece(3, 0, 2, 100, 150), piece(2, 0, 2, 100, 120)),
    };
  },
  make: () => {
    const slab = new Uint8Array((SLOTS + 1) * SLOT_LENGTH);
    const free = Array.from({ length: SLOTS }, (_, i) => (i + 1) * SLOT_LENGTH);
    const slots: FrameSlots = {
      slotLength: SLOT_LENGTH,
      get available() {
        return free.length;
      },
      take: () => free.pop() ?? -1,
      give: (offset) => {
        expect(!free.includes(offset), 'no slot is given twice');
        free.push(offset);
      },
    };
    const reassembly = new Reassembly(slots, 9216);
    let now = 0;
    return {
      check: (input) => {
        const view = new DataView(input.buffer, input.byteOffset, input.length);
        for (let at = 0; at + 3 <= input.length; ) {
          const length = Math.min(view.getUint16(at), input.length - at - 3);
          now += input[at + 2]!;
          slab.set(input.subarray(at + 3, at + 3 + length), 0);
          const slot = reassembly.accept(slab, 0, length, now);
          if (slot >= 0) {
            expect(reassembly.lastLength <= 9216, 'no frame is longer than it may be');
            reassembly.release(slot);
          }
          reassembly.expire(now);
          at += 3 + length;
        }
        reassembly.clear();
        expect(free.length === SLOTS, 'no memory is kept');
      },
    };
  },
};

/** An Ethernet frame with IPv4 and TCP in it, of so many octets in all. */
function tcpFrame(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes.set(broadcast(60).subarray(0, 12), 0);
  view.setUint16(12, 0x0800);
  bytes[14] = 0x45;
  view.setUint16(16, length - 14);
  bytes.set([64, 6], 22);
  bytes[46] = 0x50;
  return bytes;
}

const ENTRIES = Uint8Array.of(0, 0, 2, 0, 0, 0, 0, 1, 0, 5, 2, 0, 0, 0, 0, 2);
const CLAIMS = {
  list: concat(Uint8Array.of(1, 4, 0, 1), ENTRIES),
  part: concat(Uint8Array.of(1, 5, 1, 2), ENTRIES),
  added: concat(Uint8Array.of(2, 0, 0, 0), ENTRIES),
  removed: concat(Uint8Array.of(3, 0, 0, 0), ENTRIES.subarray(0, 8)),
};

/** Claims of a friend, each behind its length in two octets and one octet for the time. */
const claims: Target = {
  name: 'claim',
  longest: 4096,
  samples: () => {
    const framed = (bytes: Uint8Array) => concat(Uint8Array.of(0, bytes.length, 200), bytes);
    return {
      ...CLAIMS,
      all: concat(...[CLAIMS.added, CLAIMS.part, CLAIMS.list, CLAIMS.removed].map(framed)),
    };
  },
  make: () => {
    const held = new Claims(new FilteringDatabase());
    return {
      check: (input) => {
        for (let at = 0; at + 3 <= input.length; ) {
          const length = Math.min((input[at]! << 8) | input[at + 1]!, input.length - at - 3);
          held.now += input[at + 2]!;
          held.receive(input, at + 3, length, 600, (length & 1) === 0);
          at += 3 + length;
        }
        expect(held.claimedBy(600) <= 2 * MAX_CLAIMS, 'a friend has its share');
        expect(held.size === held.claimedBy(600), 'nothing is counted wrong');
        held.tick();
      },
    };
  },
};

const relayControls = pure(
  'relay-control',
  64,
  () => ({
    open: relayControl(RelayKind.open, 7, 'ab'.repeat(20)),
    closed: relayControl(RelayKind.closed, 0x8007),
  }),
  (input) => {
    const read = parseRelayControl(input);
    if (read === undefined) return;
    expect(sameOctets(relayControl(read.kind, read.number, read.callee), input), 'round trip');
  },
);

const CONTENTS: Readonly<Record<string, Uint8Array>> = {
  ping: PING,
  frame: FRAME,
  pieces: packet(0x03, new Uint8Array(40)),
  probe: packet(0x06, Uint8Array.of(4, 0xb0, ...new Uint8Array(60))),
  acknowledgement: packet(0x07, Uint8Array.of(5, 0x5c)),
  bridge: packet(0x08, broadcast(60)),
  renew: packet(0x0c, new Uint8Array(0)),
  superFrame: packet(0x0a, concat(Uint8Array.of(1, 0, 5, 0xb4, 0, 34, 0, 16), tcpFrame(3000))),
  superPiece: packet(
    0x0b,
    concat(
      Uint8Array.of(0, 1, 0, 3, 0, 0, 3, 0xf0),
      Uint8Array.of(1, 0, 1, 0xf4, 0, 34, 0, 16),
      tcpFrame(328),
    ),
  ),
  straight: packet(0x42, broadcast(60).fill(2, 0, 6)),
  claims: concat(
    packet(0x0d, CLAIMS.list),
    packet(0x0d, CLAIMS.added),
    packet(0x0d, CLAIMS.removed),
  ),
  relay: packet(0x0e, concat(Uint8Array.of(0x80, 1), PING)),
  relayControl: packet(0x0f, relayControl(RelayKind.open, 7, '00'.repeat(20))),
  several: concat(PING, FRAME, PING),
};

/** One node of a pair, into which octets come as datagrams from the other's address. */
function intoEngine(
  name: string,
  samples: Target['samples'],
  datagram: (input: Uint8Array, number: number) => Uint8Array,
): Target {
  return {
    name,
    longest: 4096,
    samples,
    make: () => {
      const pair = new Pair({ mode: 'clear' });
      pair.pass(500);
      const { free } = pair.right;
      let number = 5000;
      return {
        check: (input) => {
          pair.network.send(pair.leftHost, {
            from: { host: pair.left.address, port: UDP_PORT },
            to: { host: pair.right.address, port: UDP_PORT },
            bytes: datagram(input, number++),
          });
          pair.pass(20);
          for (const { kind, payload } of pair.right.notices.splice(0)) {
            expect(kind > 0 && payload.length <= 0xffff, 'notices make sense');
          }
          const [addresses] = pair.right.free;
          expect(addresses === free[0], 'no address is kept');
        },
      };
    },
  };
}

const datagrams = intoEngine(
  'engine-datagram',
  () => ({
    init: linkMessage(LinkMessageType.handshakeInit, new Uint8Array(1197)),
    ping: authenticRecord(PING, { receiver: RIGHT_INDEX, number: 4000 }),
    clear: Uint8Array.of(0x11, 0, 13 + 4, 0, 0, 0, 0x0b, 2, 0, 0, 0, 0, 0, 0, 0, 9, 2, 0, 1, 7),
  }),
  (input) => input,
);

const authentic = intoEngine(
  'engine-friend',
  () => CONTENTS,
  (input, number) => authenticRecord(input, { receiver: RIGHT_INDEX, number }),
);

const addresses = pure(
  'address',
  64,
  () => {
    const written = (host: string) => {
      const out = new Uint8Array(ADDRESS_LENGTH);
      emitAddress({ host, port: 4000 }, out);
      return out;
    };
    return { ipv4: written('192.0.2.1'), ipv6: written('2001:db8::1'), local: written('::1') };
  },
  (input) => {
    const read = parseAddress(input);
    if (read === undefined) return;
    formatAddress(read);
    const out = new Uint8Array(ADDRESS_LENGTH);
    expect(emitAddress(read, out), 'what is read can be written');
    const again = parseAddress(out);
    expect(again?.host === read.host && again.port === read.port, 'round trip');
  },
);

const notices = pure(
  'notice',
  2048,
  () => ({ zeros: new Uint8Array(48) }),
  (input) => {
    parseNotice(input);
  },
);

export const LINK_TARGETS: readonly Target[] = [
  linkMessages,
  packets,
  records,
  fragments,
  claims,
  relayControls,
  datagrams,
  authentic,
  addresses,
  notices,
];
