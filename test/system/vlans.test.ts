/**
 * VLANs as stations meet them: octets on cables, hosts in network namespaces, a Linux guest
 * that tags by itself, and two nodes with a sealed link between them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { Guest } from '../../integration/qemu/guest.ts';
import { prepareGuestSystem } from '../../integration/qemu/guest-system.ts';
import { befriend, type KithNode } from '../../integration/qemu/kith-node.ts';
import { runProgram } from '../../integration/qemu/program.ts';
import type { ConfigInput } from '../../src/controller/config.ts';
import type { LinkStatus } from '../../src/controller/node-api-friends.ts';
import type { MacStatus, PortStatus } from '../../src/controller/node-api-ports.ts';
import { type Cable, openCable, testFrame } from './support/cable.ts';
import { startNode } from './support/kith.ts';
import { createNamespace, type Namespace } from './support/namespace.ts';
import { waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';

const MAC_A = '02:00:00:00:aa:01';
const MAC_B = '02:00:00:00:bb:02';
/** Where a tag is, behind the two addresses. */
const TAG = 12;

/** A node with this `switch` in its configuration. */
async function startSwitch(
  t: ExecutionContext,
  name: string,
  settings: NonNullable<ConfigInput['switch']>,
): Promise<KithNode> {
  const file = join(temporaryDirectory(t), 'config.json');
  writeFileSync(file, JSON.stringify({ switch: settings }));
  return await startNode(t, { name, arguments: ['--config', file] });
}

/** The frame with a tag: TPID 8100, priority and VLAN. */
function tagged(frame: Buffer, vlan: number, priority = 0): Buffer {
  const tag = Buffer.from([0x81, 0x00, (priority << 5) | (vlan >> 8), vlan & 0xff]);
  return Buffer.concat([frame.subarray(0, TAG), tag, frame.subarray(TAG)]);
}

async function dropped(node: KithNode, port: number): Promise<number> {
  const ports = await node.json<readonly PortStatus[]>('ports');
  return ports.find((each) => each.port === port)?.counters.dropVlan ?? -1;
}

/** Every cable hears the marker of its own VLAN last, so what was to come has come. */
async function settled(cables: readonly Cable[], flush: () => void, last: string): Promise<void> {
  await waitUntil('the last frame everywhere', () => {
    flush();
    return cables.every(({ received }) => received.some((frame) => frame.includes(last)));
  });
}

