/** Nonsense, floods and accidents from outside: the node goes on, and keeps nothing of them. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { befriend, KithNode, waitForLink } from '../../integration/qemu/kith-node.ts';
import { projectRoot } from '../../integration/qemu/places.ts';
import { runProgram } from '../../integration/qemu/program.ts';
import type { NodeStatus } from '../../src/controller/node-api.ts';
import type { FriendStatus, LinkStatus } from '../../src/controller/node-api-friends.ts';
import type { PortStatus } from '../../src/controller/node-api-ports.ts';
import { udpRelay } from '../controller/relays.ts';
import { seeded } from '../links/handshake/handshake-driver.ts';
import { requestOctets } from '../switch/vde/fixtures.ts';
import { openCable, testFrame } from './support/cable.ts';
import { startNode } from './support/kith.ts';
import { openPlug } from './support/plug.ts';
import { descriptorCount } from './support/process-state.ts';
import { startProgram, waitUntil, watchProgram } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';

const MAC_A = '02:00:00:00:aa:01';
const MAC_B = '02:00:00:00:bb:02';
/** IEEE 802.1D-2004, Table 7-10. */
const BRIDGE_GROUP = Buffer.from('0180c2000000', 'hex');
/** Change it to see other nonsense; it is in every message. */
const SEED = 20260723;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** How a node was before; it has to be so again. */
interface Health {
  readonly descriptors: number;
  readonly files: readonly string[];
}

function filesOf(node: KithNode): string[] {
  return readdirSync(node.home, { recursive: true, encoding: 'utf8' }).sort();
}

async function healthOf(node: KithNode): Promise<Health> {
  await node.json('status');
  await pause(200);
  return { descriptors: descriptorCount(node.program.pid!), files: filesOf(node) };
}

async function isAsBefore(t: ExecutionContext, node: KithNode, before: Health): Promise<void> {
  const status = await node.json<NodeStatus>('status');
  t.is(status.pid, node.program.pid!);
  t.is(node.program.end, undefined);
  await waitUntil('the descriptors to be as few as before', () => {
    return descriptorCount(node.program.pid!) <= before.descriptors;
  });
  t.deepEqual(filesOf(node), before.files);
  t.false(/fatal|uncaught|TypeError|RangeError/i.test(node.program.output), node.program.output);
}

function randomOctets(chance: () => number, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => Math.floor(chance() * 256)));
}

/** However it came about: `once` of node:events would fail at an error. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}

/** Connects, says something, and waits for the answer or the end. */
async function say(path: string, octets: Uint8Array): Promise<Buffer> {
  const socket = createConnection(path);
  const said: Buffer[] = [];
  socket.on('data', (chunk) => said.push(chunk));
  socket.on('error', () => {});
  socket.write(octets);
  await Promise.race([closed(socket), pause(300)]);
  socket.destroy();
  return Buffer.concat(said);
}

systemTest('nonsense on the control socket of the switch', { needs: [] }, async (t) => {
  const node = await startNode(t, { name: 'node' });
  const before = await healthOf(node);
  const ctl = join(node.switchDirectory, 'ctl');
  const chance = seeded(SEED);
  const good = Buffer.from(requestOctets({ path: '/nowhere/at/all' }));
  const nonsense: Buffer[] = [
    good, // a client that has no socket
    good.subarray(0, 3),
    good.subarray(0, 60),
    Buffer.concat([good, Buffer.alloc(4096, 0x41)]),
    Buffer.concat([Buffer.from('cefaedde', 'hex'), good.subarray(4)]),
    Buffer.from(requestOctets({ path: '/etc/passwd' })),
    Buffer.from(requestOctets({ path: ctl })),
    Buffer.alloc(100_000, 0xff),
  ];
  for (let count = 0; count < 100; count++) {
    nonsense.push(randomOctets(chance, 1 + Math.floor(chance() * 400)));
    // Near misses: one octet of a good request is off.
    const miss = Buffer.from(good);
    miss[Math.floor(chance() * miss.length)] = Math.floor(chance() * 256);
    nonsense.push(miss);
  }
  for (const octets of nonsense) t.is((await say(ctl, octets)).length, 0, `seed ${SEED}`);
  const { counters } = await node.json<NodeStatus>('status');
  t.true(counters.vdeRefused! >= 100, String(counters.vdeRefused));

  // Some connect and are silent: they are cut off, and in the meantime others get in.
  const silent = Array.from({ length: 40 }, () => createConnection(ctl));
  for (const socket of silent) socket.on('error', () => {});
  const plug = await openPlug(t, node);
  await Promise.all(silent.map(closed));
  await plug.kill('SIGTERM');
  await isAsBefore(t, node, before);
});

