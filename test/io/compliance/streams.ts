/** Streams and listeners: areas that fill, writes taken in part, connections made and ended. */
import { DescriptorKind, RxEvent } from '../../../src/io/contract.ts';
import { Errno } from '../../../src/io/errno.ts';
import { octets } from '../rig.ts';
import type { Check } from './check.ts';

const EAGAIN = -Errno.EAGAIN;

export function checkStreams(check: Check): void {
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
}
