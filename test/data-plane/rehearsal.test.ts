/** The rehearsal really walks the path, over the system's sockets, and leaves nothing behind. */
import { readdirSync } from 'node:fs';
import test from 'ava';
import { rehearse } from '../../src/data-plane/rehearsal.ts';
import { NativeIo } from '../../src/io/native-io.ts';
import type { SystemSockets } from '../../src/io/system-contract.ts';
import { systemSockets } from '../../src/io/system-sockets.ts';

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

interface Run {
  readonly worker?: number;
  readonly workers?: number;
  readonly sockets?: SystemSockets;
  /** Milliseconds by which the clock goes on when it is looked at. */
  readonly step?: number;
}

function run({ worker = 0, workers = 1, sockets = systemSockets(), step = 0.001 }: Run) {
  const io = new NativeIo({ doorbell: -1 });
  let [polls, empty] = [0, 0];
  const poll = io.poll.bind(io);
  io.poll = (timeout) => {
    const count = poll(timeout);
    polls++;
    if (count === 0) empty++;
    return count;
  };
  const before = openDescriptors();
  let now = 1000;
  rehearse({ io, sockets, clock: () => (now += step), worker, workers });
  const left = openDescriptors() - before;
  const { sent, received, sendErrors, wouldBlock } = io.counters();
  io.close();
  return { polls, empty, sent, received, left, trouble: sendErrors + wouldBlock };
}

test('frames go round to the end, and no socket is left', (t) => {
  const { polls, empty, sent, received, left, trouble } = run({});
  // Four walks, busy and quiet; each ends when nothing comes any more.
  t.true(polls > 6000);
  t.is(empty, 8);
  t.true(received > 2 * polls);
  t.is(sent, received);
  t.deepEqual({ left, trouble }, { left: 0, trouble: 0 });
});

test('with sessions in other workers, for the ports and for the sessions', (t) => {
  const ports = run({ workers: 2 });
  t.true(ports.received > 12_000);
  t.deepEqual([ports.left, ports.trouble], [0, 0]);
  const sessions = run({ worker: 1, workers: 2 });
  t.true(sessions.received > 2000);
  t.deepEqual([sessions.left, sessions.trouble], [0, 0]);
});

test('without loopback there is local switching, and it ends', (t) => {
  const sockets = systemSockets();
  sockets.openUdp = () => {
    throw new Error('no loopback');
  };
  for (const worker of [0, 1]) {
    const { received, left } = run({ sockets, worker, workers: 2 });
    t.is(received > 1000, worker === 0);
    t.is(left, 0);
  }
});

test('it ends when its time is over', (t) => {
  const { polls, left } = run({ step: 1 });
  t.true(polls < 400);
  t.is(left, 0);
});
