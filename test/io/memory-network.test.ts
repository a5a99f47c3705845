import test, { type ExecutionContext } from 'ava';
import {
  DescriptorKind,
  LARGE_SLOTS,
  MAX_PARTS,
  MAX_SUPER_FRAME_LENGTH,
  Offload,
  RxEvent,
} from '../../src/io/contract.ts';
import { Errno } from '../../src/io/errno.ts';
import { MemoryIo } from '../../src/io/memory-io.ts';
import { type MemoryDatagram, MemoryNetwork } from '../../src/io/memory-network.ts';
import { MemorySockets } from '../../src/io/memory-sockets.ts';
import type { MemoryTap } from '../../src/io/memory-tap.ts';
import { buildFrame, tcp4Offload, tcp4SuperFrame } from './frames.ts';
import { octets, Rig } from './rig.ts';

const A = '10.0.0.1';
const B = '10.0.0.2';

function machine(t: ExecutionContext, network: MemoryNetwork, ...addresses: string[]): Rig {
  const sockets = new MemorySockets(network, network.addHost(...addresses));
  return new Rig((doorbell) => new MemoryIo({ network, doorbell }), sockets, t);
}

/** Two machines with a UDP socket at port 7000 each, under index 0. */
function twoMachines(t: ExecutionContext, network: MemoryNetwork): [Rig, Rig] {
  const rigs: [Rig, Rig] = [machine(t, network, A, '2001:db8::a'), machine(t, network, B)];
  for (const { io, sockets } of rigs) {
    io.addDescriptor(0, sockets.openUdp('::', 7000), DescriptorKind.udp);
  }
  return rigs;
}

const toB = (first: number) => ({
  descriptor: 0,
  payload: octets(5, first),
  to: { host: B, port: 7000 },
});

test('machines reach each other by their own addresses', (t) => {
  const [a, b] = twoMachines(t, new MemoryNetwork());
  t.deepEqual(a.send([toB(1)]), [5]);
  const [got] = b.poll();
  t.deepEqual([got.from, got.bytes], [`${A}:7000`, octets(5, 1)]);
  t.deepEqual(
    a.send([{ ...toB(1), to: { host: '10.9.9.9', port: 7000 } }]),
    [5],
    'lost in silence',
  );
  t.deepEqual(a.send([{ ...toB(1), to: { host: '127.0.0.1', port: 7000 } }]), [5]);
  t.deepEqual(b.poll(), []);
  t.is(a.poll()[0].from, '127.0.0.1:7000');
  const six = { host: '2001:db8::a', port: 7000 };
  t.deepEqual(b.send([{ ...toB(1), to: six }]), [-Errno.ENETUNREACH]);
});

test('delivery may drop, repeat, hold, reorder and rewrite', (t) => {
  const held: (() => void)[] = [];
  let number = 0;
  const network = new MemoryNetwork({
    delivery: (datagram, deliver) => {
      number++;
      if (number === 1) return;
      if (number === 2) held.push(() => deliver(datagram));
      if (number >= 3) deliver(datagram);
      if (number === 3) deliver({ ...datagram, from: { host: '198.51.100.1', port: 4 } });
    },
  });
  const [a, b] = twoMachines(t, network);
  a.send([toB(1), toB(2), toB(3), toB(4)]);
  for (const release of held) release();
  t.deepEqual(
    b.poll().map(({ bytes, from }) => [bytes[0], from]),
    [
      [3, `${A}:7000`],
      [3, '198.51.100.1:4'],
      [4, `${A}:7000`],
      [2, `${A}:7000`],
    ],
  );
  network.delivery = () => {};
  a.send([toB(1)]);
  t.deepEqual(b.poll(), []);
});

test('a datagram belongs to itself once sent', (t) => {
  const seen: MemoryDatagram[] = [];
  const network = new MemoryNetwork({ delivery: (datagram) => seen.push(datagram) });
  const [a] = twoMachines(t, network);
  a.send([toB(1)]);
  a.send([toB(9)]);
  t.deepEqual(seen[0].bytes, octets(5, 1));
});

test('what is larger than the network takes is refused', (t) => {
  const [a, b] = twoMachines(t, new MemoryNetwork({ largestDatagram: 1472 }));
  const to = { host: B, port: 7000 };
  const results = a.send([
    { descriptor: 0, payload: octets(1472), to },
    { descriptor: 0, payload: octets(1473), to },
    { descriptor: 0, payload: octets(2944), to, segmentSize: 1472 },
  ]);
  t.deepEqual(results, [1472, -Errno.EMSGSIZE, 2944]);
  t.is(b.poll().length, 3);
});

