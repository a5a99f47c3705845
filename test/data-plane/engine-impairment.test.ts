/** Impaired ports in the data plane: frames come late and whole, and memory comes back. */
import test from 'ava';
import fc from 'fast-check';
import { NoticeKind } from '../../src/data-plane/notice.ts';
import { SharedRing } from '../../src/io/ring.ts';
import { Counter } from '../../src/switch/counters.ts';
import type { ImpairmentSettings } from '../../src/switch/impairment-settings.ts';
import { PORT_TABLE_LENGTH, PortState } from '../../src/switch/port.ts';
import { buildVlanTables } from '../../src/switch/vlan-table.ts';
import { broadcast, LINK_PORT, type Node, prints, TAP_PORT } from './node.ts';
import { LEFT_INDEX, Pair } from './pair.ts';
import { receivedBy, Super, SuperPair } from './super-pair.ts';

const CLIENT = 1;
const BPDU = Uint8Array.of(1, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 9, 0, 3, 0x42, 0x42, 3);

function impair(node: Node, port: number, settings?: ImpairmentSettings): void {
  node.post({ op: 'impair', port, ...(settings && { settings }) });
}

test('frames by an impaired link come late, those of others at once', (t) => {
  const pair = new Pair();
  const other = pair.left.addClient(7, 7);
  const { free } = pair.left;
  impair(pair.left, LINK_PORT, { delay: 250 });
  const frames = [broadcast(60, 1, 1), broadcast(9216, 1, 2), broadcast(14, 1, 3)];
  t.deepEqual(pair.carry(...frames), []);
  t.deepEqual(prints(other.receive()), prints(frames));
  t.is(pair.left.count(LINK_PORT, Counter.framesOut), 0);
  pair.pass(200);
  t.deepEqual(pair.rightClient.receive(), []);
  pair.pass(50, 10);
  t.deepEqual(prints(pair.rightClient.receive()), prints(frames));
  t.is(pair.left.count(LINK_PORT, Counter.framesOut), 3);
  t.deepEqual(pair.left.free, free);
  // What comes in by that port is not touched.
  pair.rightClient.send(broadcast(60, 2));
  pair.settle();
  t.is(pair.leftClient.receive().length, 1);
  impair(pair.left, LINK_PORT);
  t.is(pair.carry(broadcast(60)).length, 1);
});

test('the engine wakes up for it', (t) => {
  const pair = new Pair();
  pair.pass(1000);
  const { engine } = pair.left.thread;
  impair(pair.left, LINK_PORT, { delay: 7 });
  pair.carry(broadcast(60));
  t.is(engine.timeout(pair.clock.now()), 7);
  pair.pass(7, 7);
  t.true(engine.timeout(pair.clock.now()) > 7);
});

test('what waits leaves at once when a port is well again, or impaired anew', (t) => {
  const pair = new Pair();
  const { free } = pair.left;
  const frames = [broadcast(60, 1, 1), broadcast(60, 1, 2)];
  for (const next of [undefined, { delay: 9000 }]) {
    impair(pair.left, LINK_PORT, { delay: 5000 });
    t.deepEqual(pair.carry(...frames), []);
    impair(pair.left, LINK_PORT, next);
    pair.settle();
    t.deepEqual(prints(pair.rightClient.receive()), prints(frames));
  }
  t.deepEqual(pair.left.free, free);
});

test('lost frames are counted, duplicates come twice', (t) => {
  const pair = new Pair();
  impair(pair.left, LINK_PORT, { loss: 1 });
  t.deepEqual(pair.carry(broadcast(60), broadcast(60)), []);
  t.is(pair.left.count(LINK_PORT, Counter.dropImpaired), 2);
  impair(pair.left, LINK_PORT, { duplicate: 1 });
  t.is(pair.carry(broadcast(60)).length, 2);
  t.is(pair.left.count(LINK_PORT, Counter.framesOut), 2);
});

test('BPDUs are impaired too, and leave as what they are', (t) => {
  const pair = new Pair();
  for (const port of [LINK_PORT, CLIENT]) {
    impair(pair.left, port, { delay: 100 });
    pair.left.post({ op: 'send-frame', port, frame: BPDU });
  }
  pair.settle();
  t.is(pair.right.told(NoticeKind.bridgeFrame).length, 0);
  t.deepEqual(pair.leftClient.receive(), []);
  pair.pass(100, 10);
  const [told] = pair.right.told(NoticeKind.bridgeFrame);
  t.deepEqual([told?.subject, told?.payload], [LINK_PORT, BPDU]);
  t.deepEqual(prints(pair.leftClient.receive()), prints([BPDU]));
  t.is(pair.left.session(LEFT_INDEX).drops.malformed, 0);
});

test('a super-frame is impaired as the frames that it stands for', (t) => {
  const pair = new SuperPair();
  const large = new Super(5000, 1000);
  large.bytes.fill(0xff, 0, 6);
  const frames = large.frames.map((each) => each.fill(0xff, 0, 6));
  const { free } = pair.left;
  impair(pair.left, LINK_PORT, { delay: 100 });
  impair(pair.left, CLIENT, { loss: 1 });
  pair.leftTap.send(large.bytes, large.needs);
  pair.settle();
  t.deepEqual([receivedBy(pair.rightTap), pair.leftClient.receive()], [[], []]);
  t.is(pair.left.count(CLIENT, Counter.dropImpaired), 5);
  pair.pass(100, 10);
  t.deepEqual(receivedBy(pair.rightTap), prints(frames));
  t.deepEqual(prints(pair.rightClient.receive()), prints(frames));
  t.deepEqual(pair.left.free, free);
});

