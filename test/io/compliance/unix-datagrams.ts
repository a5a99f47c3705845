/** Unix datagram sockets: edges kept, order kept, a full or missing reader told. */
import { RxEvent } from '../../../src/io/contract.ts';
import { Errno } from '../../../src/io/errno.ts';
import { octets, type Received } from '../rig.ts';
import type { Check } from './check.ts';

const EAGAIN = -Errno.EAGAIN;

export function checkUnixDatagrams(check: Check): void {
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
}
