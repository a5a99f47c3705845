/** What time does to a session: liveness, key updates, the path MTU, ageing. */
import test from 'ava';
import { NoticeKind } from '../../src/data-plane/notice.ts';
import type { MemoryDatagram } from '../../src/io/memory-network.ts';
import { readEpoch } from '../../src/links/link-message.ts';
import { RETAIN_PREVIOUS, UPDATE_AGE } from '../../src/links/record-keys.ts';
import { broadcast, frame, prints } from './node.ts';
import { LEFT_INDEX, Pair, RIGHT_INDEX } from './pair.ts';

/** Path MTUs that the simulated path lets through and that we try. */
const PATHS = [1200, 1232, 1372, 1452, 1472, 8952, 9280];

for (const carrier of ['datagram', 'spread', 'stream'] as const) {
  test(`${carrier}: both ends learn that the other has the session, once`, (t) => {
    const pair = new Pair({ carrier });
    pair.pass(3000);
    for (const [node, index] of [
      [pair.left, LEFT_INDEX],
      [pair.right, RIGHT_INDEX],
    ] as const) {
      t.deepEqual(
        node.told(NoticeKind.alive).map(({ subject }) => subject),
        [index],
      );
    }
  });

  test(`${carrier}: an idle session stays alive, and measures its round trip`, (t) => {
    const pair = new Pair({ carrier });
    pair.pass(60_000, 200);
    t.deepEqual(pair.left.told(NoticeKind.dead), []);
    t.deepEqual(pair.right.told(NoticeKind.dead), []);
    t.is(pair.left.session(LEFT_INDEX).rtt, 0);
    t.is(pair.left.session(LEFT_INDEX).loss, 0);
  });
}

test('the round trip is that of the path', (t) => {
  const pair = new Pair();
  const late: { at: number; release: () => void }[] = [];
  pair.network.delivery = (datagram, deliver) => {
    late.push({ at: pair.clock.now() + 30, release: () => deliver(datagram) });
  };
  for (let i = 0; i < 2000; i++) {
    pair.clock.advance(5);
    while (late.length > 0 && late[0].at <= pair.clock.now()) late.shift()?.release();
    pair.settle();
  }
  const { rtt = 0 } = pair.left.session(LEFT_INDEX);
  t.true(rtt >= 60 && rtt <= 70, `${rtt}`);
});

test('silence is told within three seconds, once, and with its length', (t) => {
  const pair = new Pair();
  pair.pass(5000);
  pair.network.delivery = () => {};
  // The last word came at most one ping's interval ago.
  pair.pass(1500);
  t.is(pair.left.told(NoticeKind.dead).length, 0);
  pair.pass(1500);
  const [notice] = pair.left.told(NoticeKind.dead);
  t.is(notice?.subject, LEFT_INDEX);
  t.true(notice.value >= 2200 && notice.value <= 3000, `${notice.value}`);
  pair.pass(10_000);
  t.is(pair.left.told(NoticeKind.dead).length, 1);
});

test('a session that is heard again can die again', (t) => {
  const pair = new Pair();
  pair.pass(1000);
  const { delivery } = pair.network;
  for (let round = 1; round <= 3; round++) {
    // The right one hears nothing, but the left one goes on.
    pair.network.delivery = (datagram, deliver) => {
      if (datagram.from.host === pair.right.address) deliver(datagram);
    };
    pair.pass(4000);
    t.is(pair.right.told(NoticeKind.dead).length, round);
    pair.network.delivery = delivery;
    pair.leftClient.send(broadcast(100));
    pair.pass(1000);
  }
});

test('a dead session says nothing more until it is closed', (t) => {
  const pair = new Pair();
  pair.pass(1000);
  pair.network.delivery = () => {};
  pair.pass(4000);
  let sent = 0;
  pair.network.delivery = () => {
    sent++;
  };
  pair.pass(10_000);
  t.is(sent, 0);
});

