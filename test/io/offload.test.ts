/** Cutting and joining of frames: the reference against literal octets, the addon against it. */
import test from 'ava';
import fc from 'fast-check';
import { LARGE_SLOT_LENGTH, Offload, SlabLayout } from '../../src/io/contract.ts';
import { nativeBinding } from '../../src/io/native-binding.ts';
import { checkOffload, completeChecksum, segment } from '../../src/io/offload.ts';
import {
  ACK,
  buildFrame,
  DONT_FRAGMENT,
  type Frame,
  type FrameOptions,
  joinableOptions,
  PSH,
  piecesOf,
  slowSum,
  superFrameOptions,
} from './frames.ts';
import { octets, Rig } from './rig.ts';

const { testing } = nativeBinding();
const ROOM = 1 << 18;
const MOST_SEGMENTS = 128;

interface Fields {
  readonly offload: Offload;
  readonly segmentSize: number;
  readonly checksumStart: number;
  readonly checksumOffset: number;
}

type Cut = (bytes: Uint8Array, fields: Fields) => number | Uint8Array;

/** The reference: all frames back to back, or the refusal. */
const cutByReference: Cut = (bytes, fields) => {
  const slab = new Uint8Array(bytes.length + ROOM).fill(0xa5);
  slab.set(bytes);
  const { offload, segmentSize, checksumStart, checksumOffset } = fields;
  const output = bytes.length;
  const count = segment(
    slab,
    0,
    bytes.length,
    offload,
    segmentSize,
    checksumStart,
    checksumOffset,
    output,
    ROOM,
  );
  if (count < 0) return count;
  const headers = checkOffload(
    slab,
    0,
    bytes.length,
    offload,
    segmentSize,
    checksumStart,
    checksumOffset,
  );
  return slab.slice(output, output + count * headers + (bytes.length - headers));
};

/** The same by the addon, of which `length` octets of output are wanted. */
function cutNatively(rig: Rig, bytes: Uint8Array, fields: Fields, length: number) {
  const { slab } = rig.io;
  const input = SlabLayout.free;
  const output = input + (1 << 20);
  slab.set(bytes, input);
  const { offload, segmentSize, checksumStart, checksumOffset } = fields;
  const count = rig.io.segment(
    input,
    bytes.length,
    offload,
    segmentSize,
    checksumStart,
    checksumOffset,
    output,
    ROOM,
  );
  return count < 0 ? count : slab.slice(output, output + length);
}

const cutEither = (rig: Rig, bytes: Uint8Array, fields: Fields) => {
  const expected = cutByReference(bytes, fields);
  const length = typeof expected === 'number' ? 0 : expected.length;
  return [expected, cutNatively(rig, bytes, fields, length)] as const;
};

function fieldsOf({ offload, checksumStart, checksumOffset }: Frame, segmentSize: number): Fields {
  return { offload, segmentSize, checksumStart, checksumOffset };
}

function checkByReference(bytes: Uint8Array, fields: Fields): number {
  const { offload, segmentSize, checksumStart, checksumOffset } = fields;
  return checkOffload(bytes, 0, bytes.length, offload, segmentSize, checksumStart, checksumOffset);
}

function checkNatively(bytes: Uint8Array, fields: Fields, contiguous = bytes.length): number {
  const { offload, segmentSize, checksumStart, checksumOffset } = fields;
  return testing.checkOffload(
    bytes,
    contiguous,
    offload,
    segmentSize,
    checksumStart,
    checksumOffset,
  );
}

const concat = (pieces: readonly Uint8Array[]) => Uint8Array.from(Buffer.concat(pieces));
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

