/** The main thread's side: indices, notices turned into calls, questions, and the end. */
import test, { type ExecutionContext } from 'ava';
import { DataPlane, type DataPlaneEvents } from '../../src/data-plane/data-plane.ts';
import { shareMemory } from '../../src/data-plane/engine-maker.ts';
import {
  InlineThread,
  startWorkerThread,
  startWorkerThreads,
} from '../../src/data-plane/engine-thread.ts';
import { RECORD_STEERING } from '../../src/data-plane/local-index.ts';
import { DescriptorKind } from '../../src/io/contract.ts';
import { MemoryIo } from '../../src/io/memory-io.ts';
import { type MemoryDatagramSocket, MemoryNetwork } from '../../src/io/memory-network.ts';
import { MemorySockets } from '../../src/io/memory-sockets.ts';
import { systemSockets } from '../../src/io/system-sockets.ts';
import { LinkMessageType, linkMessage } from '../../src/links/link-message.ts';
import type { ForwarderSettings } from '../../src/switch/forwarder-settings.ts';
import { PORT_TABLE_LENGTH, PortState } from '../../src/switch/port.ts';
import { frame, openSession, slabAddress } from './node.ts';

function notingEvents(): { told: string[]; events: DataPlaneEvents } {
  const told: string[] = [];
  const note =
    (name: string) =>
    (...rest: readonly unknown[]): void => {
      told.push(`${name} ${rest.filter((each) => typeof each === 'number').join(' ')}`.trim());
    };
  const events = {
    bridgeFrame: note('bridgeFrame'),
    packet: note('packet'),
    sessionDead: note('sessionDead'),
    sessionRoamed: note('sessionRoamed'),
    sessionAlive: note('sessionAlive'),
    bulkSent: note('bulkSent'),
    sessionEnded: note('sessionEnded'),
    dhcpReply: note('dhcpReply'),
    addressNews: note('addressNews'),
    failed: note('failed'),
  };
  return { told, events };
}

function makeRig(t: ExecutionContext) {
  const network = new MemoryNetwork();
  const sockets = new MemorySockets(network, network.addHost('192.0.2.1'));
  const thread = new InlineThread(new MemoryIo({ network, doorbell: -1 }), sockets, () => 1000);
  const { told, events } = notingEvents();
  const dataPlane = new DataPlane(thread, sockets, events);
  t.teardown(() => dataPlane.stop());
  const pump = (): void => {
    while (thread.pump());
  };
  return { network, sockets, thread, dataPlane, told, pump };
}

test('last words are waited for where there are any', async (t) => {
  const { dataPlane } = makeRig(t);
  let said = 0;
  const count = (): void => {
    said++;
  };
  await dataPlane.lastWords().then(count);
  dataPlane.closeSession(1);
  await dataPlane.lastWords().then(count);
  t.is(said, 2, 'nothing was said');
  dataPlane.closeSession(1, 'enough');
  const waiting = dataPlane.lastWords().then(count);
  await new Promise(setImmediate);
  t.is(said, 2);
  await waiting;
  t.is(said, 3);
});

test('indices are used round and round, and none twice at a time', (t) => {
  const { dataPlane, sockets } = makeRig(t);
  const adopt = () => dataPlane.adopt(sockets.openStreamPair()[0], DescriptorKind.stream, {});
  const first = [adopt(), adopt(), adopt()];
  t.is(new Set(first).size, 3);
  dataPlane.release(first[1]);
  t.false(first.includes(adopt())); // the one just released comes last
});

test('when all indices are taken that is said', (t) => {
  const { dataPlane, sockets } = makeRig(t);
  for (let i = 0; i < 1024; i++) {
    dataPlane.adopt(sockets.openUdp('192.0.2.1', 0), DescriptorKind.udp, {});
  }
  t.throws(() => dataPlane.adopt(0, DescriptorKind.udp, {}), { instanceOf: RangeError });
});

