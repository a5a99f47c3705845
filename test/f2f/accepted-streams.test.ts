import test from 'ava';
import { AcceptedStreams } from '../../src/f2f/accepted-streams.ts';
import type { Carrier } from '../../src/links/contract.ts';
import { VirtualTime } from './virtual-time.ts';

function bench() {
  const time = new VirtualTime();
  const closed: number[] = [];
  const told: number[] = [];
  const streams = new AcceptedStreams(({ descriptor }) => void told.push(descriptor));
  const carrier = (descriptor: number, host = `198.51.${descriptor}.7`): Carrier => ({
    provider: 'tcp',
    remote: `tcp://${host}:1`,
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

test.serial('one network has its share, and makes room for itself', (t) => {
  const { time, closed, streams, carrier } = bench();
  t.teardown(time.install());
  for (let count = 0; count < 30; count++) streams.add(carrier(count));
  for (let count = 0; count < 16; count++) streams.add(carrier(100 + count, `203.0.113.${count}`));
  t.deepEqual(closed, []);
  streams.add(carrier(116, '203.0.113.200'));
  t.deepEqual(closed, [100], 'the oldest of its /24');
  for (let count = 0; count < 20; count++) {
    streams.add(carrier(200 + count, `[2001:db8:0:ab${count % 10}${count % 10}::${count + 1}]`));
  }
  t.deepEqual(closed.slice(1), [200, 201, 202, 203], 'of its /56');
});

test.serial('when it stops it leaves no timer', (t) => {
  const { time, closed, streams, carrier } = bench();
  t.teardown(time.install());
  for (let count = 0; count < 10; count++) streams.add(carrier(count));
  streams.stop();
  t.is(time.armed, 0);
  t.deepEqual(closed, []);
});
