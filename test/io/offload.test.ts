/** Cutting of frames: the reference against literal octets, the addon against it. */
import test from 'ava';
import fc from 'fast-check';
import { Offload } from '../../src/io/contract.ts';
import { nativeBinding } from '../../src/io/native-binding.ts';
import { completeChecksum } from '../../src/io/offload.ts';
import {
  checkByReference,
  checkNatively,
  concat,
  cutEither,
  damaged,
  type Fields,
  fieldsOf,
} from './cuts.ts';
import { buildFrame, type FrameOptions, piecesOf, slowSum, superFrameOptions } from './frames.ts';
import { octets, Rig } from './rig.ts';

const { testing } = nativeBinding();
const MOST_SEGMENTS = 128;

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

// ---- literal octets

test('TCP over IPv4: numbers go on and wrap, flags have their places', (t) => {
  const ethernet = '020000000002 020000000001 0800';
  const ports = 'd4311389';
  const options = '0101080a1122334455667788';
  const frame = hex(
    `${ethernet} 45020040ffff40004006b6b2c0000201c0000202
     ${ports} fffffffe 00000001 8099 01f6 8436 0000 ${options} 000102030405060708090a0b`.replaceAll(
      /\s/g,
      '',
    ),
  );
  const expected = [
    `${ethernet} 45020039ffff40004006b6b9c0000201c0000202
     ${ports} fffffffe 00000001 8090 01f6 f12a 0000 ${options} 0001020304`,
    `${ethernet} 45020039000040004006b6b9c0000201c0000202
     ${ports} 00000003 00000001 8010 01f6 e29c 0000 ${options} 0506070809`,
    `${ethernet} 45020036000140004006b6bbc0000201c0000202
     ${ports} 00000008 00000001 8019 01f6 ed94 0000 ${options} 0a0b`,
  ].map((text) => hex(text.replaceAll(/\s/g, '')));
  const fields = { offload: Offload.tcp4, segmentSize: 5, checksumStart: 34, checksumOffset: 16 };
  for (const cut of cutEither(Rig.native(t), frame, fields)) {
    t.deepEqual(cut, concat(expected));
  }
});

test('UDP over IPv6 behind a tag and an extension header; a checksum of zero is all ones', (t) => {
  const addresses = '20010db8000000000000000000000001 20010db8000000000000000000000002';
  const ethernet = '333300000001 020000000001 81000064 86dd';
  const extension = '1100010400000000';
  const frame = hex(
    `${ethernet} 60012345 0016 3c40 ${addresses} ${extension} 00350035 000e 5b94 f829abcd 0102`,
  );
  const expected = [
    `${ethernet} 60012345 0014 3c40 ${addresses} ${extension} 00350035 000c ffff f829abcd`,
    `${ethernet} 60012345 0012 3c40 ${addresses} ${extension} 00350035 000a a2f9 0102`,
  ].map(hex);
  const fields = { offload: Offload.udp, segmentSize: 4, checksumStart: 66, checksumOffset: 6 };
  for (const cut of cutEither(Rig.native(t), frame, fields)) {
    t.deepEqual(cut, concat(expected));
  }
});

test('a checksum is completed where it is, and nowhere else', (t) => {
  const partial = hex('a5a5 00350035 000c 8cb3 f829abcd'); // two octets of something before
  for (const complete of [
    (bytes: Uint8Array, start: number, offset: number) =>
      completeChecksum(bytes, 0, bytes.length, start, offset),
    (bytes: Uint8Array, start: number, offset: number) =>
      testing.completeChecksum(bytes, start, offset) === 1,
  ]) {
    const bytes = partial.slice();
    t.true(complete(bytes, 2, 6));
    t.is(
      slowSum(bytes.subarray(2, 8), bytes.subarray(10), hex('8cb3'), bytes.subarray(8, 10)),
      0xffff,
    );
    t.deepEqual(bytes.subarray(0, 8), partial.subarray(0, 8));
    t.deepEqual(bytes.subarray(10), partial.subarray(10));
    // Zero means none for UDP, and is a sum like others elsewhere.
    const ones = (length: number) => Uint8Array.from([0xff, 0xff, ...new Uint8Array(length)]);
    const udp = ones(6);
    t.true(complete(udp, 0, 6));
    t.deepEqual(udp.subarray(6), hex('ffff'));
    const tcp = ones(16);
    t.true(complete(tcp, 0, 16));
    t.deepEqual(tcp.subarray(16), hex('0000'));
    for (const [start, offset] of [
      [-1, 6],
      [2, -2],
      [2, 3],
      [2, 12],
      [14, 0],
      [0x7fffffff, 0x7ffffffe],
    ]) {
      const untouched = partial.slice();
      t.false(complete(untouched, start, offset), `${start} ${offset}`);
      t.deepEqual(untouched, partial);
    }
  }
});

