/** The loop itself: waiting, the doorbell, who is served when and who is left for later. */
import { RECEIVE_BATCH, RECEIVE_SLOTS, RxEvent } from '../../../src/io/contract.ts';
import { octets } from '../rig.ts';
import type { Check } from './check.ts';

export function checkLoop(check: Check): void {
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
}
