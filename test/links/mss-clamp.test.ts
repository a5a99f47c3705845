/** The MSS of SYNs is lowered to what fits, with its checksum; everything else is left alone. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { clampMss } from '../../src/links/mss-clamp.ts';
import { ACK, buildFrame, type FrameOptions, slowSum, superFrameOptions } from '../io/frames.ts';
import { octets } from '../io/rig.ts';

const SYN = 0x02;
const CHECKSUM = 16;
/** Octets of a frame that fits, and what that leaves: 14, 20 or 40, and 20 octets of headers. */
const FRAME = 1165;
const MOST_V4 = FRAME - 54;
const MOST_V6 = FRAME - 74;

const mss = (value: number): number[] => [2, 4, value >>> 8, value & 0xff];
const NOP = 1;
const END = 0;
const SACK_PERMITTED = [4, 2];
const TIMESTAMPS = [8, 10, 1, 2, 3, 4, 5, 6, 7, 8];

function syn(tcpOptions: readonly number[], more: FrameOptions = {}): FrameOptions {
  return { flags: SYN, tcpOptions: Uint8Array.from(tcpOptions), ...more };
}

/** A copy of the frame as it leaves, from the middle of a slab that is otherwise left alone. */
function clamped(t: ExecutionContext, bytes: Uint8Array, frame = FRAME): Uint8Array {
  const slab = new Uint8Array(bytes.length + 200).fill(0xa5);
  slab.set(bytes, 100);
  clampMss(slab, 100, bytes.length, frame);
  const after = slab.slice(100, 100 + bytes.length);
  slab.fill(0xa5, 100, 100 + bytes.length);
  t.true(slab.every((octet) => octet === 0xa5));
  return after;
}

/** The frame of `before` leaves as that of `after` would be built, checksum and all. */
function changes(
  t: ExecutionContext,
  before: FrameOptions,
  after: readonly number[],
  why: string,
  frame = FRAME,
): void {
  const left = clamped(t, buildFrame(before).bytes, frame);
  const wanted = buildFrame({ ...before, tcpOptions: Uint8Array.from(after) }).bytes;
  t.deepEqual(Buffer.from(left).toString('hex'), Buffer.from(wanted).toString('hex'), why);
}

function staysBytes(t: ExecutionContext, bytes: Uint8Array, why: string, frame = FRAME): void {
  const left = clamped(t, bytes, frame);
  t.deepEqual(Buffer.from(left).toString('hex'), Buffer.from(bytes).toString('hex'), why);
}

const stays = (t: ExecutionContext, options: FrameOptions, why: string): void =>
  staysBytes(t, buildFrame(options).bytes, why);

test('literal octets: a SYN over IPv4', (t) => {
  const head = '020000000002020000000001080045000030000100004006f6c3c0000201c0000202';
  const tail = 'd4311389000000010000000070020200';
  // Only the option and the checksum change: 1460 becomes 1111.
  const before = `${head}${tail}15600000020405b401010402`;
  const after = `${head}${tail}16bd00000204045701010402`;
  const left = clamped(t, Uint8Array.from(Buffer.from(before, 'hex')));
  t.is(Buffer.from(left).toString('hex'), after);
});

test('SYN and SYN-ACK, IPv4 and IPv6, with a tag and without', (t) => {
  for (const flags of [SYN, SYN | ACK, SYN | 0xc0]) {
    for (const six of [false, true]) {
      const most = six ? MOST_V6 : MOST_V4;
      const options = { six, flags };
      const before = [...mss(1460), ...SACK_PERMITTED, ...TIMESTAMPS];
      const why = `flags ${flags}, six ${six}`;
      const after = [...mss(most), ...SACK_PERMITTED, ...TIMESTAMPS];
      changes(t, { ...syn(before), ...options }, after, why);
      const tagged = [...mss(most - 4), ...SACK_PERMITTED, ...TIMESTAMPS];
      changes(t, { ...syn(before), ...options, tags: [0x8100] }, tagged, `${why}, tagged`);
    }
  }
});

test('the option at every place, odd ones among them', (t) => {
  for (let before = 0; before <= 36; before++) {
    const nops = new Array<number>(before).fill(NOP);
    const rest = new Array<number>(36 - before).fill(NOP);
    for (const old of [1112, 1460, 8960, 0xffff]) {
      const why = `${old} behind ${before} octets`;
      changes(t, syn([...nops, ...mss(old), ...rest]), [...nops, ...mss(MOST_V4), ...rest], why);
    }
  }
});

