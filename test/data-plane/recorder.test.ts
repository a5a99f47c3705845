/** What captures see of the data plane. */
import test from 'ava';
import { parseRecord } from '../../src/data-plane/frame-record.ts';
import { SharedRing } from '../../src/io/ring.ts';
import { PacketType } from '../../src/links/packet.ts';
import { Direction } from '../../src/switch/capture/pcapng.ts';
import { PORT_TABLE_LENGTH, PortState } from '../../src/switch/port.ts';
import { buildVlanTables } from '../../src/switch/vlan-table.ts';
import { broadcast, frame, LINK_PORT, type Node, prints, TAP_PORT } from './node.ts';
import { LEFT_INDEX, Pair } from './pair.ts';
import { Super, SuperPair } from './super-pair.ts';

const CLIENT = 1;
const BPDU = Uint8Array.of(1, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 9, 0, 3, 0x42, 0x42, 3);

/** A capture that runs on a node. */
class Watch {
  readonly ring: SharedRing;
  readonly #node: Node;
  readonly #id: number;

  constructor(node: Node, port = 0, snaplen = 262_144, length = 1 << 20, id = 1) {
    this.ring = SharedRing.create(length);
    this.#node = node;
    this.#id = id;
    node.post({ op: 'start-capture', id, ring: this.ring.buffer, port, snaplen });
  }

  /** When each was seen, milliseconds. */
  times(): number[] {
    const times: number[] = [];
    this.ring.drain((message) => times.push(parseRecord(message).time));
    return times;
  }

  /** Each record as a short text. */
  seen(): string[] {
    const texts: string[] = [];
    this.ring.drain((message) => {
      const { port, direction, originalLength, octets } = parseRecord(message);
      const way = direction === Direction.inbound ? 'in' : 'out';
      texts.push(`${port} ${way} ${originalLength}: ${prints([octets.slice()])}`);
    });
    return texts;
  }

  stop(): void {
    this.#node.post({ op: 'stop-capture', id: this.#id });
  }
}

const text = (port: number, way: string, bytes: Uint8Array, length = bytes.length): string =>
  `${port} ${way} ${length}: ${prints([bytes])}`;

test('frames are seen where they enter and where they leave, until it is stopped', (t) => {
  const pair = new Pair();
  const [left, right] = [new Watch(pair.left), new Watch(pair.right)];
  const hello = broadcast(60);
  pair.carry(hello);
  t.deepEqual(left.seen(), [text(CLIENT, 'in', hello), text(LINK_PORT, 'out', hello)]);
  t.deepEqual(right.seen(), [text(LINK_PORT, 'in', hello), text(CLIENT, 'out', hello)]);
  left.stop();
  pair.carry(hello);
  t.deepEqual(left.seen(), []);
  t.is(right.seen().length, 2);
});

test('times have their fraction of a millisecond, inbound and outbound', (t) => {
  const pair = new Pair();
  const watch = new Watch(pair.left);
  pair.clock.advance(0.625);
  pair.carry(broadcast(60));
  const times = watch.times();
  t.is(times.length, 2);
  for (const time of times) t.is(time % 1, 0.625);
});

test('one port, so many octets of each frame', (t) => {
  const pair = new Pair();
  const watch = new Watch(pair.left, LINK_PORT, 20);
  const long = broadcast(1514);
  pair.carry(long, broadcast(14));
  t.deepEqual(watch.seen(), [
    text(LINK_PORT, 'out', long.subarray(0, 20), 1514),
    text(LINK_PORT, 'out', broadcast(14)),
  ]);
});

test('what is dropped on the way in is seen; what hangs nowhere is not', (t) => {
  const pair = new Pair();
  const watch = new Watch(pair.left);
  const portStates = new Uint8Array(PORT_TABLE_LENGTH).fill(PortState.forwarding);
  portStates[CLIENT] = PortState.discarding;
  pair.left.post({ op: 'configure', settings: { portStates } });
  pair.carry(frame(60));
  t.deepEqual(watch.seen(), [text(CLIENT, 'in', frame(60))]);
  pair.left.post({ op: 'send-frame', port: 7, frame: BPDU });
  t.deepEqual(watch.seen(), []);
});

test('BPDUs, from clients and through links', (t) => {
  const pair = new Pair();
  const [left, right] = [new Watch(pair.left), new Watch(pair.right)];
  pair.leftClient.send(BPDU);
  pair.settle();
  pair.left.post({ op: 'send-frame', port: LINK_PORT, frame: BPDU });
  pair.left.post({ op: 'send-frame', port: CLIENT, frame: BPDU });
  pair.left.post({
    op: 'send-packet',
    localIndex: LEFT_INDEX,
    type: PacketType.bridge,
    payload: BPDU,
    priority: 'control',
  });
  pair.settle();
  t.deepEqual(left.seen(), [
    text(CLIENT, 'in', BPDU),
    text(LINK_PORT, 'out', BPDU),
    text(CLIENT, 'out', BPDU),
  ]);
  t.deepEqual(right.seen(), [text(LINK_PORT, 'in', BPDU), text(LINK_PORT, 'in', BPDU)]);
});

test('a super-frame is one packet, in pieces or not, cut for a client or not', (t) => {
  for (const options of [{ largestDatagram: 1472 }, { carrier: 'stream' as const }]) {
    const pair = new SuperPair(options);
    const large = new Super(20_000, 1000);
    large.bytes.fill(0xff, 0, 6);
    const [left, right] = [new Watch(pair.left), new Watch(pair.right)];
    pair.leftTap.send(large.bytes, large.needs);
    pair.settle();
    const ports = [CLIENT, LINK_PORT];
    t.deepEqual(left.seen(), [
      text(TAP_PORT, 'in', large.bytes),
      ...ports.map((port) => text(port, 'out', large.bytes)),
    ]);
    t.deepEqual(right.seen(), [
      text(LINK_PORT, 'in', large.bytes),
      ...[CLIENT, TAP_PORT].map((port) => text(port, 'out', large.bytes)),
    ]);
    t.is(pair.rightTap.receive().length, 1);
  }
});

test('a frame is seen with the tag that it leaves with', (t) => {
  const pair = new Pair();
  const portStates = new Uint8Array(PORT_TABLE_LENGTH).fill(PortState.forwarding);
  const vlans = buildVlanTables(
    new Map([
      [CLIENT, { untagged: 10, tagged: [] }],
      [LINK_PORT, { untagged: 0, tagged: 'all' as const }],
    ]),
  );
  pair.left.post({ op: 'configure', settings: { portStates, vlans } });
  const watch = new Watch(pair.left);
  pair.carry(broadcast(60));
  const hello = broadcast(60);
  const tagged = Uint8Array.of(...hello.slice(0, 12), 0x81, 0, 0, 10, ...hello.slice(12));
  t.deepEqual(watch.seen(), [text(CLIENT, 'in', hello), text(LINK_PORT, 'out', tagged)]);
});

test('a full ring drops copies and counts them; frames go on, and so do other captures', (t) => {
  const pair = new Pair();
  const small = new Watch(pair.left, 0, 262_144, 4096, 1);
  const large = new Watch(pair.left, 0, 262_144, 1 << 20, 2);
  const frames = Array.from({ length: 20 }, (_, seed) => broadcast(1000, 1, seed));
  t.is(pair.carry(...frames).length, 20);
  t.is(large.seen().length, 40);
  t.is(small.seen().length + small.ring.drops, 40);
  t.true(small.ring.drops > 30);
});
