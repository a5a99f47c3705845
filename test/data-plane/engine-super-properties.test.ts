/** Random super-frames and random loss: what arrives is right to the last octet, and nothing leaks. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { buildFrame, type FrameOptions } from '../io/frames.ts';
import { fieldsOf, runsOf } from '../links/super-rig.ts';
import { frame, prints } from './node.ts';
import { LEFT_INDEX, type PairOptions, RIGHT_INDEX } from './pair.ts';
import { printNeeds, Super, SuperPair } from './super-pair.ts';

const FIRST_PORT = 10_000;
const STEP = 200_000;

const segmentsOf = ({ options, needs }: Super): number =>
  Math.ceil((options.payload?.length ?? 0) / needs.segmentSize);

/** Octets that tell where they are: each pair is its place among the pairs. */
const marked = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i % 2 === 0 ? i >>> 9 : i >>> 1) & 0xff);

interface Sent {
  readonly sent: Super;
  /** Segments that have come, by sink. */
  readonly arrived: Map<string, Set<number>>;
}

/** What a frame that has come is of, and which segments; undefined when it is none of ours. */
function locate(all: readonly Sent[], bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ip = view.getUint16(12) === 0x8100 ? 18 : 14;
  const transport = ip + (bytes[ip] >>> 4 === 6 ? 40 : 20);
  if (bytes.length < transport + 8) return undefined;
  const of = all[view.getUint16(transport) - FIRST_PORT];
  if (of === undefined) return undefined;
  const { headers, needs } = of.sent;
  const start = ((bytes[headers] << 8) | bytes[headers + 1]) * 2;
  const { segmentSize } = needs;
  const count = Math.ceil((bytes.length - headers) / segmentSize);
  return { of, first: start / segmentSize, count };
}

/** How the frame of so many segments should look. */
function expected(sent: Super, first: number, count: number): string {
  if (count === 1) return prints([sent.frames[first]])[0];
  const { segmentSize } = sent.needs;
  const total = segmentsOf(sent);
  if (count === total) return sent.whole;
  const has = Array.from({ length: total }, (_, i) => i >= first && i < first + count);
  const [run] = runsOf(sent.options, segmentSize, has);
  const frame = buildFrame(run.options);
  return printNeeds({ bytes: frame.bytes, fields: fieldsOf(frame, segmentSize) });
}

/** A frame is to the last octet what its segments should look like, and none of them came before. */
function check(
  t: ExecutionContext,
  all: readonly Sent[],
  sink: string,
  bytes: Uint8Array,
  printed: string,
): number {
  const found = locate(all, bytes);
  if (found === undefined) {
    t.fail(`${sink}: not one of ours`);
    return -1;
  }
  const { of, first, count } = found;
  t.is(printed, expected(of.sent, first, count), sink);
  const arrived = of.arrived.get(sink) ?? new Set<number>();
  of.arrived.set(sink, arrived);
  for (let i = first; i < first + count; i++) {
    t.false(arrived.has(i), `${sink}: twice`);
    for (const later of arrived) t.true(later < i, `${sink}: out of order`);
    arrived.add(i);
  }
  return all.indexOf(of);
}

interface Shape {
  /** 0: a plain frame follows. */
  readonly plain: number;
  readonly six: boolean;
  readonly udp: boolean;
  readonly tagged: boolean;
  readonly payload: number;
  readonly size: number;
  readonly flags: number;
  /** The next is sent in the same turn. */
  readonly together: boolean;
  /** Milliseconds. */
  readonly wait: number;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  plain: fc.integer({ min: 0, max: 4 }),
  six: fc.boolean(),
  udp: fc.boolean(),
  tagged: fc.boolean(),
  payload: fc.oneof(fc.integer({ min: 3, max: 4000 }), fc.integer({ min: 4000, max: 20_000 })),
  size: fc.integer({ min: 1, max: 4400 }),
  flags: fc.constantFrom(0x10, 0x18, 0x19, 0x90),
  together: fc.boolean(),
  wait: fc.constantFrom(0, 0, 0, 3, 11),
});

const scenario = fc.record({
  shapes: fc.array(shape, { minLength: 1, maxLength: 12, size: 'max' }),
  losses: fc.array(fc.nat(99), { minLength: 20, maxLength: 20 }),
  percent: fc.constantFrom(0, 2, 10, 40),
  mode: fc.constantFrom('sealed' as const, 'clear' as const),
  carrier: fc.constantFrom('datagram' as const, 'spread' as const, 'stream' as const),
  joinsDatagrams: fc.boolean(),
  largestDatagram: fc.constantFrom(1200, 1472, 65_507),
});

