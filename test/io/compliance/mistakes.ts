/** What a caller may get wrong, and what the system refuses. */
import {
  DescriptorKind,
  RxEvent,
  SEND_RECORDS,
  SLAB_LENGTH,
  SlabLayout,
  TX_STRIDE,
  Tx,
} from '../../../src/io/contract.ts';
import type { Check } from './check.ts';

export function checkMistakes(check: Check): void {
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
