/** BPDUs without end, from a guest and from a friend: they starve neither frames nor other ports. */
import test from 'ava';
import { NoticeKind } from '../../src/data-plane/notice.ts';
import { Counter } from '../../src/switch/counters.ts';
import { LINK_PORT } from './node.ts';
import { Pair } from './pair.ts';

const FLOOD = 10_000;
/** What a port may have told at once and in the second that the flood lasts, with some room. */
const MOST = 250;

function bpdu(): Uint8Array {
  const frame = new Uint8Array(60);
  frame.set([0x01, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 9, 0, 39, 0x42, 0x42, 3]);
  return frame;
}

function broadcast(): Uint8Array {
  return new Uint8Array(60).fill(0xff, 0, 6).fill(0x02, 6, 12);
}

test('a guest who sends 10,000 BPDUs in a second', (t) => {
  const pair = new Pair();
  let carried = 0;
  for (let i = 0; i < FLOOD; i += 100) {
    for (let j = 0; j < 100; j++) pair.leftClient.send(bpdu());
    pair.pass(10, 10);
    carried += pair.carry(broadcast()).length;
  }
  t.is(carried, FLOOD / 100, 'frames pass as ever');
  const told = pair.left.told(NoticeKind.bridgeFrame).length;
  t.true(told >= 100 && told <= MOST, `${told}`);
  t.is(pair.left.counters.value(1, Counter.dropControl), FLOOD - told, 'each is counted');
});

test('a friend who sends 10,000 BPDUs in a second', (t) => {
  const pair = new Pair();
  pair.pass(1000);
  let carried = 0;
  for (let i = 0; i < FLOOD; i += 100) {
    for (let j = 0; j < 100; j++) {
      pair.left.post({ op: 'send-frame', port: LINK_PORT, frame: bpdu() });
    }
    pair.pass(10, 10);
    carried += pair.carry(broadcast()).length;
  }
  t.is(carried, FLOOD / 100);
  const told = pair.right.told(NoticeKind.bridgeFrame).length;
  t.true(told >= 100 && told <= MOST, `${told}`);
  t.is(pair.right.counters.value(LINK_PORT, Counter.dropControl), FLOOD - told);
  // Another port has a limit of its own.
  pair.rightClient.send(bpdu());
  pair.settle();
  t.is(pair.right.told(NoticeKind.bridgeFrame).filter(({ subject }) => subject === 1).length, 1);
});
