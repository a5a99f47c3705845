/** Commands: what cannot be done is told, and what is taken away leaves nothing behind. */
import test from 'ava';
import { NoticeKind } from '../../src/data-plane/notice.ts';
import { DescriptorKind } from '../../src/io/contract.ts';
import { PORT_TABLE_LENGTH, PortState } from '../../src/switch/port.ts';
import { broadcast, contains, frame, LINK_PORT, openSession, slabAddress, UDP } from './node.ts';
import { LEFT_INDEX, Pair, STREAM } from './pair.ts';

const address = slabAddress('192.0.2.2');

test('a session on a descriptor that is not there is dead at once', (t) => {
  const pair = new Pair();
  pair.left.post(openSession({ localIndex: 5, descriptor: 77, address }));
  pair.settle();
  t.deepEqual(
    pair.left.told(NoticeKind.dead).map(({ subject, value }) => [subject, value]),
    [[5, 0]],
  );
  t.is(pair.left.sessionCount, 1);
});

test('a session whose place is taken is dead at once; the other lives on', (t) => {
  const pair = new Pair();
  pair.left.post(openSession({ localIndex: LEFT_INDEX + 1024, address }));
  pair.settle();
  t.deepEqual(
    pair.left.told(NoticeKind.dead).map(({ subject }) => subject),
    [LEFT_INDEX + 1024],
  );
  t.is(pair.carry(broadcast(60)).length, 1);
});

test('sessions that come and go use up nothing', (t) => {
  const pair = new Pair();
  const { free } = pair.left;
  // More than there are key slots and addresses.
  for (let i = 0; i < 5000; i++) {
    const localIndex = 0x10000 + i;
    pair.left.post(openSession({ localIndex, address }));
    pair.left.post({ op: 'close-session', localIndex });
  }
  t.deepEqual(pair.left.free, free);
  t.is(pair.carry(broadcast(60)).length, 1);
});

test('every place of the session table can be taken at once', (t) => {
  const pair = new Pair();
  for (let i = 0; i < 1024; i++) pair.left.post(openSession({ localIndex: 0x20000 + i, address }));
  t.is(pair.left.sessionCount, 1024);
  pair.left.post({ op: 'remove-descriptor', descriptor: UDP });
  t.is(pair.left.sessionCount, 0);
});

test('a system descriptor that cannot be used is closed, and its end told', (t) => {
  const pair = new Pair();
  const doorbell = pair.left.sockets.openDoorbell();
  const before = pair.network.openDescriptors;
  const kind = DescriptorKind.udp;
  pair.left.post({ op: 'add-descriptor', descriptor: 50, systemDescriptor: doorbell, kind });
  pair.settle();
  t.is(pair.network.openDescriptors, before - 1);
  t.deepEqual(
    pair.left.told(NoticeKind.closed).map(({ subject }) => subject),
    [50],
  );
});

test('more streams than there is memory for: the last are refused, the rest work', (t) => {
  const pair = new Pair();
  const { free } = pair.left;
  const kind = DescriptorKind.stream;
  const count = free[2] + 5;
  for (let i = 0; i < count; i++) {
    const [systemDescriptor] = pair.left.sockets.openStreamPair();
    pair.left.post({ op: 'add-descriptor', descriptor: 100 + i, systemDescriptor, kind });
  }
  pair.settle();
  t.is(pair.left.told(NoticeKind.closed).length, 5);
  for (let i = 0; i < count; i++) pair.left.post({ op: 'remove-descriptor', descriptor: 100 + i });
  t.deepEqual(pair.left.free, free);
});

test('what is asked of nobody is done by nobody', (t) => {
  const pair = new Pair();
  const { free } = pair.left;
  const payload = new Uint8Array(10);
  const { left } = pair;
  left.post({ op: 'remove-descriptor', descriptor: 99 });
  left.post({ op: 'watch-descriptor', descriptor: 99 });
  left.post({ op: 'add-endpoint', descriptor: 99, port: 4 });
  left.post({ op: 'add-endpoint', descriptor: UDP, port: 4 });
  left.post({ op: 'send-message', descriptor: 99, message: payload });
  left.post({ op: 'send-message', descriptor: UDP, address, message: new Uint8Array(70_000) });
  left.post({ op: 'close-session', localIndex: 99 });
  left.post({ op: 'close-session', localIndex: 99, reason: 'who?' });
  left.post({ op: 'send-packet', localIndex: 99, type: 1, payload, priority: 'control' });
  left.post({ op: 'send-packet', localIndex: 99, type: 1, payload, priority: 'bulk' });
  left.post({ op: 'send-frame', port: 99, frame: payload });
  left.post({ op: 'send-frame', port: 1, frame: new Uint8Array(20_000) });
  left.post({ op: 'flush-port', port: 99 });
  pair.settle();
  t.deepEqual(left.free, free);
  t.deepEqual(
    left.notices.filter(({ kind }) => kind !== NoticeKind.alive),
    [],
  );
  t.is(pair.carry(broadcast(60)).length, 1);
});

