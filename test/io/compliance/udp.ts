/** UDP sockets: addresses, datagrams joined and cut, the large slots. */
import {
  DescriptorKind,
  LARGE_SLOT_LENGTH,
  LARGE_SLOTS,
  RX_STRIDE,
  Rx,
  SLOT_HEADROOM,
  SlabLayout,
} from '../../../src/io/contract.ts';
import { datagrams, octets } from '../rig.ts';
import type { Check } from './check.ts';

export function checkUdp(check: Check): void {
  check('UDP tells where a datagram came from, and takes it back there', (t, rig) => {
    const { sockets, io } = rig;
    const [a, b] = [sockets.openUdp('127.0.0.1', 0), sockets.openUdp('::', 0)];
    const [addressA, addressB] = [sockets.localAddress(a), sockets.localAddress(b)];
    t.is(addressA.host, '127.0.0.1');
    io.addDescriptor(5, a, DescriptorKind.udp);
    io.addDescriptor(6, b, DescriptorKind.udp);
    const to = { host: '127.0.0.1', port: addressB.port };
    t.deepEqual(
      rig.send([{ descriptor: 5, header: octets(2), payload: octets(1200), to }]),
      [1202],
    );
    const [there] = rig.receive(1);
    t.is(there.descriptor, 6);
    t.is(there.length, 1202);
    t.is(there.from, `127.0.0.1:${addressA.port}`);
    rig.send([{ descriptor: 6, payload: octets(7), to: addressA }]);
    const [back] = rig.receive(1);
    t.deepEqual(back.bytes, octets(7));
    t.is(back.from, `127.0.0.1:${addressB.port}`);
  });

  check('an IPv4 socket cannot reach IPv6, and says so for that datagram only', (t, rig) => {
    const udp = rig.sockets.openUdp('127.0.0.1', 0);
    const to = rig.sockets.localAddress(udp);
    rig.io.addDescriptor(0, udp, DescriptorKind.udp);
    const payload = octets(8);
    const results = rig.send([
      { descriptor: 0, payload, to: { host: '2001:db8::99', port: 9 } },
      { descriptor: 0, payload, to },
    ]);
    t.true(results[0] < 0);
    t.is(results[1], 8);
  });

  check('segments leave as datagrams of their own', (t, rig) => {
    const udp = rig.sockets.openUdp('127.0.0.1', 0);
    const to = rig.sockets.localAddress(udp);
    rig.io.addDescriptor(0, udp, DescriptorKind.udp);
    const payload = octets(2500);
    t.deepEqual(rig.send([{ descriptor: 0, payload, to, segmentSize: 1000 }]), [2500]);
    const all = datagrams(rig.receive((records) => datagrams(records).length >= 3));
    t.deepEqual(
      all.map(({ length }) => length),
      [1000, 1000, 500],
    );
    t.deepEqual(all[2], payload.slice(2000));
  });

  check('one datagram says nothing of segments, whatever was there before', (t, rig) => {
    const udp = rig.sockets.openUdp('127.0.0.1', 0);
    const to = rig.sockets.localAddress(udp);
    rig.io.addDescriptor(0, udp, DescriptorKind.udp);
    rig.datagramPair(1, 2);
    rig.io.rx.fill(77);
    rig.send([
      { descriptor: 0, payload: octets(60_000), to },
      { descriptor: 1, payload: octets(60) },
    ]);
    const all = rig.receive(2);
    t.deepEqual(
      all.map(({ offload, segmentSize }) => [offload, segmentSize]),
      [
        [0, 0],
        [0, 0],
      ],
    );
    const large = all.find(({ descriptor }) => descriptor === 0);
    t.deepEqual(large?.bytes, octets(60_000));
  });

  check(
    'datagrams land in the large slots, and nobody is left out when those run out',
    (t, rig) => {
      const sockets = Array.from({ length: 3 }, () => rig.sockets.openUdp('127.0.0.1', 0));
      const addresses = sockets.map((socket) => rig.sockets.localAddress(socket));
      sockets.forEach((socket, i) => {
        rig.io.addDescriptor(i, socket, DescriptorKind.udp);
      });
      const each = LARGE_SLOTS;
      for (const [i, to] of addresses.entries()) {
        // Lengths that grow are not joined.
        const sends = Array.from({ length: each }, (_, n) => ({
          descriptor: i,
          payload: octets(1 + n),
          to,
        }));
        t.true(rig.send(sends).every((result) => result > 0));
      }
      const lengths: number[][] = [[], [], []];
      for (let polls = 0; lengths.flat().length < 3 * each && polls < 100; polls++) {
        const count = rig.io.poll(50);
        t.true(count <= LARGE_SLOTS);
        for (let i = 0; i < count; i++) {
          const record = rig.io.rx.subarray(i * RX_STRIDE, (i + 1) * RX_STRIDE);
          const slot = record[Rx.offset] - SLOT_HEADROOM - SlabLayout.large;
          t.is(slot % LARGE_SLOT_LENGTH, 0);
          t.true(slot >= 0 && slot < LARGE_SLOTS * LARGE_SLOT_LENGTH);
          const joined = record[Rx.segmentSize] !== 0;
          t.false(joined);
          lengths[record[Rx.descriptor]].push(record[Rx.length]);
        }
      }
      for (const got of lengths) {
        t.deepEqual(
          got,
          Array.from({ length: each }, (_, n) => 1 + n),
        );
      }
    },
  );
}