/** All lengths are even, so that each segment begins with a mark. */
function superOf(index: number, each: Shape): Super {
  const payload = 2 * Math.ceil(each.payload / 2);
  const least = 2 * Math.ceil(payload / 256);
  const size = Math.min(Math.max(least, 2 * each.size), payload - 2);
  const options: FrameOptions = {
    six: each.six,
    udp: each.udp,
    tags: each.tagged ? [0x8100] : [],
    payload: marked(payload),
    sourcePort: FIRST_PORT + index,
    sequence: (0xffff0000 + index * STEP) >>> 0,
    identification: 0xfff0 + index,
    flags: each.flags,
  };
  return new Super(payload, size, options);
}

test('whatever is sent and lost', (t) => {
  fc.assert(
    fc.property(scenario, ({ shapes, losses, percent, ...options }) => {
      const pairOptions: PairOptions = options;
      const pair = new SuperPair(pairOptions);
      pair.learn();
      const free = [pair.left.free, pair.right.free];
      let datagram = 0;
      pair.network.delivery = (each, deliver) => {
        const chance = losses[datagram % 20] + 7 * datagram;
        datagram++;
        if (chance % 100 >= percent) deliver(each);
      };
      const { pieceLength } = pair;
      const all: Sent[] = [];
      const plains: string[] = [];
      for (const [index, each] of shapes.entries()) {
        const sent = superOf(index, each);
        all.push({ sent, arrived: new Map() });
        pair.leftTap.send(sent.bytes, sent.needs);
        if (each.plain === 0) {
          const plain = frame(100 + index, 0x0b, 0x0a, index);
          plains.push(...prints([plain]));
          pair.leftTap.send(plain);
        }
        if (!each.together) pair.settle();
        if (each.wait > 0) pair.pass(each.wait, each.wait);
      }
      pair.pass(40, 5);
      let last = -1;
      for (const got of pair.rightTap.receive()) {
        const printed = printNeeds({ bytes: got.bytes, fields: got });
        if (plains.includes(printed)) continue;
        const index = check(t, all, 'TAP', got.bytes, printed);
        // One that fits a record waits for none.
        if (all[index].sent.pieces(pieceLength) === 1) continue;
        t.true(index >= last, 'super-frames in pieces are in order');
        last = index;
      }
      const lossless = percent === 0 || options.carrier === 'stream';
      for (const { sent, arrived } of all) {
        if (lossless) t.is(arrived.get('TAP')?.size, segmentsOf(sent));
      }
      t.deepEqual([pair.left.free, pair.right.free], free);
      const right = pair.right.session(RIGHT_INDEX);
      t.is(right.drops.malformed + right.drops.forged, 0);
      if (lossless) t.is(pair.left.session(LEFT_INDEX).drops.full, 0);
      if (lossless && options.mode === 'clear') {
        const { clearOctetsOut } = pair.left.session(LEFT_INDEX);
        t.is(right.clearOctetsIn, clearOctetsOut);
      }
      pair.close();
    }),
    { numRuns: 80 },
  );
});

test('the same flooded, with a client on either side', (t) => {
  fc.assert(
    fc.property(scenario, ({ shapes, losses, percent, ...options }) => {
      const pair = new SuperPair(options);
      const free = [pair.left.free, pair.right.free];
      let datagram = 0;
      pair.network.delivery = (each, deliver) => {
        const chance = losses[datagram % 20] + 7 * datagram;
        datagram++;
        if (chance % 100 >= percent) deliver(each);
      };
      const all: Sent[] = shapes.map((each, index) => ({
        sent: superOf(index, each),
        arrived: new Map(),
      }));
      for (const [index, { sent }] of all.entries()) {
        pair.leftTap.send(sent.bytes, sent.needs);
        if (!shapes[index].together) pair.settle();
      }
      pair.pass(40, 5);
      for (const got of pair.rightTap.receive()) {
        check(t, all, 'TAP', got.bytes, printNeeds({ bytes: got.bytes, fields: got }));
      }
      for (const [sink, client] of [
        ['left client', pair.leftClient],
        ['right client', pair.rightClient],
      ] as const) {
        for (const bytes of client.receive()) check(t, all, sink, bytes, prints([bytes])[0]);
      }
      // What came to the TAP came to the client beside it, and all of it to the one before the loss.
      for (const { sent, arrived } of all) {
        t.deepEqual(arrived.get('right client'), arrived.get('TAP'));
        t.is(arrived.get('left client')?.size, segmentsOf(sent));
      }
      t.deepEqual([pair.left.free, pair.right.free], free);
      pair.close();
    }),
    { numRuns: 40 },
  );
});
