/** Link messages and the header of records: the wire format, and reading whatever comes. */
import test from 'ava';
import fc from 'fast-check';
import {
  LINK_HEADER_LENGTH,
  LinkMessageType,
  linkMessage,
  MAX_BODY_LENGTH,
  parseLinkMessage,
  RECORD_HEADER_LENGTH,
  readEpoch,
  readLength,
  readNumberHigh,
  readNumberLow,
  readReceiver,
  readType,
  writeLinkHeader,
  writeRecordHeader,
} from '../../src/links/link-message.ts';

// A sealed record of epoch 0xfe for session 0x80010203, number 0x90a0b0c0_d0e0f001, 34 octets.
const RECORD = [
  0x10, 0x00, 0x1f, 0xfe, 0x80, 0x01, 0x02, 0x03, 0x90, 0xa0, 0xb0, 0xc0, 0xd0, 0xe0, 0xf0, 0x01,
];

test('deconstruct', (t) => {
  const bytes = Uint8Array.from([0xee, ...RECORD]);
  t.is(readType(bytes, 1), LinkMessageType.sealedRecord);
  t.is(readLength(bytes, 1), 31);
  t.is(readEpoch(bytes, 1), 0xfe);
  t.is(readReceiver(bytes, 1), 0x80010203);
  t.is(readNumberHigh(bytes, 1), 0x90a0b0c0);
  t.is(readNumberLow(bytes, 1), 0xd0e0f001);
});

test('construct', (t) => {
  const bytes = new Uint8Array(RECORD_HEADER_LENGTH + 2).fill(0xa5);
  const { sealedRecord } = LinkMessageType;
  writeRecordHeader(bytes, 1, sealedRecord, 31, 0xfe, 0x80010203, 0x90a0b0c0, 0xd0e0f001);
  t.deepEqual([...bytes], [0xa5, ...RECORD, 0xa5]);
});

test('construct and deconstruct a message', (t) => {
  const header = new Uint8Array(5).fill(0xa5);
  writeLinkHeader(header, 1, LinkMessageType.refuse, 0xfffe);
  t.deepEqual([...header], [0xa5, 0x05, 0xff, 0xfe, 0xa5]);
  const message = linkMessage(LinkMessageType.cookieReply, Uint8Array.of(1, 2));
  t.deepEqual([...message], [0x04, 0x00, 0x02, 1, 2]);
  t.deepEqual(parseLinkMessage(message), { type: 0x04, body: Uint8Array.of(1, 2) });
});

test('a length that disagrees is no message', (t) => {
  for (const bytes of [[], [1], [1, 0], [1, 0, 1], [1, 0, 0, 0], [1, 1, 0, 0]]) {
    t.is(parseLinkMessage(Uint8Array.from(bytes)), undefined);
  }
  t.deepEqual(parseLinkMessage(Uint8Array.of(1, 0, 0)), { type: 1, body: new Uint8Array(0) });
});

test('the longest body there is', (t) => {
  const message = linkMessage(LinkMessageType.sealedRecord, new Uint8Array(MAX_BODY_LENGTH));
  t.is(message.length, 65_538);
  t.is(parseLinkMessage(message)?.body.length, MAX_BODY_LENGTH);
  const tooLong = new Uint8Array(MAX_BODY_LENGTH + 1);
  t.throws(() => linkMessage(LinkMessageType.sealedRecord, tooLong), { instanceOf: RangeError });
});

const octet = fc.integer({ min: 0, max: 0xff });
const word = fc.integer({ min: 0, max: 0xffffffff });

test('every header that is written is read again', (t) => {
  fc.assert(
    fc.property(
      octet,
      fc.integer({ min: 0, max: 0xffff }),
      octet,
      word,
      word,
      word,
      (...fields) => {
        const bytes = new Uint8Array(RECORD_HEADER_LENGTH).fill(0xa5);
        writeRecordHeader(bytes, 0, ...fields);
        const readers = [
          readType,
          readLength,
          readEpoch,
          readReceiver,
          readNumberHigh,
          readNumberLow,
        ];
        t.deepEqual(
          readers.map((read) => read(bytes, 0)),
          fields,
        );
      },
    ),
  );
});

test('any octets: a message exactly when the length agrees', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const agrees =
        bytes.length >= LINK_HEADER_LENGTH && bytes[1] * 256 + bytes[2] === bytes.length - 3;
      t.is(parseLinkMessage(bytes) !== undefined, agrees);
      const whole = parseLinkMessage(linkMessage(LinkMessageType.refuse, bytes));
      t.deepEqual(whole, { type: LinkMessageType.refuse, body: bytes });
    }),
  );
});