test('notices become calls', (t) => {
  const { dataPlane, network, sockets, told, pump } = makeRig(t);
  const portStates = new Uint8Array(PORT_TABLE_LENGTH).fill(PortState.forwarding);
  dataPlane.configure({ portStates });
  const inside = sockets.openUnixDatagram('/a', '', 1 << 20);
  const outside = sockets.openUnixDatagram('/b', '/a', 1 << 20);
  sockets.connectUnixDatagram(inside, '/b');
  dataPlane.addEndpoint(3, inside);
  const bpdu = frame(60);
  bpdu.set([0x01, 0x80, 0xc2, 0, 0, 0]);
  (network.descriptor(outside) as MemoryDatagramSocket).send(bpdu);
  dataPlane.openSession({ ...openSession({ localIndex: 9, descriptor: 999 }) });
  pump();
  t.deepEqual(told, ['sessionDead 9 0', 'bridgeFrame 3']);
});

test('addresses that come and go are told while somebody listens', (t) => {
  const network = new MemoryNetwork();
  const sockets = new MemorySockets(network, network.addHost('192.0.2.1'));
  let now = 1000;
  const thread = new InlineThread(new MemoryIo({ network, doorbell: -1 }), sockets, () => now);
  const news: string[] = [];
  const dataPlane = new DataPlane(thread, sockets, {
    ...notingEvents().events,
    addressNews: ({ learnt, mac, vlan, port }) => {
      news.push(`${learnt ? '+' : '-'} ${mac} ${vlan} ${port}`);
    },
  });
  t.teardown(() => dataPlane.stop());
  const pump = (): void => {
    while (thread.pump());
  };
  dataPlane.configure({ portStates: new Uint8Array(9).fill(PortState.forwarding) });
  const inside = sockets.openUnixDatagram('/a', '', 1 << 20);
  const outside = sockets.openUnixDatagram('/b', '/a', 1 << 20);
  sockets.connectUnixDatagram(inside, '/b');
  const endpoint = dataPlane.addEndpoint(3, inside);
  const say = (last: number): void => {
    const bytes = frame(60);
    bytes.fill(0xff, 0, 6);
    bytes.set([2, 0, 0, 0, 0, last], 6);
    (network.descriptor(outside) as MemoryDatagramSocket).send(bytes);
    pump();
  };
  say(1);
  dataPlane.listenAddresses(true);
  pump();
  t.deepEqual(news, [], 'what was there is no news');
  say(1);
  say(2);
  t.deepEqual(news.splice(0), ['+ 02:00:00:00:00:02 0 3']);
  dataPlane.flushPort(3);
  pump();
  t.deepEqual(news.splice(0).sort(), ['- 02:00:00:00:00:01 0 3', '- 02:00:00:00:00:02 0 3']);
  say(2);
  now += 99_000;
  say(3);
  for (let i = 0; i < 12; i++) {
    now += 400;
    pump();
  }
  t.deepEqual(news.splice(0), [
    '+ 02:00:00:00:00:02 0 3',
    '+ 02:00:00:00:00:03 0 3',
    '- 02:00:00:00:00:02 0 3',
  ]);
  dataPlane.listenAddresses(false);
  say(4);
  dataPlane.removeEndpoint(endpoint);
  pump();
  t.deepEqual(news, [], 'nobody listens');
});

test('many notices are taken a few at a time, and none is forgotten', async (t) => {
  const { dataPlane, network, sockets, thread, pump } = makeRig(t);
  const [near, far] = sockets.openStreamPair(); // of datagrams, so many would not pass
  let messages = 0;
  dataPlane.adopt(near, DescriptorKind.stream, {
    message: () => {
      messages++;
    },
  });
  const sender = network.descriptor(far);
  if (sender?.type !== 'stream') throw new Error('no stream');
  const bytes = linkMessage(LinkMessageType.handshakeInit, new Uint8Array(20));
  for (let i = 0; i < 1000; i++) sender.write(bytes);
  // The turns of the engine first, the main thread afterwards.
  const { onNotices } = thread;
  thread.onNotices = () => {};
  pump();
  onNotices();
  t.is(messages, 256);
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  t.is(messages, 1000);
});