test('loss on the path shows in the estimate', (t) => {
  const pair = new Pair();
  let count = 0;
  const { delivery } = pair.network;
  pair.network.delivery = (datagram, deliver) => {
    if (datagram.from.host === pair.left.address && count++ % 4 === 0) return;
    delivery(datagram, deliver);
  };
  pair.pass(120_000, 200);
  const { loss } = pair.left.session(LEFT_INDEX);
  t.true(loss > 0.08 && loss < 0.45, `${loss}`);
});

for (const mtu of PATHS) {
  test(`a path MTU of ${mtu} is found, whether the system or the path refuses more`, (t) => {
    const system = new Pair({ largestDatagram: mtu });
    system.pass(4000);
    t.is(system.left.session(LEFT_INDEX).pathMtu, mtu);
    t.is(system.right.session(RIGHT_INDEX).pathMtu, mtu);
    t.is(system.left.session(LEFT_INDEX).drops.sendErrors, 0);
    const path = new Pair({
      delivery: (datagram, deliver) => {
        if (datagram.bytes.length <= mtu) deliver(datagram);
      },
    });
    path.pass(4000);
    t.is(path.left.session(LEFT_INDEX).pathMtu, mtu);
    t.deepEqual(prints(path.carry(broadcast(9216))), prints([broadcast(9216)]));
  });
}

test('a probe that is too large takes no frame with it', (t) => {
  // Refused by the system, or dropped by the path in silence; frames flow all the while,
  // so that some leave in the turn in which the next probe does.
  const limit = 1400;
  for (const options of [
    { largestDatagram: limit },
    {
      delivery: (datagram: MemoryDatagram, deliver: (datagram: MemoryDatagram) => void) => {
        if (datagram.bytes.length <= limit) deliver(datagram);
      },
    },
  ]) {
    const pair = new Pair(options);
    let sent = 0;
    let arrived = 0;
    for (let i = 0; i < 300; i++) {
      pair.clock.advance(10);
      for (let j = 0; j < 10; j++) pair.leftClient.send(broadcast(1000 + j, 1, sent++));
      pair.left.pump();
      pair.right.pump();
      arrived += pair.rightClient.receive().length;
    }
    pair.settle();
    t.is(arrived + pair.rightClient.receive().length, sent);
    t.is(pair.left.session(LEFT_INDEX).pathMtu, 1372);
  }
});

test('frames pass again soon after the interface became narrower', (t) => {
  let largest = 9280;
  const pair = new Pair();
  pair.pass(3000);
  t.is(pair.left.session(LEFT_INDEX).pathMtu, 9280);
  largest = 1400;
  Object.defineProperty(pair.network, 'largestDatagram', { get: () => largest });
  t.deepEqual(pair.carry(broadcast(9000)), []);
  t.is(pair.left.session(LEFT_INDEX).drops.sendErrors, 1);
  t.deepEqual(prints(pair.carry(broadcast(9000))), prints([broadcast(9000)]));
  pair.pass(3000);
  t.is(pair.left.session(LEFT_INDEX).pathMtu, 1372);
});

// ---- key updates

test('keys are updated in the midst of traffic, and not a frame is lost', (t) => {
  for (const carrier of ['datagram', 'spread', 'stream'] as const) {
    const pair = new Pair({ carrier });
    let sent = 0;
    let arrived = 0;
    for (let i = 0; i < 3.5 * (UPDATE_AGE / 1000); i++) {
      pair.clock.advance(1000);
      arrived += pair.carry(broadcast(100, 1, i), broadcast(1400, 1, i)).length;
      sent += 2;
    }
    t.is(arrived, sent, carrier);
    t.is(pair.left.session(LEFT_INDEX).keyUpdates, 6); // three in each direction
    const { forged, replayed } = pair.right.session(RIGHT_INDEX).drops;
    t.deepEqual([forged, replayed], [0, 0]);
  }
});

