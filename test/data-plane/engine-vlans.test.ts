/** VLANs in the data plane: tags come and go on the way out, held against the naive twin. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { ManualClock } from '../../src/clock.ts';
import { MemoryNetwork } from '../../src/io/memory-network.ts';
import { Counter } from '../../src/switch/counters.ts';
import { PORT_TABLE_LENGTH, PortState } from '../../src/switch/port.ts';
import { buildVlanTables, NO_VLAN, type PortVlans } from '../../src/switch/vlan-table.ts';
import { emitTag } from '../../src/switch/vlan-tag.ts';
import { NaiveForwarder } from '../switch/naive-forwarder.ts';
import { broadcast, type Client, frame, LINK_PORT, Node, prints, type Tap } from './node.ts';
import { Pair } from './pair.ts';
import { printNeeds, receivedBy, Super } from './super-pair.ts';

const portStates = new Uint8Array(PORT_TABLE_LENGTH).fill(PortState.forwarding);
const access = (vid: number): PortVlans => ({ untagged: vid, tagged: [] });
const TRUNK: PortVlans = { untagged: 0, tagged: 'all' };

function setVlans(node: Node, vlans: ReadonlyMap<number, PortVlans> | undefined): void {
  const tables = vlans === undefined ? {} : { vlans: buildVlanTables(vlans) };
  node.post({ op: 'configure', settings: { portStates, minPersistence: 0, ...tables } });
}

/** A frame with a tag put into it. */
function tagged(bytes: Uint8Array, vid: number, pcp = 0): Uint8Array {
  const tag = new Uint8Array(4);
  emitTag({ pcp, dei: false, vid }, tag, -12);
  return Uint8Array.of(...bytes.subarray(0, 12), 0x81, 0, ...tag.subarray(2), ...bytes.slice(12));
}

/** One node, a client on each of the ports 1 to 3 and a TAP on port 4. */
class Bench {
  readonly node: Node;
  readonly clients: readonly Client[];
  readonly tap: Tap;

  constructor() {
    const network = new MemoryNetwork();
    this.node = new Node(network, network.addHost('192.0.2.1'), new ManualClock(1_000_000));
    this.clients = [1, 2, 3].map((port) => this.node.addClient(port, port));
    this.tap = this.node.addTap(4, 4);
  }

  pump(): void {
    while (this.node.pump());
  }

  /** All that has come out, by port. */
  received(): Map<number, string[]> {
    const all = new Map<number, string[]>();
    for (const [i, client] of this.clients.entries()) all.set(i + 1, prints(client.receive()));
    all.set(4, receivedBy(this.tap));
    return all;
  }
}

const PORTS = [1, 2, 3, 4];
const portVlans: fc.Arbitrary<PortVlans> = fc.record({
  untagged: fc.constantFrom(0, 1, 2, 3, NO_VLAN),
  tagged: fc.oneof(fc.subarray([1, 2, 3]), fc.constant('all' as const)),
});
const memberships = fc.option(fc.tuple(...PORTS.map(() => portVlans)), { nil: undefined });
const tag = fc.option(
  fc.record({ vid: fc.constantFrom(0, 1, 2, 3, 9, 4095), pcp: fc.nat(7), inner: fc.boolean() }),
  { nil: undefined },
);
const sent = fc.record({
  port: fc.constantFrom(...PORTS),
  to: fc.nat(4),
  from: fc.integer({ min: 1, max: 4 }),
  length: fc.constantFrom(14, 60, 1514, 9216),
  tag,
  /** From the TAP: a super-frame. */
  whole: fc.boolean(),
});

test('the path with VLANs does what the naive model does', (t) => {
  const phase = fc.tuple(memberships, fc.array(fc.array(sent, { maxLength: 6 }), { maxLength: 6 }));
  fc.assert(
    fc.property(fc.array(phase, { minLength: 1, maxLength: 3 }), (phases) => {
      const bench = new Bench();
      const { free } = bench.node;
      const twin = new NaiveForwarder();
      twin.settings = { portStates: portStates.subarray(0, 5) };
      for (const [members, turns] of phases) {
        twin.vlans = members && new Map(members.map((vlans, i) => [i + 1, vlans]));
        setVlans(bench.node, twin.vlans);
        for (const turn of turns) {
          const expected = new Map<number, string[]>(PORTS.map((port) => [port, []]));
          for (const one of turn) {
            sendBoth(t, bench, twin, expected, one);
            bench.pump();
          }
          t.deepEqual(bench.received(), expected);
        }
      }
      t.deepEqual(bench.node.free, free);
      bench.node.close();
    }),
    { numRuns: 150 },
  );
});

type Sent = typeof sent extends fc.Arbitrary<infer Value> ? Value : never;

function sendBoth(
  t: ExecutionContext,
  bench: Bench,
  twin: NaiveForwarder,
  expected: Map<number, string[]>,
  one: Sent,
): void {
  const { port, length, tag: with_ } = one;
  const dress = (bytes: Uint8Array): Uint8Array => {
    if (with_ === undefined) return bytes;
    const inside = with_.inner ? tagged(bytes, 7) : bytes;
    return tagged(inside, with_.vid, with_.pcp);
  };
  const address = (bytes: Uint8Array): Uint8Array => {
    bytes.set([2, 0, 0, 0, 0, one.to, 2, 0, 0, 0, 0, one.from]);
    if (one.to === 0) bytes.fill(0xff, 0, 6);
    return bytes;
  };
  const large = port === 4 && one.whole ? new Super(3000, 1000) : undefined;
  const bare = address(large?.bytes ?? frame(length));
  const bytes = dress(bare).slice(0, large === undefined ? 9216 : undefined);
  const shift = bytes.length - bare.length;
  const needs = large && { ...large.needs, checksumStart: large.needs.checksumStart + shift };
  if (port === 4) bench.tap.send(bytes, needs);
  else t.true((bench.clients[port - 1] as Client).send(bytes) > 0);
  const outcome = twin.decide(bytes, port);
  const pieces = (large?.frames ?? []).map((piece) => dress(address(piece)));
  for (const [to, out] of outcome.frames) {
    const list = expected.get(to) as string[];
    if (large === undefined || needs === undefined) list.push(...prints([out]));
    else if (to === 4) throw new Error('it came from there');
    else {
      // What tags do to the whole they do to each part of it.
      for (const piece of pieces) list.push(...prints([rewritten(piece, bytes, out)]));
    }
  }
}