test('the end of a stream comes after what it said', (t) => {
  const { dataPlane, network, sockets, pump } = makeRig(t);
  const [near, far] = sockets.openStreamPair();
  const order: string[] = [];
  dataPlane.adopt(near, DescriptorKind.stream, {
    message: () => order.push('message'),
    closed: () => order.push('closed'),
  });
  const stream = network.descriptor(far);
  if (stream?.type !== 'stream') throw new Error('no stream');
  stream.write(linkMessage(LinkMessageType.refuse, new Uint8Array(7)));
  network.closeDescriptor(far);
  pump();
  t.deepEqual(order, ['message', 'closed']);
});

test('after a release nothing is told, and sending does nothing', (t) => {
  const { dataPlane, network, sockets, pump } = makeRig(t);
  const [near, far] = sockets.openStreamPair();
  const told: string[] = [];
  const descriptor = dataPlane.adopt(near, DescriptorKind.stream, {
    message: () => told.push('message'),
    writable: () => told.push('writable'),
    closed: () => told.push('closed'),
  });
  dataPlane.watch(descriptor);
  const stream = network.descriptor(far);
  if (stream?.type === 'stream')
    stream.write(linkMessage(LinkMessageType.refuse, new Uint8Array(7)));
  dataPlane.release(descriptor);
  dataPlane.release(descriptor);
  dataPlane.send(descriptor, undefined, new Uint8Array(3));
  pump();
  t.deepEqual(told, []);
});

test('a connection that nobody waits for any more is closed', (t) => {
  const { dataPlane, network, sockets, thread, pump } = makeRig(t);
  const listener = dataPlane.adopt(
    sockets.openTcpListener('192.0.2.1', 7000),
    DescriptorKind.listener,
    {},
  );
  const first = sockets.openTcpConnection('192.0.2.1', 7000);
  const before = network.openDescriptors;
  pump(); // accepted, but these events have no taker
  t.is(network.openDescriptors, before);
  const end = network.descriptor(first);
  t.true(end?.type === 'stream' && end.peer?.closed);
  // The same when it was accepted before, and told of after, the release.
  sockets.openTcpConnection('192.0.2.1', 7000);
  const { onNotices } = thread;
  thread.onNotices = () => {};
  pump();
  dataPlane.release(listener);
  onNotices();
  t.is(network.openDescriptors, before); // one end more, the listener less
});

test('questions are answered, also after the end', async (t) => {
  const { dataPlane } = makeRig(t);
  t.deepEqual(await dataPlane.addresses(), []);
  t.deepEqual(await dataPlane.sessions(), []);
  t.is((await dataPlane.ioCounters()).malformed, 0);
  t.deepEqual(dataPlane.noticesDropped, { strangers: 0, friends: 0 });
  await dataPlane.stop();
  await dataPlane.stop();
  t.deepEqual(await dataPlane.sessions(), []);
});

test('after the end nothing is asked, told or left open', async (t) => {
  const { dataPlane, network, sockets } = makeRig(t);
  const listener = sockets.openTcpListener('192.0.2.1', 7000);
  dataPlane.adopt(listener, DescriptorKind.listener, {});
  await dataPlane.stop();
  t.is(network.openDescriptors, 0);
  const late = sockets.openUdp('192.0.2.1', 0);
  dataPlane.send(
    dataPlane.adopt(late, DescriptorKind.udp, {}),
    slabAddress('192.0.2.1'),
    new Uint8Array(3),
  );
  t.is(network.openDescriptors, 0);
});