test('with VLANs a frame waits with the tag that it leaves with, and is captured when it leaves', (t) => {
  const pair = new Pair();
  const portStates = new Uint8Array(PORT_TABLE_LENGTH).fill(PortState.forwarding);
  const vlans = buildVlanTables(
    new Map([
      [CLIENT, { untagged: 10, tagged: [] }],
      [LINK_PORT, { untagged: 0, tagged: 'all' as const }],
    ]),
  );
  pair.left.post({ op: 'configure', settings: { portStates, vlans } });
  impair(pair.left, LINK_PORT, { delay: 50 });
  const ring = SharedRing.create(1 << 16);
  const capture = { id: 1, ring: ring.buffer, port: LINK_PORT, snaplen: 100 };
  pair.left.post({ op: 'start-capture', ...capture });
  pair.carry(broadcast(60));
  t.true(ring.isEmpty);
  pair.pass(50, 10);
  t.is(
    ring.drain(() => {}),
    1,
  );
  const hello = broadcast(60);
  const tagged = Uint8Array.of(...hello.slice(0, 12), 0x81, 0, 0, 10, ...hello.slice(12));
  t.deepEqual(prints(pair.rightClient.receive()), prints([tagged]));
  impair(pair.left, LINK_PORT);
  pair.left.post({ op: 'configure', settings: { portStates } });
  t.deepEqual(prints(pair.carry(hello)), prints([hello]));
});

test('memory for frames that wait is bounded, and one port or many cannot take more', (t) => {
  const pair = new Pair({ bufferLength: 1 << 24 });
  const { free } = pair.left;
  const late = free.at(-1) as number;
  for (const port of [LINK_PORT, TAP_PORT]) impair(pair.left, port, { delay: 60_000 });
  pair.left.addTap(3);
  for (let i = 0; i < 5000; i += 100) {
    pair.carry(...Array.from({ length: 100 }, () => broadcast(60)));
  }
  const lost = [LINK_PORT, TAP_PORT].map((port) => pair.left.count(port, Counter.dropFull));
  t.is((lost[0] ?? 0) + (lost[1] ?? 0), 10_000 - late);
  t.is(pair.left.free.at(-1), 0);
  for (const port of [LINK_PORT, TAP_PORT]) impair(pair.left, port);
  pair.settle();
  t.is(pair.left.free.at(-1), late);
});

test('what is asked of an impaired port is answered', (t) => {
  const pair = new Pair();
  const settings = { delay: 100, loss: 0.5, seed: 1 };
  impair(pair.left, LINK_PORT, settings);
  pair.carry(...Array.from({ length: 40 }, () => broadcast(60)));
  let answer: unknown;
  pair.left.thread.onAnswer = (_id, told) => {
    answer = told;
  };
  pair.left.post({ op: 'query', id: 1, what: 'impairments' });
  const [report] = answer as { port: number; waiting: number; counters: { lost: number } }[];
  t.like(report, { port: LINK_PORT, settings });
  t.is((report?.waiting ?? 0) + (report?.counters.lost ?? 0), 40);
});

const part = fc.constantFrom(0, 0.1, 0.5, 1);
const chosen: fc.Arbitrary<ImpairmentSettings> = fc.record(
  {
    delay: fc.constantFrom(0, 1, 30, 300),
    jitter: fc.constantFrom(0, 20),
    loss: part,
    duplicate: part,
    reorder: part,
    rate: fc.constantFrom(10_000, 1_000_000),
    seed: fc.nat(),
  },
  { requiredKeys: [] },
);
const act = fc.oneof(
  fc.record({
    do: fc.constant('impair' as const),
    port: fc.constantFrom(LINK_PORT, CLIENT),
    settings: fc.option(chosen, { nil: undefined }),
  }),
  fc.record({ do: fc.constant('send' as const), count: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ do: fc.constant('pass' as const), time: fc.integer({ min: 1, max: 500 }) }),
);

test('whatever is impaired when, every frame arrives whole, is late or lost, and memory comes back', (t) => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
      const pair = new Pair();
      pair.pass(1000);
      const free = [pair.left.free, pair.right.free];
      const known = new Set<string>();
      let sent = 0;
      for (const each of acts) {
        if (each.do === 'impair') impair(pair.left, each.port, each.settings);
        else if (each.do === 'pass') pair.pass(each.time, 20);
        else {
          for (let i = 0; i < each.count; i++) {
            const one = broadcast(60 + (sent % 1400), 1, sent++);
            known.add(prints([one])[0] as string);
            pair.leftClient.send(one);
          }
          pair.settle();
        }
        for (const print of prints(pair.rightClient.receive())) t.true(known.has(print));
      }
      for (const port of [LINK_PORT, CLIENT]) impair(pair.left, port);
      pair.settle();
      t.deepEqual([pair.left.free, pair.right.free], free);
      pair.close();
    }),
    { numRuns: 40 },
  );
});
