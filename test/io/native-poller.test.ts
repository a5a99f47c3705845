/** What only the real system can show: threads, resets, misuse of the addon itself. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import {
  ADDRESS_LENGTH,
  DescriptorKind,
  JOB_RECORDS,
  JOB_STRIDE,
  MAX_DESCRIPTORS,
  MAX_SUPER_FRAME_LENGTH,
  Offload,
  PART_RECORDS,
  PART_STRIDE,
  RECEIVE_SLOTS,
  RX_STRIDE,
  RxEvent,
  SEND_RECORDS,
  SlabLayout,
  TX_STRIDE,
} from '../../src/io/contract.ts';
import { COUNTERS, nativeBinding } from '../../src/io/native-binding.ts';
import { NativeIo } from '../../src/io/native-io.ts';
import { systemSockets } from '../../src/io/system-sockets.ts';
import { buildFrame } from './frames.ts';
import { octets, Rig } from './rig.ts';

const VIRTIO_HEADER_LENGTH = 10;

test('a doorbell rung by another thread ends a wait without limit', async (t) => {
  const rig = Rig.native(t);
  const url = new URL('./doorbell-ringer.js', import.meta.url);
  const ringer = new Worker(url, { workerData: rig.doorbell });
  const ended = once(ringer, 'exit');
  const all = rig.poll(-1);
  t.deepEqual(
    all.map(({ descriptor, event }) => [descriptor, event]),
    [[-1, RxEvent.data]],
  );
  await ended;
});

test('the longest IP packet of a TAP comes whole, what is longer does not', (t) => {
  const rig = Rig.native(t);
  const [tap, host] = rig.sockets.openDatagramPair();
  rig.io.addDescriptor(0, tap, DescriptorKind.tap);
  rig.io.addDescriptor(1, host, DescriptorKind.unixDatagram);
  const { bytes, ...needs } = buildFrame({ payload: octets(65_495), partial: true });
  t.is(bytes.length, 14 + 65_535);
  // struct virtio_net_hdr: NEEDS_CSUM, GSO_TCPV4, headers, segment size, where the sum is.
  const header = new Uint8Array(VIRTIO_HEADER_LENGTH);
  new DataView(header.buffer).setUint16(4, 1448, true);
  new DataView(header.buffer).setUint16(6, needs.checksumStart, true);
  new DataView(header.buffer).setUint16(8, needs.checksumOffset, true);
  header.set([1, 1]);
  const none = new Uint8Array(VIRTIO_HEADER_LENGTH);
  const longest = octets(MAX_SUPER_FRAME_LENGTH);
  const sends = [
    { descriptor: 1, header, payload: bytes },
    { descriptor: 1, header: none, payload: longest },
    { descriptor: 1, header: none, payload: octets(MAX_SUPER_FRAME_LENGTH + 1) },
  ];
  t.true(rig.send(sends).every((result) => result > 65_535));
  const all = rig.receive(3);
  t.deepEqual(
    all.map(({ event, offload }) => [event, offload]),
    [
      [RxEvent.data, Offload.tcp4],
      [RxEvent.data, Offload.none],
      [RxEvent.oversized, Offload.none],
    ],
  );
  t.deepEqual(all[0].bytes, bytes);
  t.deepEqual(all[1].bytes, longest);
});

test('a wait is never shorter than asked for', (t) => {
  const rig = Rig.native(t);
  for (const timeout of [0.3, 1, 7.5]) {
    const before = performance.now();
    t.deepEqual(rig.poll(timeout), []);
    t.true(performance.now() - before >= timeout);
  }
  t.deepEqual(rig.poll(Number.NaN), []);
});

test('a stream that is full and hung up does not keep the poll awake', (t) => {
  const rig = Rig.native(t);
  rig.streamPair(1, 2, 10);
  rig.send([{ descriptor: 1, payload: octets(25) }]);
  t.is(rig.receive(1)[0].length, 10);
  rig.io.removeDescriptor(1);
  const before = performance.now();
  t.deepEqual(rig.poll(20), []);
  t.deepEqual(rig.poll(20), []);
  t.true(performance.now() - before >= 40);
  rig.io.watchWritable(2);
  t.deepEqual(
    rig.receive(1).map(({ event }) => event),
    [RxEvent.writable],
  );
  t.deepEqual(rig.poll(20), [], 'and neither does watching it');
  const gathered: number[] = [];
  const all = rig.receive((seen) => {
    gathered.push(...rig.takeStream(2));
    return seen.some(({ event }) => event === RxEvent.closed);
  });
  t.deepEqual(Uint8Array.from(gathered), octets(25));
  t.is(all.at(-1)?.length, 0);
  t.deepEqual(rig.poll(20), [], 'told once');
});

test('a Unix datagram peer that turns away counts as an error and ends nothing', (t) => {
  const rig = Rig.native(t);
  const { sockets, io } = rig;
  const lonely = sockets.openUnixDatagram(rig.path('lonely'), '', 1000);
  const turner = sockets.openUnixDatagram(rig.path('turner'), '', 1000);
  const left = sockets.openUnixDatagram(rig.path('left'), rig.path('turner'), 1000);
  sockets.connectUnixDatagram(turner, rig.path('left'));
  io.addDescriptor(2, left, DescriptorKind.unixDatagram);
  // With a datagram unread it leaves a connection that goes both ways: the other is told.
  t.deepEqual(rig.send([{ descriptor: 2, payload: octets(1) }]), [1]);
  sockets.connectUnixDatagram(turner, rig.path('lonely'));
  t.deepEqual(rig.poll(20), []);
  t.is(io.counters().receiveErrors, 1);
  t.deepEqual(rig.poll(20), []);
  t.is(io.counters().receiveErrors, 1, 'read off once');
  sockets.closeDescriptor(turner);
  sockets.closeDescriptor(lonely);
});

test('two pollers in one thread do not know of each other', (t) => {
  const [a, b] = [Rig.native(t), Rig.native(t)];
  a.datagramPair(0, 1);
  b.datagramPair(0, 1);
  a.io.setKey(0, 1, octets(32), octets(12));
  a.send([{ descriptor: 0, payload: octets(4) }]);
  t.deepEqual(b.poll(0), []);
  b.close();
  t.is(a.receive(1)[0].length, 4);
  b.io.jobs.fill(0);
  t.throws(() => b.io.seal(1), { message: /closed/ });
});

test('IPv6 and IPv4 both reach a dual-stack socket', (t) => {
  const rig = Rig.native(t);
  const { sockets, io } = rig;
  const both = sockets.openUdp('::', 0);
  const { port } = sockets.localAddress(both);
  io.addDescriptor(0, both, DescriptorKind.udp);
  let six: number | undefined;
  try {
    six = sockets.openUdp('::1', 0);
  } catch {
    t.log('no IPv6 on this machine');
  }
  if (six !== undefined) {
    const own = sockets.localAddress(six);
    io.addDescriptor(1, six, DescriptorKind.udp);
    rig.send([{ descriptor: 1, payload: octets(3), to: { host: '::1', port } }]);
    t.is(rig.receive(1)[0].from, `[::1]:${own.port}`);
  }
  rig.send([{ descriptor: 0, payload: octets(3), to: { host: '127.0.0.1', port } }]);
  t.is(rig.receive(1)[0].from, `127.0.0.1:${port}`);
});

test('a UDP datagram too large to be sent whole is refused alone', (t) => {
  const rig = Rig.native(t);
  const udp = rig.sockets.openUdp('127.0.0.1', 0);
  const to = rig.sockets.localAddress(udp);
  rig.io.addDescriptor(0, udp, DescriptorKind.udp);
  const results = rig.send([
    { descriptor: 0, payload: octets(10), to },
    { descriptor: 0, payload: octets(65_508), to },
    { descriptor: 0, payload: octets(20), to },
  ]);
  t.deepEqual([results[0], results[2]], [10, 20]);
  t.true(results[1] < 0);
  t.deepEqual(
    rig.receive(2).map(({ length }) => length),
    [10, 20],
  );
});

test('the addon refuses wrong arguments and does not fall over', (t) => {
  const native = nativeBinding();
  const { Poller } = native;
  const arrays = () =>
    [
      new Uint8Array(SlabLayout.arena),
      new Int32Array(RECEIVE_SLOTS * RX_STRIDE),
      new Int32Array(SEND_RECORDS * TX_STRIDE),
      new Int32Array(PART_RECORDS * PART_STRIDE),
      new Int32Array(JOB_RECORDS * JOB_STRIDE),
      new Int32Array(MAX_DESCRIPTORS),
      new Float64Array(COUNTERS),
      -1,
    ] as ConstructorParameters<typeof Poller>;
  arrays().forEach((_, i) => {
    for (const wrong of [undefined, new Uint8Array(3), new BigInt64Array(16_384), {}, 'x', 1e9]) {
      const given = arrays() as unknown[];
      given[i] = wrong;
      t.throws(() => new Poller(...(given as ConstructorParameters<typeof Poller>)));
    }
  });
  const call = Poller as unknown as (...args: unknown[]) => unknown;
  t.throws(() => call(...arrays()));
  t.throws(() => Object.create(Poller.prototype).poll(0));

  const poller = new Poller(...arrays()) as unknown as Record<string, (...a: unknown[]) => unknown>;
  for (const method of ['add', 'remove', 'watchWritable', 'poll', 'flush', 'setKey', 'seal']) {
    t.throws(() => poller[method](), undefined, method);
    t.throws(() => poller[method]('x', {}, [], null, 5), undefined, method);
  }
  for (const count of [-1, SEND_RECORDS + 1, Number.MAX_SAFE_INTEGER]) {
    t.throws(() => poller.flush(count));
    t.throws(() => poller.open(count));
  }
  t.true((poller.add(-1, 0, 1, 0, 0) as number) < 0);
  t.true((poller.add(0, -1, 5, 0, 0) as number) < 0);
  t.true((poller.add(0, 0, 99, 0, 0) as number) < 0);
  t.true((poller.remove(0) as number) < 0);
  t.true((poller.setKey(0, 3, octets(32), octets(12)) as number) < 0);
  poller.close();
  poller.close();
  t.throws(() => poller.poll(0));

  const functions = native as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const [name, value] of Object.entries(functions)) {
    if (typeof value !== 'function' || name === 'Poller' || name === 'openDoorbell') continue;
    t.throws(() => value(), undefined, name);
    t.throws(() => value({}, {}, {}), undefined, name);
  }
  t.throws(() => functions.openUdp(new Uint8Array(ADDRESS_LENGTH - 1)));
  t.true((functions.openUnixDatagram('x'.repeat(4000), '', 1) as number) < 0);
  t.true((functions.openUnixDatagram('', '', 1) as number) < 0);
});

test('an abstract path needs no file', (t) => {
  const sockets = systemSockets();
  const name = `\0kith-test-${process.pid}`;
  const a = sockets.openUnixDatagram(name, '', 10_000);
  const b = sockets.openUnixDatagram(`${name}-b`, name, 10_000);
  const io = new NativeIo({ doorbell: -1 });
  io.addDescriptor(0, a, DescriptorKind.unixDatagram);
  io.addDescriptor(1, b, DescriptorKind.unixDatagram);
  io.tx.set([1, 0, 5, 0, 0, -1, 0, 0, 0, 0, 0, 0]);
  t.is(io.flush(1), 0);
  t.is(io.poll(1000), 1);
  io.close();
});