systemTest(
  'access ports, trunks and native VLANs: each octet, and nothing where it does not belong',
  { needs: ['libvdeplug'] },
  async (t) => {
    const node = await startSwitch(t, 'node', {
      vlans: [{ id: 10, name: 'lab', untagged: [1, 2] }],
      perPort: [
        { port: 3, access: 20 },
        { port: 4, trunk: [10, 20], native: 'none' },
        { port: 5, trunk: [10], native: 20 },
        { port: 6, trunk: 'all', native: 30 },
      ],
    });
    const cables: Cable[] = [];
    for (let port = 1; port <= 6; port++) {
      cables.push(await openCable(t, node.switchDirectory, port));
    }
    const [one, two, three, trunk, mixed, all] = cables as [
      Cable,
      Cable,
      Cable,
      Cable,
      Cable,
      Cable,
    ];
    const plain = (payload: string) => testFrame({ from: MAC_A, payload });
    const heard = (cable: Cable, payload: string): Buffer | undefined =>
      cable.received.find((frame) => frame.includes(payload));

    // Access 10, untagged in: 2 as it is, trunks with the tag, 3 nothing.
    const lab = plain('in ten');
    one.send(lab);
    t.deepEqual(await two.waitForFrame('in ten'), lab);
    for (const each of [trunk, mixed, all]) {
      t.deepEqual(await each.waitForFrame('in ten'), tagged(lab, 10));
    }
    // Access 20: the native VLAN of 5 has no tag there, others have.
    const home = plain('in twenty');
    three.send(home);
    t.deepEqual(await mixed.waitForFrame('in twenty'), home);
    t.deepEqual(await trunk.waitForFrame('in twenty'), tagged(home, 20));
    t.deepEqual(await all.waitForFrame('in twenty'), tagged(home, 20));
    // A tag with a priority loses it with the tag, and keeps it from trunk to trunk.
    const urgent = tagged(plain('urgent'), 10, 5);
    trunk.send(urgent);
    t.deepEqual(await two.waitForFrame('urgent'), plain('urgent'));
    t.deepEqual(await mixed.waitForFrame('urgent'), urgent);
    // A tag of VLAN 0 is a priority alone: the frame is in the native VLAN.
    mixed.send(tagged(plain('priority'), 0, 3));
    t.deepEqual(await three.waitForFrame('priority'), plain('priority'));
    t.deepEqual(await trunk.waitForFrame('priority'), tagged(plain('priority'), 20, 3));

    // Ingress filtering: none of these goes anywhere, and each is counted where it came in.
    const before = await Promise.all([1, 3, 4, 5].map((port) => dropped(node, port)));
    t.deepEqual(before, [0, 0, 0, 0]);
    one.send(tagged(plain('foreign tag'), 20));
    three.send(tagged(plain('foreign tag'), 10));
    trunk.send(plain('foreign, untagged'));
    trunk.send(tagged(plain('foreign tag'), 30));
    mixed.send(tagged(plain('foreign tag'), 30));
    await waitUntil('the counters', async () => {
      const now = await Promise.all([1, 3, 4, 5].map((port) => dropped(node, port)));
      return now.join() === '1,1,2,1';
    });
    // An access port takes its own VLAN with a tag, too.
    one.send(tagged(plain('own tag'), 10));
    t.deepEqual(await two.waitForFrame('own tag'), plain('own tag'));

    // Broadcasts and unknown stations stay in their VLAN.
    await settled([two, trunk], () => one.send(plain('ten is over')), 'ten is over');
    await settled([mixed, trunk], () => three.send(plain('twenty is over')), 'twenty is over');
    for (const cable of cables) t.falsy(heard(cable, 'foreign'));
    for (const payload of ['in ten', 'urgent', 'own tag', 'ten is over']) {
      t.falsy(heard(three, payload), payload);
    }
    for (const payload of ['in twenty', 'priority', 'twenty is over']) {
      for (const cable of [one, two]) t.falsy(heard(cable, payload), payload);
    }
    // The same address may be in two VLANs, and is learnt in each.
    const entries = await node.json<readonly MacStatus[]>('mac');
    const places = entries.filter(({ mac }) => mac === MAC_A).map(({ vlan }) => vlan);
    t.deepEqual([...new Set(places)].sort(), [10, 20]);
    t.regex(await node.cli('ports'), /vlan 2/);
  },
);

/** Alice and bob with a link, each with this `switch`. */
async function startPair(
  t: ExecutionContext,
  alice: NonNullable<ConfigInput['switch']>,
  bob: NonNullable<ConfigInput['switch']>,
): Promise<readonly [KithNode, KithNode]> {
  const pair = [await startSwitch(t, 'alice', alice), await startSwitch(t, 'bob', bob)] as const;
  await befriend(...pair);
  const [link] = await pair[0].json<readonly LinkStatus[]>('links');
  t.is(link?.security, 'sealed');
  await waitUntil('the link to forward', async () => {
    const ports = await pair[0].json<readonly PortStatus[]>('ports');
    return ports.some(({ kind, state }) => kind === 'link' && state === 'forwarding');
  });
  return pair;
}