/** `piece` with the change that made `after` of `before`. */
function rewritten(piece: Uint8Array, before: Uint8Array, after: Uint8Array): Uint8Array {
  const grown = after.length - before.length;
  if (grown < 0) return Uint8Array.of(...piece.subarray(0, 12), ...piece.subarray(16));
  if (grown > 0) {
    return Uint8Array.of(...piece.slice(0, 12), ...after.slice(12, 16), ...piece.slice(12));
  }
  return Uint8Array.of(...piece.slice(0, 12), ...after.slice(12, 16), ...piece.slice(16));
}

test('a super-frame crosses a trunk with its tag, whole, its checksum four octets on', (t) => {
  for (const options of [{}, { carrier: 'stream' as const }, { mode: 'clear' as const }]) {
    const pair = new Pair({ ...options, session: { superFrames: true } });
    const taps = [pair.left.addTap(3), pair.right.addTap(3)] as const;
    const others = [pair.left.addTap(4, 4), pair.right.addTap(4, 4)] as const;
    const trunks = pair.right.addTap(5, 5);
    const guests = pair.right.addClient(6, 6);
    const vlans = new Map([
      [2, access(10)],
      [4, access(20)],
      [5, TRUNK],
      [6, TRUNK],
      [LINK_PORT, TRUNK],
    ]);
    setVlans(pair.left, vlans);
    setVlans(pair.right, vlans);
    pair.pass(5000);
    const free = [pair.left.free, pair.right.free];
    for (const [payload, segment] of [
      [3000, 1000],
      [9100, 1448],
      [60_000, 1448],
      [65_400, 1448],
    ] as const) {
      const large = new Super(payload, segment);
      large.bytes.fill(0xff, 0, 6);
      taps[0].send(large.bytes, large.needs);
      pair.settle();
      t.deepEqual(receivedBy(taps[1]), [large.whole]);
      const needs = { ...large.needs, checksumStart: large.needs.checksumStart + 4 };
      t.deepEqual(receivedBy(trunks), [
        printNeeds({ bytes: tagged(large.bytes, 10), fields: needs }),
      ]);
      const cut = large.frames.map((each) => tagged(each.fill(0xff, 0, 6), 10));
      t.deepEqual(prints(guests.receive()), prints(cut));
      t.deepEqual([others[0].receive(), others[1].receive()], [[], []]);
      t.deepEqual(prints([...pair.leftClient.receive(), ...pair.rightClient.receive()]), []);
    }
    t.deepEqual([pair.left.free, pair.right.free], free);
  }
});

test('addresses are learnt for each VLAN by itself, and ingress filtering is counted', (t) => {
  const bench = new Bench();
  const [one, two, three] = bench.clients as [Client, Client, Client];
  setVlans(
    bench.node,
    new Map([
      [1, access(10)],
      [2, access(20)],
      [3, TRUNK],
      [4, { untagged: NO_VLAN, tagged: [10, 20] }],
    ]),
  );
  // One station in two VLANs, on two ports.
  one.send(broadcast(60, 5));
  two.send(broadcast(60, 5));
  bench.pump();
  bench.received();
  three.send(tagged(frame(60, 5, 6), 10));
  three.send(tagged(frame(60, 5, 7), 20));
  three.send(frame(60, 5, 8));
  bench.pump();
  t.deepEqual(
    bench.received(),
    new Map([
      [1, prints([frame(60, 5, 6)])],
      [2, prints([frame(60, 5, 7)])],
      [3, []],
      [4, []],
    ]),
  );
  one.send(tagged(broadcast(60, 5), 20));
  bench.tap.send(broadcast(60, 9));
  bench.tap.send(tagged(broadcast(60, 9), 30));
  bench.pump();
  t.is(bench.node.count(1, Counter.dropVlan), 1);
  t.is(bench.node.count(4, Counter.dropVlan), 2);
  t.true([...bench.received().values()].every((list) => list.length === 0));
});

test('more copies in a turn than memory is lent for', (t) => {
  const bench = new Bench();
  const { free } = bench.node;
  setVlans(bench.node, new Map([[2, access(0)], [3, TRUNK], ...[1, 4].map(vlanTen)]));
  const frames = Array.from({ length: 200 }, (_, seed) => broadcast(9000, 1, seed));
  for (const each of frames) (bench.clients[0] as Client).send(each);
  bench.pump();
  const received = bench.received();
  t.deepEqual(received.get(3), prints(frames.map((each) => tagged(each, 10))));
  // The queue of a TAP is shorter: the rest waits for it.
  const fromTap = [...(received.get(4) ?? [])];
  for (let more = 1; more > 0; ) {
    bench.pump();
    more = fromTap.push(...(bench.received().get(4) ?? [])) < frames.length ? 1 : 0;
  }
  t.deepEqual(fromTap, prints(frames));
  t.deepEqual(received.get(2), []);
  t.deepEqual(bench.node.free, free);
});

function vlanTen(port: number): [number, PortVlans] {
  return [port, access(10)];
}