/** A node with a TAP under index 0, and the TAP. */
function tapped(t: ExecutionContext): { rig: Rig; tap: MemoryTap } {
  const network = new MemoryNetwork();
  const rig = machine(t, network, A);
  const { descriptor, name } = rig.sockets.openTap('kith%d', '');
  rig.io.addDescriptor(0, descriptor, DescriptorKind.tap);
  return { rig, tap: network.taps.get(name) as MemoryTap };
}

test('TAPs have names, one each, until they are closed', (t) => {
  const network = new MemoryNetwork();
  const { sockets, io } = machine(t, network, A);
  const tap = sockets.openTap('kith%d', '');
  t.is(tap.name, 'kith0');
  t.is(network.taps.get('kith0')?.name, 'kith0');
  t.is(sockets.openTap('kith%d', '').name, 'kith1');
  t.throws(() => sockets.openTap('kith1', ''), { message: /EBUSY/ });
  io.addDescriptor(0, tap.descriptor, DescriptorKind.tap);
  io.removeDescriptor(0);
  t.deepEqual([...network.taps.keys()], ['kith1']);
});

test('a TAP has a host at its far side', (t) => {
  const { rig, tap } = tapped(t);
  tap.hostSend(octets(14));
  tap.hostSend(octets(9000));
  const [first, second] = rig.poll();
  t.deepEqual([first.descriptor, first.bytes], [0, octets(14)]);
  t.deepEqual(second.bytes, octets(9000));
  t.is(second.offload, Offload.none);
  t.deepEqual(
    rig.send([{ descriptor: 0, header: octets(4), parts: [octets(9, 4), octets(3)] }]),
    [16],
  );
  const frame = tap.hostReceive();
  t.deepEqual(frame?.bytes, Uint8Array.from([...octets(13), ...octets(3)]));
  t.is(frame?.offload, Offload.none);
  t.is(tap.hostReceive(), undefined);
  t.deepEqual(rig.send([{ descriptor: 0 }]), [-Errno.EINVAL]);
});

test('super-frames pass a TAP whole, with their fields', (t) => {
  const { rig, tap } = tapped(t);
  const frame = tcp4SuperFrame(3000);
  const needs = tcp4Offload(1000);
  tap.hostSend(frame, needs);
  const [got] = rig.poll();
  t.deepEqual(got.bytes, frame);
  const { offload, segmentSize, checksumStart, checksumOffset } = got;
  t.deepEqual({ offload, segmentSize, checksumStart, checksumOffset }, needs);
  const sends = [
    { descriptor: 0, payload: frame, ...needs },
    { descriptor: 0, payload: frame, ...needs, checksumStart: 33 },
  ];
  t.deepEqual(rig.send(sends), [frame.length, -Errno.EINVAL]);
  t.deepEqual(tap.hostReceive(), { bytes: frame, ...needs });
});

test('what is no super-frame is completed, and nonsense is dropped', (t) => {
  const { rig, tap } = tapped(t);
  const frame = tcp4SuperFrame(1000);
  const complete = buildFrame({ payload: octets(1000) }).bytes;
  const needs = tcp4Offload(1000);
  const none = { ...needs, offload: Offload.none, segmentSize: 0 };
  tap.hostSend(frame, needs); // of one segment
  tap.hostSend(frame, none);
  tap.hostSend(frame, { ...none, checksumStart: 0 }); // complete as it is
  tap.hostSend(frame, { ...none, checksumStart: 1039 });
  tap.hostSend(frame, { ...needs, segmentSize: 7 });
  tap.hostSend(frame, { ...needs, offload: Offload.udp });
  tap.hostSend(octets(MAX_SUPER_FRAME_LENGTH + 1));
  const all = rig.poll();
  t.deepEqual(
    all.map(({ event }) => event),
    [
      ...[RxEvent.data, RxEvent.data, RxEvent.data],
      ...[RxEvent.malformed, RxEvent.malformed, RxEvent.malformed, RxEvent.oversized],
    ],
  );
  t.deepEqual(
    all.slice(0, 3).map(({ bytes }) => bytes),
    [complete, complete, frame],
  );
  t.true(all.every(({ offload, segmentSize }) => offload === 0 && segmentSize === 0));
});