test('behind other options, and with IPv4 options in front', (t) => {
  const before = [3, 3, 7, ...TIMESTAMPS, ...mss(1460), NOP, NOP, NOP];
  const after = [3, 3, 7, ...TIMESTAMPS, ...mss(MOST_V4), NOP, NOP, NOP];
  changes(t, syn(before), after, 'at an odd place');
  const ipOptions = Uint8Array.of(0x94, 4, 0, 0, 1, 1, 1, 0);
  // The answers will not have them, so they do not count.
  changes(t, syn(before, { ipOptions }), after, 'IPv4 options');
});

test('with data behind the headers, an odd number of octets too', (t) => {
  for (const length of [1, 2, 99]) {
    const options = syn(mss(9000), { payload: octets(length) });
    changes(t, options, mss(MOST_V4), `${length} octets`);
  }
});

test('one that is small enough is left alone', (t) => {
  for (const value of [0, 1, 536, 1110, MOST_V4]) stays(t, syn(mss(value)), `${value}`);
  stays(t, syn(mss(MOST_V6), { six: true }), 'IPv6');
  changes(t, syn(mss(MOST_V4 + 1)), mss(MOST_V4), 'one octet too many');
  changes(t, syn(mss(MOST_V6 + 1), { six: true }), mss(MOST_V6), 'one octet too many, IPv6');
});

test('the narrowest and the widest records', (t) => {
  changes(t, syn(mss(0xffff)), mss(9245 - 54), 'a jumbo record', 9245);
  changes(t, syn(mss(0xffff)), mss(16_349 - 54), 'a stream record', 16_349);
  changes(t, syn(mss(1460)), mss(1181 - 54), 'a clear record', 1181);
});

test('what is not to be touched', (t) => {
  stays(t, syn([]), 'no option');
  stays(t, syn([NOP, NOP, NOP, NOP]), 'only padding');
  stays(t, syn([END, ...mss(9000), NOP, NOP, NOP]), 'behind the end of options');
  stays(t, syn([...SACK_PERMITTED, 2, 4]), 'cut off by the end of the header');
  stays(t, syn([NOP, NOP, NOP, 2]), 'a kind without a length');
  stays(t, syn([2, 3, 0xff, NOP]), 'too short an option');
  stays(t, syn([2, 6, 0xff, 0xff, 0xff, 0xff, NOP, NOP]), 'too long an option');
  stays(t, syn([5, 0, ...mss(9000), NOP, NOP]), 'behind a length of 0');
  stays(t, syn([5, 1, ...mss(9000), NOP, NOP]), 'behind a length of 1');
  stays(t, syn([5, 200, ...mss(9000), NOP, NOP]), 'behind a length past the end');
  for (const flags of [0, ACK, ACK | 0x08, 0x01 | ACK, 0x04]) {
    stays(t, syn(mss(9000), { flags }), `flags ${flags}`);
  }
  stays(
    t,
    { udp: true, payload: Uint8Array.from([...mss(9000), ...new Array(40).fill(2)]) },
    'UDP',
  );
  stays(t, syn(mss(9000), { fragment: 0x0001 }), 'a later fragment');
  stays(t, syn(mss(9000), { fragment: 0x3fff }), 'a later fragment with more to come');
  stays(t, syn(mss(9000), { tags: [0x88a8] }), 'a service tag');
  stays(t, syn(mss(9000), { tags: [0x8100, 0x8100] }), 'two tags');
  const extensions = [{ type: 60, content: Uint8Array.of(1, 4, 0, 0, 0, 0) }];
  stays(t, syn(mss(9000), { six: true, extensions }), 'an extension header');
  stays(t, syn(mss(9000), { payload: octets(300) }), 'longer than any SYN');
});

test('headers that lie', (t) => {
  const { bytes } = buildFrame(syn(mss(9000)));
  const altered = (at: number, value: number): Uint8Array => {
    const copy = bytes.slice();
    copy[at] = value;
    return copy;
  };
  for (let words = 0; words < 5; words++) {
    staysBytes(t, altered(14, 0x40 | words), `an IPv4 header of ${words} words`);
    staysBytes(t, altered(46, words << 4), `a TCP header of ${words} words`);
  }
  staysBytes(t, altered(17, 40), 'options behind the end of the packet');
  staysBytes(t, altered(17, 43), 'half an option within the packet');
  for (let length = 0; length < bytes.length; length++) {
    staysBytes(t, bytes.slice(0, length), `cut after ${length} octets`);
  }
  const six = buildFrame(syn(mss(9000), { six: true })).bytes;
  for (let length = 0; length < six.length; length++) {
    staysBytes(t, six.slice(0, length), `IPv6 cut after ${length} octets`);
  }
  const short = six.slice();
  short[19] = 23;
  staysBytes(t, short, 'an IPv6 packet that ends within the option');
});

