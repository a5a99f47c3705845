/** What every BatchedIo must do: run over the real one and the one in memory. */
import type { ExecutionContext, TestFn } from 'ava';
import {
  DescriptorKind,
  LARGE_SLOT_LENGTH,
  LARGE_SLOTS,
  MAX_PARTS,
  PART_RECORDS,
  RECEIVE_BATCH,
  RECEIVE_SLOTS,
  RX_STRIDE,
  Rx,
  RxEvent,
  SEND_RECORDS,
  SLAB_LENGTH,
  SLOT_HEADROOM,
  SlabLayout,
  TX_STRIDE,
  Tx,
} from '../../src/io/contract.ts';
import { Errno } from '../../src/io/errno.ts';
import { tcp4Offload, tcp4SuperFrame } from './frames.ts';
import { datagrams, octets, type Received, type Rig } from './rig.ts';

const EAGAIN = -Errno.EAGAIN;

export function batchedIoCompliance(test: TestFn, makeRig: (t: ExecutionContext) => Rig): void {
  const check = (title: string, body: (t: ExecutionContext, rig: Rig) => void) =>
    test(title, (t) => {
      body(t, makeRig(t));
    });

  check('nothing comes from nothing', (t, rig) => {
    t.deepEqual(rig.poll(0), []);
    t.is(rig.io.flush(0), 0);
    t.is(rig.io.open(0), 0);
  });

  check('the doorbell makes one record, however often it was rung', (t, rig) => {
    rig.sockets.ringDoorbell(rig.doorbell);
    rig.sockets.ringDoorbell(rig.doorbell);
    const all = rig.poll();
    t.is(all.length, 1);
    t.is(all[0].descriptor, -1);
    t.is(all[0].event, RxEvent.data);
    t.deepEqual(rig.poll(0), []);
  });

  check('Unix datagrams keep their order, their edges and their header', (t, rig) => {
    rig.datagramPair(7, 9);
    const results = rig.send([
      { descriptor: 7, header: octets(3), payload: octets(60, 10) },
      { descriptor: 7, payload: octets(9000) },
      { descriptor: 7, header: octets(1, 77) },
      { descriptor: 9, payload: octets(14) },
    ]);
    t.deepEqual(results, [63, 9000, 1, 14]);
    const all = rig.receive(4);
    t.deepEqual(
      all.filter(({ descriptor }) => descriptor === 9).map(({ bytes }) => bytes),
      [Uint8Array.from([...octets(3), ...octets(60, 10)]), octets(9000), octets(1, 77)],
    );
    t.deepEqual(
      all.filter(({ descriptor }) => descriptor === 7).map(({ bytes }) => bytes),
      [octets(14)],
    );
    const { received, sent, polls } = rig.io.counters();
    t.is(received, 4);
    t.is(sent, 4);
    t.true(polls >= 1);
  });

  check('interleaved descriptors each keep their order', (t, rig) => {
    rig.datagramPair(0, 1);
    rig.datagramPair(2, 3);
    const sends = Array.from({ length: 100 }, (_, i) => ({
      descriptor: i % 2 === 0 ? 0 : 2,
      payload: Uint8Array.of(i),
    }));
    t.true(rig.send(sends).every((result) => result === 1));
    const all = rig.receive(100);
    for (const [descriptor, parity] of [
      [1, 0],
      [3, 1],
    ]) {
      const numbers = all.filter((r) => r.descriptor === descriptor).map(({ bytes }) => bytes[0]);
      t.deepEqual(
        numbers,
        Array.from({ length: 50 }, (_, i) => 2 * i + parity),
      );
    }
  });

  check('a full Unix socket refuses, the others take, and room is told once', (t, rig) => {
    rig.datagramPair(0, 1, 16 * 1024);
    rig.datagramPair(2, 3);
    const sends = Array.from({ length: 512 }, (_, i) => ({
      descriptor: i % 2 === 0 ? 0 : 2,
      payload: octets(1000),
    }));
    const before = rig.io.counters().wouldBlock;
    const results = rig.send(sends);
    const full = results.filter((_, i) => i % 2 === 0);
    const first = full.indexOf(EAGAIN);
    t.true(first > 0, 'the small buffer must run full');
    t.true(full.slice(first).every((result) => result === EAGAIN));
    t.true(
      results
        .filter((_, i) => i % 2 === 1)
        .slice(0, 64)
        .every((result) => result === 1000),
    );
    t.is(rig.io.counters().wouldBlock - before, results.filter((r) => r === EAGAIN).length);

    rig.io.watchWritable(0);
    // Draining the receiver makes room, and only then can the event come.
    const isWritable = ({ event }: Received) => event === RxEvent.writable;
    const all = rig.receive((seen) => seen.some(isWritable));
    t.is(all.find(isWritable)?.descriptor, 0);
    while (rig.poll(0).length > 0);
    t.deepEqual(rig.send([{ descriptor: 0, payload: octets(10) }]), [10]);
    const rest = rig.receive(1);
    t.false(rest.some(isWritable), 'told once only');
  });

  check('sending to a socket that is gone fails without harm to others', (t, rig) => {
    rig.datagramPair(0, 1);
    rig.datagramPair(2, 3);
    rig.io.removeDescriptor(1);
    const results = rig.send([
      { descriptor: 0, payload: octets(5) },
      { descriptor: 2, payload: octets(5) },
      { descriptor: 0, payload: octets(5) },
    ]);
    t.is(results[0], -Errno.ECONNREFUSED);
    t.is(results[1], 5);
    t.true(results[2] < 0);
    const all = rig.receive(1);
    t.is(all[0].descriptor, 3);
    // It is not closed by that: its owner hears of the end otherwise.
    t.false(rig.poll(0).some(({ event }) => event === RxEvent.closed));
  });

  check('a datagram larger than a slot is reported and not handed on', (t, rig) => {
    rig.datagramPair(0, 1);
    rig.send([
      { descriptor: 0, payload: octets(60) },
      { descriptor: 0, payload: octets(9601) },
      { descriptor: 0, payload: octets(9600) },
    ]);
    const events = rig.receive(3).map(({ event, length }) => [event, length]);
    t.deepEqual(events[0], [RxEvent.data, 60]);
    t.is(events[1][0], RxEvent.oversized);
    t.deepEqual(events[2], [RxEvent.data, 9600]);
  });

  check('one descriptor gives a batch a poll, and the slots are shared fairly', (t, rig) => {
    const pairs = 8;
    const rounds = 2;
    const pollsToServeAll = (pairs * RECEIVE_BATCH) / RECEIVE_SLOTS;
    for (let i = 0; i < pairs; i++) rig.datagramPair(2 * i, 2 * i + 1);
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < pairs; i++) {
        const sends = Array.from({ length: RECEIVE_BATCH }, () => ({
          descriptor: 2 * i,
          payload: octets(20),
        }));
        t.true(rig.send(sends).every((result) => result === 20));
      }
    }
    const served = new Set<number>();
    for (let i = 0; i < pollsToServeAll; i++) {
      const all = rig.poll();
      t.is(all.length, RECEIVE_SLOTS);
      for (const { descriptor } of all) {
        served.add(descriptor);
        t.true(all.filter((r) => r.descriptor === descriptor).length <= RECEIVE_BATCH);
      }
    }
    t.is(served.size, pairs, 'everybody is served before anybody is served twice');
    const rest = rounds * pairs * RECEIVE_BATCH - pollsToServeAll * RECEIVE_SLOTS;
    t.is(rig.receive(rest).length, rest);
  });

  check('what comes to a descriptor on hold stays with the system', (t, rig) => {
    rig.datagramPair(0, 1);
    rig.datagramPair(2, 3);
    rig.io.hold(1, true);
    rig.send([
      { descriptor: 0, payload: octets(20) },
      { descriptor: 2, payload: octets(21) },
    ]);
    t.deepEqual(
      rig.receive(1).map(({ descriptor, length }) => [descriptor, length]),
      [[3, 21]],
    );
    t.is(rig.poll().length, 0);
    rig.io.hold(1, false);
    t.deepEqual(
      rig.receive(1).map(({ descriptor, length }) => [descriptor, length]),
      [[1, 20]],
    );
  });

  check('octets cross to memory of another thread and back, and never beyond', (t, rig) => {
    const { io } = rig;
    const shared = new Uint8Array(new SharedArrayBuffer(100));
    const { arena } = SlabLayout;
    io.slab.set(octets(60, 7), arena);
    io.copyOut(arena + 1, 50, shared, 49);
    t.deepEqual(shared.slice(49, 99), octets(50, 8));
    t.deepEqual([shared[48], shared[99]], [0, 0]);
    io.copyIn(shared, 50, 49, arena + 1000);
    t.deepEqual(io.slab.slice(arena + 1000, arena + 1050), Uint8Array.of(...octets(49, 9), 0));
    io.copyOut(arena, 0, shared, 100);
    t.throws(() => io.copyOut(arena, 2, shared, 99));
    t.throws(() => io.copyOut(arena, 1, shared, -1));
    t.throws(() => io.copyOut(-1, 1, shared, 0));
    t.throws(() => io.copyOut(SLAB_LENGTH - 1, 2, shared, 0));
    t.throws(() => io.copyIn(shared, 99, 2, arena));
    t.throws(() => io.copyIn(shared, -1, 1, arena));
    t.throws(() => io.copyIn(shared, 0, 2, SLAB_LENGTH - 1));
    t.throws(() => io.copyIn(shared, 0, 1, -1));
  });

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

  check('a payload may lie in parts', (t, rig) => {
    const udp = rig.sockets.openUdp('127.0.0.1', 0);
    const to = rig.sockets.localAddress(udp);
    rig.io.addDescriptor(0, udp, DescriptorKind.udp);
    const sends = [
      { descriptor: 0, to, header: octets(2), parts: [octets(5, 2), octets(1, 7), octets(9, 8)] },
      { descriptor: 0, to, parts: [octets(4), octets(0), octets(4, 4)] },
      { descriptor: 0, to, parts: [octets(3), octets(3)], segmentSize: 3 },
    ];
    t.deepEqual(rig.send(sends), [17, 8, 6]);
    const all = datagrams(rig.receive((records) => datagrams(records).length >= 4));
    t.deepEqual(all, [octets(17), octets(8), octets(3), octets(3)]);
  });

  check('parts that are off are refused', (t, rig) => {
    const udp = rig.sockets.openUdp('127.0.0.1', 0);
    const to = rig.sockets.localAddress(udp);
    rig.io.addDescriptor(0, udp, DescriptorKind.udp);
    const { io } = rig;
    const parts = [octets(4), octets(4)];
    const refused = (what: string, spoil: () => void) => {
      t.deepEqual(rig.send([{ descriptor: 0, to, parts }]), [8], what);
      spoil();
      t.is(io.flush(1), 1, what);
      t.is(io.tx[Tx.result], -Errno.EINVAL, what);
    };
    refused('not in the slab', () => io.parts.set([SLAB_LENGTH - 3], 2));
    refused('before the slab', () => io.parts.set([-1], 2));
    refused('a negative length', () => io.parts.set([-4, SlabLayout.arena, 12], 1));
    refused('more than the record says', () => io.parts.set([5], 3));
    refused('less than the record says', () => io.parts.set([3], 3));
    refused('beyond the list', () => io.tx.set([PART_RECORDS - 1], Tx.payloadOffset));
    refused('before the list', () => io.tx.set([-1], Tx.payloadOffset));
    t.is(datagrams(rig.receive((records) => datagrams(records).length >= 7)).length, 7);
  });

  check('a payload has at most MAX_PARTS parts', (t, rig) => {
    const udp = rig.sockets.openUdp('127.0.0.1', 0);
    const to = rig.sockets.localAddress(udp);
    rig.io.addDescriptor(0, udp, DescriptorKind.udp);
    const parts = (count: number) => Array.from({ length: count }, (_, i) => octets(1, i + 2));
    const header = octets(2);
    const send = (count: number) => ({ descriptor: 0, to, header, parts: parts(count) });
    const all = rig.send([send(MAX_PARTS), send(MAX_PARTS + 1), send(MAX_PARTS), send(1)]);
    const most = MAX_PARTS + 2;
    t.deepEqual(all, [most, -Errno.EINVAL, most, 3]);
    const received = datagrams(rig.receive((records) => datagrams(records).length >= 3));
    t.deepEqual(received, [octets(most), octets(most), octets(3)]);
    // Half as many again: what does not fit into one batch goes into the next.
    t.deepEqual(
      rig.send(Array.from({ length: 5 }, () => send(MAX_PARTS - 1))),
      new Array(5).fill(most - 1),
    );
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

  check('a super-frame is cut where it was told to be, or not at all', (t, rig) => {
    const { io } = rig;
    const frame = tcp4SuperFrame(2500);
    const { offload, segmentSize, checksumStart, checksumOffset } = tcp4Offload(1000);
    const input = SlabLayout.free;
    const output = input + frame.length;
    const room = 2500 + 3 * 54;
    io.slab.set(frame, input);
    const cut = (at: number, length: number, to: number, most: number, size = segmentSize) =>
      io.segment(input + at, length, offload, size, checksumStart, checksumOffset, to, most);
    t.is(cut(0, frame.length, output, room), 3);
    const identifications = [0, 1054, 2108].map((at) => io.slab[output + at + 19]);
    t.deepEqual(identifications, [0x34, 0x35, 0x36]);
    t.deepEqual(io.slab.slice(input, input + frame.length), frame, 'only read');
    t.is(cut(0, frame.length, output, room - 1), -1, 'too little room');
    t.is(cut(0, frame.length, output - 1, room), -1, 'over itself');
    t.is(cut(0, frame.length, input - room + 1, room), -1, 'over itself');
    t.is(cut(0, frame.length - 1, output, room), -1);
    t.is(cut(0, frame.length, output, room, 0), -1);
    t.is(cut(0, -1, output, room), -1);
    t.is(cut(-input - 1, frame.length, output, room), -1);
    t.is(cut(0, frame.length, SLAB_LENGTH - room + 1, room), -1);
    t.is(cut(0, frame.length, SLAB_LENGTH - room, room), 3);
  });

  check('a stream gathers behind what is there, stops when full and goes on', (t, rig) => {
    rig.streamPair(1, 2, 100);
    rig.send([
      { descriptor: 1, header: octets(4), payload: octets(26) },
      { descriptor: 1, payload: octets(30, 100) },
    ]);
    rig.receive(() => rig.io.fill[2] === 60);
    rig.send([{ descriptor: 1, payload: octets(90, 7) }]);
    const [more] = rig.receive(1);
    t.is(more.length, 40);
    t.is(rig.io.fill[2], 100);
    t.deepEqual(rig.poll(0), [], 'a full area is not read');
    t.deepEqual(rig.poll(0), []);
    const all = rig.takeStream(2);
    t.deepEqual(
      all.slice(0, 60),
      Uint8Array.from([...octets(4), ...octets(26), ...octets(30, 100)]),
    );
    rig.receive(() => rig.io.fill[2] === 50);
    t.deepEqual(Uint8Array.from([...all.slice(60), ...rig.takeStream(2)]), octets(90, 7));
  });

  check('a stream takes a part, refuses the rest, and tells when there is room', (t, rig) => {
    rig.streamPair(1, 2, 1 << 20);
    const payload = octets(150_000);
    const results = rig.send(Array.from({ length: 12 }, () => ({ descriptor: 1, payload })));
    const whole = results.findIndex((result) => result !== payload.length);
    t.true(whole >= 0, 'twelve of them cannot fit');
    t.true(results[whole] > 0 || results[whole] === EAGAIN);
    t.true(results.slice(whole + 1).every((result) => result === EAGAIN));
    const taken = results.reduce((sum, result) => sum + Math.max(0, result), 0);
    rig.io.watchWritable(1);
    let read = 0;
    const events = rig.receive((all) => {
      read += rig.takeStream(2).length;
      return read === taken && all.some(({ event }) => event === RxEvent.writable);
    });
    t.is(events.filter(({ event }) => event === RxEvent.writable).length, 1);
  });

  check('the end of a stream comes after its data, once', (t, rig) => {
    rig.streamPair(1, 2, 1000);
    rig.send([{ descriptor: 1, payload: octets(10) }]);
    rig.io.removeDescriptor(1);
    const all = rig.receive(2);
    t.deepEqual(
      all.map(({ descriptor, event, length }) => [descriptor, event, length]),
      [
        [2, RxEvent.data, 10],
        [2, RxEvent.closed, 0],
      ],
    );
    t.deepEqual(rig.poll(0), []);
    const [result] = rig.send([{ descriptor: 2, payload: octets(1) }]);
    t.is(result, -Errno.EPIPE);
  });

  check('a connection is made, accepted and used', (t, rig) => {
    const { sockets, io } = rig;
    const listener = sockets.openTcpListener('127.0.0.1', 0);
    const { port } = sockets.localAddress(listener);
    io.addDescriptor(1, listener, DescriptorKind.listener);
    const connection = sockets.openTcpConnection('127.0.0.1', port);
    io.addDescriptor(2, connection, DescriptorKind.stream, rig.area(2, 1000));
    io.watchWritable(2);
    const near = sockets.localAddress(connection);
    const all = rig.receive(2);
    const accepted = all.find(({ event }) => event === RxEvent.accepted);
    t.truthy(accepted);
    t.truthy(all.find(({ descriptor, event }) => descriptor === 2 && event === RxEvent.writable));
    t.is(accepted?.descriptor, 1);
    t.is(accepted?.from, `127.0.0.1:${near.port}`);
    io.addDescriptor(3, accepted?.length as number, DescriptorKind.stream, rig.area(3, 1000));
    t.deepEqual(rig.send([{ descriptor: 2, payload: octets(20) }]), [20]);
    rig.receive(() => io.fill[3] === 20);
    t.deepEqual(rig.takeStream(3), octets(20));
    t.deepEqual(rig.send([{ descriptor: 3, payload: octets(5, 9) }]), [5]);
    rig.receive(() => io.fill[2] === 5);
    t.deepEqual(rig.takeStream(2), octets(5, 9));
  });

  check('a connection to nobody is refused, at once or as an end', (t, rig) => {
    const listener = rig.sockets.openTcpListener('127.0.0.1', 0);
    const { port } = rig.sockets.localAddress(listener);
    rig.sockets.closeDescriptor(listener);
    let connection: number;
    try {
      connection = rig.sockets.openTcpConnection('127.0.0.1', port);
    } catch (error) {
      t.regex((error as Error).message, /ECONNREFUSED/);
      return;
    }
    rig.io.addDescriptor(2, connection, DescriptorKind.stream, rig.area(2, 1000));
    rig.io.watchWritable(2);
    const [end] = rig.receive(1);
    t.is(end.event, RxEvent.closed);
    t.is(end.length, Errno.ECONNREFUSED);
  });

  check('what was removed says nothing more, even under an index used again', (t, rig) => {
    rig.datagramPair(0, 1);
    rig.datagramPair(2, 3);
    rig.send([
      { descriptor: 0, payload: octets(5) },
      { descriptor: 2, payload: octets(6) },
    ]);
    rig.io.watchWritable(1);
    rig.io.removeDescriptor(1);
    rig.io.removeDescriptor(3);
    rig.streamPair(1, 3, 100);
    t.deepEqual(rig.poll(0), []);
    rig.send([{ descriptor: 1, payload: octets(3) }]);
    const [only] = rig.receive(1);
    t.deepEqual([only.descriptor, only.length], [3, 3]);
    rig.io.removeDescriptor(500);
  });

  check('send records that are off are refused one by one', (t, rig) => {
    rig.datagramPair(0, 1);
    const { io } = rig;
    const good = [0, SlabLayout.arena, 1, SlabLayout.arena, 2, -1, 0, 0, 0, 0, 0, 0];
    const bad = [
      [-1, 0, 1, 0, 1],
      [1024, 0, 1, 0, 1],
      [77, 0, 1, 0, 1],
      [0, SLAB_LENGTH, 1, 0, 1],
      [0, SLAB_LENGTH - 1, 2, 0, 1],
      [0, 0, 1, -1, 1],
      [0, 0, 1, 0, -1],
      [0, 0, 1, 0x7fffffff, 0x7fffffff],
    ];
    bad.forEach((record, i) => {
      io.tx.set([...record, -1, 0, 0, 0, 0, 0, 0], 2 * i * TX_STRIDE);
      io.tx.set(good, (2 * i + 1) * TX_STRIDE);
    });
    t.is(io.flush(2 * bad.length), bad.length);
    for (let i = 0; i < bad.length; i++) {
      t.true(io.tx[2 * i * TX_STRIDE + Tx.result] < 0);
      t.is(io.tx[(2 * i + 1) * TX_STRIDE + Tx.result], 3);
    }
    t.is(io.counters().sendErrors, bad.length);
    t.is(rig.receive(bad.length).length, bad.length);
    t.throws(() => io.flush(SEND_RECORDS + 1));
    t.throws(() => io.flush(-1));
  });

  check('descriptors that are off are refused and stay the caller’s', (t, rig) => {
    const { io, sockets } = rig;
    const [a, b] = sockets.openStreamPair();
    const { stream, udp, unixDatagram, tap } = DescriptorKind;
    t.throws(() => io.addDescriptor(1024, a, stream, rig.area(0, 10)), { instanceOf: RangeError });
    t.throws(() => io.addDescriptor(-1, a, stream, rig.area(0, 10)), { instanceOf: RangeError });
    t.throws(() => io.addDescriptor(0.5, a, stream, rig.area(0, 10)), { instanceOf: RangeError });
    t.throws(() => io.removeDescriptor(1024), { instanceOf: RangeError });
    t.throws(() => io.watchWritable(-1), { instanceOf: RangeError });
    t.throws(() => io.addDescriptor(0, a, stream));
    t.throws(() => io.addDescriptor(0, a, stream, { offset: SLAB_LENGTH - 5, length: 6 }));
    t.throws(() => io.addDescriptor(0, a, unixDatagram));
    t.throws(() => io.addDescriptor(0, a, udp));
    t.throws(() => io.addDescriptor(0, 999_999, tap));
    io.addDescriptor(0, a, stream, rig.area(0, 10));
    t.throws(() => io.addDescriptor(0, b, stream, rig.area(1, 10)), { instanceOf: RangeError });
    sockets.closeDescriptor(b);
    const [end] = rig.receive(1);
    t.is(end.event, RxEvent.closed);
  });

  check('the system’s refusals are sentences with a code', (t, rig) => {
    const { sockets } = rig;
    const udp = sockets.openUdp('127.0.0.1', 0);
    const { port } = sockets.localAddress(udp);
    t.throws(() => sockets.openUdp('127.0.0.1', port), { code: 'address', message: /in use/ });
    sockets.closeDescriptor(udp);
    t.throws(() => sockets.openUdp('203.0.113.77', 0), { code: 'address' });
    t.throws(() => sockets.openUdp('localhost', 0), { code: 'address', message: /numeric/ });
    t.throws(() => sockets.openUdp('127.0.0.1', 70_000), { code: 'address' });
    const missing = rig.path('nobody');
    t.throws(() => sockets.openUnixDatagram(rig.path('x'), missing, 1000), { code: 'not-found' });
    t.throws(() => sockets.closeDescriptor(udp), { message: /EBADF/ });
    t.throws(() => sockets.localAddress(rig.doorbell));
  });
}
