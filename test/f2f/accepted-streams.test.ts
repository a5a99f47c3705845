import test from 'ava';
import { AcceptedStreams } from '../../src/f2f/accepted-streams.ts';
import type { Carrier } from '../../src/links/contract.ts';
import { VirtualTime } from './virtual-time.ts';

function bench() {
  const time = new VirtualTime();
  const closed: number[] = [];
  const told: number[] = [];
  const streams = new AcceptedStreams(({ descriptor }) => void told.push(descriptor));
  const carrier = (descriptor: number): Carrier => ({
    provider: 'tcp',
    remote: 'tcp://198.51.100.7:1',
    reliable: true,
    descriptor,
    address: undefined,
    close: () => void closed.push(descriptor),
  });
  return { time, closed, told, streams, carrier };
}

test.serial('a stream has ten seconds, and one after a refusal', async (t) => {
  const { time, closed, told, streams, carrier } = bench();
  t.teardown(time.install());
  const [silent, refused, friend] = [carrier(1), carrier(2), carrier(3)];
  for (const each of [silent, refused, friend]) streams.add(each);
  streams.done(friend);
  streams.refused(refused);
  t.deepEqual(closed, []);
  await time.advance(1000);
  t.deepEqual(closed, [2]);
  await time.advance(8999);
  t.deepEqual(closed, [2]);
  await time.advance(1);
  t.deepEqual(closed, [2, 1]);
  t.deepEqual(told, closed);
  streams.refused(friend);
  await time.advance(60_000);
  t.deepEqual(closed, [2, 1], 'a session is not ours any more');
});

test.serial('the oldest makes room', (t) => {
  const { time, closed, streams, carrier } = bench();
  t.teardown(time.install());
  const first = carrier(0);
  streams.add(first);
  for (let count = 1; count < 64; count++) streams.add(carrier(count));
  streams.refused(first); // counts as young again
  streams.add(carrier(64));
  t.deepEqual(closed, [1]);
});

test.serial('when it stops it leaves no timer', (t) => {
  const { time, closed, streams, carrier } = bench();
  t.teardown(time.install());
  for (let count = 0; count < 10; count++) streams.add(carrier(count));
  streams.stop();
  t.is(time.armed, 0);
  t.deepEqual(closed, []);
});
