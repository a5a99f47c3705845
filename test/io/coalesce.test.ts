/** Joining of frames by the addon, against the frames that the super-frame is built of. */
import test from 'ava';
import fc from 'fast-check';
import { LARGE_SLOT_LENGTH, type Offload } from '../../src/io/contract.ts';
import { nativeBinding } from '../../src/io/native-binding.ts';
import { checkByReference, concat, cutEither, damaged, type Fields, fieldsOf } from './cuts.ts';
import {
  ACK,
  buildFrame,
  DONT_FRAGMENT,
  type FrameOptions,
  joinableOptions,
  PSH,
  piecesOf,
} from './frames.ts';
import { octets, Rig } from './rig.ts';

const { testing } = nativeBinding();

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