systemTest(
  'a VLAN crosses a sealed link with its tag, and what a link does not carry stays',
  { needs: ['libvdeplug'] },
  async (t) => {
    const [alice, bob] = await startPair(
      t,
      {
        perPort: [
          { port: 1, access: 10 },
          { port: 2, access: 20 },
          { port: 3, access: 30 },
        ],
      },
      {
        perPort: [
          { port: 'alice', trunk: [10, 20] },
          { port: 1, access: 10 },
          { port: 2, access: 20 },
          { port: 3, access: 30 },
          { port: 4, trunk: 'all', native: 'none' },
        ],
      },
    );
    const open = async (node: KithNode, ports: readonly number[]): Promise<Cable[]> => {
      const cables: Cable[] = [];
      for (const port of ports) cables.push(await openCable(t, node.switchDirectory, port));
      return cables;
    };
    const there = await open(alice, [1, 2, 3]);
    const here = await open(bob, [1, 2, 3, 4]);
    const say = (index: number, payload: string): Buffer => {
      const frame = testFrame({ from: `02:00:00:00:00:0${index}`, payload, length: 1400 });
      there[index]!.send(frame);
      return frame;
    };
    const lab = say(0, 'of ten');
    t.deepEqual(await here[0]!.waitForFrame('of ten'), lab);
    t.deepEqual(await here[3]!.waitForFrame('of ten'), tagged(lab, 10));
    const home = say(1, 'of twenty');
    t.deepEqual(await here[1]!.waitForFrame('of twenty'), home);
    t.deepEqual(await here[3]!.waitForFrame('of twenty'), tagged(home, 20));
    // 30 is on both nodes, but bob's end of the link does not take it.
    say(2, 'of thirty');
    await waitUntil('the drop on the link', async () => {
      const ports = await bob.json<readonly PortStatus[]>('ports');
      return (ports.find(({ kind }) => kind === 'link')?.counters.dropVlan ?? 0) > 0;
    });
    await settled([here[3]!], () => say(0, 'the end'), 'the end');
    for (const [index, cable] of here.entries()) {
      const others = ['of ten', 'of twenty', 'of thirty'].filter((_, at) => at !== index);
      const strange = index === 3 ? ['of thirty'] : others;
      for (const payload of strange) {
        t.false(
          cable.received.some((frame) => frame.includes(payload)),
          `${index} ${payload}`,
        );
      }
    }
    // And back, straight to the one station.
    const answer = testFrame({ from: MAC_B, to: '02:00:00:00:00:00', payload: 'an answer' });
    here[0]!.send(answer);
    t.deepEqual(await there[0]!.waitForFrame('an answer'), answer);
    t.false(there[1]!.received.some((frame) => frame.includes('an answer')));
  },
);

/** A host of its own on the switch of a node. */
async function host(
  t: ExecutionContext,
  node: KithNode,
  namespace: Namespace,
  address: string,
): Promise<void> {
  await node.cli('tap', '--netns', namespace.name, '--name', 'eth0', '--ip', address);
  const listed = await node.cli('tap', '--list');
  t.true(listed.includes(`eth0@${namespace.name}`));
}

async function pings(
  from: Namespace,
  address: string,
  ...args: readonly string[]
): Promise<boolean> {
  const [command, ...rest] = [...from.prefix, 'ping', '-q', '-c', '2', '-i', '0.2', '-W', '1'];
  return (await runProgram(command!, [...rest, ...args, address])).code === 0;
}

/** Datagrams of other VLANs that a host has seen at all, by what its kernel knows of neighbours. */
async function neighbours(namespace: Namespace): Promise<string> {
  return await namespace.run('ip', 'neighbour', 'show');
}