test('a connection that was accepted and not fetched is closed at the end', async (t) => {
  const { dataPlane, network, sockets, thread, pump } = makeRig(t);
  const { listener } = DescriptorKind;
  dataPlane.adopt(sockets.openTcpListener('192.0.2.1', 7000), listener, {});
  const ours = sockets.openTcpConnection('192.0.2.1', 7000);
  thread.onNotices = () => {};
  pump();
  await dataPlane.stop();
  sockets.closeDescriptor(ours);
  t.is(network.openDescriptors, 0);
});

test('a worker: starts, answers, and stops twice', async (t) => {
  const sockets = systemSockets();
  const { told, events } = notingEvents();
  const dataPlane = new DataPlane(startWorkerThread(sockets), sockets, events);
  t.is(dataPlane.implementation, 'native');
  t.true((await dataPlane.ioCounters()).polls > 0);
  const asked = dataPlane.sessions();
  await Promise.all([dataPlane.stop(), dataPlane.stop()]);
  t.deepEqual(await asked, []);
  t.deepEqual(told, []);
});

test('a worker that dies is told of, once', async (t) => {
  const sockets = systemSockets();
  const { told, events } = notingEvents();
  const failure = new Promise<Error>((resolve) => {
    events.failed = (error) => {
      told.push('failed');
      resolve(error);
    };
  });
  const dataPlane = new DataPlane(startWorkerThread(sockets), sockets, events);
  dataPlane.configure({} as ForwarderSettings); // a mistake of ours, not of a peer
  t.true((await failure) instanceof Error);
  t.deepEqual(told, ['failed']);
  await dataPlane.stop();
});

test('captures run until they are stopped, at most eight at a time, and end with the rest', async (t) => {
  const { dataPlane, pump } = makeRig(t);
  const portStates = new Uint8Array(PORT_TABLE_LENGTH).fill(PortState.forwarding);
  dataPlane.configure({ portStates });
  let recorded = 0;
  let ended = 0;
  const events = { recorded: () => void recorded++, ended: () => void ended++ };
  const start = () => dataPlane.startCapture({ port: 0, snaplen: 100 }, events);
  const captures = Array.from({ length: 8 }, start);
  t.is(start(), undefined);
  dataPlane.injectFrame(1, frame(60));
  pump();
  t.is(recorded, 8);
  t.true(captures.every((each) => each?.ring.drain(() => {}) === 1));
  for (const each of captures.slice(1)) each?.stop();
  captures[7]?.stop();
  dataPlane.injectFrame(1, frame(60));
  pump();
  t.is(recorded, 9);
  t.deepEqual(
    captures.map((each) => each?.ring.isEmpty),
    [false, ...new Array(7).fill(true)],
  );
  t.not(start(), undefined);
  await dataPlane.stop();
  t.is(ended, 2);
  t.is(start(), undefined);
});

/** A data plane of three workers in this thread. */
function makeSpreadRig(t: ExecutionContext) {
  const network = new MemoryNetwork();
  const sockets = new MemorySockets(network, network.addHost('192.0.2.1'));
  const doorbells = [1, 2, 3].map(() => sockets.openDoorbell());
  const shared = shareMemory(doorbells);
  const threads = doorbells.map((doorbell, worker) => {
    const io = new MemoryIo({ network, doorbell });
    return new InlineThread(io, sockets, () => 1000, {}, worker, shared);
  });
  const { told, events } = notingEvents();
  const dataPlane = new DataPlane(threads, sockets, events);
  t.teardown(() => dataPlane.stop());
  const pump = (): void => {
    while (threads.map((thread) => thread.pump()).includes(true));
  };
  return { network, sockets, threads, dataPlane, told, pump };
}