// ---- cutting

test('the addon and the reference both cut as frames are built', (t) => {
  const rig = Rig.native(t);
  fc.assert(
    fc.property(superFrameOptions(3000), fc.integer({ min: 24, max: 3000 }), (options, size) => {
      const frame = buildFrame(options);
      const pieces = piecesOf(options, size).map((piece) => buildFrame(piece).bytes);
      const fields = fieldsOf(frame, size);
      // A routing header makes no difference here, since builder and frame agree on addresses.
      t.is(checkByReference(frame.bytes, fields), frame.headers);
      t.is(checkNatively(frame.bytes, fields), frame.headers);
      for (const cut of cutEither(rig, frame.bytes, fields)) t.deepEqual(cut, concat(pieces));
    }),
    { numRuns: 300 },
  );
});

test('a damaged pseudo-header sum stays damaged', (t) => {
  const rig = Rig.native(t);
  const frame = buildFrame({ payload: octets(3000), partial: true });
  frame.bytes[51] ^= 0x01;
  const [byReference, byAddon] = cutEither(rig, frame.bytes, fieldsOf(frame, 1460));
  t.deepEqual(byReference, byAddon);
  const right = buildFrame(piecesOf({ payload: octets(3000) }, 1460)[0]).bytes;
  t.notDeepEqual((byReference as Uint8Array).subarray(0, right.length), right);
});

test('the longest frames, the most segments and one too many', (t) => {
  const rig = Rig.native(t);
  const cases: [FrameOptions, number, number][] = [
    [{ payload: octets(MOST_SEGMENTS) }, 1, MOST_SEGMENTS],
    [{ payload: octets(MOST_SEGMENTS + 1) }, 1, -1],
    [{ payload: octets(MOST_SEGMENTS * 500) }, 500, MOST_SEGMENTS],
    [{ payload: octets(MOST_SEGMENTS * 500 + 1) }, 500, -1],
    [{ payload: octets(1) }, 65_535, 1],
    [{ payload: octets(1) }, 65_536, -1],
    [{ payload: octets(0) }, 1000, -1],
    [{ payload: octets(65_535 - 40) }, 1460, 45],
    [{ six: true, tags: [0x8100, 0x88a8], payload: octets(65_535 - 20) }, 1440, 46],
  ];
  for (const [options, size, expected] of cases) {
    const frame = buildFrame({ ...options, partial: true });
    const [byReference, byAddon] = cutEither(rig, frame.bytes, fieldsOf(frame, size));
    t.deepEqual(byAddon, byReference);
    if (typeof byReference === 'number') t.is(byReference, expected);
    else t.deepEqual(byReference, concat(piecesOf(options, size).map((p) => buildFrame(p).bytes)));
  }
});

