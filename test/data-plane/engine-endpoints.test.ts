/** Clients that do not read: their frames wait, then are dropped, and nobody else notices. */
import test from 'ava';
import { BACKLOG_FRAMES } from '../../src/data-plane/endpoint.ts';
import { Counter } from '../../src/switch/counters.ts';
import { broadcast, frame, prints } from './node.ts';
import { Pair } from './pair.ts';

/** A client of the left node whose socket holds about `frames` frames of 1,000 octets. */
function slowClient(pair: Pair, descriptor: number, port: number, frames: number) {
  return pair.left.addClient(descriptor, port, frames * 1512);
}

/** Turns of the left node in time, as its loop would take them. */
function run(pair: Pair, milliseconds: number): void {
  for (let i = 0; i < milliseconds; i++) {
    pair.clock.advance(1);
    for (let j = 0; j < 20 && pair.left.pump(); j++);
  }
}

test('a full client: frames wait in order, the tail is dropped and counted', (t) => {
  const pair = new Pair();
  const slow = slowClient(pair, 5, 2, 10);
  const quick = pair.left.addClient(6, 3);
  const { free } = pair.left;
  const frames = Array.from({ length: 1000 }, (_, i) => broadcast(1000, 1, i));
  const sent: Uint8Array[] = [];
  const arrived: Uint8Array[] = [];
  for (const each of frames) {
    pair.leftClient.send(each);
    sent.push(each);
    run(pair, 1);
    arrived.push(...quick.receive());
  }
  run(pair, 50);
  arrived.push(...quick.receive());
  t.deepEqual(prints(arrived), prints(sent), 'the other client gets all, in order');
  const dropped = pair.left.count(2, Counter.dropFull);
  t.is(dropped, 1000 - 10 - BACKLOG_FRAMES);
  t.is(pair.left.count(2, Counter.framesOut), 10 + BACKLOG_FRAMES);
  t.is(pair.left.count(3, Counter.dropFull), 0);
  t.is(pair.left.free[1], free[1] - BACKLOG_FRAMES);

  // It wakes up: everything that waited comes, in order.
  const late: Uint8Array[] = [];
  for (let i = 0; i < 200; i++) {
    late.push(...slow.receive());
    run(pair, 1);
  }
  t.deepEqual(prints(late), prints(frames.slice(0, 10 + BACKLOG_FRAMES)));
  t.deepEqual(pair.left.free, free);
  pair.leftClient.send(broadcast(60, 1, 9));
  run(pair, 1);
  t.deepEqual(prints(slow.receive()), prints([broadcast(60, 1, 9)]));
});

test('a receiver that is only slow holds its sender back instead of losing frames', (t) => {
  const pair = new Pair();
  const slow = slowClient(pair, 5, 2, 20);
  slow.receive();
  // Station 2 is at the slow client.
  slow.send(broadcast(60, 2));
  run(pair, 1);
  pair.leftClient.receive();
  const count = 2000;
  for (let i = 0; i < count; i++) pair.leftClient.send(frame(1000, 2, 1, i));
  const arrived: Uint8Array[] = [];
  for (let i = 0; i < 400 && arrived.length < count; i++) {
    run(pair, 1);
    arrived.push(...slow.receive());
  }
  t.is(pair.left.count(2, Counter.dropFull), 0);
  t.is(arrived.length, count);
  t.true(arrived.every((each, i) => each[20] === frame(1000, 2, 1, i)[20]));
});

test('a receiver that reads nothing at all holds nobody for long', (t) => {
  const pair = new Pair();
  slowClient(pair, 5, 2, 5).send(broadcast(60, 2));
  run(pair, 1);
  pair.leftClient.receive();
  const other = pair.left.addClient(6, 3);
  for (let i = 0; i < 300; i++) pair.leftClient.send(frame(1000, 2, 1, i));
  run(pair, 2);
  pair.leftClient.send(broadcast(70));
  run(pair, 30);
  t.deepEqual(prints(other.receive()), prints([broadcast(70)]));
});

test('all clients are full: memory runs out for their backlogs only', (t) => {
  const pair = new Pair();
  const clients = [2, 3, 4, 5].map((port) => slowClient(pair, 10 + port, port, 5));
  const { free } = pair.left;
  for (let i = 0; i < 900; i++) {
    pair.leftClient.send(broadcast(1000, 1, i));
    run(pair, 1);
  }
  t.true(pair.left.free[1] >= 0);
  // The friend still gets what is sent.
  pair.settle();
  t.is(pair.rightClient.receive().length, 900);
  t.is(pair.carry(broadcast(61)).length, 1);
  for (let i = 0; i < 300; i++) {
    for (const client of clients) client.receive();
    run(pair, 1);
  }
  t.deepEqual(pair.left.free, free);
});

test('a client that goes takes its backlog and its addresses with it', (t) => {
  const pair = new Pair();
  const { free } = pair.left;
  const slow = slowClient(pair, 5, 2, 5);
  slow.send(broadcast(60, 2));
  run(pair, 1);
  for (let i = 0; i < 200; i++) pair.leftClient.send(broadcast(1000, 1, i));
  run(pair, 20);
  t.true(pair.left.free[1] < free[1]);
  pair.left.post({ op: 'remove-descriptor', descriptor: 5 });
  t.deepEqual(pair.left.free, free);
  run(pair, 20);
  const other = pair.left.addClient(6, 3);
  pair.leftClient.send(frame(60, 2, 1));
  run(pair, 1);
  t.is(other.receive().length, 1); // station 2 is unknown again
});

test('a descriptor that is removed while frames for it are on their way', (t) => {
  const pair = new Pair();
  for (let round = 0; round < 20; round++) {
    const client = pair.left.addClient(5, 2);
    pair.leftClient.send(broadcast(80, 1, round));
    if (round % 2 === 0) pair.left.pump();
    pair.left.post({ op: 'remove-descriptor', descriptor: 5 });
    client.send(broadcast(60, 3));
    pair.settle();
  }
  t.is(pair.rightClient.receive().length, 20);
  t.is(pair.carry(broadcast(60)).length, 1);
});

test('a sender that is held can go, and so can the one it is held for', (t) => {
  for (const goes of [1, 5]) {
    const pair = new Pair();
    const slow = slowClient(pair, 5, 2, 5);
    slow.send(broadcast(60, 2));
    run(pair, 1);
    for (let i = 0; i < 300; i++) pair.leftClient.send(frame(1000, 2, 1, i));
    run(pair, 2);
    pair.left.post({ op: 'remove-descriptor', descriptor: goes });
    run(pair, 30);
    const [a, b] = [pair.left.addClient(20, 20), pair.left.addClient(21, 21)];
    a.send(broadcast(90, 9));
    run(pair, 2);
    t.is(b.receive().filter((each) => each.length === 90).length, 1);
  }
});