test('several workers: sessions go where their index says, and are told of together', async (t) => {
  const { dataPlane, threads, told, pump } = makeSpreadRig(t);
  t.is(dataPlane.workers, 3);
  const group = dataPlane.openDatagrams('192.0.2.1', 7000);
  t.is(group.length, 3);
  const descriptor = dataPlane.adopt(group, DescriptorKind.udp, {});
  t.true(dataPlane.isShared(descriptor));
  const address = slabAddress('192.0.2.1');
  const indices = [5, (1 << 10) | 5, (2 << 10) | 5, (2 << 10) | 6];
  for (const [i, localIndex] of indices.entries()) {
    // Each talks to another of them.
    const remoteIndex = indices[i ^ 1]!;
    const secrets = [new Uint8Array(32).fill(i), new Uint8Array(32).fill(i ^ 1)] as const;
    const [sendSecret, receiveSecret] = secrets;
    const { op: _, ...open } = openSession({ localIndex, remoteIndex, descriptor, address });
    dataPlane.openSession({ ...open, sendSecret, receiveSecret, port: 20 + i });
  }
  pump();
  const reports = await dataPlane.sessions();
  t.deepEqual(reports.map(({ localIndex }) => localIndex).sort(), [...indices].sort());
  t.deepEqual(
    threads.map(({ engine }) => engine.memory.addresses.available).map((each) => 2048 - each),
    [1, 1, 2],
  );
  t.deepEqual(told.filter((each) => each.startsWith('sessionAlive')).length, 4);
  const counters = await dataPlane.ioCounters();
  t.is(counters.unknownSession, 0);
  t.true(counters.received! >= 8);
  dataPlane.release(descriptor);
  t.false(dataPlane.isShared(descriptor));
  t.deepEqual(await dataPlane.sessions(), []);
});

test('several workers: one socket of a group that cannot be used takes the others with it', (t) => {
  const { dataPlane, network, sockets, pump } = makeSpreadRig(t);
  const open = network.openDescriptors;
  const [first, second, third] = dataPlane.openDatagrams('192.0.2.1', 7000);
  const [stream, other] = sockets.openStreamPair();
  let closed = 0;
  dataPlane.adopt([first!, second!, stream], DescriptorKind.udp, { closed: () => closed++ });
  pump();
  t.is(closed, 1);
  for (const rest of [third!, other]) sockets.closeDescriptor(rest);
  t.is(network.openDescriptors, open);
});

test('several workers: what comes after the end is closed', async (t) => {
  const { dataPlane, network, sockets } = makeSpreadRig(t);
  await dataPlane.stop();
  const open = network.openDescriptors;
  const group = sockets.openUdpGroup('192.0.2.1', 0, 3, RECORD_STEERING);
  dataPlane.adopt(group, DescriptorKind.udp, {});
  t.is(network.openDescriptors, open);
});

test('three workers: start, answer, and stop twice', async (t) => {
  const sockets = systemSockets();
  const { told, events } = notingEvents();
  const dataPlane = new DataPlane(startWorkerThreads(sockets, 3), sockets, events);
  const group = dataPlane.openDatagrams('127.0.0.1', 0);
  const { port } = sockets.localAddress(group[0]!);
  dataPlane.adopt(group, DescriptorKind.udp, {});
  t.true((await dataPlane.ioCounters()).polls! >= 3);
  t.throws(() => sockets.openUdp('127.0.0.1', port));
  await Promise.all([dataPlane.stop(), dataPlane.stop()]);
  t.deepEqual(told, []);
  sockets.closeDescriptor(sockets.openUdp('127.0.0.1', port));
});

test('any worker that dies is told of', async (t) => {
  const sockets = systemSockets();
  for (const worker of [0, 1, 2]) {
    const threads = startWorkerThreads(sockets, 3);
    const { events } = notingEvents();
    const failure = new Promise<Error>((resolve) => {
      events.failed = resolve;
    });
    const dataPlane = new DataPlane(threads, sockets, events);
    threads[worker]!.post({ op: 'configure', settings: {} as ForwarderSettings });
    t.true((await failure) instanceof Error);
    await dataPlane.stop();
  }
});
