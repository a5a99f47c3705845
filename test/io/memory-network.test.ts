import test, { type ExecutionContext } from 'ava';
import { DescriptorKind } from '../../src/io/contract.ts';
import { Errno } from '../../src/io/errno.ts';
import { MemoryIo } from '../../src/io/memory-io.ts';
import { type MemoryDatagram, MemoryNetwork } from '../../src/io/memory-network.ts';
import { MemorySockets } from '../../src/io/memory-sockets.ts';
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

test('a TAP has a far side that a test can hold', (t) => {
  const network = new MemoryNetwork();
  const rig = machine(t, network, A);
  const tap = rig.sockets.openTap('kith%d');
  t.is(tap.name, 'kith0');
  const far = network.taps.get('kith0') as number;
  rig.io.addDescriptor(0, tap.descriptor, DescriptorKind.tap);
  rig.io.addDescriptor(1, far, DescriptorKind.unixDatagram);
  rig.send([
    { descriptor: 0, payload: octets(60) },
    { descriptor: 1, payload: octets(14) },
  ]);
  t.deepEqual(
    rig.poll().map(({ descriptor, length }) => [descriptor, length]),
    [
      [0, 14],
      [1, 60],
    ],
  );
  t.is(rig.sockets.openTap('kith%d').name, 'kith1');
  t.throws(() => rig.sockets.openTap('kith1'), { message: /EBUSY/ });
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