systemTest(
  'hosts in namespaces on two nodes: one network for each VLAN, and none in between',
  { needs: ['root', 'tun', 'namespaces', 'ip', 'ping'] },
  async (t) => {
    const [lab1, lab2] = [await createNamespace(t, 'lab1'), await createNamespace(t, 'lab2')];
    const [home1, home2] = [await createNamespace(t, 'home1'), await createNamespace(t, 'home2')];
    const router = await createNamespace(t, 'router');
    const access = (namespace: Namespace, vlan: number) => ({
      port: `eth0@${namespace.name}`,
      access: vlan,
    });
    const [alice, bob] = await startPair(
      t,
      {
        perPort: [
          access(lab1, 10),
          access(home1, 20),
          { port: `eth0@${router.name}`, trunk: [10, 20], native: 'none' },
        ],
      },
      { perPort: [access(lab2, 10), access(home2, 20)] },
    );
    // All in one subnet, so that nothing but VLANs keeps them apart.
    await host(t, alice, lab1, '10.94.0.1/24');
    await host(t, bob, lab2, '10.94.0.2/24');
    await host(t, alice, home1, '10.94.0.3/24');
    await host(t, bob, home2, '10.94.0.4/24');
    t.true(await pings(lab1, '10.94.0.2'));
    t.true(await pings(lab1, '10.94.0.2', '-M', 'do', '-s', '1472'));
    t.true(await pings(home2, '10.94.0.3'));
    for (const [from, address] of [
      [lab1, '10.94.0.3'],
      [lab1, '10.94.0.4'],
      [home2, '10.94.0.2'],
    ] as const) {
      t.false(await pings(from, address), address);
    }
    // Not even a question for an address (a broadcast) has crossed.
    t.regex(await neighbours(lab1), /10\.94\.0\.3 dev eth0 +(FAILED|INCOMPLETE)/);
    t.notRegex(await neighbours(home1), /10\.94\.0\.1 /);
    t.notRegex(await neighbours(lab2), /10\.94\.0\.4 /);

    await alice.cli('tap', '--netns', router.name, '--name', 'eth0');
    const device = ['link', 'add', 'link', 'eth0', 'name', 'lab', 'type', 'vlan', 'id', '10'];
    const made = await runProgram('ip', ['-n', router.name, ...device]);
    if (made.code !== 0) {
      t.log(`this kernel has no VLAN interfaces (${made.stderr.trim()}); a guest's has, below`);
      return;
    }
    await router.configure('lab', '10.94.0.5/24');
    t.true(await pings(router, '10.94.0.2'), 'a VLAN interface on a trunk, across the link');
    t.true(await pings(router, '10.94.0.1'));
    t.false(await pings(router, '10.94.0.4'));
  },
);

systemTest(
  'Linux with VLAN interfaces on a trunk of one node talks to access ports of another',
  { needs: ['guests', 'root', 'tun', 'namespaces', 'ip', 'ping'], timeout: 240_000 },
  async (t) => {
    const [lab, home] = [await createNamespace(t, 'lab'), await createNamespace(t, 'home')];
    const [alice, bob] = await startPair(
      t,
      { perPort: [{ port: 1, trunk: [10, 20], native: 30 }] },
      {
        perPort: [
          { port: `eth0@${lab.name}`, access: 10 },
          { port: `eth0@${home.name}`, access: 20 },
        ],
      },
    );
    await host(t, bob, lab, '10.95.10.2/24');
    await host(t, bob, home, '10.95.20.2/24');
    const directory = mkdtempSync(join(tmpdir(), 'kith-guest-'));
    t.teardown(() => rmSync(directory, { recursive: true, force: true }));
    const guest = await Guest.boot({
      name: 'tux',
      system: await prepareGuestSystem(directory, (what) => t.log(what), ['8021q']),
      card: { switchDirectory: alice.switchDirectory, mac: MAC_A, address: '10.95.30.1/24' },
    });
    t.teardown(() => guest.stop());
    const run = async (command: string): Promise<void> => {
      const { status, output } = await guest.run(command);
      t.is(status, 0, `${command}: ${output}`);
    };
    for (const vlan of [10, 20]) {
      await run(`ip link add link eth0 name eth0.${vlan} type vlan id ${vlan}`);
      await run(`ip address add 10.95.${vlan}.1/24 dev eth0.${vlan}`);
      await run(`ip link set eth0.${vlan} up`);
    }
    for (const vlan of [10, 20]) {
      await run(`ping -c 3 -W 10 10.95.${vlan}.2`);
      // With the tag it is longer than a plain frame may be, and has to pass whole.
      await run(`ping -c 2 -W 10 -s 1472 10.95.${vlan}.2`);
    }
    t.true(await pings(lab, '10.95.10.1'));
    // The wrong address in the right VLAN, and the other way round: nobody is there.
    await run('ip address add 10.95.20.9/32 dev eth0.10');
    t.not((await guest.run('ping -c 2 -W 2 -I eth0.10 10.95.20.2')).status, 0);
    const entries = await bob.json<readonly MacStatus[]>('mac');
    const places = entries.filter(({ mac }) => mac === MAC_A).map(({ vlan }) => vlan);
    t.true(places.includes(10) && places.includes(20), 'one station in two VLANs');
  },
);