/** Octets changed at random in the headers, and a frame longer or shorter than it says. */
const damaged = fc
  .tuple(
    superFrameOptions(200),
    fc.array(fc.tuple(fc.nat(160), fc.nat(0xff)), { maxLength: 3 }),
    fc.integer({ min: -250, max: 3 }),
  )
  .map(([options, changes, growth]) => {
    const frame = buildFrame(options);
    const length = Math.max(0, frame.bytes.length + Math.max(growth, -frame.bytes.length));
    const bytes = new Uint8Array(growth < -3 ? frame.bytes.length : length);
    bytes.set(frame.bytes.subarray(0, bytes.length));
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return { bytes, frame };
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

// ---- joining

interface Joined extends Fields {
  /** How many of the frames are in it. */
  readonly frames: number;
  /** Empty when nothing was joined. */
  readonly bytes: Uint8Array;
}

const output = new Uint8Array(LARGE_SLOT_LENGTH);
/** Octets of what is joined, so that its IP length can be said. */
const LONGEST_RUN = 65_535;

/** Gives frames that lie at odd places to the addon. */
function join(frames: readonly Uint8Array[]): Joined {
  const slab = new Uint8Array(frames.reduce((sum, { length }) => sum + length + 1, 1));
  const spans = new Int32Array(2 * frames.length);
  let at = 1;
  for (const [i, frame] of frames.entries()) {
    slab.set(frame, at);
    spans.set([at, frame.length], 2 * i);
    at += frame.length + 1;
  }
  const fields = new Int32Array(5);
  const length = testing.coalesce(slab, spans, frames.length, output, fields);
  const [count, offload, segmentSize, checksumStart, checksumOffset] = fields;
  const rest = { offload: offload as Offload, segmentSize, checksumStart, checksumOffset };
  return { frames: count, bytes: output.slice(0, length), ...rest };
}

const build = (options: FrameOptions) => buildFrame(options).bytes;

test('what was joined is the super-frame, and is cut into the very frames', (t) => {
  const rig = Rig.native(t);
  fc.assert(
    fc.property(joinableOptions(3000), fc.integer({ min: 60, max: 1500 }), (options, size) => {
      const frames = piecesOf(options, size).map(build);
      const joined = join(frames);
      t.is(
        joined.frames,
        frames.length === 1 && (options.flags ?? 0) & PSH && !options.udp ? 0 : frames.length,
      );
      if (frames.length < 2) return;
      const whole = buildFrame(options);
      t.deepEqual(joined.bytes, whole.bytes);
      t.deepEqual(fieldsOf(whole, size), {
        offload: joined.offload,
        segmentSize: joined.segmentSize,
        checksumStart: joined.checksumStart,
        checksumOffset: joined.checksumOffset,
      });
      for (const cut of cutEither(rig, joined.bytes, joined)) t.deepEqual(cut, concat(frames));
    }),
    { numRuns: 200 },
  );
});

test('one octet changed anywhere, and the frame is not joined', (t) => {
  fc.assert(
    fc.property(
      joinableOptions(400).filter(({ payload }) => (payload?.length ?? 0) > 200),
      fc.nat(3),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (options, which, where, change) => {
        const frames = piecesOf(options, 100).map(build);
        const victim = frames[which % frames.length];
        victim[where % victim.length] ^= change;
        const expected = which % frames.length;
        const { frames: count, bytes } = join(frames);
        // A first frame to other addresses is the first of a run of its own.
        t.true(count === expected || (expected === 0 && count === 1));
        t.is(bytes.length > 0, expected >= 2);
      },
    ),
    { numRuns: 500 },
  );
});

test('frames that do not go on, each right by itself, are not joined', (t) => {
  const base: FrameOptions = { payload: octets(100), identification: 7, sequence: 1000 };
  const next: FrameOptions = { ...base, identification: 8, sequence: 1100 };
  const six: FrameOptions = { ...base, six: true };
  const nextSix: FrameOptions = { ...next, six: true };
  const udp: FrameOptions = { ...base, udp: true };
  const content = octets(6);
  t.is(join([base, next].map(build)).frames, 2);
  t.is(join([six, nextSix].map(build)).frames, 2);
  t.is(join([udp, { ...next, udp: true }].map(build)).frames, 2);
  const cases: [string, FrameOptions, FrameOptions][] = [
    ['a gap', base, { ...next, sequence: 1101 }],
    ['the same again', base, { ...next, sequence: 1000 }],
    ['identification', base, { ...next, identification: 9 }],
    ['identification the same', base, { ...next, identification: 7 }],
    ['DF on one', base, { ...next, fragment: DONT_FRAGMENT }],
    ['time to live', base, { ...next, hopLimit: 63 }],
    ['type of service', base, { ...next, trafficClass: 2 }],
    ['source address', base, { ...next, sourceHost: 9 }],
    ['source port', base, { ...next, sourcePort: 9 }],
    ['acknowledgement', base, { ...next, acknowledgement: 9 }],
    ['window', base, { ...next, window: 9 }],
    ['urgent pointer', base, { ...next, urgent: 9 }],
    ['options', { ...base, tcpOptions: octets(4) }, { ...next, tcpOptions: octets(4, 1) }],
    ['header length', base, { ...next, tcpOptions: octets(4) }],
    ['more payload', base, { ...next, payload: octets(101) }],
    ['no payload', base, { ...next, payload: octets(0) }],
    ['a tag', base, { ...next, tags: [0x8100] }],
    ['another tag', { ...base, tags: [0x88a8] }, { ...next, tags: [0x8100] }],
    ['another version', base, nextSix],
    ['another protocol', base, { ...next, udp: true }],
    ['a fragment', base, { ...next, fragment: 0x2000 }],
    ['a reserved bit', base, { ...next, fragment: 0x8000 }],
    ['flow label', six, { ...nextSix, flowLabel: 1 }],
    ['hop limit', six, { ...nextSix, hopLimit: 1 }],
    ['an extension', six, { ...nextSix, extensions: [{ type: 60, content }] }],
    ...[0x01, 0x02, 0x04, 0x20, 0x40, 0x80, 0x100, 0x800].map(
      (flag): [string, FrameOptions, FrameOptions] => [
        `flag ${flag}`,
        base,
        { ...next, flags: ACK | flag },
      ],
    ),
    ['no ACK', base, { ...next, flags: PSH }],
    ['UDP port', udp, { ...udp, identification: 8, sourcePort: 9 }],
    ['UDP of more', udp, { ...udp, identification: 8, payload: octets(101) }],
    ['UDP of nothing', udp, { ...udp, identification: 8, payload: octets(0) }],
  ];
  for (const [what, first, second] of cases) {
    const { frames, bytes } = join([first, second].map(build));
    t.is(frames, 1, what);
    t.is(bytes.length, 0, what);
  }
});

test('frames that nothing is joined to', (t) => {
  const payload = octets(100);
  const cases: [string, FrameOptions][] = [
    ['PSH', { payload, flags: ACK | PSH }],
    ['FIN', { payload, flags: ACK | 1 }],
    ['SYN', { payload, flags: ACK | 2 }],
    ['a reserved flag', { payload, flags: ACK | 0x100 }],
    ['an acknowledgement alone', { payload: octets(0) }],
    ['IPv4 options', { payload, ipOptions: octets(4) }],
    ['a fragment', { payload, fragment: 0x2000 }],
    ['three tags', { payload, tags: [0x8100, 0x8100, 0x8100] }],
    ['an IPv6 fragment', { payload, six: true, extensions: [{ type: 44, content: octets(6) }] }],
    ['long headers', { payload, six: true, extensions: [{ type: 60, content: octets(94) }] }],
  ];
  for (const [what, options] of cases) {
    const frames = piecesOf({ ...options, payload: concat([payload, payload]) }, 100);
    t.is(join([options, ...frames.slice(1)].map(build)).frames, 0, what);
  }
  // Zero: no checksum, so nobody knows whether the frame is whole.
  const udp = piecesOf({ udp: true, payload: octets(200) }, 100).map(build);
  for (const frame of udp) frame.set([0, 0], 40);
  t.is(join(udp).frames, 0);
  const padded = piecesOf({ payload: octets(8) }, 4).map(build);
  t.is(join(padded.map((frame) => concat([frame, octets(2)]))).frames, 0);
});

test('with DF any identification will do, and a run ends with PSH or less payload', (t) => {
  const options: FrameOptions = { fragment: DONT_FRAGMENT, payload: octets(1000) };
  const pieces = piecesOf(options, 100);
  t.is(join(pieces.map((piece, i) => build({ ...piece, identification: (i * i) % 7 }))).frames, 10);
  const pushed = pieces.map((piece, i) => build({ ...piece, flags: i === 3 ? ACK | PSH : ACK }));
  const joined = join(pushed);
  t.is(joined.frames, 4);
  t.is(joined.bytes[47], ACK | PSH);
  const [first, second, third] = piecesOf({ payload: octets(250) }, 100);
  const after = { ...third, sequence: (third.sequence ?? 0) + 50, identification: 0x1237 };
  t.is(join([first, second, third, after].map(build)).frames, 3);
});

test('a run is no longer than 65,535 octets, and of no more than 64 frames', (t) => {
  const long = join(
    piecesOf({ payload: octets(65_536), fragment: DONT_FRAGMENT }, 8000).map(build),
  );
  t.is(long.frames, 8);
  t.true(long.bytes.length <= LONGEST_RUN);
  const fits = LONGEST_RUN - 54;
  const most = join(piecesOf({ payload: octets(fits) }, 1460).map(build));
  t.is(most.frames, Math.ceil(fits / 1460));
  t.is(most.bytes.length, LONGEST_RUN);
  const tooMuch = join(piecesOf({ payload: octets(fits + 1) }, 1460).map(build));
  t.is(tooMuch.frames, most.frames - 1);
  t.is(join(piecesOf({ payload: octets(1000) }, 10).map(build)).frames, 64);
});

test('whatever comes is joined to what can be cut, or not at all', (t) => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    damaged.map(({ bytes }) => bytes),
    joinableOptions(100).map(build),
  );
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 5 }), fc.boolean(), (frames, twice) => {
      const joined = join(twice ? frames.flatMap((frame) => [frame, frame]) : frames);
      if (joined.bytes.length > 0) t.true(checkByReference(joined.bytes, joined) > 0);
      else t.true(joined.frames <= 1);
    }),
    { numRuns: 500 },
  );
});
