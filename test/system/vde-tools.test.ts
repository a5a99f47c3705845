/** Debian's VDE tools against Kith's switch: they must not notice the difference. */
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { KithNode } from '../../integration/qemu/kith-node.ts';
import { projectRoot } from '../../integration/qemu/places.ts';
import { runProgram } from '../../integration/qemu/program.ts';
import type { PortStatus } from '../../src/controller/node-api-ports.ts';
import { openCable, testFrame } from './support/cable.ts';
import { startFriends, startNode } from './support/kith.ts';
import { createNamespace, type Namespace } from './support/namespace.ts';
import { startProgram, waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';

const MAC_A = '02:00:00:00:aa:01';
const MAC_B = '02:00:00:00:bb:02';

/** Lengths around each limit in sight: Ethernet's, a VLAN tag more, vde_switch's, and jumbo. */
const LENGTHS = [60, 1514, 1518, 1522, 1600, 2048, 4096, 9000, 9216];

/** Sends until it arrives: a port may not forward yet when a client is just attached. */
async function passes(
  from: { send(frame: Uint8Array): void },
  to: { readonly received: readonly Buffer[] },
  frame: Buffer,
): Promise<Buffer> {
  const before = to.received.length;
  return await waitUntil(`a frame of ${frame.length} octets`, async () => {
    from.send(frame);
    await new Promise((resolve) => setTimeout(resolve, 150));
    return to.received
      .slice(before)
      .find((got) => got.subarray(0, 40).equals(frame.subarray(0, 40)));
  });
}

async function vdePorts(node: KithNode): Promise<readonly PortStatus[]> {
  const ports = await node.json<readonly PortStatus[]>('ports');
  return ports.filter((port) => port.kind === 'vde');
}

systemTest(
  'two vde_plug joined by dpipe carry frames between two switches',
  { needs: ['vde_plug', 'dpipe', 'libvdeplug'] },
  async (t) => {
    const left = await startNode(t, { name: 'left' });
    const right = await startNode(t, { name: 'right' });
    startProgram(
      t,
      'dpipe',
      ['vde_plug', left.switchDirectory, '=', 'vde_plug', right.switchDirectory],
      { ownSession: false },
    );
    await waitUntil('both plugs', async () => {
      return (await vdePorts(left)).length === 1 && (await vdePorts(right)).length === 1;
    });
    const a = await openCable(t, left.switchDirectory);
    const b = await openCable(t, right.switchDirectory);
    const there = testFrame({ from: MAC_A, payload: 'there' });
    t.deepEqual(await passes(a, b, there), there);
    const back = testFrame({ from: MAC_B, to: MAC_A, payload: 'and back' });
    t.deepEqual(await passes(b, a, back), back);
  },
);

systemTest(
  'kith plug and vde_plug joined by dpipe do the same',
  { needs: ['vde_plug', 'dpipe', 'libvdeplug'] },
  async (t) => {
    const left = await startNode(t, { name: 'left' });
    const right = await startNode(t, { name: 'right' });
    startProgram(
      t,
      'dpipe',
      [
        ...[process.execPath, join(projectRoot, 'bin/kith'), 'plug', '--home', left.home],
        ...['=', 'vde_plug', right.switchDirectory],
      ],
      { ownSession: false },
    );
    await waitUntil('both plugs', async () => {
      return (await vdePorts(left)).length === 1 && (await vdePorts(right)).length === 1;
    });
    const a = await openCable(t, left.switchDirectory);
    const b = await openCable(t, right.switchDirectory);
    const there = testFrame({ from: MAC_A, payload: 'there', length: 1514 });
    t.deepEqual(await passes(a, b, there), there);
    const back = testFrame({ from: MAC_B, to: MAC_A, payload: 'and back' });
    t.deepEqual(await passes(b, a, back), back);
  },
);

systemTest(
  'vde_plug talks on standard input and output',
  { needs: ['vde_plug', 'libvdeplug'] },
  async (t) => {
    const node = await startNode(t, { name: 'node' });
    const cable = await openCable(t, node.switchDirectory);
    const plug = startProgram(t, 'vde_plug', [node.switchDirectory]);
    const frame = testFrame({ from: MAC_A, payload: 'from a pipe', length: 1514 });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(frame.length);
    const pipe = { send: (data: Uint8Array) => plug.write(Buffer.concat([length, data])) };
    t.deepEqual(await passes(pipe, cable, frame), frame);
    // And the other way: a text that survives the program's text output.
    cable.send(testFrame({ from: MAC_B, to: MAC_A, payload: 'to a pipe' }));
    await plug.waitFor(/to a pipe/, 10_000);
    t.pass();
  },
);

/** A TAP made by vde_plug2tap in a namespace, with an address. */
async function plugTap(
  t: ExecutionContext,
  namespace: Namespace,
  node: KithNode,
  address: string,
): Promise<void> {
  startProgram(t, namespace.prefix[0], [
    ...namespace.prefix.slice(1),
    ...['vde_plug2tap', '-s', node.switchDirectory, 'tap0'],
  ]);
  await waitUntil('the TAP', async () => {
    const shown = await runProgram('ip', ['-n', namespace.name, 'link', 'show', 'tap0']);
    return shown.code === 0;
  });
  await namespace.configure('tap0', address);
}

async function pings(t: ExecutionContext, a: KithNode, b: KithNode): Promise<void> {
  const left = await createNamespace(t, 'left');
  const right = await createNamespace(t, 'right');
  await plugTap(t, left, a, '10.91.0.1/24');
  await plugTap(t, right, b, '10.91.0.2/24');
  await waitUntil('the first answer', async () => {
    const once = await runProgram(left.prefix[0], [
      ...left.prefix.slice(1),
      ...['ping', '-c', '1', '-W', '1', '10.91.0.2'],
    ]);
    return once.code === 0;
  });
  for (const size of ['56', '1472']) {
    const said = await left.run(
      'ping',
      '-c',
      '5',
      '-i',
      '0.1',
      '-s',
      size,
      '-M',
      'do',
      '10.91.0.2',
    );
    t.regex(said, /5 packets transmitted, 5 received/);
  }
}

const TAP_NEEDS = ['root', 'tun', 'namespaces', 'vde_plug2tap', 'ping', 'ip'];

systemTest('vde_plug2tap: two hosts ping through one node', { needs: TAP_NEEDS }, async (t) => {
  const node = await startNode(t, { name: 'node' });
  await pings(t, node, node);
});

systemTest('vde_plug2tap: two hosts ping through two friends', { needs: TAP_NEEDS }, async (t) => {
  const [alice, bob] = await startFriends(t);
  await pings(t, alice, bob);
});

systemTest(
  'frames from the shortest to jumbo pass a switch whole',
  { needs: ['libvdeplug'] },
  async (t) => {
    const node = await startNode(t, { name: 'node' });
    const a = await openCable(t, node.switchDirectory);
    const b = await openCable(t, node.switchDirectory);
    for (const length of LENGTHS) {
      const frame = testFrame({ from: MAC_A, payload: `length ${length} `, length });
      t.true((await passes(a, b, frame)).equals(frame), `${length} octets`);
    }
  },
);

systemTest(
  'frames from the shortest to jumbo pass a link whole',
  { needs: ['libvdeplug'] },
  async (t) => {
    const [alice, bob] = await startFriends(t);
    const a = await openCable(t, alice.switchDirectory);
    const b = await openCable(t, bob.switchDirectory);
    for (const length of LENGTHS) {
      const frame = testFrame({ from: MAC_A, payload: `length ${length} `, length });
      t.true((await passes(a, b, frame)).equals(frame), `${length} octets`);
    }
  },
);

systemTest(
  'a frame beyond 9,216 octets is dropped, and what follows passes',
  { needs: ['libvdeplug'] },
  async (t) => {
    const node = await startNode(t, { name: 'node' });
    const a = await openCable(t, node.switchDirectory);
    const b = await openCable(t, node.switchDirectory);
    const marker = testFrame({ from: MAC_A, payload: 'before' });
    await passes(a, b, marker);
    a.send(testFrame({ from: MAC_A, payload: 'too long', length: 9217 }));
    await passes(a, b, testFrame({ from: MAC_A, payload: 'after' }));
    t.false(b.received.some((frame) => frame.includes('too long')));
  },
);

systemTest(
  'clients that are killed half-way leave the others in peace',
  { needs: ['libvdeplug', 'vde_plug'] },
  async (t) => {
    const node = await startNode(t, { name: 'node' });
    const a = await openCable(t, node.switchDirectory);
    const b = await openCable(t, node.switchDirectory);
    for (let round = 0; round < 5; round++) {
      const victim = await openCable(t, node.switchDirectory);
      const plug = startProgram(t, 'vde_plug', [node.switchDirectory]);
      await waitUntil('four ports', async () => (await vdePorts(node)).length === 4);
      // Killed with frames under way in both directions.
      for (let count = 0; count < 50; count++) {
        victim.send(testFrame({ from: MAC_B, payload: `victim ${round}`, length: 1500 }));
        a.send(testFrame({ from: MAC_A, to: MAC_B, payload: 'to the victim', length: 1500 }));
      }
      await Promise.all([victim.kill(), plug.stop('SIGKILL')]);
      await waitUntil('their ports to go', async () => (await vdePorts(node)).length === 2);
      const frame = testFrame({ from: MAC_A, payload: `alive after ${round}` });
      t.deepEqual(await passes(a, b, frame), frame);
    }
  },
);

systemTest('a node that ends lets its clients know', { needs: ['libvdeplug'] }, async (t) => {
  const node = await startNode(t, { name: 'node' });
  const cable = await openCable(t, node.switchDirectory);
  await node.stop();
  t.is(await cable.ended, 3);
});