test('a key update under reordering: what is late by seconds still counts', (t) => {
  const pair = new Pair();
  pair.pass(UPDATE_AGE - 2000, 500);
  const { delivery } = pair.network;
  const late: { at: number; datagram: MemoryDatagram; release: () => void }[] = [];
  // Every third datagram takes 4 s longer, across the update.
  let count = 0;
  pair.network.delivery = (datagram, deliver) => {
    if (count++ % 3 !== 0) delivery(datagram, deliver);
    else late.push({ at: pair.clock.now() + 4000, datagram, release: () => deliver(datagram) });
  };
  const frames: Uint8Array[] = [];
  const arrived: Uint8Array[] = [];
  const epochs = new Set<number>();
  for (let i = 0; i < 100; i++) {
    pair.clock.advance(100);
    while (late.length > 0 && late[0].at <= pair.clock.now()) late.shift()?.release();
    const next = broadcast(700, 1, i);
    frames.push(next);
    arrived.push(...pair.carry(next));
  }
  pair.network.delivery = delivery;
  for (const { datagram, release } of late) {
    epochs.add(readEpoch(datagram.bytes, 0));
    release();
  }
  pair.settle();
  arrived.push(...pair.rightClient.receive());
  t.deepEqual(prints(arrived).sort(), prints(frames).sort());
  const report = pair.right.session(RIGHT_INDEX);
  t.is(report.drops.forged, 0);
  t.true(report.keyUpdates >= 1);
});

test('a record of the old keys is worthless once they are wiped', (t) => {
  const pair = new Pair();
  pair.pass(UPDATE_AGE - 1000, 500);
  const { delivery } = pair.network;
  const held: (() => void)[] = [];
  pair.network.delivery = (datagram, deliver) => held.push(() => deliver(datagram));
  pair.carry(broadcast(500, 1, 42));
  pair.network.delivery = delivery;
  pair.pass(1000 + RETAIN_PREVIOUS + 2000, 500);
  for (const release of held) release();
  pair.settle();
  t.deepEqual(pair.rightClient.receive(), []);
  t.is(pair.right.session(RIGHT_INDEX).drops.forged, 1);
  t.is(pair.carry(broadcast(60)).length, 1);
});

test('idle sessions update their keys as well', (t) => {
  const pair = new Pair();
  pair.pass(10 * UPDATE_AGE, 1000);
  t.true(pair.left.session(LEFT_INDEX).keyUpdates >= 18);
  t.deepEqual(pair.left.told(NoticeKind.dead), []);
  t.is(pair.carry(broadcast(60)).length, 1);
});

// ---- the rest

test('a frame that lost a piece is given up in a second, and counted', (t) => {
  const pair = new Pair({ largestDatagram: 1200 });
  pair.pass(2000);
  const { right } = pair;
  const { free } = right;
  const { delivery } = pair.network;
  let count = 0;
  pair.network.delivery = (datagram, deliver) => {
    if (count++ !== 2) delivery(datagram, deliver);
  };
  t.deepEqual(pair.carry(broadcast(9000)), []);
  pair.network.delivery = delivery;
  t.is(right.free[1], free[1] - 1);
  pair.pass(2000);
  t.deepEqual(right.free, free);
  t.is(right.session(RIGHT_INDEX).drops.abandoned, 1);
});

test('addresses age', (t) => {
  const pair = new Pair();
  const third = pair.left.addClient(5, 2);
  const fourth = pair.left.addClient(6, 3);
  fourth.send(broadcast(60, 2));
  pair.settle();
  third.receive();
  pair.carry(frame(60, 2, 1));
  t.is(third.receive().length, 0);
  pair.pass(310_000, 1000);
  pair.carry(frame(60, 2, 1));
  t.is(third.receive().length, 1); // flooded again
  t.is(fourth.receive().length, 2);
});

test('an engine with nothing to do may wait for its next tick', (t) => {
  const pair = new Pair();
  pair.settle();
  const wait = pair.left.thread.engine.timeout(pair.clock.now());
  t.true(wait > 0 && wait <= 400);
  t.is(pair.left.thread.engine.timeout(pair.clock.now() + 10_000), 0);
});
