/** The parts of descriptors.test.ts; each runs alone in its process and exits with 0 when all is well. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker } from 'node:worker_threads';
import { DescriptorKind, RxEvent } from '../../src/io/contract.ts';
import { NativeIo } from '../../src/io/native-io.ts';
import { systemSockets } from '../../src/io/system-sockets.ts';
import { octets, Rig } from './rig.ts';

const count = () => readdirSync('/proc/self/fd').length;

/** Opens one of everything, and leaves it to the caller to close. */
function openAll(): Rig {
  const rig = Rig.native();
  const { sockets, io } = rig;
  rig.datagramPair(0, 1);
  rig.streamPair(2, 3, 1000);
  io.addDescriptor(4, sockets.openUdp('::', 0), DescriptorKind.udp);
  const listener = sockets.openTcpListener('127.0.0.1', 0);
  io.addDescriptor(5, listener, DescriptorKind.listener);
  const { port } = sockets.localAddress(listener);
  const connection = sockets.openTcpConnection('127.0.0.1', port);
  io.addDescriptor(6, connection, DescriptorKind.stream, rig.area(6, 1000));
  const accepted = rig.receive(1).find(({ event }) => event === RxEvent.accepted);
  io.addDescriptor(7, accepted?.length as number, DescriptorKind.stream, rig.area(7, 1000));
  io.setKey(0, 1, octets(32), octets(12));
  return rig;
}

const parts: Record<string, () => void | Promise<void>> = {
  leak() {
    openAll().close();
    const before = count();
    for (let i = 0; i < 20; i++) {
      const rig = openAll();
      for (let index = 0; index < 4; index++) rig.io.removeDescriptor(index);
      rig.close();
    }
    assert.equal(count(), before);
  },

  failures() {
    const sockets = systemSockets();
    const rig = Rig.native();
    const udp = sockets.openUdp('127.0.0.1', 0);
    const listener = sockets.openTcpListener('127.0.0.1', 0);
    const { port } = sockets.localAddress(udp);
    const tcp = sockets.localAddress(listener).port;
    const before = count();
    assert.throws(() => sockets.openUdp('127.0.0.1', port));
    assert.throws(() => sockets.openUdp('203.0.113.1', 0));
    assert.throws(() => sockets.openTcpListener('127.0.0.1', tcp));
    assert.throws(() => sockets.openTcpConnection('255.255.255.255', 1));
    assert.throws(() => sockets.openUnixDatagram(rig.path('a'), rig.path('none'), 1000));
    assert.throws(() => sockets.openUnixDatagram('/no/such/place', '', 1000));
    assert.throws(() => sockets.openTap('a/b', ''));
    assert.throws(() => new NativeIo({ doorbell: 9999 }));
    assert.equal(count(), before);
    rig.close();
  },

  async garbage() {
    const before = count();
    const make = () => {
      const sockets = systemSockets();
      for (let i = 0; i < 5; i++) {
        const io = new NativeIo({ doorbell: -1 });
        io.addDescriptor(0, sockets.openUdp('127.0.0.1', 0), DescriptorKind.udp);
      }
    };
    make();
    assert.ok(count() > before);
    for (let i = 0; i < 50 && count() > before; i++) {
      (globalThis as { gc?: () => void }).gc?.();
      await turn();
    }
    assert.equal(count(), before);
  },

  async worker() {
    // The first worker makes descriptors of its own that stay, such as an epoll set.
    for (let i = 0; i < 2; i++) await once(new Worker(fileURLToPath(import.meta.url)), 'exit');
    const before = count();
    for (let i = 0; i < 3; i++) await once(new Worker(fileURLToPath(import.meta.url)), 'exit');
    assert.equal(count(), before);
  },

  exhaustion() {
    const rig = Rig.native();
    const { sockets, io } = rig;
    const listener = sockets.openTcpListener('127.0.0.1', 0);
    const { port } = sockets.localAddress(listener);
    io.addDescriptor(0, listener, DescriptorKind.listener);
    const connection = sockets.openTcpConnection('127.0.0.1', port);
    io.addDescriptor(1, connection, DescriptorKind.stream, rig.area(1, 1000));
    // The limit itself is lowered, so that few descriptors are enough.
    const taken: number[] = [];
    assert.throws(
      () => {
        for (;;) taken.push(sockets.openDoorbell());
      },
      { message: /EMFILE/ },
    );
    const all = rig.receive(1);
    assert.deepEqual(
      all.map(({ descriptor, event }) => [descriptor, event]),
      [[1, RxEvent.closed]],
      'the other end is told, and nothing is accepted',
    );
    assert.ok(io.counters().receiveErrors > 0);
    assert.deepEqual(rig.poll(30), []);
    for (const descriptor of taken) sockets.closeDescriptor(descriptor);
    io.removeDescriptor(1);
    const again = sockets.openTcpConnection('127.0.0.1', port);
    io.addDescriptor(1, again, DescriptorKind.stream, rig.area(1, 1000));
    const [accepted] = rig.receive(1);
    assert.equal(accepted.event, RxEvent.accepted);
    sockets.closeDescriptor(accepted.length);
    rig.close();
  },
};

if (isMainThread) {
  await parts[process.argv[2]]();
} else {
  // A worker that ends without closing anything.
  const io = new NativeIo({ doorbell: -1 });
  io.addDescriptor(0, systemSockets().openUdp('127.0.0.1', 0), DescriptorKind.udp);
}