systemTest('nonsense on the control socket of the node', { needs: [] }, async (t) => {
  const node = await startNode(t, { name: 'node' });
  const before = await healthOf(node);
  const control = join(node.home, 'control.sock');
  const chance = seeded(SEED + 1);
  for (let count = 0; count < 40; count++) {
    await say(control, randomOctets(chance, 1 + Math.floor(chance() * 3000)));
  }
  const requests = [
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST /v1/join HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{"tic',
    `POST /v1/join HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n${'x'.repeat(100_000)}`,
    `GET /${'a'.repeat(50_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    'BREW /coffee HTTP/1.1\r\n\r\n',
  ];
  for (const request of requests) await say(control, Buffer.from(request));
  await isAsBefore(t, node, before);
});

systemTest('nonsense on the ports for friends', { needs: [] }, async (t) => {
  const arguments_ = ['--listen', 'udp://127.0.0.1:0', '--listen', 'tcp://127.0.0.1:0'];
  const node = await startNode(t, { name: 'node', arguments: arguments_ });
  const friend = await startNode(t, { name: 'friend' });
  await befriend(node, friend);
  const before = await healthOf(node);
  const { listening } = await node.json<NodeStatus>('status');
  const port = (scheme: string): number =>
    Number(new URL(listening.find((url) => url.startsWith(scheme))!).port);
  const chance = seeded(SEED + 2);

  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  const types = [0, 1, 2, 3, 4, 5, 0x10, 0x11, 0x12, 0xff];
  for (let count = 0; count < 3000; count++) {
    const octets = randomOctets(chance, Math.floor(chance() * 300));
    // Half of it looks like a link message from afar.
    if (count % 2 === 0 && octets.length >= 3) {
      octets[0] = types[Math.floor(chance() * types.length)]!;
      octets.writeUInt16BE(octets.length - 3, 1);
    }
    socket.send(octets, port('udp'), '127.0.0.1');
    if (count % 100 === 0) await pause(5);
  }
  socket.send(Buffer.alloc(60_000, 1), port('udp'), '127.0.0.1');

  const streams: Socket[] = [];
  for (let count = 0; count < 60; count++) {
    const stream = createConnection(port('tcp'), '127.0.0.1');
    stream.on('error', () => {});
    streams.push(stream);
    const octets = randomOctets(chance, 1 + Math.floor(chance() * 5000));
    if (count % 2 === 0 && octets.length >= 3) octets[0] = types[count % types.length]!;
    stream.write(octets);
  }
  // And many that only connect.
  for (let count = 0; count < 1500; count++) {
    const stream = createConnection(port('tcp'), '127.0.0.1');
    stream.on('error', () => {});
    streams.push(stream);
    if (count % 100 === 0) await pause(20);
  }
  await pause(500);
  t.true(descriptorCount(node.program.pid!) < before.descriptors + 150, 'few are kept');
  const { counters } = await node.json<NodeStatus>('status');
  t.true(counters.ioMalformed! > 0, `seed ${SEED}`);

  // Meanwhile friends come and stay.
  t.is((await node.json<readonly LinkStatus[]>('links')).length, 1);
  const second = await startNode(t, {
    name: 'second',
    arguments: ['--listen', 'tcp://127.0.0.1:0'],
  });
  const { ticket } = await node.json<{ ticket: string }>('invite');
  await second.cli('join', ticket);
  await waitForLink(second, 'node');
  await second.stop();
  for (const stream of streams) stream.destroy();
  await node.cli('friends', 'remove', 'second');
  await waitUntil('the descriptors to be as few as before', () => {
    return descriptorCount(node.program.pid!) <= before.descriptors;
  });
  t.is((await node.json<readonly LinkStatus[]>('links')).length, 1);
  t.is(node.program.end, undefined);
});

systemTest(
  'a client that does not read costs the others nothing',
  { needs: ['vde_plug'] },
  async (t) => {
    const node = await startNode(t, { name: 'node' });
    const a = await openPlug(t, node);
    const b = await openPlug(t, node);
    const before = await healthOf(node);
    const sleeper = startProgram(t, 'vde_plug', [node.switchDirectory]);
    await waitUntil('its port', async () => {
      return (await node.json<readonly PortStatus[]>('ports')).length === 3;
    });
    process.kill(sleeper.pid!, 'SIGSTOP');
    const frames = 3000;
    // Broadcasts: the sleeper gets them all, and takes none.
    for (let count = 0; count < frames; count++) {
      a.send(testFrame({ from: MAC_A, payload: `number ${count}.`, length: 1000 }));
      b.send(testFrame({ from: MAC_B, payload: `answer ${count}.`, length: 1000 }));
      if (count % 4 === 0) await pause(2);
    }
    const count = (plug: typeof a, word: string): number =>
      plug.received.filter((frame) => frame.includes(word)).length;
    await waitUntil('all frames', () => {
      return count(b, 'number ') === frames && count(a, 'answer ') === frames;
    });
    const ports = await node.json<readonly PortStatus[]>('ports');
    const full = ports.find(({ port }) => port !== a.port && port !== b.port)!;
    t.true(full.counters.dropFull! > 0, 'what it did not take was dropped');
    for (const port of ports.filter((each) => each !== full)) t.is(port.counters.dropFull, 0);
    process.kill(sleeper.pid!, 'SIGCONT');
    await sleeper.stop('SIGKILL');
    await isAsBefore(t, node, before);
  },
);

systemTest('clients that are killed in the middle of a frame', { needs: [] }, async (t) => {
  const node = await startNode(t, { name: 'node' });
  const a = await openPlug(t, node);
  const before = await healthOf(node);
  for (let round = 0; round < 3; round++) {
    const victim = await openPlug(t, node);
    for (let count = 0; count < 200; count++) {
      victim.send(testFrame({ from: MAC_B, payload: `victim ${round}`, length: 1400 }));
    }
    victim.write(Buffer.from([0x05, 0xdc, 1, 2, 3]));
    await victim.kill('SIGKILL');
  }
  const b = await openPlug(t, node);
  await waitUntil('a frame to pass', async () => {
    a.send(testFrame({ from: MAC_A, payload: 'alive' }));
    await pause(100);
    return b.received.some((frame) => frame.includes('alive'));
  });
  await b.kill('SIGTERM');
  await isAsBefore(t, node, before);
});

systemTest('frames too short and too long', { needs: ['libvdeplug'] }, async (t) => {
  const node = await startNode(t, { name: 'node' });
  const a = await openCable(t, node.switchDirectory);
  const b = await openCable(t, node.switchDirectory);
  const before = await healthOf(node);
  for (let length = 1; length < 14; length++) a.send(Buffer.alloc(length, 0xff));
  for (const length of [9217, 9235, 12_000]) {
    a.send(testFrame({ from: MAC_A, payload: 'giant', length }));
  }
  const marker = testFrame({ from: MAC_A, payload: 'what follows' });
  a.send(marker);
  t.deepEqual(await b.waitForFrame('what follows'), marker);
  // The switch itself says hello now and then, to the Bridge Group Address.
  const others = b.received.filter((frame) => !frame.subarray(0, 6).equals(BRIDGE_GROUP));
  t.deepEqual(
    others.map(({ length }) => length),
    [marker.length],
  );
  const ports = await node.json<readonly PortStatus[]>('ports');
  const sums = (name: string) => ports.reduce((sum, port) => sum + port.counters[name]!, 0);
  t.is(sums('dropRunt'), 13);
  t.is(sums('dropGiant'), 3);
  await isAsBefore(t, node, before);
});

systemTest('a wire that loses, doubles, swaps, alters and replays', { needs: [] }, async (t) => {
  const alice = await startNode(t, { name: 'alice' });
  const [url] = (await alice.json<NodeStatus>('status')).listening;
  const relay = await udpRelay(t, url!);
  // Bob knows the way through the relay only, and alice no other way back.
  const home = join(temporaryDirectory(t), 'bob');
  mkdirSync(home, { mode: 0o700 });
  const config = { advertise: [], listen: ['udp://127.0.0.1:0'] };
  writeFileSync(join(home, 'config.json'), JSON.stringify(config));
  const bob = await KithNode.start({ home, name: 'bob' });
  watchProgram(t, bob.program);
  const { ticket } = await alice.json<{ ticket: string }>('invite', '--address', relay.url);
  await bob.cli('join', ticket);
  await waitForLink(alice, 'bob');
  await waitForLink(bob, 'alice');
  const before = { alice: await healthOf(alice), bob: await healthOf(bob) };
  const [a, b] = [await openPlug(t, alice), await openPlug(t, bob)];
  await waitUntil('the link to forward', async () => {
    a.send(testFrame({ from: MAC_A, payload: 'hello' }));
    await pause(100);
    return b.received.some((frame) => frame.includes('hello'));
  });
  const chance = seeded(SEED + 3);
  const history: Buffer[] = [];
  let held: Buffer | undefined;
  relay.mischief = (datagram) => {
    history.push(datagram);
    if (history.length > 500) history.shift();
    const luck = chance();
    if (luck < 0.04) return [];
    if (luck < 0.1) return [datagram, datagram];
    if (luck < 0.14) return [datagram, history[Math.floor(chance() * history.length)]!];
    if (luck < 0.18) {
      const altered = Buffer.from(datagram);
      const at = Math.floor(chance() * altered.length);
      altered[at] = altered[at]! ^ (1 << Math.floor(chance() * 8));
      return [altered];
    }
    if (luck < 0.22 && held === undefined) {
      held = datagram;
      return [];
    }
    const late = held;
    held = undefined;
    return late === undefined ? [datagram] : [datagram, late];
  };
  const frames = 1500;
  for (let count = 0; count < frames; count++) {
    a.send(testFrame({ from: MAC_A, payload: `number ${count}.`, length: 200 }));
    b.send(testFrame({ from: MAC_B, payload: `answer ${count}.`, length: 200 }));
    if (count % 3 === 0) await pause(2);
  }
  relay.mischief = (datagram) => [datagram];
  await waitUntil('a last frame', async () => {
    a.send(testFrame({ from: MAC_A, payload: 'the end' }));
    await pause(100);
    return b.received.some((frame) => frame.includes('the end'));
  });
  for (const [plug, word, from] of [
    [b, 'number', MAC_A],
    [a, 'answer', MAC_B],
  ] as const) {
    const good = new Set(
      Array.from({ length: frames }, (_, count) =>
        testFrame({ from, payload: `${word} ${count}.`, length: 200 }).toString('latin1'),
      ),
    );
    const got = plug.received
      .filter((frame) => frame.includes(word))
      .map((frame) => frame.toString('latin1'));
    t.true(got.length > 0.8 * frames, `${got.length} of ${frames} ${word}, seed ${SEED}`);
    t.is(new Set(got).size, got.length, 'none came twice');
    t.true(
      got.every((frame) => good.has(frame)),
      'none was altered',
    );
  }
  for (const node of [alice, bob]) {
    const [link] = await node.json<readonly LinkStatus[]>('links');
    t.true(link!.dropped.replayed! > 10, JSON.stringify(link!.dropped));
    t.true(link!.dropped.forged! > 10, JSON.stringify(link!.dropped));
    const { counters } = await node.json<NodeStatus>('status');
    t.is(counters.coreLost, 0, 'the link held');
  }
  for (const plug of [a, b]) await plug.kill('SIGTERM');
  await isAsBefore(t, alice, before.alice);
  await isAsBefore(t, bob, before.bob);
});

systemTest('a configuration that is off ends with one sentence', { needs: [] }, async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['{"nmae": "bob"}', /nmae/],
    ['{"name": "bob",}', /JSON/],
    ['{"listen": ["pigeon://here"]}', /pigeon/],
    ['{"friends": [{"uid": "bob"}]}', /UID/],
    ['{"stp": {"priority": 1}}', /4096/],
    ['{"groups": [{"name": "a"}, {"name": "a"}]}', /listed already/],
    [
      JSON.stringify({
        friends: [{ uid: 'ab'.repeat(20), publicKey: 'cd'.repeat(32) }],
      }),
      /not the key/,
    ],
    [
      JSON.stringify({ groups: Array.from({ length: 40 }, (_, i) => ({ name: `g${i}` })) }),
      /40 keys/,
    ],
    ['{"switch": {"group": "nobody-has-this"}}', /no group/],
  ];
  for (const [text, pattern] of cases) {
    const home = join(temporaryDirectory(t), 'home');
    mkdirSync(home, { mode: 0o700 });
    writeFileSync(join(home, 'config.json'), text);
    const program = join(projectRoot, 'bin/kith');
    const result = await runProgram(process.execPath, [program, 'up', '--home', home], {
      timeout: 10_000,
    });
    t.is(result.code, 3, text);
    t.regex(result.stderr, pattern);
    t.is(result.stderr.trim().split('\n').length, 1, result.stderr);
    t.is(result.stdout, '');
    t.false(readdirSync(home).includes('switch'));
    t.false(readdirSync(home).includes('control.sock'));
  }
});

systemTest('friends that send nonsense over a link of their own', { needs: [] }, async (t) => {
  // Random octets from the address of a friend must not disturb the session with it.
  const alice = await startNode(t, { name: 'alice' });
  const bob = await startNode(t, { name: 'bob' });
  await befriend(alice, bob);
  const [url] = (await alice.json<NodeStatus>('status')).listening;
  const relay = await udpRelay(t, url!);
  const chance = seeded(SEED + 4);
  const wake = createSocket('udp4');
  t.teardown(() => wake.close());
  const { port } = new URL(relay.url);
  for (let count = 0; count < 500; count++) {
    wake.send(randomBytes(1 + Math.floor(chance() * 100)), Number(port), '127.0.0.1');
    if (count % 50 === 0) await pause(10);
  }
  await pause(3000);
  t.is((await alice.json<readonly LinkStatus[]>('links')).length, 1);
  const [friend] = await alice.json<readonly FriendStatus[]>('friends');
  t.is(friend?.state, 'connected');
  t.is((await alice.json<NodeStatus>('status')).counters.coreLost, 0);
});