test('a frame with padding behind the packet', (t) => {
  const before = buildFrame(syn(mss(1460)));
  const after = buildFrame(syn(mss(MOST_V4)));
  const padded = (bytes: Uint8Array) => Uint8Array.from([...bytes, ...new Array(6).fill(0)]);
  t.deepEqual(clamped(t, padded(before.bytes)), padded(after.bytes));
});

/** Whether the sum over pseudo-header and segment is right, as RFC 1071 checks it. */
function sumHolds(bytes: Uint8Array, ip: number, six: boolean): boolean {
  const header = six ? 40 : (bytes[ip] & 0x0f) * 4;
  const addresses = six ? bytes.subarray(ip + 8, ip + 40) : bytes.subarray(ip + 12, ip + 20);
  const segment = bytes.subarray(ip + header);
  const { length } = segment;
  return slowSum(addresses, Uint8Array.of(length >>> 8, length, 0, 6), segment) === 0xffff;
}

test('any SYN: the sum holds afterwards, no value rises, and only it has changed', (t) => {
  const options = superFrameOptions(60).chain((made) =>
    fc.record({
      six: fc.boolean(),
      tagged: fc.boolean(),
      frame: fc.integer({ min: 1100, max: 16_400 }),
      value: fc.nat(0xffff),
      front: fc.nat(16),
      sequence: fc.constant(made.sequence ?? 0),
      window: fc.constant(made.window ?? 0),
      payload: fc.constant(made.payload ?? octets(1)),
    }),
  );
  fc.assert(
    fc.property(options, ({ six, tagged, frame, value, front, ...rest }) => {
      const back = 16 - front;
      const tcpOptions = (announced: number) => [
        ...new Array<number>(front).fill(NOP),
        ...mss(announced),
        ...new Array<number>(back).fill(NOP),
      ];
      const tags = tagged ? [0x8100] : [];
      const ip = 14 + 4 * tags.length;
      const most = frame - ip - (six ? 40 : 20) - 20;
      const before = syn(tcpOptions(value), { six, tags, ...rest });
      const left = clamped(t, buildFrame(before).bytes, frame);
      t.true(sumHolds(left, ip, six));
      const announced = Math.min(value, most);
      const after = buildFrame({ ...before, tcpOptions: Uint8Array.from(tcpOptions(announced)) });
      // All but the checksum, which has two ways to say zero.
      const at = after.checksumStart + CHECKSUM;
      left.fill(0, at, at + 2);
      after.bytes.fill(0, at, at + 2);
      t.deepEqual(left, after.bytes);
    }),
    { numRuns: 500 },
  );
});

test('garbage and SYNs that were altered: nothing throws, the sum stays what it was', (t) => {
  const changed = fc.array(fc.tuple(fc.nat(90), fc.nat(255)), { maxLength: 3 });
  const option = fc.constantFrom([NOP], [3, 3, 7], SACK_PERMITTED, TIMESTAMPS, mss(9000), [END]);
  const made = fc.tuple(fc.boolean(), fc.array(option, { maxLength: 5 })).map(([six, list]) => {
    const options = [...list.flat(), ...mss(9000), NOP, NOP, NOP].slice(0, 40);
    return buildFrame(syn(options.slice(0, options.length & ~3), { six })).bytes;
  });
  let touched = 0;
  fc.assert(
    fc.property(
      fc.oneof(made, fc.uint8Array({ maxLength: 300, size: 'max' })),
      changed,
      fc.integer({ min: 1100, max: 9300 }),
      (source, alterations, frame) => {
        const bytes: Uint8Array = Uint8Array.from(source);
        if (bytes.length > 0) {
          for (const [at, value] of alterations) bytes[at % bytes.length] = value;
        }
        const left = clamped(t, bytes, frame);
        const at = left.findIndex((octet, i) => octet !== bytes[i]);
        if (at < 0) return;
        touched++;
        // Headers are at even places, so a sum over the frame has the words of the checksum.
        t.is(slowSum(left) % 0xffff, slowSum(bytes) % 0xffff);
      },
    ),
    { numRuns: 2000 },
  );
  t.true(touched > 100);
});
