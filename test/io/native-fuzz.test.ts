/** Random numbers in every field that JavaScript can write: answers, and never a crash. */
import test from 'ava';
import fc from 'fast-check';
import {
  DescriptorKind,
  JOB_STRIDE,
  Job,
  SLAB_LENGTH,
  SlabLayout,
  TX_STRIDE,
  Tx,
} from '../../src/io/contract.ts';
import { octets, Rig } from './rig.ts';

const UNTOUCHED = 0x7a7a7a7a;

const field = fc.oneof(
  fc.integer({ min: -2, max: 8 }),
  fc.integer({ min: 0, max: 3000 }),
  fc.constantFrom(SlabLayout.free, SLAB_LENGTH, SLAB_LENGTH - 1, SLAB_LENGTH - 24),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
);

function records(stride: number) {
  return fc.array(fc.array(field, { minLength: stride, maxLength: stride }), { maxLength: 40 });
}

test('send records of every sort', (t) => {
  const rig = Rig.native(t);
  const { io, sockets } = rig;
  rig.datagramPair(0, 1);
  rig.streamPair(2, 3, 1000);
  io.addDescriptor(4, sockets.openUdp('::', 0), DescriptorKind.udp);
  const listener = sockets.openTcpListener('127.0.0.1', 0);
  io.addDescriptor(5, listener, DescriptorKind.listener);
  fc.assert(
    fc.property(records(TX_STRIDE), (list) => {
      // No datagram may leave for where the random octets point.
      io.slab.fill(0, SLAB_LENGTH - 48);
      io.slab.fill(0, SlabLayout.free, SlabLayout.free + 24);
      list.forEach((record, i) => {
        io.tx.set(record, i * TX_STRIDE);
        io.tx[i * TX_STRIDE + Tx.result] = UNTOUCHED;
        if (io.tx[i * TX_STRIDE] === 4) {
          io.tx[i * TX_STRIDE + Tx.address] = i % 2 === 0 ? SLAB_LENGTH - 24 : SLAB_LENGTH - 23;
        }
      });
      const notWhole = io.flush(list.length);
      t.true(notWhole <= list.length);
      list.forEach((_, i) => {
        t.not(io.tx[i * TX_STRIDE + Tx.result], UNTOUCHED);
      });
      rig.takeStream(2);
      rig.takeStream(3);
      rig.poll(0);
    }),
  );
});

test('jobs of every sort', (t) => {
  const { io } = Rig.native(t);
  for (let slot = 0; slot < 4; slot++) {
    io.setKey(slot, slot % 2 === 0 ? 1 : 2, octets(32), octets(12));
  }
  fc.assert(
    fc.property(records(JOB_STRIDE), fc.boolean(), (list, opens) => {
      list.forEach((record, i) => {
        io.jobs.set(record, i * JOB_STRIDE);
        io.jobs[i * JOB_STRIDE + Job.result] = UNTOUCHED;
      });
      if (opens) t.true(io.open(list.length) <= list.length);
      else io.seal(list.length);
      list.forEach((_, i) => {
        t.not(io.jobs[i * JOB_STRIDE + Job.result], UNTOUCHED);
      });
    }),
  );
});

test('fill levels that are off pause a stream and nothing else', (t) => {
  const rig = Rig.native(t);
  rig.streamPair(0, 1, 100);
  rig.datagramPair(2, 3);
  fc.assert(
    fc.property(
      field.filter((level) => level < 0 || level >= 100),
      (level) => {
        rig.send([
          { descriptor: 0, payload: octets(1) },
          { descriptor: 2, payload: octets(1) },
        ]);
        rig.io.fill[1] = level;
        const all = rig.receive(1);
        t.deepEqual(
          all.map(({ descriptor }) => descriptor),
          [3],
        );
        t.is(rig.io.fill[1], level);
      },
    ),
  );
  rig.io.fill[1] = 0;
  rig.receive(1);
  t.true(rig.io.fill[1] > 0);
});
