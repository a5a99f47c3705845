/** The fields that the ends exchange, octet by octet. */

import { concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import test from 'ava';
import fc from 'fast-check';
import {
  emitPayload,
  type HandshakePayload,
  isNodeName,
  MAX_ADDRESSES_LENGTH,
  parsePayload,
} from '../../../src/links/handshake/handshake-payload.ts';

const KEY = new Uint8Array(32).fill(0x11);
const PROOF = new Uint8Array(64).fill(0x22);
const TAGS = new Uint8Array(32).fill(0x33);
const TICKET = new Uint8Array(32).fill(0x44);
const OLD_KEY = new Uint8Array(32).fill(0x55);
const SIGNATURE = new Uint8Array(64).fill(0x66);

const FULL: HandshakePayload = {
  identity: { publicKey: KEY, proof: PROOF },
  abilities: { version: 1, sessionIndex: 0xa1a2a3a4, features: 0x80000001, largestFrame: 9216 },
  ciphers: [
    { cipher: 1, speed: 5000 },
    { cipher: 200, speed: 0xffffffff },
  ],
  name: 'zoë',
  floor: 'never',
  groupTags: TAGS,
  ticketProof: TICKET,
  decision: 'clear',
  addresses: ['udp://h:1', 'tcp://h:2'],
  successions: [{ oldKey: OLD_KEY, time: 0x69551a80, counter: 1, signature: SIGNATURE }],
};

const FULL_BYTES = concatBytes(
  hexToBytes('010060'),
  KEY,
  PROOF,
  hexToBytes('02000d01a1a2a3a48000000100002400'),
  hexToBytes('03000a0100001388c8ffffffff'),
  hexToBytes('0400047a6fc3ab'),
  hexToBytes('05000101'),
  hexToBytes('060020'),
  TAGS,
  hexToBytes('070020'),
  TICKET,
  hexToBytes('08000102'),
  hexToBytes('0a0068'),
  OLD_KEY,
  hexToBytes('69551a8000000001'),
  SIGNATURE,
  hexToBytes('090009'),
  utf8ToBytes('udp://h:1'),
  hexToBytes('090009'),
  utf8ToBytes('tcp://h:2'),
);

test('a payload with every field, deconstructed', (t) => {
  t.deepEqual(parsePayload(FULL_BYTES), FULL);
});

test('a payload with every field, constructed', (t) => {
  t.deepEqual(emitPayload(FULL, 1), FULL_BYTES);
});

test('every decision and floor has its octet', (t) => {
  const codes = { sealed: 0x01, clear: 0x02, 'unknown-peer': 0x80, 'plaintext-refused': 0x81 };
  for (const [decision, code] of Object.entries(codes)) {
    t.is(parsePayload(Uint8Array.of(8, 0, 1, code))?.decision, decision as 'sealed');
  }
  t.is(parsePayload(hexToBytes('05000100'))?.floor, 'when-no-shared-group');
  t.is(parsePayload(hexToBytes('05000102')), undefined);
  t.is(parsePayload(hexToBytes('08000103')), undefined);
});

test('padding fills up to the multiple and disappears again', (t) => {
  for (let length = 1; length <= 64; length++) {
    const name = 'n'.repeat(length);
    const bytes = emitPayload({ name }, 64);
    t.is(bytes.length % 64, 0);
    t.true(bytes.length <= 128);
    t.deepEqual(parsePayload(bytes), { name, addresses: [] });
  }
});

test('unknown fields are skipped, known ones may not come twice', (t) => {
  t.is(parsePayload(hexToBytes('ee0003aabbcc04000161'))?.name, 'a');
  t.is(parsePayload(hexToBytes('0400016104000161')), undefined);
  t.is(parsePayload(hexToBytes('04000161aabb')), undefined, 'trailing octets');
});

test('fields of a wrong length or value are malformed', (t) => {
  for (const [type, length] of [
    [0x01, 95],
    [0x02, 14],
    [0x03, 0],
    [0x03, 6],
    [0x04, 0],
    [0x05, 2],
    [0x06, 17],
    [0x07, 31],
    [0x08, 0],
    [0x09, 0],
    [0x0a, 0],
    [0x0a, 103],
    [0x0a, 208 + 1],
  ]) {
    const field = new Uint8Array(3 + length);
    field[0] = type;
    field[2] = length;
    t.is(parsePayload(field), undefined, `type ${type}, length ${length}`);
  }
});

test('a name is UTF-8 of 1 to 64 octets that cannot drive a terminal', (t) => {
  for (const name of ['a', 'zoë', '工作站', 'n'.repeat(64)]) t.true(isNodeName(name));
  for (const name of ['', 'é'.repeat(33), 'a\nb', '\u001b[31m', '\u009b1m', '\u007f']) {
    t.false(isNodeName(name));
  }
  t.is(parsePayload(hexToBytes('040001ff')), undefined);
  t.is(parsePayload(hexToBytes('0400011b')), undefined);
  t.is(parsePayload(concatBytes(hexToBytes('040041'), utf8ToBytes('n'.repeat(65)))), undefined);
});

test('addresses go as far as there is room', (t) => {
  const addresses = Array.from({ length: 30 }, (_, i) => `udp://host-${i}:7000`);
  const bytes = emitPayload({ addresses }, 1);
  t.true(bytes.length <= MAX_ADDRESSES_LENGTH);
  const kept = parsePayload(bytes)?.addresses ?? [];
  t.deepEqual(kept, addresses.slice(0, kept.length));
  t.true(kept.length > 10);
  t.deepEqual(parsePayload(emitPayload({ addresses: ['a b', 'ok'] }, 1))?.addresses, ['ok']);
});

test('of the successions the latest go as far as there is room, before addresses', (t) => {
  const successions = Array.from({ length: 20 }, (_, counter) => ({
    oldKey: OLD_KEY,
    time: 0,
    counter,
    signature: SIGNATURE,
  }));
  const counters = (most?: number) => {
    const bytes = emitPayload({ successions, addresses: ['udp://h:1'] }, 1, most);
    t.true(bytes.length <= (most ?? 2000));
    const read = parsePayload(bytes);
    return [read?.successions?.map(({ counter }) => counter) ?? [], read?.addresses];
  };
  t.deepEqual(counters(), [[12, 13, 14, 15, 16, 17, 18, 19], ['udp://h:1']]);
  t.deepEqual(counters(3 + 104), [[19], []]);
  t.deepEqual(counters(3 + 104 + 12), [[19], ['udp://h:1']]);
  t.deepEqual(counters(3 + 103), [[], ['udp://h:1']]);
  t.deepEqual(counters(0), [[], []]);
});

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const uint32 = fc.nat(0xffffffff);
const payloads = fc.record(
  {
    identity: fc.record({ publicKey: octets(32), proof: octets(64) }),
    abilities: fc.record({
      version: fc.nat(255),
      sessionIndex: uint32,
      features: uint32,
      largestFrame: uint32,
    }),
    ciphers: fc.array(fc.record({ cipher: fc.nat(255), speed: uint32 }), { minLength: 1 }),
    name: fc.string({ maxLength: 16 }).filter(isNodeName),
    floor: fc.constantFrom('never' as const, 'when-no-shared-group' as const),
    groupTags: fc.nat(32).chain((count) => octets(16 * count)),
    ticketProof: octets(32),
    decision: fc.constantFrom('sealed' as const, 'unknown-peer' as const),
  },
  { requiredKeys: [] },
);

test('what is written is read', (t) => {
  fc.assert(
    fc.property(payloads, fc.constantFrom(1, 64), (payload, multiple) => {
      const bytes = emitPayload(payload, multiple);
      t.deepEqual(parsePayload(bytes), { addresses: [], ...payload });
    }),
  );
});

test('nothing makes the parser throw', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      parsePayload(bytes);
    }),
  );
  fc.assert(
    fc.property(fc.nat(FULL_BYTES.length - 1), fc.nat(255), (position, octet) => {
      const bytes = FULL_BYTES.slice();
      bytes[position] = octet;
      parsePayload(bytes);
      parsePayload(bytes.subarray(0, position));
    }),
  );
  t.pass();
});
