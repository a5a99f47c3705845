/** Notices and pings: the formats between threads and back from a friend. */
import test from 'ava';
import fc from 'fast-check';
import {
  NOTICE_HEADER_LENGTH,
  NoticeKind,
  parseNotice,
  writeNoticeAddress,
  writeNoticeHeader,
} from '../../src/data-plane/notice.ts';
import { NoticeWriter } from '../../src/data-plane/notice-writer.ts';
import { PING_LENGTH, PingPayload } from '../../src/data-plane/ping-payload.ts';
import { SharedRing } from '../../src/io/ring.ts';
import { slabAddress } from './node.ts';

const ADDRESS = slabAddress('192.0.2.9', 0x1234);
const HEADER = [
  0x02, 0x40, 0, 0, 0x04, 0x03, 0x02, 0x81, 0x0d, 0x0c, 0x0b, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0xff, 0xff, 192, 0, 2, 9, 0x12, 0x34, 0, 0, 0, 0, 0, 0,
];

test('deconstruct', (t) => {
  const notice = parseNotice(Uint8Array.from([...HEADER, 7, 8, 9]));
  t.deepEqual(notice, {
    kind: NoticeKind.packet,
    flag: 0x40,
    subject: 0x81020304,
    value: 0x0a0b0c0d,
    address: ADDRESS,
    payload: Uint8Array.of(7, 8, 9),
  });
});

test('construct', (t) => {
  const out = new Uint8Array(NOTICE_HEADER_LENGTH + 1).fill(0xa5);
  writeNoticeHeader(out, NoticeKind.packet, 0x40, 0x81020304, 0x0a0b0c0d);
  writeNoticeAddress(out, ADDRESS);
  t.deepEqual([...out], [...HEADER, 0xa5]);
});

test('less than a header is no notice', (t) => {
  for (let length = 0; length < NOTICE_HEADER_LENGTH; length++) {
    t.is(parseNotice(new Uint8Array(length)), undefined);
  }
});

test('what a notice holds is a copy', (t) => {
  const bytes = Uint8Array.from([...HEADER, 7]);
  const notice = parseNotice(bytes);
  bytes.fill(0);
  t.deepEqual(notice?.payload, Uint8Array.of(7));
  t.deepEqual(notice?.address, ADDRESS);
});

test('the writer: two rings, a full one drops and counts', (t) => {
  const slab = new Uint8Array(1000);
  slab.set(ADDRESS, 100);
  slab.set([1, 2, 3], 200);
  const strangers = SharedRing.create(256);
  const friends = SharedRing.create(256);
  const writer = new NoticeWriter(slab, strangers, friends);
  t.false(writer.pending);
  t.true(writer.stranger(NoticeKind.message, 4, 5, 100, 200, 3));
  t.true(writer.pending);
  t.true(writer.friend(NoticeKind.dead, 0, 6, 7, -1, 0, 0));
  const taken: unknown[] = [];
  strangers.drain((bytes) => taken.push(parseNotice(bytes)));
  friends.drain((bytes) => taken.push(parseNotice(bytes)));
  t.deepEqual(taken, [
    { kind: 1, flag: 0, subject: 4, value: 5, address: ADDRESS, payload: Uint8Array.of(1, 2, 3) },
    {
      kind: 7,
      flag: 0,
      subject: 6,
      value: 7,
      address: new Uint8Array(24),
      payload: new Uint8Array(0),
    },
  ]);
  let pushed = 0;
  while (writer.stranger(NoticeKind.message, 0, 0, 100, 200, 3)) pushed++;
  t.true(pushed >= 4 && pushed < 10);
  t.is(strangers.drops, 1);
  t.true(writer.friend(NoticeKind.dead, 0, 0, 0, -1, 0, 0));
});

test('an address: octet by octet, and only as long as there is room for what matters', (t) => {
  const friends = SharedRing.create(1024 * 1024);
  const writer = new NoticeWriter(new Uint8Array(64), SharedRing.create(256), friends);
  t.true(writer.address(true, 0x02abcdef | 0, 0x0109, 4094, 1023));
  t.true(writer.pending);
  t.true(writer.address(false, -1, 0xfffe, 0, 1));
  const taken: string[] = [];
  friends.drain((bytes) => taken.push(Buffer.from(bytes).toString('hex')));
  const nothing = '00'.repeat(18);
  t.deepEqual(taken, [
    `0c010000ff030000fe0f000002abcdef0109${nothing}`,
    `0c0000000100000000000000fffffffffffe${nothing}`,
  ]);
  let told = 0;
  while (writer.address(true, 0, told, 0, 1)) told++;
  t.true(told > 5000 && told < 20_000);
  t.true(writer.friend(NoticeKind.packet, 0, 0, 0, -1, 0, 64), 'friends are still heard');
  t.true(writer.friend(NoticeKind.dead, 0, 0, 0, -1, 0, 0));
});

test('a ping: construct and deconstruct', (t) => {
  const ping = new PingPayload();
  const bytes = ping.write(0x81020304, 2.5);
  t.deepEqual([...bytes], [0x81, 0x02, 0x03, 0x04, 0x40, 0x04, 0, 0, 0, 0, 0, 0]);
  const other = new PingPayload();
  t.true(other.read(Uint8Array.of(0xee, ...bytes, 0xee), 1, PING_LENGTH));
  t.is(other.sequence, 0x81020304);
  t.is(other.sentAt, 2.5);
  for (const length of [0, 8, 11, 13]) t.false(other.read(new Uint8Array(20), 0, length));
});

test('any ping comes back as it left', (t) => {
  const ping = new PingPayload();
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.double(), (sequence, sentAt) => {
      const bytes = ping.write(sequence, sentAt).slice();
      ping.write(0, 0);
      t.true(ping.read(bytes, 0, bytes.length));
      t.is(ping.sequence, sequence);
      t.is(ping.sentAt, sentAt);
    }),
  );
});