test('what the fields say must be so', (t) => {
  const frame = buildFrame({ payload: octets(100), partial: true });
  const good = fieldsOf(frame, 50);
  const six = buildFrame({ six: true, payload: octets(100), partial: true });
  const extended = (type: number) =>
    buildFrame({ six: true, extensions: [{ type, content: octets(6) }], payload: octets(9) });
  const late = buildFrame({
    six: true,
    extensions: [60, 0].map((type) => ({ type, content: octets(6) })),
    payload: octets(9),
  });
  const spoilt = (at: number, value: number) => {
    const bytes = frame.bytes.slice();
    bytes[at] = value;
    return bytes;
  };
  const cases: [string, Uint8Array, Fields][] = [
    ['type none', frame.bytes, { ...good, offload: Offload.none }],
    ['no such type', frame.bytes, { ...good, offload: 4 as Offload }],
    ['IPv6 said, IPv4 found', frame.bytes, { ...good, offload: Offload.tcp6 }],
    ['UDP said, TCP found', frame.bytes, { ...good, offload: Offload.udp, checksumOffset: 6 }],
    ['IPv4 said, IPv6 found', six.bytes, { ...fieldsOf(six, 50), offload: Offload.tcp4 }],
    ['segments of nothing', frame.bytes, { ...good, segmentSize: 0 }],
    ['segments of less', frame.bytes, { ...good, segmentSize: -50 }],
    ['checksum start', frame.bytes, { ...good, checksumStart: 35 }],
    ['checksum offset', frame.bytes, { ...good, checksumOffset: 6 }],
    ['an octet short', frame.bytes.slice(0, -1), good],
    ['an octet long', concat([frame.bytes, octets(1)]), good],
    ['headers only', frame.bytes.slice(0, frame.headers), good],
    ['no IPv4', spoilt(14, 0x55), good],
    ['a short IPv4 header', spoilt(14, 0x44), good],
    ['IPv4 options that are TCP', spoilt(14, 0x46), good],
    ['a first fragment', spoilt(20, 0x20), good],
    ['a later fragment', spoilt(21, 0x01), good],
    ['ICMP', spoilt(23, 1), good],
    ['a short TCP header', spoilt(46, 0x40), good],
    ['a TCP header longer than the frame', buildFrame({ payload: octets(3) }).bytes, good],
    ['ARP', spoilt(13, 0x06), good],
    ['an IPv6 fragment', extended(44).bytes, fieldsOf(extended(44), 5)],
    ['authenticated', extended(51).bytes, fieldsOf(extended(51), 5)],
    ['late hop-by-hop options', late.bytes, fieldsOf(late, 5)],
  ];
  cases[19][1][46] = 0xf0;
  t.is(checkByReference(frame.bytes, good), 54);
  for (const [what, bytes, fields] of cases) {
    t.is(checkByReference(bytes, fields), 0, what);
    t.is(checkNatively(bytes, fields), 0, what);
  }
  const tagged = buildFrame({ tags: [0x8100, 0x8100, 0x8100], payload: octets(9) });
  t.is(checkByReference(tagged.bytes, fieldsOf(tagged, 5)), 0);
  t.is(checkNatively(tagged.bytes, fieldsOf(tagged, 5)), 0);
});

test('headers must lie in the part that is at hand', (t) => {
  fc.assert(
    fc.property(superFrameOptions(40), (options) => {
      const frame = buildFrame(options);
      const fields = fieldsOf(frame, 20);
      for (let contiguous = 0; contiguous < frame.headers; contiguous++) {
        t.is(checkNatively(frame.bytes, fields, contiguous), 0);
      }
      t.is(checkNatively(frame.bytes, fields, frame.headers), frame.headers);
    }),
    { numRuns: 50 },
  );
});

const anyField = fc.oneof(fc.integer({ min: -2, max: 100 }), fc.integer());

test('on nonsense both say the same', (t) => {
  const rig = Rig.native(t);
  const agree = (bytes: Uint8Array, fields: Fields) => {
    const headers = checkByReference(bytes, fields);
    t.is(checkNatively(bytes, fields), headers);
    const [byReference, byAddon] = cutEither(rig, bytes, fields);
    t.deepEqual(byAddon, byReference);
    t.is(typeof byReference === 'number', headers === 0);
  };
  fc.assert(
    fc.property(damaged, fc.integer({ min: -1, max: 300 }), ({ bytes, frame }, size) => {
      agree(bytes, fieldsOf(frame, size));
    }),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        damaged.map(({ bytes }) => bytes),
      ),
      fc.tuple(fc.integer({ min: -1, max: 5 }), anyField, anyField, anyField),
      (bytes, [offload, segmentSize, checksumStart, checksumOffset]) => {
        const fields = { offload: offload as Offload, segmentSize, checksumStart, checksumOffset };
        agree(bytes, fields);
      },
    ),
    { numRuns: 500 },
  );
});

test('both complete any checksum alike', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), anyField, anyField, (bytes, start, offset) => {
      const [left, right] = [bytes.slice(), bytes.slice()];
      const done = completeChecksum(left, 0, left.length, start, offset);
      t.is(testing.completeChecksum(right, start, offset), done ? 1 : 0);
      t.deepEqual(right, left);
    }),
    { numRuns: 500 },
  );
});