test('when the session in use goes, its port falls silent: nothing leaves unsealed', (t) => {
  const pair = new Pair();
  pair.pass(2000);
  // A port that was told to use the session of another.
  pair.left.post({ op: 'use-session', port: 30, localIndex: LEFT_INDEX });
  pair.left.post({ op: 'close-session', localIndex: LEFT_INDEX });
  pair.wire.length = 0;
  const sent = broadcast(500);
  pair.carry(sent);
  pair.left.post({ op: 'send-frame', port: 30, frame: sent });
  t.deepEqual(
    pair.wire.filter(
      ({ from, bytes }) =>
        from.host === pair.left.address && contains(bytes, sent.subarray(14, 60)),
    ),
    [],
  );
});

test('what cannot be sealed does not leave readable', (t) => {
  const pair = new Pair();
  pair.pass(2000);
  // The keys are gone, for whatever reason.
  for (let slot = 0; slot < 4096; slot++) pair.left.io.clearKey(slot);
  pair.wire.length = 0;
  const sent = broadcast(500);
  t.deepEqual(pair.carry(sent), []);
  const ours = pair.wire.filter(({ from }) => from.host === pair.left.address);
  t.true(ours.length > 0);
  t.false(ours.some(({ bytes }) => contains(bytes, sent.subarray(14, 60))));
});

test('a newer session takes a port over without a frame lost', (t) => {
  const pair = new Pair();
  pair.pass(1000);
  const [left, right] = pair.left.sockets.openStreamPair();
  const add = { op: 'add-descriptor', descriptor: STREAM, kind: DescriptorKind.stream } as const;
  pair.left.post({ ...add, systemDescriptor: left });
  pair.right.post({ ...add, systemDescriptor: right });
  const newer = { descriptor: STREAM, firstNumber: 1, port: LINK_PORT };
  pair.left.post(
    openSession({
      ...newer,
      localIndex: 0x51,
      remoteIndex: 0x62,
      receiveSecret: new Uint8Array(32).fill(8),
      sendSecret: new Uint8Array(32).fill(9),
    }),
  );
  pair.right.post(
    openSession({
      ...newer,
      localIndex: 0x62,
      remoteIndex: 0x51,
      receiveSecret: new Uint8Array(32).fill(9),
      sendSecret: new Uint8Array(32).fill(8),
    }),
  );
  t.is(pair.carry(broadcast(60, 1, 1)).length, 1);
  pair.left.post({ op: 'use-session', port: LINK_PORT, localIndex: 0x51 });
  t.is(pair.carry(broadcast(60, 1, 2)).length, 1);
  t.true(pair.left.session(0x51).recordsOut > 1);
  pair.left.post({ op: 'close-session', localIndex: LEFT_INDEX });
  t.is(pair.carry(broadcast(60, 1, 3)).length, 1);
});

test('a port that discards says nothing, but hears bridge frames', (t) => {
  const pair = new Pair();
  const portStates = new Uint8Array(PORT_TABLE_LENGTH).fill(PortState.forwarding);
  portStates[LINK_PORT] = PortState.discarding;
  pair.right.post({ op: 'configure', settings: { portStates } });
  t.deepEqual(pair.carry(broadcast(60)), []);
  const bpdu = frame(60);
  bpdu.set([0x01, 0x80, 0xc2, 0, 0, 0]);
  pair.left.post({ op: 'send-frame', port: LINK_PORT, frame: bpdu });
  pair.settle();
  t.is(pair.right.told(NoticeKind.bridgeFrame).length, 1);
});

test('a query answers with plain data', (t) => {
  const pair = new Pair();
  pair.carry(broadcast(60));
  let answer: unknown;
  pair.left.thread.onAnswer = (id, what) => {
    answer = [id, what];
  };
  pair.left.post({ op: 'query', id: 7, what: 'addresses' });
  const [id, entries] = answer as [number, unknown[]];
  t.is(id, 7);
  t.is(entries.length, 1);
  t.deepEqual(structuredClone(entries), entries);
});