test('the longest IP packet comes from a TAP whole, with tags, too', (t) => {
  const { rig, tap } = tapped(t);
  const frame = tcp4SuperFrame(65_495);
  const tagged = new Uint8Array(MAX_SUPER_FRAME_LENGTH);
  tagged.set(frame.subarray(0, 12));
  tagged.set([0x88, 0xa8, 0, 7, 0x81, 0, 0, 8], 12);
  tagged.set(frame.subarray(12), 20);
  t.is(tagged.length, 8 + frame.length);
  const needs = tcp4Offload(1000);
  tap.hostSend(frame, needs);
  tap.hostSend(tagged, { ...needs, checksumStart: needs.checksumStart + 8 });
  const all = rig.poll();
  t.deepEqual(
    all.map(({ event, offload }) => [event, offload]),
    [
      [RxEvent.data, Offload.tcp4],
      [RxEvent.data, Offload.tcp4],
    ],
  );
  t.deepEqual(all[0].bytes, frame);
  t.deepEqual(all[1].bytes, tagged);
});

test('a TAP takes a frame of MAX_PARTS parts', (t) => {
  const { rig, tap } = tapped(t);
  const header = octets(14);
  const send = (count: number) => ({
    descriptor: 0,
    header,
    parts: Array.from({ length: count }, () => octets(1)),
  });
  const results = rig.send([send(MAX_PARTS), send(MAX_PARTS + 1)]);
  t.deepEqual(results, [MAX_PARTS + 14, -Errno.EINVAL]);
  t.is(tap.hostReceive()?.bytes.length, MAX_PARTS + 14);
});

test('a TAP gives no more than the large slots in a poll, and ends when it is deleted', (t) => {
  const { rig, tap } = tapped(t);
  for (let i = 0; i < LARGE_SLOTS + 5; i++) tap.hostSend(octets(60));
  t.is(rig.poll().length, LARGE_SLOTS);
  t.is(rig.poll().length, 5);
  tap.delete();
  t.deepEqual(
    rig.poll().map(({ event, length }) => [event, length]),
    [[RxEvent.closed, Errno.ENODEV]],
  );
  t.deepEqual(rig.poll(), []);
  t.deepEqual(rig.send([{ descriptor: 0, payload: octets(60) }]), [-Errno.ENODEV]);
});

test('a TAP that is full refuses, and tells when there is room', (t) => {
  const { rig, tap } = tapped(t);
  const frames = Array.from({ length: 600 }, () => ({ descriptor: 0, payload: octets(1514) }));
  const results = rig.send(frames);
  const taken = results.indexOf(-Errno.EAGAIN);
  t.true(taken > 0);
  rig.io.watchWritable(0);
  t.deepEqual(rig.poll(), []);
  tap.hostReceive();
  t.deepEqual(
    rig.poll().map(({ event }) => event),
    [RxEvent.writable],
  );
});

test('datagrams that follow one another may come joined', (t) => {
  const network = new MemoryNetwork({ joinsDatagrams: true });
  const [a, b] = twoMachines(t, network);
  const to = { host: B, port: 7000 };
  a.send([
    { descriptor: 0, payload: octets(250), to, segmentSize: 100 },
    { descriptor: 0, payload: octets(100), to },
    { descriptor: 0, payload: octets(101), to },
    { descriptor: 0, payload: octets(0), to },
    { descriptor: 0, payload: octets(90), to },
  ]);
  const all = b.poll();
  t.deepEqual(
    all.map(({ length, segmentSize }) => [length, segmentSize]),
    [
      [250, 100],
      [100, 0],
      [101, 0],
      [0, 0],
      [90, 0],
    ],
  );
  t.deepEqual(all[0].bytes, octets(250));
  t.is(all[0].from, `${A}:7000`);

  a.send(Array.from({ length: 70 }, () => ({ descriptor: 0, payload: octets(1000), to })));
  const runs = b.poll();
  t.deepEqual(
    runs.map(({ length, segmentSize }) => [length, segmentSize]),
    [
      [64_000, 1000],
      [6000, 1000],
    ],
  );
  // Others in between end a run.
  const [c] = [machine(t, network, '10.0.0.3')];
  c.io.addDescriptor(0, c.sockets.openUdp('::', 7000), DescriptorKind.udp);
  for (const sender of [a, c, a]) sender.send([{ descriptor: 0, payload: octets(20), to }]);
  t.is(b.poll().length, 3);
});

test('nothing stays open when all is closed', (t) => {
  const network = new MemoryNetwork();
  const [a, b] = twoMachines(t, network);
  a.datagramPair(3, 4);
  b.streamPair(3, 4, 100);
  a.close();
  b.close();
  t.is(network.openDescriptors, 0);
});
